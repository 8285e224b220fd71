import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CALL_LIMITS,
  type Call,
  type CancelMode,
  createFailure,
  formatAddress,
  homeAddress,
  mainAddress,
  type NodeAddress,
  type Outcome,
  type RegistryEntry,
  type Service,
  type ServiceDescription,
  type Settle,
} from '@relay/protocol';
import { ManualClock, seededRandom } from '@relay/testkit';
import { Balancer } from '../balance/balancer.ts';
import { Health } from '../balance/health.ts';
import { type BalanceOptions, resolveBalanceOptions } from '../balance/options.ts';
import { FederationServiceRegistry } from '../registry/federation-service-registry.ts';
import { FederationRouter } from './federation-router.ts';
import { HomeRouting } from './home-routing.ts';
import { MainRouting } from './main-routing.ts';
import type { CallOrigin, Expectations, Outlet } from './route.ts';

const OWN: CallOrigin = { kind: 'own' };
const ANSWER: Outcome = { kind: 'result', body: new Uint8Array([49]) };

/** A link that remembers what was sent over it and answers when told. */
class FakeLink implements Outlet {
  readonly nodeId: string;
  readonly sent: Call[] = [];
  readonly cancelled: CancelMode[] = [];
  answer: Outcome | undefined = ANSWER;
  #settle: Settle = () => {};

  constructor(nodeId: string) {
    this.nodeId = nodeId;
  }

  readonly call = (call: Call, settle: Settle) => {
    this.sent.push(call);
    this.#settle = settle;
    if (this.answer !== undefined) settle(this.answer);
    return (mode: CancelMode) => void this.cancelled.push(mode);
  };

  settle(outcome: Outcome): void {
    this.#settle(outcome);
  }
}

function described(name: string): ServiceDescription {
  const method = { name: 'read', params: [], returns: 'any', effect: 'reads' } as const;
  const write = { ...method, name: 'write', effect: 'writes' } as const;
  return { name, methods: [method, write], visibility: 'federated', weight: 1, instance: 'i' };
}

function entry(name: string, node: NodeAddress, healthy = true): RegistryEntry {
  return { ...described(name), node, healthy, capacity: 100, seq: 1 };
}

/** relay-a with Homes alice and bob, peer relay-b with carol and dora, lost peer relay-c with erin, and an own program. */
function createMain(balance: BalanceOptions = {}, settling?: Expectations) {
  const clock = new ManualClock();
  const registry = new FederationServiceRegistry({ self: mainAddress('relay-a'), instance: 'a', clock });
  const links = new Map<string, FakeLink>();
  for (const [id, services] of [
    ['alice', ['blog']],
    ['bob', ['shop', 'blog']],
    ['gone', ['attic']],
  ] as const) {
    registry.homeConnected(id, 'i', false);
    registry.register(id, {
      type: 'registration',
      id: 1,
      seq: 1,
      base: 0,
      services: services.map(described),
      removed: [],
      complete: true,
    });
    links.set(id, new FakeLink(id));
  }
  registry.homeLost('gone', false);
  links.delete('gone');
  const peers = {
    'relay-b': [
      entry('news', homeAddress('carol', 'relay-b')),
      entry('sick', homeAddress('carol', 'relay-b'), false),
      entry('twin', homeAddress('double', 'relay-b')),
      entry('blog', homeAddress('dora', 'relay-b')),
    ],
    'relay-c': [
      { ...entry('twin', homeAddress('double', 'relay-c')), instance: 'another process' },
      entry('news', homeAddress('carol', 'relay-c')),
      entry('lost', homeAddress('erin', 'relay-c')),
    ],
  };
  for (const [id, add] of Object.entries(peers)) {
    registry.peerConnected(id, { isHealthy: true });
    registry.discover(id, { kind: 'snapshot', instance: id, seq: 9, add, complete: true });
    links.set(id, new FakeLink(id));
  }
  registry.peerLost('relay-c');
  links.delete('relay-c');
  const own: Service = {
    offer: { name: 'clock', methods: [], visibility: 'federated', weight: 1 },
    handle: (_call, settle) => {
      settle(ANSWER);
      return () => {};
    },
  };
  registry.setOwn([own]);
  const config = resolveBalanceOptions(balance);
  const health = new Health({
    self: 'relay-a',
    config,
    peersOf: (service) => registry.listsOf(service),
  });
  const routing = new MainRouting({
    self: 'relay-a',
    registry,
    balancer: new Balancer(config, seededRandom(2)),
    health,
    clock,
    links: {
      home: (id) => (registry.home(id) === undefined ? undefined : links.get(id)),
      peer: (id) => (id.startsWith('relay-') ? links.get(id) : undefined),
      knowsPeer: (id) => id in peers,
    },
    ...(settling === undefined ? {} : { settling }),
  });
  const router = new FederationRouter({
    nodeType: 'main',
    self: 'relay-a',
    clock,
    random: seededRandom(1),
    health,
    decide: (call, from, tried) => routing.decide(call, from, tried),
  });
  return { clock, registry, links, routing, router };
}

