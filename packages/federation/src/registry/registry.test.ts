import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Discovery,
  homeAddress,
  mainAddress,
  type RegistrationMessage,
  type ServiceDescription,
  type ServiceOffer,
} from '@relay/protocol';
import { ManualClock, withSeeds } from '@relay/testkit';
import { FederationServiceRegistry, type RegistryOptions } from './federation-service-registry.ts';
import { isCallable } from './instance.ts';

const UP = { isHealthy: true };

function createRegistry(
  id: string,
  clock: ManualClock,
  more: Partial<RegistryOptions> = {},
): FederationServiceRegistry {
  return new FederationServiceRegistry({ self: mainAddress(id), instance: `start-of-${id}`, clock, ...more });
}

function offer(name: string): ServiceOffer {
  return { name, methods: [], visibility: 'federated', weight: 1 };
}

function described(name: string, instance: string): ServiceDescription {
  return { ...offer(name), instance };
}

function registration(
  seq: number,
  services: readonly ServiceDescription[],
  more: Partial<RegistrationMessage> = {},
): RegistrationMessage {
  return { type: 'registration', id: 1, seq, base: 0, services, removed: [], complete: true, ...more };
}

function names(registry: FederationServiceRegistry, scope: 'local' | 'federated'): readonly string[] {
  return [...registry[scope].all()]
    .map(({ description, address }) => `${description.name} ${address}`)
    .toSorted();
}

describe('a Home with two uplinks', () => {
  const joined = () => {
    const registry = createRegistry('relay-a', new ManualClock());
    const entry = (main: string, instance: string, healthy = true) => ({
      ...described('blog', instance),
      node: homeAddress('alice', main),
      healthy,
      capacity: 1,
      seq: 1,
    });
    const learn = (main: string, instance: string, healthy = true) => {
      registry.peerConnected(main, UP);
      const add = [entry(main, instance, healthy)];
      registry.discover(main, { kind: 'snapshot', instance: main, seq: 1, add, complete: true });
    };
    const ways = (scope: 'local' | 'federated') =>
      [...registry[scope].all()].map((instance) =>
        registry
          .waysOf(instance)
          .map(({ address }) => address)
          .join(' '),
      );
    return { registry, learn, ways };
  };

  it('is one instance: its own link stands for it, else the first peer over which it can be called', () => {
    const { registry, learn, ways } = joined();
    learn('relay-b', 'i1');
    assert.deepEqual(ways('federated'), ['alice@relay-b']);
    learn('relay-c', 'i1');
    assert.deepEqual(ways('federated'), Array(2).fill('alice@relay-b alice@relay-c'));
    registry.homeConnected('alice', 'i1', false);
    registry.register('alice', registration(1, [described('blog', 'i1')]));
    assert.deepEqual(ways('local'), ['alice@relay-a alice@relay-b alice@relay-c']);
    registry.homeLost('alice', false);
    assert.deepEqual(ways('local'), ['alice@relay-b alice@relay-c alice@relay-a']);
    registry.peerLost('relay-b');
    assert.deepEqual(ways('federated'), Array(2).fill('alice@relay-c alice@relay-a alice@relay-b'));
  });

  it('is not taken for another process of the same name', () => {
    const { learn, ways } = joined();
    learn('relay-b', 'i1');
    learn('relay-c', 'i2');
    assert.deepEqual(ways('federated'), ['alice@relay-b', 'alice@relay-c']);
  });
});

