// A Main that was killed and started again does not know for some seconds what its Homes offer: protocol.md §4 (lease), §8. Callers must
// be able to tell that from a service that does not exist.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { RelayClient } from '@relay/client';
import { HomeNode, systemClock, systemRandom } from '@relay/federation';
import { RelayError } from '@relay/protocol';
import { ADMITTED_FILE } from '../../packages/federation/src/identity/admission-store.ts';
import { createIdentity } from '../../packages/federation/src/identity/keys.ts';
import { createMemoryMainKeys } from '../../packages/federation/src/identity/main-keys.ts';
import { dialWebSocket } from '../../packages/federation/src/link/dial-websocket.ts';
import { Machine, rpc, untilAnswers } from './nodes.ts';

const NOT_FOUND = ['service_not_found', 'node_not_found'];
const HOMES = ['alice', 'bob', 'carol', 'dave', 'erin'];

function startHome(name: string, port: string): HomeNode {
  const home = new HomeNode({
    nodeId: `${name}.home`,
    identity: createIdentity(systemRandom),
    clock: systemClock,
    random: systemRandom,
    dial: dialWebSocket(),
    events: { emit: () => {} },
    mainKeys: createMemoryMainKeys(),
    urls: [`ws://127.0.0.1:${port}/ws/federation`],
    software: 'relay/test',
  });
  home.setServices([
    {
      offer: {
        name: `${name}_service`,
        methods: [{ name: 'who', params: [], returns: 'string', effect: 'pure' }],
        visibility: 'federated',
        weight: 1,
      },
      handle: (_call, settle) => {
        settle({ kind: 'result', body: new TextEncoder().encode(JSON.stringify(name)) });
        return () => {};
      },
    },
  ]);
  home.start();
  return home;
}

/** Asks in turn, without a pause but for the node that is gone, and keeps what came back. */
class Caller {
  readonly codes = new Map<string, number>();
  readonly #end: Promise<void>;
  #isOver = false;

  constructor(ask: (turn: number) => Promise<string>) {
    this.#end = (async () => {
      for (let turn = 0; !this.#isOver; turn += 1) {
        const code = await ask(turn).catch(() => 'no connection');
        this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#end;
  }
}

const named = (turn: number): string => HOMES[turn % HOMES.length] ?? '';

async function codeOf(url: string, params: object): Promise<string> {
  const { error } = await rpc(url, 'remote_call', params);
  return String(error?.data?.['code'] ?? 'ok');
}

/** By name, and by address, of services of Homes of `relay-a`. */
function callers(url: string): Caller[] {
  return [
    new Caller((turn) => codeOf(url, { service_name: `${named(turn)}_service`, method: 'who', timeout: 20 })),
    new Caller((turn) => {
      const [node_id, server_name] = [`${named(turn)}.home@relay-a`, `${named(turn)}_service`];
      return codeOf(url, { node_id, server_name, method: 'who', timeout: 20 });
    }),
  ];
}

async function failureOf(url: string, params: object) {
  const { error } = await rpc(url, 'remote_call', params);
  return error?.data;
}

describe('a Main with Homes that is killed and started again', () => {
  it('calls no service unknown that it had, and holds calls until their Home is back', async () => {
    await using machine = new Machine();
    const a = await machine.main('relay-a');
    const b = await machine.main('relay-b', `-peers 127.0.0.1:${a.port}`);
    const homes = HOMES.map((name) => startHome(name, a.port));
    using client = new RelayClient(a.url);
    using _homes = {
      [Symbol.dispose]: () => {
        for (const home of homes) home.crash();
      },
    };
    for (const { url } of [a, b]) for (const name of HOMES) await untilAnswers(url, `${name}_service.who`);

    const bySdk = new Caller(async (turn) => {
      try {
        await client.call(`${named(turn)}_service`, 'who', [], { timeoutMs: 20_000 });
        return 'ok';
      } catch (error) {
        return error instanceof RelayError ? error.code : 'no connection';
      }
    });
    const all = [...callers(a.url), ...callers(b.url), bySdk];
    const stopAll = (): Promise<unknown> => Promise.all(all.map((caller) => caller.stop()));
    await using _callers = { [Symbol.asyncDispose]: async () => void (await stopAll()) };
    a.node.kill('SIGKILL');
    await a.node.exited;
    const again = machine.relay(`-server -node-type main -node-id relay-a -port ${a.port}`, 'relay-a');
    await again.waitForLine(/^JSON-RPC: /);
    // At once: none of them can have registered in less time than this takes.
    const held = await rpc(a.url, 'remote_call', { service_name: 'alice_service', method: 'who' });
    assert.equal(held.result, 'alice');
    for (const { url } of [a, b]) for (const name of HOMES) await untilAnswers(url, `${name}_service.who`);
    await stopAll();
    for (const { codes } of all) {
      assert.ok((codes.get('ok') ?? 0) > 0);
      assert.deepEqual(
        NOT_FOUND.filter((code) => codes.has(code)),
        [],
        JSON.stringify([...codes]),
      );
    }
  });

  it('says for a while that it does not know yet, unless it has forgotten whom it had', async () => {
    await using machine = new Machine();
    const first = await machine.main('relay-a');
    const home = startHome('alice', first.port);
    await untilAnswers(first.url, 'alice_service.who');
    home.crash();
    first.node.kill('SIGKILL');
    await first.node.exited;

    const byName = { service_name: 'alice_service', method: 'who', timeout: 1 };
    const byAddress = { node_id: 'alice.home', server_name: 'alice_service', method: 'who', timeout: 1 };
    const second = await machine.main('relay-a');
    // Homes may have to come by way of who asks this.
    assert.equal((await fetch(`${second.url}/ready`)).status, 200);
    const unknown = await failureOf(second.url, byName);
    assert.equal(unknown?.['code'], 'no_healthy_instance');
    assert.equal(unknown?.['executed'], 'no');
    assert.ok(Number(unknown?.['retry_after_ms']) > 0);
    assert.equal((await failureOf(second.url, byAddress))?.['code'], 'home_disconnected');
    const stranger = { ...byAddress, node_id: 'nobody.home' };
    assert.equal((await failureOf(second.url, stranger))?.['code'], 'node_not_found');
    second.node.kill('SIGKILL');
    await second.node.exited;

    rmSync(path.join(machine.dir, 'relay-a', 'relay-a', ADMITTED_FILE));
    const third = await machine.main('relay-a');
    assert.equal((await failureOf(third.url, byName))?.['code'], 'service_not_found');
    assert.equal((await failureOf(third.url, byAddress))?.['code'], 'node_not_found');
  });
});