function createCall(service: string, destination?: NodeAddress, more: Partial<Call> = {}): Call {
  return {
    service,
    method: 'read',
    params: new Uint8Array(),
    deadline: 60_000,
    source: mainAddress('relay-a'),
    caller: { kind: 'http', node: 'relay-a' },
    path: ['client'],
    ttl: CALL_LIMITS.ttl,
    priority: 5,
    trace: false,
    traceparent: '',
    callPath: [],
    ...(destination === undefined ? {} : { destination }),
    ...more,
  };
}

describe('a Main sends a call', () => {
  const rows: readonly { why: string; service: string; to?: NodeAddress; from?: CallOrigin; goes: string }[] =
    [
      { why: 'to its own program', service: 'clock', goes: 'own program' },
      { why: 'to a Home of its own by service name', service: 'shop', goes: 'bob: bob@relay-a' },
      { why: 'to a peer by service name', service: 'news', goes: 'relay-b: carol@relay-b' },
      { why: 'nowhere for an unknown name', service: 'nothing', goes: 'service_not_found' },
      { why: 'nowhere while all instances are lost', service: 'attic', goes: 'no_healthy_instance' },
      { why: 'nowhere while all instances are unhealthy', service: 'sick', goes: 'no_healthy_instance' },
      { why: 'nowhere while the peer is lost', service: 'lost', goes: 'no_healthy_instance' },
      {
        why: 'to a named Home',
        service: 'blog',
        to: homeAddress('bob', 'relay-a'),
        goes: 'bob: bob@relay-a',
      },
      { why: 'to a bare id of a Home', service: 'blog', to: homeAddress('bob'), goes: 'bob: bob@relay-a' },
      {
        why: 'not to a Home without the service',
        service: 'shop',
        to: homeAddress('alice'),
        goes: 'service_not_found',
      },
      {
        why: 'not to a Home that is away',
        service: 'attic',
        to: homeAddress('gone'),
        goes: 'home_disconnected',
      },
      { why: 'not to an unknown Home', service: 'x', to: homeAddress('nobody'), goes: 'node_not_found' },
      {
        why: 'not to an unknown Home of its own',
        service: 'x',
        to: homeAddress('nobody', 'relay-a'),
        goes: 'node_not_found',
      },
      {
        why: 'to a Home at a peer',
        service: 'news',
        to: homeAddress('carol', 'relay-b'),
        goes: 'relay-b: carol@relay-b',
      },
      {
        why: 'to a bare id known at one peer',
        service: 'news',
        to: homeAddress('carol'),
        goes: 'relay-b: carol@relay-b',
      },
      {
        why: 'not to a bare id known at two',
        service: 'twin',
        to: homeAddress('double'),
        goes: 'node_ambiguous',
      },
      {
        why: 'not to a lost peer',
        service: 'lost',
        to: homeAddress('erin', 'relay-c'),
        goes: 'peer_unreachable',
      },
      {
        why: 'not to an unknown peer',
        service: 'x',
        to: homeAddress('carol', 'relay-z'),
        goes: 'node_not_found',
      },
      { why: 'to itself by its id', service: 'clock', to: homeAddress('relay-a'), goes: 'own program' },
      {
        why: 'to a Home of its own by its own id',
        service: 'shop',
        to: mainAddress('relay-a'),
        goes: 'bob: bob@relay-a',
      },
      {
        why: 'not to a peer for its own id',
        service: 'news',
        to: mainAddress('relay-a'),
        goes: 'service_not_found',
      },
      {
        why: 'to a peer by its bare id',
        service: 'news',
        to: homeAddress('relay-b'),
        goes: 'relay-b: relay-b',
      },
      {
        why: 'from a peer to a Home',
        service: 'shop',
        from: { kind: 'peer', id: 'relay-b' },
        goes: 'bob: bob@relay-a',
      },
      {
        why: 'from a peer never to a peer by name',
        service: 'news',
        from: { kind: 'peer', id: 'relay-c' },
        goes: 'service_not_found',
      },
      {
        why: 'from a peer never to a peer by address',
        service: 'news',
        to: homeAddress('carol', 'relay-b'),
        from: { kind: 'peer', id: 'relay-c' },
        goes: 'too_many_hops',
      },
    ];
  for (const { why, service, to, from = OWN, goes } of rows) {
    it(why, () => {
      const { routing, links } = createMain();
      const route = routing.decide(createCall(service, to), from, []);
      if (route.kind === 'none') {
        assert.equal(route.failure.name, goes);
        assert.equal(route.failure.executed, 'no');
        assert.equal(route.failure.at, 'relay-a');
      } else if (route.kind === 'service') {
        assert.equal('own program', goes);
      } else {
        const link = [...links].find(([, other]) => other === route.outlet)?.[0];
        assert.equal(`${link}: ${formatAddress(route.destination ?? mainAddress('?'))}`, goes);
      }
    });
  }

  it('names the candidates of an ambiguous id', () => {
    const route = createMain().routing.decide(createCall('twin', homeAddress('double')), OWN, []);
    assert.deepEqual(route.kind === 'none' && route.failure.data?.candidates, [
      'double@relay-b',
      'double@relay-c',
    ]);
  });

  it('once to a Home with two uplinks, over either of them', () => {
    const { router, routing, links, registry } = createMain();
    links.set('relay-c', new FakeLink('relay-c'));
    registry.peerConnected('relay-c', { isHealthy: true });
    const add = [
      entry('news', homeAddress('carol', 'relay-b')),
      entry('news', homeAddress('frank', 'relay-b')),
    ];
    registry.discover('relay-b', { kind: 'snapshot', instance: 'relay-b', seq: 10, add, complete: true });
    const sentTo = () =>
      ['relay-b', 'relay-c'].flatMap((id) =>
        (links.get(id)?.sent.splice(0) ?? []).map(({ destination }) => formatAddress(destination!)),
      );
    for (let count = 0; count < 10; count += 1) router.handle(createCall('news'), OWN, () => {});
    const first = sentTo();
    assert.deepEqual(
      [
        first.filter((to) => to.startsWith('carol')).length,
        first.filter((to) => to.startsWith('frank')).length,
      ],
      [5, 5],
      'carol counts once although two Mains have her',
    );
    const bare = () => {
      const route = routing.decide(createCall('news', homeAddress('carol')), OWN, []);
      return route.kind === 'via' && route.destination !== undefined
        ? formatAddress(route.destination)
        : route;
    };
    assert.equal(bare(), 'carol@relay-b', 'and is not ambiguous');
    registry.peerLost('relay-b');
    links.delete('relay-b');
    assert.equal(bare(), 'carol@relay-c');
    for (let count = 0; count < 3; count += 1) router.handle(createCall('news'), OWN, () => {});
    assert.deepEqual(sentTo(), Array(3).fill('carol@relay-c'));
  });

  it('over the old way to a Home that is moving here and has registered nothing yet', () => {
    const { routing, registry } = createMain();
    registry.homeConnected('carol', 'i', false);
    const route = routing.decide(createCall('news'), OWN, []);
    assert.equal(route.kind === 'via' && formatAddress(route.destination!), 'carol@relay-b');
  });

  it('to a Home that left for a peer within its lease, by its bare id', () => {
    const { routing, registry } = createMain();
    const goes = (service: string) => {
      const route = routing.decide(createCall(service, homeAddress('gone')), OWN, []);
      return route.kind === 'via'
        ? formatAddress(route.destination!)
        : route.kind === 'none' && route.failure.name;
    };
    assert.equal(goes('attic'), 'home_disconnected');
    const add = [
      { ...entry('attic', homeAddress('gone', 'relay-b')), instance: registry.home('gone')!.instance },
    ];
    registry.discover('relay-b', { kind: 'snapshot', instance: 'relay-b', seq: 10, add, complete: true });
    assert.equal(goes('attic'), 'gone@relay-b');
  });

  it('to a Home that was started again and came back at another Main, while the first still holds its lease', () => {
    const { routing, registry, links } = createMain();
    const goes = (id: string): string => {
      const route = routing.decide(createCall('attic', homeAddress(id)), OWN, []);
      if (route.kind === 'none') return route.failure.name;
      return route.kind === 'via' ? formatAddress(route.destination!) : route.kind;
    };
    const tell = (main: string, seq: number, id: string, healthy: boolean) =>
      registry.discover(main, {
        kind: 'snapshot',
        instance: main,
        seq,
        add: [{ ...entry('attic', homeAddress(id, main), healthy), instance: `process at ${main}` }],
        complete: true,
      });
    tell('relay-b', 10, 'gone', true);
    assert.equal(goes('gone'), 'gone@relay-b', 'this Main has it away');

    registry.peerConnected('relay-c', { isHealthy: true });
    links.set('relay-c', new FakeLink('relay-c'));
    tell('relay-b', 11, 'moved', true);
    tell('relay-c', 10, 'moved', true);
    assert.equal(goes('moved'), 'node_ambiguous', 'both have it');
    tell('relay-b', 12, 'moved', false);
    assert.equal(goes('moved'), 'moved@relay-c', 'one peer has it away');
    registry.peerLost('relay-b');
    assert.equal(goes('moved'), 'node_ambiguous', 'a peer that cannot be asked may have it again');
  });

  it('in turn to each local instance, and to a remote one only when there is no local one', () => {
    const { router, links } = createMain();
    for (let count = 0; count < 10; count += 1) router.handle(createCall('blog'), OWN, () => {});
    assert.deepEqual([links.get('alice')?.sent.length, links.get('bob')?.sent.length], [5, 5]);
    assert.equal(links.get('relay-b')?.sent.length, 0);
  });

  it('never back to the Home it came from', () => {
    const { router, links } = createMain();
    for (let count = 0; count < 4; count += 1) {
      router.handle(
        createCall('blog', undefined, { path: ['alice'] }),
        { kind: 'home', id: 'alice' },
        () => {},
      );
    }
    assert.deepEqual([links.get('alice')?.sent.length, links.get('bob')?.sent.length], [0, 4]);
  });
});