describe('services of a Home', () => {
  const joined = (clock = new ManualClock()) => {
    const registry = createRegistry('relay-a', clock);
    registry.homeConnected('alice', 'i1', false);
    registry.register('alice', registration(1, [described('blog', 'i1'), described('mail', 'i1')]));
    return { registry, clock };
  };

  it('are local as soon as the registration is complete, and not before', () => {
    const registry = createRegistry('relay-a', new ManualClock());
    registry.homeConnected('alice', 'i1', false);
    registry.register('alice', registration(1, [described('blog', 'i1')], { complete: false }));
    assert.deepEqual(names(registry, 'local'), []);
    assert.deepEqual(registry.register('alice', registration(1, [described('mail', 'i1')])), { seq: 1 });
    assert.deepEqual(names(registry, 'local'), ['blog alice@relay-a', 'mail alice@relay-a']);
  });

  it('are replaced by a full registration and changed by one on top of what is held', () => {
    const { registry } = joined();
    registry.register('alice', registration(2, [described('shop', 'i1')], { base: 1, removed: ['mail'] }));
    assert.deepEqual(names(registry, 'local'), ['blog alice@relay-a', 'shop alice@relay-a']);
    registry.register('alice', registration(3, [described('news', 'i1')]));
    assert.deepEqual(names(registry, 'local'), ['news alice@relay-a']);
  });

  it('asks for a full registration when the base is not what it holds', () => {
    const { registry } = joined();
    assert.deepEqual(registry.register('alice', registration(9, [], { base: 7 })), { seq: 9, want: 0 });
    assert.equal(registry.local.size, 2);
  });

  it('refuses one service without touching the others', () => {
    const { registry } = joined();
    const answer = registry.register(
      'alice',
      registration(2, [described('rpc', 'i1'), described('fine', 'i1'), described('foreign', 'other')]),
    );
    assert.deepEqual(
      answer.refused?.map(({ service_name, failure }) => [service_name, failure.name]),
      [
        ['rpc', 'invalid_params'],
        ['foreign', 'invalid_params'],
      ],
    );
    assert.deepEqual(names(registry, 'local'), ['fine alice@relay-a']);
  });

  it('stops at 64 of them', () => {
    const { registry } = joined();
    const many = Array.from({ length: 65 }, (_, index) => described(`s${index}`, 'i1'));
    const answer = registry.register('alice', registration(2, many));
    assert.deepEqual(
      answer.refused?.map(({ service_name, failure }) => [service_name, failure.data?.limit]),
      [['s64', { name: 'services', max: 64 }]],
    );
    assert.equal(registry.local.size, 64);
  });

  it('go at once when the Home leaves', () => {
    const { registry } = joined();
    registry.homeLost('alice', true);
    assert.equal(registry.local.size, 0);
    assert.equal(registry.home('alice'), undefined);
  });

  it('T1 ghost nodes: cannot be called once the link is lost, and are gone when the lease ends', async () => {
    const { registry, clock } = joined();
    registry.homeLost('alice', false);
    assert.deepEqual([...registry.local.all()].map(isCallable), [false, false]);
    await clock.advance(89_999);
    assert.equal(registry.local.size, 2);
    await clock.advance(1);
    assert.equal(registry.local.size, 0);
    assert.equal(clock.pendingTimers, 0);
  });

  it('stand again without a registration when the same process comes back in time', async () => {
    const { registry, clock } = joined();
    registry.homeLost('alice', false);
    await clock.advance(60_000);
    assert.equal(registry.canResume('alice', 'i1', 1), true);
    registry.homeConnected('alice', 'i1', true);
    assert.deepEqual([...registry.local.all()].map(isCallable), [true, true]);
    await clock.advance(120_000);
    assert.equal(registry.local.size, 2, 'the old lease must not end the new session');
  });

  it('cannot be resumed by another process, nor with another number', () => {
    const { registry } = joined();
    assert.equal(registry.canResume('alice', 'i2', 1), false);
    assert.equal(registry.canResume('alice', 'i1', 2), false);
    assert.equal(registry.canResume('bob', 'i1', 1), false);
    registry.homeConnected('alice', 'i2', false);
    assert.equal(registry.local.size, 0, 'a new process starts from nothing');
  });
});

