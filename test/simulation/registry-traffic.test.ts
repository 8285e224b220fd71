// T6: registry traffic is proportional to change. Ten Mains with 1,000 Homes of five services each, real sessions between them.

import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { ServiceDescription } from '@relay/protocol';
import { seededRandom } from '@relay/testkit';
import { SimulatedFederation } from './simulated-federation.ts';

const MAINS = 10;
const HOMES = 1_000;
const SERVICES = 5;
const ids = Array.from({ length: MAINS }, (_, index) => `main-${index}`);

/** As a process of that Home would draw it: 16 bytes. */
function instanceOf(home: string): string {
  return hash('sha256', home, 'buffer').subarray(0, 16).toString('base64url');
}

function described(home: string, version: number): readonly ServiceDescription[] {
  const method = (name: string) => ({ name, params: [], returns: 'any', effect: 'reads' as const });
  return Array.from({ length: SERVICES }, (_, index) => ({
    name: `service_${index}`,
    // The first service of a Home changes with its version, the others stay.
    methods: index === 0 ? [method('read'), method(`read_${version}`)] : [method('read')],
    visibility: 'federated',
    weight: 1,
    instance: instanceOf(home),
  }));
}

/** Mains that have met; their Homes are registered as their sessions would. */
async function createFederation(homes: number): Promise<SimulatedFederation> {
  const federation = new SimulatedFederation(seededRandom(7));
  for (const id of ids)
    federation.addMain(
      id,
      ids.filter((other) => other !== id),
    );
  await federation.converge(60_000);
  for (const id of ids) for (let home = 0; home < homes; home += 1) register(federation, id, home, 1);
  return federation;
}

function register(federation: SimulatedFederation, main: string, home: number, version: number): void {
  const { registry } = federation.main(main);
  const id = `home-${home}.${main}`;
  if (version === 1) registry.homeConnected(id, instanceOf(id), false);
  const services = version === 1 ? described(id, version) : described(id, version).slice(0, 1);
  registry.register(id, {
    type: 'registration',
    id: 1,
    seq: version,
    base: version - 1,
    services,
    removed: [],
    complete: true,
  });
}

function sentBytes(federation: SimulatedFederation): number {
  return ids
    .flatMap((from) => ids.map((to) => (from === to ? 0 : federation.network.sent(from, to).bytes)))
    .reduce((sum, bytes) => sum + bytes);
}

describe('T6 O(n²) heartbeats: registry traffic', () => {
  it('is proportional to what changed, and while nothing changes to nothing at all', async (context) => {
    const federation = await createFederation(HOMES);
    const bytesOf = async (act: () => void, seconds: number): Promise<number> => {
      const before = sentBytes(federation);
      act();
      await federation.clock.advance(seconds * 1_000);
      return sentBytes(federation) - before;
    };
    const entries = MAINS * HOMES * SERVICES;
    const first = await bytesOf(() => {}, 30);
    for (const id of ids)
      assert.equal(federation.main(id).registry.federated.size, entries - HOMES * SERVICES, id);

    const links = (MAINS * (MAINS - 1)) / 2;
    const idle = await bytesOf(() => {}, 300);
    const perLinkMinute = idle / links / 5;
    const change = (count: number, version: number) =>
      bytesOf(() => {
        for (let home = 0; home < count; home += 1) register(federation, 'main-3', home, version);
      }, 1);
    const ten = (await change(10, 2)) - idle / 300;
    await bytesOf(() => {
      for (let home = 10; home < 100; home += 1) register(federation, 'main-3', home, 2);
    }, 1);
    const hundred = (await change(100, 3)) - idle / 300;
    const copies = MAINS - 1;
    context.diagnostic(`first sync ${(first / entries / copies).toFixed(0)} bytes an entry and peer`);
    context.diagnostic(
      `idle ${perLinkMinute.toFixed(0)} bytes a link and minute; ten changes ${(ten / 10 / copies).toFixed(0)} bytes a change and peer`,
    );

    assert.ok(first / entries / copies < 400, 'the first sync carries each entry about once');
    assert.ok(perLinkMinute < 8_192, `${perLinkMinute} bytes a link and minute while nothing changes`);
    assert.ok(ten / 10 / copies < 1_000, `${ten / 10 / copies} bytes for a change`);
    assert.ok(
      hundred > 5 * ten && hundred < 12 * ten,
      `${hundred} bytes for a hundred changes, ${ten} for ten`,
    );
    for (const id of ids) {
      const seen = federation.main(id).registry.federated.at('service_0', 'home-5.main-3@main-3');
      if (id !== 'main-3') assert.equal(seen?.description.methods[1]?.name, 'read_3', id);
    }
  });

  it('after a cut in which nothing changed is two statements, whatever the size', async () => {
    const federation = await createFederation(50);
    await federation.clock.advance(30_000);
    const before = sentBytes(federation);
    federation.network.cut('main-1', 'main-2');
    await federation.clock.advance(20_000);
    assert.ok(federation.main('main-1').connections.peer('main-2'), 'they are connected again');
    const bytes = sentBytes(federation) - before;
    assert.ok(bytes < 200_000, `${bytes} bytes, heartbeats of all other links included`);
  });
});