describe('a Main that has just started', () => {
  const started = () => {
    const waitsFor = { isSettling: true, awaitsPeers: true, awaitsHome: (id: string) => id === 'carl' };
    const main = createMain({}, waitsFor);
    const outcomes: string[] = [];
    const ask = (call: Call, from: CallOrigin = OWN) =>
      main.router.handle(call, from, (outcome) =>
        outcomes.push(
          outcome.kind === 'result' ? 'ok' : `${outcome.failure.name} ${outcome.failure.executed}`,
        ),
      );
    const register = (seq: number) =>
      main.registry.register('carl', {
        ...{ type: 'registration', id: 1, seq, base: 0, removed: [], complete: true },
        services: [described('garden')],
      });
    const come = () => {
      main.registry.homeConnected('carl', 'i', false);
      main.links.set('carl', new FakeLink('carl'));
    };
    return { ...main, waitsFor, outcomes, ask, come, register };
  };
  const peer: CallOrigin = { kind: 'peer', id: 'relay-b' };
  const fromPeer = { source: mainAddress('relay-b'), path: ['relay-b'] };

  for (const { why, call } of [
    { why: 'a service', call: createCall('garden') },
    { why: 'a Home by its bare id', call: createCall('garden', homeAddress('carl')) },
    { why: 'a Home by its address', call: createCall('garden', homeAddress('carl', 'relay-a')) },
  ]) {
    it(`holds a call to ${why} until it is known`, async () => {
      const { clock, outcomes, ask, come, register } = started();
      ask(call);
      await clock.advance(5_000);
      come();
      await clock.advance(1_000);
      assert.deepEqual(outcomes, [], 'connected, but nobody knows what it offers');
      register(1);
      await clock.advance(100);
      assert.deepEqual(outcomes, ['ok']);
    });
  }

  for (const { why, call, says } of [
    { why: 'a service', call: createCall('fake'), says: 'no_healthy_instance no' },
    { why: 'a Home it had', call: createCall('x', homeAddress('carl')), says: 'home_disconnected no' },
    { why: 'another node', call: createCall('x', homeAddress('y')), says: 'peer_unreachable no' },
    {
      why: 'a Home of another Main',
      call: createCall('x', homeAddress('y', 'z')),
      says: 'peer_unreachable no',
    },
  ]) {
    it(`says before the deadline that it does not know ${why} yet`, async () => {
      const { clock, outcomes, ask } = started();
      ask({ ...call, deadline: 3_000 });
      await clock.advance(2_500);
      assert.deepEqual(outcomes, []);
      await clock.advance(499);
      assert.deepEqual(outcomes, [says]);
    });
  }

  it('says that a service does not exist as soon as it knows', async () => {
    const { clock, outcomes, ask, waitsFor } = started();
    ask(createCall('fake'));
    await clock.advance(5_000);
    waitsFor.isSettling = false;
    await clock.advance(100);
    assert.deepEqual(outcomes, ['service_not_found no']);
  });

  it('knows that a Home which is none of those it had does not exist, once its peers are there', () => {
    const { outcomes, ask, waitsFor } = started();
    waitsFor.awaitsPeers = false;
    ask(createCall('x', homeAddress('y')));
    assert.deepEqual(outcomes, ['node_not_found no']);
  });

  it('answers its peers at once, so that they can decide', () => {
    const { outcomes, ask } = started();
    ask(createCall('garden', homeAddress('carl', 'relay-a'), fromPeer), peer);
    ask(createCall('garden', mainAddress('relay-a'), fromPeer), peer);
    assert.deepEqual(outcomes, ['home_disconnected no', 'no_healthy_instance no']);
  });

  it('forgets a call that is cancelled while it waits', async () => {
    const { clock, outcomes, ask, router } = started();
    const before = clock.pendingTimers;
    const cancel = ask(createCall('garden'));
    assert.equal(router.stats.inFlight, 1);
    cancel('abandon');
    assert.deepEqual([router.stats.inFlight, clock.pendingTimers], [0, before]);
    await clock.advance(1_000);
    assert.deepEqual(outcomes, []);
  });
});