describe('what the nodes of a service say of how it is called', () => {
  const said = (home: string, strategy?: string): ServiceDescription => ({
    ...described('blog', `process-of-${home}`),
    ...(strategy === undefined ? {} : { strategy }),
  });
  const joined = (...homes: readonly ServiceDescription[]) => {
    const registry = createRegistry('relay-a', new ManualClock());
    for (const [index, home] of homes.entries()) {
      registry.homeConnected(`home-${index}`, home.instance, false);
      registry.register(`home-${index}`, registration(1, [home]));
    }
    return registry;
  };

  it('is the word of the one that has said something for longest', () => {
    const registry = joined(said('a'), said('b', 'random'), said('c', 'sticky'));
    assert.equal(registry.wordOn('blog')?.strategy, 'random');
    registry.homeLost('home-1', true);
    assert.equal(registry.wordOn('blog')?.strategy, 'sticky');
    registry.register('home-2', registration(2, [said('c')]));
    assert.equal(registry.wordOn('blog'), undefined);
  });

  it('is that of an own Home before that of a peer', () => {
    const registry = joined(said('a', 'random'));
    registry.peerConnected('relay-b', UP);
    const add = [
      {
        ...said('b', 'sticky'),
        node: homeAddress('bob', 'relay-b'),
        healthy: true,
        capacity: 1,
        seq: 1,
      },
    ];
    registry.discover('relay-b', { kind: 'snapshot', instance: 'i', seq: 1, add, complete: true });
    assert.equal(registry.wordOn('blog')?.strategy, 'random');
    registry.homeLost('home-0', true);
    assert.equal(registry.wordOn('blog')?.strategy, 'sticky');
  });
});

/** Two registries whose messages a test carries, loses or delays. */
function createPair(clock: ManualClock) {
  let isCut = false;
  const queue: { readonly to: 'a' | 'b'; readonly discovery: Discovery }[] = [];
  const send = (to: 'a' | 'b') => (deltas: () => readonly Discovery[]) => {
    if (!isCut) queue.push(...deltas().map((discovery) => ({ to, discovery })));
  };
  const registries = {
    a: createRegistry('relay-a', clock, { onAdvertise: send('b') }),
    b: createRegistry('relay-b', clock, { onAdvertise: send('a') }),
  };
  const idOf = { a: 'relay-a', b: 'relay-b' } as const;
  const other = { a: 'b', b: 'a' } as const;
  let carried = 0;
  return {
    ...registries,
    get carried() {
      return carried;
    },
    cut() {
      isCut = true;
      queue.length = 0;
      registries.a.peerLost('relay-b');
      registries.b.peerLost('relay-a');
    },
    connect() {
      isCut = false;
      for (const side of ['a', 'b'] as const) {
        registries[side].peerConnected(idOf[other[side]], UP);
        queue.push({ to: other[side], discovery: { kind: 'state', state: registries[side].state() } });
      }
    },
    heartbeat() {
      for (const side of ['a', 'b'] as const) {
        queue.push({ to: other[side], discovery: { kind: 'state', state: registries[side].state() } });
      }
    },
    /** Carries messages until none is left; loses those that `isLost` names. */
    async carry(isLost: () => boolean = () => false) {
      await clock.settle();
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        if (isLost()) continue;
        carried += 1;
        const { to, discovery } = next;
        for (const answer of registries[to].discover(idOf[other[to]], discovery)) {
          queue.push({ to: other[to], discovery: answer });
        }
        await clock.settle();
      }
    },
  };
}

function advertised(registry: FederationServiceRegistry): readonly string[] {
  return [...registry.local.all()]
    .map((instance) => `${instance.description.name} ${instance.address} ${isCallable(instance)}`)
    .toSorted();
}

function learned(registry: FederationServiceRegistry): readonly string[] {
  return [...registry.federated.all()]
    .map((instance) => `${instance.description.name} ${instance.address} ${instance.isHealthy}`)
    .toSorted();
}

