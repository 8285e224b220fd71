import assert from 'node:assert/strict';
import { it } from 'node:test';
import { homeAddress, mainAddress, type Service, type ServiceDescription } from '@relay/protocol';
import { ManualClock, type SeededRandom, withSeeds } from '@relay/testkit';
import type { InstanceCounts } from './census.ts';
import { FederationServiceRegistry } from './federation-service-registry.ts';
import { isCallable } from './instance.ts';

const SELF = 'relay-a';
const HOMES = ['alice', 'bob', 'carol'];
const NEIGHBOURS = ['node1', 'node2'];
const MAINS = ['relay-b', 'relay-c', 'relay-d'];
const SERVICES = ['blog', 'mail', 'shop'];
const PROCESSES = ['i1', 'i2'];

function described(name: string, instance: string, healthy = true): ServiceDescription {
  return { name, methods: [], visibility: 'federated', weight: 1, instance, healthy };
}

/** What the census has to say, found by looking at every instance. */
function walk(registry: FederationServiceRegistry): InstanceCounts {
  const found = { local: 0, federated: 0, uncallable: 0 };
  for (const scope of ['local', 'federated'] as const) {
    for (const instance of registry[scope].all()) {
      if (registry.waysOf(instance)[0] !== instance) continue;
      found[scope] += 1;
      if (!isCallable(instance)) found.uncallable += 1;
    }
  }
  return found;
}

/** Homes with up to four ways, peers whose links fail, own services and neighbours of the former protocol, all by chance. */
function createWorld(random: SeededRandom) {
  const clock = new ManualClock();
  const registry = new FederationServiceRegistry({ self: mainAddress(SELF), instance: 'x', clock });
  const links = new Map<string, { isHealthy: boolean }>();
  const holders = new Map(
    NEIGHBOURS.map((id) => [id, { isReachable: true, lastSeen: 0, expiresAt: undefined }]),
  );
  const { pick } = random;
  const some = (): readonly string[] => SERVICES.filter(() => random.chance(0.5));
  let seq = 0;
  const steps: readonly (() => void)[] = [
    () => registry.homeConnected(pick(HOMES), pick(PROCESSES), random.chance(0.5)),
    () => {
      const home = pick(HOMES);
      const instance = registry.home(home)?.instance ?? '';
      const services = some().map((name) => described(name, instance, random.chance(0.8)));
      seq += 1;
      registry.register(home, {
        type: 'registration',
        id: 1,
        seq,
        base: 0,
        services,
        removed: [],
        complete: true,
      });
    },
    () => registry.homeLost(pick(HOMES), random.chance(0.3)),
    () => {
      const main = pick(MAINS);
      const link = { isHealthy: true };
      links.set(main, link);
      registry.peerConnected(main, link);
    },
    () => {
      const main = pick(MAINS);
      seq += 1;
      const add = HOMES.flatMap((home) =>
        some().map((name) => ({
          ...described(name, pick(PROCESSES)),
          node: homeAddress(home, main),
          healthy: random.chance(0.8),
          capacity: 1,
          seq,
        })),
      );
      const own = { ...described('news', main), node: mainAddress(main), healthy: true, capacity: 1, seq };
      registry.discover(main, { kind: 'snapshot', instance: main, seq, add: [...add, own], complete: true });
    },
    () => {
      const link = links.get(pick(MAINS));
      // Nobody tells the registry.
      if (link !== undefined) link.isHealthy = !link.isHealthy;
    },
    () => registry.peerLost(pick(MAINS)),
    () => registry.forgetPeer(pick(MAINS)),
    () => registry.setOwn(some().map((name) => ({ offer: described(name, 'x') }) as unknown as Service)),
    () => {
      const id = pick(NEIGHBOURS);
      const holder = { isReachable: true, lastSeen: 0, expiresAt: undefined };
      holders.set(id, holder);
      registry.setP2pPeer(
        id,
        some().map((name) => described(name, 'x')),
        holder,
      );
    },
    () => {
      const holder = holders.get(pick(NEIGHBOURS));
      if (holder !== undefined) holder.isReachable = !holder.isReachable;
    },
    () => clock.advanceSync(random.integer(1_000, 60_000)),
  ];
  return { registry, step: () => pick(steps)() };
}

it('counts what a walk over all instances finds, whatever happens', async () => {
  await withSeeds(40, (random) => {
    const { registry, step } = createWorld(random);
    let most = 0;
    for (let index = 0; index < 200; index += 1) {
      step();
      assert.deepEqual(registry.counts(), walk(registry), `step ${index}`);
      most = Math.max(most, registry.counts().uncallable);
    }
    assert.ok(most > 0);
    registry.close();
  });
});