describe('a call that enters', () => {
  const refusedWith = (call: Call, from: CallOrigin): string => {
    let name = 'nothing';
    createMain().router.handle(call, from, (outcome) => {
      name = outcome.kind === 'failure' ? `${outcome.failure.name} ${outcome.failure.executed}` : 'ok';
    });
    return name;
  };

  it('T13 forwarded identity: gets source, caller and path from the session, whatever it says of itself', () => {
    const { router, links } = createMain();
    const lying = createCall('shop', undefined, {
      source: homeAddress('root', 'relay-z'),
      caller: { kind: 'program', node: 'root', subject: 'admin' },
      path: ['root'],
    });
    router.handle(lying, { kind: 'home', id: 'alice' }, () => {});
    router.handle(lying, { kind: 'client' }, () => {});
    const [byHome, byClient] = links.get('bob')?.sent ?? [];
    assert.deepEqual(
      [byHome?.source, byHome?.caller, byHome?.path],
      [homeAddress('alice', 'relay-a'), { kind: 'program', node: 'alice' }, ['alice']],
    );
    assert.deepEqual(
      [byClient?.source, byClient?.caller, byClient?.path],
      [mainAddress('relay-a'), { kind: 'client', node: 'relay-a' }, ['client']],
    );
  });

  it('from a peer is refused if it began elsewhere', () => {
    const source = homeAddress('carol', 'relay-b');
    const call = createCall('shop', undefined, { source, path: ['carol', 'relay-b'] });
    assert.equal(refusedWith(call, { kind: 'peer', id: 'relay-b' }), 'ok');
    assert.equal(refusedWith(call, { kind: 'peer', id: 'relay-c' }), 'forbidden no');
  });

  it('S7 loops: is refused where it has been before', () => {
    const call = createCall('shop', undefined, {
      source: mainAddress('relay-b'),
      path: ['relay-a', 'relay-b'],
    });
    assert.equal(refusedWith(call, { kind: 'peer', id: 'relay-b' }), 'loop_detected no');
  });

  it('is refused when its ttl or its time is used up, or too many wait for it', () => {
    assert.equal(
      refusedWith(createCall('shop', undefined, { ttl: 0 }), { kind: 'client' }),
      'too_many_hops no',
    );
    assert.equal(refusedWith(createCall('shop', undefined, { deadline: 0 }), OWN), 'timeout no');
    const callPath = Array.from({ length: 33 }, (_, index) => `s@h${index}`);
    assert.equal(refusedWith(createCall('shop', undefined, { callPath }), OWN), 'loop_detected no');
  });

  it('gets a trace context if it has none', () => {
    const { router, links } = createMain();
    router.handle(createCall('shop'), OWN, () => {});
    assert.match(links.get('bob')?.sent[0]?.traceparent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });
});

describe('the end of a node', () => {
  it('ends the calls that are left as shutting_down, and refuses whatever still comes, also from links', () => {
    const { router, links } = createMain();
    Object.assign(links.get('bob') ?? {}, { answer: undefined });
    const told: string[] = [];
    const tell = (outcome: Outcome): void =>
      void told.push(
        outcome.kind === 'failure' ? `${outcome.failure.name} ${outcome.failure.executed}` : 'ok',
      );
    router.handle(createCall('shop'), OWN, tell);
    assert.deepEqual(
      router.cutCalls().map(({ service }) => service),
      ['shop'],
    );
    assert.deepEqual(links.get('bob')?.cancelled, ['abandon']);
    links.get('bob')?.settle(ANSWER);
    for (const from of [OWN, { kind: 'home', id: 'alice' }, { kind: 'peer', id: 'relay-b' }] as const) {
      router.handle(createCall('shop'), from, tell);
    }
    assert.deepEqual(told, ['shutting_down unknown', ...Array(3).fill('shutting_down no')]);
    assert.equal(links.get('bob')?.sent.length, 1);
  });
});

describe('T7 retry duplicates a write', () => {
  const run = (first: Outcome, method: string, from: CallOrigin = OWN, destination?: NodeAddress) => {
    const { router, links } = createMain();
    for (const id of ['alice', 'bob']) Object.assign(links.get(id) ?? {}, { answer: undefined });
    const outcomes: Outcome[] = [];
    router.handle(
      createCall('blog', destination, { method }),
      from,
      (outcome) => void outcomes.push(outcome),
    );
    links.get('alice')?.settle(first);
    const again = links.get('bob')?.sent.length ?? 0;
    if (again > 0) links.get('bob')?.settle(ANSWER);
    return {
      again,
      outcomes: outcomes.map((outcome) => (outcome.kind === 'failure' ? outcome.failure.name : 'ok')),
    };
  };
  const lost = (executed: 'no' | 'unknown'): Outcome => ({
    kind: 'failure',
    failure: createFailure('home_disconnected', 'lost', 'relay-a', { executed }),
  });

  it('goes elsewhere if the method certainly did not run', () => {
    assert.deepEqual(run(lost('no'), 'write'), { again: 1, outcomes: ['ok'] });
  });

  it('does not go elsewhere if it may have run', () => {
    assert.deepEqual(run(lost('unknown'), 'write'), { again: 0, outcomes: ['home_disconnected'] });
  });

  it('goes elsewhere if it may have run but only reads', () => {
    assert.deepEqual(run(lost('unknown'), 'read'), { again: 1, outcomes: ['ok'] });
  });

  it('does not go elsewhere for an error of the method', () => {
    const failure = createFailure('internal_error', 'boom', 'alice');
    assert.deepEqual(run({ kind: 'failure', failure }, 'read'), { again: 0, outcomes: ['internal_error'] });
  });

  it('does not go elsewhere for an explicit address, nor for a call of a peer', () => {
    const alice = homeAddress('alice', 'relay-a');
    assert.deepEqual(run(lost('no'), 'write', OWN, alice), { again: 0, outcomes: ['home_disconnected'] });
  });

  it('says why the last instance failed when there is no other', () => {
    const { router, links } = createMain();
    const outcomes: Outcome[] = [];
    for (const id of ['alice', 'bob', 'relay-b']) Object.assign(links.get(id) ?? {}, { answer: lost('no') });
    router.handle(createCall('blog'), OWN, (outcome) => void outcomes.push(outcome));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind === 'failure' && outcome.failure.message),
      ['lost'],
    );
    assert.equal(links.get('relay-b')?.sent.length, 1, 'alice, bob, then dora at relay-b');
  });
});

