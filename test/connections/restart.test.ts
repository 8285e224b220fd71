// A Main is killed and started again on its port, with 200 Homes: protocol.md §3 (id and key, epoch) and §9 (redialling). The Main is a
// process; the Homes share one, each with its own key, link and service.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HomeNode, systemClock, systemRandom } from '@relay/federation';
import type { Service } from '@relay/protocol';
import { waitFor } from '@relay/testkit';
import { createIdentity } from '../../packages/federation/src/identity/keys.ts';
import { createMemoryMainKeys } from '../../packages/federation/src/identity/main-keys.ts';
import { dialWebSocket } from '../../packages/federation/src/link/dial-websocket.ts';
import { Machine, rpc } from './nodes.ts';

const HOMES = 200;
/** Dials of one Home from when the Main listens again. */
const MAX_DIALS = 5;

interface Entry {
  readonly service_name: string;
  readonly address: string;
  readonly is_healthy: boolean;
}

const serviceOf = (id: string): string => `service_${id.replace('-', '_')}`;

/** Says who it is. */
function who(id: string): Service {
  const body = new TextEncoder().encode(JSON.stringify(id));
  return {
    offer: {
      name: serviceOf(id),
      methods: [{ name: 'who', params: [], returns: 'string', effect: 'pure' }],
      visibility: 'federated',
      weight: 1,
    },
    handle: (_call, settle) => {
      settle({ kind: 'result', body });
      return () => {};
    },
  };
}

const dial = dialWebSocket();

class Home {
  readonly id: string;
  readonly node: HomeNode;
  dials = 0;
  refusal: string | undefined;

  constructor(id: string, port: string) {
    this.id = id;
    this.node = new HomeNode({
      nodeId: id,
      identity: createIdentity(systemRandom),
      clock: systemClock,
      random: systemRandom,
      dial: (to) => {
        this.dials += 1;
        return dial(to);
      },
      events: {
        emit: (event) => {
          if (event.kind === 'refused') this.refusal = event.reason;
        },
      },
      mainKeys: createMemoryMainKeys(),
      urls: [`ws://127.0.0.1:${port}/ws/federation`],
      software: 'relay/test',
    });
    this.node.setServices([who(id)]);
    this.node.start();
  }

  get isIn(): boolean {
    return this.node.connection.isRegistered(serviceOf(this.id));
  }

  get epoch(): number {
    return this.node.connection.session?.epoch ?? 0;
  }
}

async function untilAllIn(homes: readonly Home[]): Promise<void> {
  await waitFor(() => homes.every((home) => home.isIn), {
    limitMs: 60_000,
    what: `${homes.length} Homes to be registered`,
  });
}

/** Addresses of the healthy services, as the Main lists them. */
async function listed(url: string): Promise<readonly string[]> {
  const answer = await fetch(`${url}/federation/registry?scope=local&limit=1000`);
  const { local } = (await answer.json()) as { readonly local: readonly Entry[] };
  return local
    .filter((entry) => entry.is_healthy)
    .map(({ service_name: name, address }) => `${name} at ${address}`)
    .toSorted();
}

async function assertAllAnswer(url: string, homes: readonly Home[]): Promise<void> {
  for (let first = 0; first < homes.length; first += 20) {
    const some = homes.slice(first, first + 20);
    const answers = await Promise.all(some.map(({ id }) => rpc(url, `${serviceOf(id)}.who`, [])));
    assert.deepEqual(
      answers.map(({ result }) => result),
      some.map(({ id }) => id),
    );
  }
}

describe('a Main with 200 Homes that is killed and started again', () => {
  it('has each of them back once, under its own key, and reaches each', async () => {
    await using machine = new Machine();
    const first = await machine.main('relay-a');
    const homes = Array.from({ length: HOMES }, (_, index) => new Home(`home-${index}`, first.port));
    // Does not come back: only what the Main has written keeps its id for it.
    const away = new Home('away-0', first.port);
    using _homes = {
      [Symbol.dispose]: () => {
        for (const { node } of homes) node.crash();
      },
    };
    await untilAllIn([...homes, away]);
    away.node.crash();
    const expected = homes.map(({ id }) => `${serviceOf(id)} at ${id}@relay-a`).toSorted();
    await waitFor(async () => (await listed(first.url)).length === HOMES, {
      what: 'the other one to be gone',
    });
    assert.deepEqual(await listed(first.url), expected);
    const epochs = homes.map(({ epoch }) => epoch);

    first.node.kill('SIGKILL');
    await first.node.exited;
    await waitFor(() => homes.every((home) => !home.isIn), { limitMs: 20_000, what: 'the loss to be seen' });
    const again = machine.relay(`-server -node-type main -node-id relay-a -port ${first.port}`, 'relay-a');
    await again.waitForLine(/^JSON-RPC: /);
    for (const home of homes) home.dials = 0;
    await untilAllIn(homes);
    const most = Math.max(...homes.map(({ dials }) => dials));
    assert.ok(most <= MAX_DIALS, `one Home dialled ${most} times`);
    assert.deepEqual(await listed(first.url), expected);
    await assertAllAnswer(first.url, homes);
    for (const [index, home] of homes.entries()) {
      assert.ok(home.epoch > (epochs[index] ?? 0), `the epoch of ${home.id} has risen`);
    }

    const thief = new Home('away-0', first.port);
    await waitFor(() => thief.refusal !== undefined, { limitMs: 20_000, what: 'the thief to be refused' });
    assert.match(thief.refusal ?? '', /away-0 belongs to another key/);
    thief.node.crash();
  });
});