describe('a node that changes its role', () => {
  const UP_HERE = { isReachable: true, lastSeen: 0, expiresAt: undefined };
  const origins = (registry: FederationServiceRegistry) =>
    [...registry.local.all()].map(({ description, origin }) => `${description.name} ${origin}`);
  const joined = () => {
    const clock = new ManualClock();
    const registry = createRegistry('relay-a', clock);
    const beHome = (): void => {
      registry.homeConnected('alice', 'i1', false);
      registry.register('alice', registration(1, [described('blog', 'i1')]));
    };
    const bePeer = (services = [described('blog', 'i2')]): void => {
      registry.setP2pPeer('alice', services, UP_HERE);
    };
    return { clock, registry, beHome, bePeer };
  };

  it('from Home to P2P peer is known as a peer at once, though the lease of the Home goes on', async () => {
    const { clock, registry, beHome, bePeer } = joined();
    beHome();
    registry.homeLost('alice', false);
    bePeer();
    assert.equal(registry.home('alice'), undefined);
    assert.deepEqual(origins(registry), ['blog p2p']);
    await clock.advance(10 * 60_000);
    assert.deepEqual(origins(registry), ['blog p2p']);
  });

  it('is no Home any more either if it speaks P2P without saying what it offers', () => {
    const { registry, beHome, bePeer } = joined();
    beHome();
    registry.homeLost('alice', false);
    bePeer([]);
    assert.equal(registry.home('alice'), undefined);
    assert.deepEqual(origins(registry), []);
  });

  it('keeps its lease if only the end of its P2P link is told', () => {
    const { registry, beHome } = joined();
    beHome();
    registry.homeLost('alice', false);
    registry.setP2pPeer('alice', [], { ...UP_HERE, isReachable: false });
    assert.notEqual(registry.home('alice'), undefined);
  });

  it('from P2P peer to Home keeps its services when the old link is noticed to be gone', () => {
    const { registry, beHome, bePeer } = joined();
    bePeer();
    beHome();
    assert.deepEqual(origins(registry), ['blog home']);
    bePeer();
    assert.deepEqual(origins(registry), ['blog home']);
    registry.setP2pPeer('alice', [], { ...UP_HERE, isReachable: false });
    assert.deepEqual(origins(registry), ['blog home']);
  });
});