describe('the outcome of a call', () => {
  it('comes once, and not after a cancel', () => {
    const { router, links } = createMain();
    const link = links.get('bob');
    assert.ok(link);
    link.answer = undefined;
    const outcomes: Outcome[] = [];
    router.handle(createCall('shop'), OWN, (outcome) => void outcomes.push(outcome));
    link.settle(ANSWER);
    link.settle(ANSWER);
    assert.equal(outcomes.length, 1);
    const cancel = router.handle(createCall('shop'), OWN, (outcome) => void outcomes.push(outcome));
    cancel('kill');
    link.settle(ANSWER);
    assert.equal(outcomes.length, 1);
    assert.deepEqual(link.cancelled, ['kill']);
    assert.equal(router.stats.inFlight, 0);
  });

  it('is a timeout at the deadline when the own program does not answer', async () => {
    const { router, registry, clock } = createMain();
    const cancelled: CancelMode[] = [];
    const handle = () => (mode: CancelMode) => void cancelled.push(mode);
    registry.setOwn([{ offer: { name: 'mute', methods: [], visibility: 'federated', weight: 1 }, handle }]);
    const outcomes: Outcome[] = [];
    router.handle(
      createCall('mute', undefined, { deadline: 500 }),
      OWN,
      (outcome) => void outcomes.push(outcome),
    );
    await clock.advance(499);
    assert.equal(outcomes.length, 0);
    await clock.advance(1);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind === 'failure' && outcome.failure.name),
      ['timeout'],
    );
    assert.deepEqual(cancelled, ['abandon']);
  });

  it('shows path and spans of every node when traced', () => {
    const { router, links } = createMain();
    const link = links.get('bob');
    assert.ok(link);
    link.answer = {
      ...ANSWER,
      kind: 'result',
      body: new Uint8Array(),
      trace: { path: ['client', 'relay-a', 'bob'], spans: [{ node: 'bob', event: 'received', us: 0 }] },
    };
    let traced: Outcome | undefined;
    router.handle(createCall('shop', undefined, { trace: true }), OWN, (outcome) => {
      traced = outcome;
    });
    assert.deepEqual(traced?.trace?.path, ['client', 'relay-a', 'bob']);
    assert.deepEqual(
      traced?.trace?.spans.map(({ node, event }) => `${node} ${event}`),
      ['relay-a received', 'relay-a forwarded', 'bob received', 'relay-a answered'],
    );
  });
});