describe('registry sync', () => {
  it('carries a change to the peer in one message', async () => {
    const pair = createPair(new ManualClock());
    pair.connect();
    await pair.carry();
    pair.a.homeConnected('alice', 'i1', false);
    pair.a.register('alice', registration(1, [described('blog', 'i1'), described('mail', 'i1')]));
    const before = pair.carried;
    await pair.carry();
    assert.equal(pair.carried - before, 1);
    assert.deepEqual(names(pair.b, 'federated'), ['blog alice@relay-a', 'mail alice@relay-a']);
    assert.deepEqual(
      pair.b.waysToHome('alice').map(({ main }) => main),
      ['relay-a'],
    );
  });

  it('does not tell of private services', async () => {
    const pair = createPair(new ManualClock());
    pair.connect();
    pair.a.homeConnected('alice', 'i1', false);
    pair.a.register('alice', registration(1, [{ ...described('diary', 'i1'), visibility: 'private' }]));
    await pair.carry();
    assert.deepEqual(names(pair.b, 'federated'), []);
    assert.equal(pair.a.local.size, 1);
  });

  it('sends nothing again after a cut in which nothing changed', async () => {
    const pair = createPair(new ManualClock());
    pair.a.homeConnected('alice', 'i1', false);
    pair.a.register('alice', registration(1, [described('blog', 'i1')]));
    pair.connect();
    await pair.carry();
    pair.cut();
    assert.deepEqual([...pair.b.federated.all()].map(isCallable), [false]);
    pair.connect();
    const before = pair.carried;
    await pair.carry();
    assert.equal(pair.carried - before, 2, 'the two statements and no more');
    assert.deepEqual([...pair.b.federated.all()].map(isCallable), [true]);
  });

  describe('with a Main that was started again', () => {
    const restarted = (instance: string, ...add: readonly string[]): Discovery => ({
      kind: 'snapshot',
      instance,
      seq: 1,
      add: add.map((home) => ({
        ...described('blog', `process-of-${home}`),
        node: home === 'relay-b' ? mainAddress(home) : homeAddress(home, 'relay-b'),
        healthy: true,
        capacity: 1,
        seq: 1,
      })),
      complete: true,
    });
    const learn = (...add: readonly string[]) => {
      const clock = new ManualClock();
      const registry = createRegistry('relay-a', clock);
      registry.peerConnected('relay-b', UP);
      registry.discover('relay-b', restarted('first', ...add));
      return { clock, registry };
    };

    it('waits for its Homes to come back to it, and calls them unhealthy meanwhile', async () => {
      const { clock, registry } = learn('alice', 'bob');
      registry.discover('relay-b', restarted('second'));
      assert.deepEqual(learned(registry), ['blog alice@relay-b false', 'blog bob@relay-b false']);
      registry.discover('relay-b', restarted('second', 'alice'));
      assert.deepEqual(learned(registry), ['blog alice@relay-b true', 'blog bob@relay-b false']);
      assert.equal(registry.peerServices('relay-b'), 2);
      await clock.advance(29_999);
      assert.equal(registry.federated.size, 2);
      await clock.advance(1);
      assert.deepEqual(learned(registry), ['blog alice@relay-b true']);
      assert.equal(registry.peerServices('relay-b'), 1);
    });

    it('does not wait for what the Main itself does not offer any more, nor for a Home that leaves', () => {
      const { registry } = learn('alice', 'relay-b');
      registry.discover('relay-b', restarted('first', 'relay-b'));
      assert.deepEqual(learned(registry), ['blog relay-b true']);
      registry.discover('relay-b', restarted('second'));
      assert.deepEqual(learned(registry), []);
    });

    it('forgets those it waits for with the Main', () => {
      const { clock, registry } = learn('alice');
      registry.discover('relay-b', restarted('second'));
      registry.forgetPeer('relay-b');
      assert.equal(registry.federated.size, 0);
      assert.equal(clock.pendingTimers, 0);
    });
  });

  it('T1 ghost nodes: forgets a Main that is not heard of for ten minutes', async () => {
    const clock = new ManualClock();
    const pair = createPair(clock);
    pair.a.homeConnected('alice', 'i1', false);
    pair.a.register('alice', registration(1, [described('blog', 'i1')]));
    pair.connect();
    await pair.carry();
    await clock.advance(300_000);
    pair.heartbeat();
    await pair.carry();
    pair.cut();
    await clock.advance(599_999);
    assert.equal(pair.b.federated.size, 1);
    await clock.advance(1);
    assert.equal(pair.b.federated.size, 0);
  });

  it('keeps its ten minutes when the wall clock jumps', async () => {
    const clock = new ManualClock();
    const pair = createPair(clock);
    pair.a.homeConnected('alice', 'i1', false);
    pair.a.register('alice', registration(1, [described('blog', 'i1')]));
    pair.connect();
    await pair.carry();
    clock.jumpWall(86_400_000);
    await clock.advance(599_000);
    assert.equal(pair.b.federated.size, 1);
    clock.jumpWall(-172_800_000);
    await clock.advance(1_001);
    assert.equal(pair.b.federated.size, 0);
  });

  it('takes from a Main only what is its own', async () => {
    const registry = createRegistry('relay-b', new ManualClock());
    registry.peerConnected('relay-a', UP);
    const entry = { healthy: true, capacity: 1, seq: 1 };
    registry.discover('relay-a', {
      kind: 'snapshot',
      instance: 'x',
      seq: 3,
      complete: true,
      add: [
        { ...described('stolen', 'i'), ...entry, node: homeAddress('carol', 'relay-c') },
        { ...described('feigned', 'i'), ...entry, node: mainAddress('relay-c') },
        { ...described('honest', 'i'), ...entry, node: homeAddress('alice', 'relay-a') },
      ],
    });
    assert.deepEqual(names(registry, 'federated'), ['honest alice@relay-a']);
    assert.equal(registry.conflicts, 2);
  });

  it('repairs a difference in one bucket with a snapshot of that bucket', async () => {
    const clock = new ManualClock();
    const pair = createPair(clock);
    pair.connect();
    pair.a.homeConnected('alice', 'i1', false);
    const services = Array.from({ length: 40 }, (_, index) => described(`s${index}`, 'i1'));
    pair.a.register('alice', registration(1, services));
    await pair.carry();
    // A delta that says less than its Main did leaves the numbers equal and the contents not.
    const { instance, seq } = pair.a.state();
    pair.b.discover('relay-a', { kind: 'delta', instance, from: seq, to: seq + 1, add: [], remove: [] });
    pair.a.register('alice', registration(2, [described('extra', 'i1')], { base: 1 }));
    await pair.carry();
    assert.equal(learned(pair.b).length, 40, 'the change was taken for known');
    const before = pair.carried;
    pair.heartbeat();
    await pair.carry();
    assert.equal(pair.carried - before, 4, 'two statements, one question, one answer');
    assert.deepEqual([pair.a.conflicts, pair.b.conflicts], [0, 1]);
    assert.deepEqual(learned(pair.b), advertised(pair.a));
  });

  it('says for how long something is missing, until it has arrived', async () => {
    const clock = new ManualClock();
    const pair = createPair(clock);
    pair.connect();
    await pair.carry();
    pair.a.homeConnected('alice', 'i1', false);
    pair.a.register('alice', registration(1, [described('blog', 'i1')]));
    await pair.carry(() => true);
    assert.equal(pair.b.lagMs, 0, 'nobody knows yet');
    const answers = pair.b.discover('relay-a', { kind: 'state', state: pair.a.state() });
    await clock.advance(3_000);
    assert.deepEqual([pair.a.lagMs, pair.b.lagMs], [0, 3_000]);
    pair.b.peerLost('relay-a');
    assert.equal(pair.b.lagMs, 0, 'without a link nothing is known of it');
    pair.b.peerConnected('relay-a', UP);
    assert.equal(pair.b.lagMs, 3_000);
    for (const answer of answers)
      for (const told of pair.a.discover('relay-b', answer)) pair.b.discover('relay-a', told);
    assert.equal(pair.b.lagMs, 0);
    assert.deepEqual(learned(pair.b), advertised(pair.a));
  });

  it('splits what does not fit into one message', async () => {
    const clock = new ManualClock();
    const sizes: number[] = [];
    const registry = createRegistry('relay-a', clock, {
      onAdvertise: (deltas) => sizes.push(...deltas().map((delta) => JSON.stringify(delta).length)),
    });
    for (let home = 0; home < 40; home += 1) {
      registry.homeConnected(`h${home}`, 'i', false);
      const services = Array.from({ length: 60 }, (_, index) => described(`service_${home}_${index}`, 'i'));
      registry.register(`h${home}`, registration(1, services));
    }
    await clock.settle();
    assert.ok(sizes.length > 4, `${sizes.length} messages`);
    assert.ok(Math.max(...sizes) <= 65_536, `${Math.max(...sizes)} bytes`);
  });

  for (const loss of [0.2, 0]) {
    it(`makes both sides equal whatever is changed and cut, with ${loss * 100} % of the messages lost`, async () => {
      await withSeeds(60, async (random) => {
        const clock = new ManualClock();
        const pair = createPair(clock);
        pair.connect();
        const seqs = new Map<string, number>();
        for (let step = 0; step < 40; step += 1) {
          const side = random.pick(['a', 'b'] as const);
          const home = random.pick(['h1', 'h2', 'h3']);
          const instance = `i${random.integer(1, 2)}`;
          const act = random.integer(0, 9);
          if (act < 5) {
            const key = `${side} ${home}`;
            pair[side].homeConnected(home, instance, false);
            const seq = (seqs.get(key) ?? 0) + 1;
            seqs.set(key, seq);
            const services = random.shuffle(['s1', 's2', 's3', 's4']).slice(0, random.integer(0, 4));
            pair[side].register(
              home,
              registration(
                seq,
                services.map((name) => described(name, instance)),
              ),
            );
          } else if (act < 7) pair[side].homeLost(home, random.chance(0.5));
          else if (act === 7) pair.cut();
          else if (act === 8) pair.connect();
          else await clock.advance(random.integer(0, 100_000));
          if (random.chance(0.6)) await pair.carry(() => random.chance(loss));
        }
        pair.cut();
        pair.connect();
        for (let round = 0; round < 4; round += 1) {
          await pair.carry();
          pair.heartbeat();
        }
        await pair.carry();
        assert.deepEqual(learned(pair.b), advertised(pair.a));
        assert.deepEqual(learned(pair.a), advertised(pair.b));
        assert.deepEqual([pair.a.lagMs, pair.b.lagMs], [0, 0]);
        // A link that loses nothing gives no reason to complain.
        if (loss === 0) assert.deepEqual([pair.a.conflicts, pair.b.conflicts], [0, 0]);
      });
    });
  }
});