describe('a Home sends a call', () => {
  const decide = (
    service: string,
    to: NodeAddress | undefined,
    from: CallOrigin,
    isConnected = true,
  ): string => {
    const registry = new FederationServiceRegistry({
      self: homeAddress('alice'),
      instance: 'i',
      clock: new ManualClock(),
    });
    const offer = { name: 'blog', methods: [], visibility: 'federated', weight: 1 } as const;
    registry.setOwn([{ offer, handle: () => () => {} }]);
    const main = new FakeLink('relay-a');
    const routing = new HomeRouting({
      self: 'alice',
      registry,
      links: { main: () => (isConnected ? main : undefined), mains: () => (isConnected ? [main] : []) },
    });
    const route = routing.decide(createCall(service, to), from);
    return route.kind === 'none' ? route.failure.name : route.kind === 'service' ? 'own program' : 'main';
  };
  const main: CallOrigin = { kind: 'peer', id: 'relay-a' };
  const rows: readonly [
    why: string,
    service: string,
    to: NodeAddress | undefined,
    from: CallOrigin,
    goes: string,
  ][] = [
    ['to its own program first', 'blog', undefined, OWN, 'own program'],
    ['to its Main for any other service', 'shop', undefined, OWN, 'main'],
    ['to its Main for another node', 'blog', homeAddress('bob'), OWN, 'main'],
    ['to itself by its id', 'blog', homeAddress('alice'), OWN, 'own program'],
    ['to itself by its full address', 'blog', homeAddress('alice', 'relay-a'), OWN, 'own program'],
    ['to its Main for its id at another Main', 'blog', homeAddress('alice', 'relay-b'), OWN, 'main'],
    ['nowhere for a service it has not', 'shop', homeAddress('alice'), OWN, 'service_not_found'],
    ['from its Main to its own program', 'blog', homeAddress('alice', 'relay-a'), main, 'own program'],
    ['from its Main never back', 'shop', undefined, main, 'service_not_found'],
    ['from its Main not for another node', 'blog', homeAddress('bob', 'relay-a'), main, 'node_not_found'],
  ];
  for (const [why, service, to, from, goes] of rows) {
    it(why, () => assert.equal(decide(service, to, from), goes));
  }

  it('nowhere while it has no Main', () => {
    assert.equal(decide('shop', undefined, OWN, false), 'peer_unreachable');
    assert.equal(decide('blog', undefined, OWN, false), 'own program');
  });
});
