// Calls that enter at a fourth Main, for instances behind three others, in virtual time: how evenly they are spread, and what callers
// see of instances that fail.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Call,
  createFailure,
  homeAddress,
  mainAddress,
  type Outcome,
  type RegistryEntry,
  type Settle,
} from '@relay/protocol';
import { ManualClock, type SeededRandom, seededRandom } from '@relay/testkit';
import { Balancer } from '../balance/balancer.ts';
import { Health } from '../balance/health.ts';
import { type BalanceOptions, resolveBalanceOptions, type StrategyName } from '../balance/options.ts';
import { FederationServiceRegistry } from '../registry/federation-service-registry.ts';
import type { Instance } from '../registry/instance.ts';
import { FederationRouter } from './federation-router.ts';
import { HttpIngress } from './ingress.ts';
import { MainRouting } from './main-routing.ts';

const SELF = 'relay-d';
const PEERS = ['relay-a', 'relay-b', 'relay-c'];
const ANSWER: Outcome = { kind: 'result', body: new Uint8Array([49]) };

function failed(at: string): Outcome {
  return { kind: 'failure', failure: createFailure('internal_error', 'defect', at) };
}

/** What a Home does with a call: the outcome after a time, or nothing ever. */
type Behaviour = (random: SeededRandom) => { readonly afterMs: number; readonly outcome?: Outcome };

const wellAfter =
  (meanMs: number): Behaviour =>
  (random) => ({ afterMs: meanMs * (0.5 + random.next()), outcome: ANSWER });

class Scene {
  readonly clock = new ManualClock();
  readonly random: SeededRandom;
  readonly registry: FederationServiceRegistry;
  readonly router: FederationRouter;
  readonly sent = new Map<string, number>();
  readonly behaviours = new Map<string, Behaviour>();
  /** Most calls that a Home had at once. */
  readonly most = new Map<string, number>();
  readonly #open = new Map<string, number>();

  constructor(
    count: number,
    options: BalanceOptions = {},
    more: (index: number) => Partial<RegistryEntry> = () => ({}),
  ) {
    const { clock } = this;
    this.random = seededRandom(`${count} ${options.strategy}`);
    this.registry = new FederationServiceRegistry({ self: mainAddress(SELF), instance: 'd', clock });
    for (const [place, peer] of PEERS.entries()) {
      const add: RegistryEntry[] = [];
      for (let index = place; index < count; index += PEERS.length) {
        const method = { name: 'read', params: [], returns: 'any', effect: 'writes' } as const;
        const node = homeAddress(`home-${index}`, peer);
        const described = { name: 'blog', methods: [method], visibility: 'federated', weight: 1 } as const;
        add.push({
          ...described,
          instance: `i${index}`,
          node,
          healthy: true,
          capacity: 1_024,
          seq: index,
          ...more(index),
        });
      }
      this.registry.peerConnected(peer, { isHealthy: true });
      this.registry.discover(peer, { kind: 'snapshot', instance: peer, seq: count, add, complete: true });
    }
    const config = resolveBalanceOptions(options);
    const health = new Health({
      self: SELF,
      config,
      peersOf: (service) => this.registry.listsOf(service),
    });
    const outlet = { call: (call: Call, settle: Settle) => this.#arrive(call, settle) };
    const routing = new MainRouting({
      self: SELF,
      registry: this.registry,
      balancer: new Balancer(config, this.random.fork('picks')),
      health,
      clock,
      links: {
        home: () => undefined,
        peer: (id) => (PEERS.includes(id) ? outlet : undefined),
        knowsPeer: (id) => PEERS.includes(id),
      },
    });
    this.router = new FederationRouter({
      nodeType: 'main',
      self: SELF,
      clock,
      random: this.random.fork('ids'),
      health,
      decide: (call, from, tried) => routing.decide(call, from, tried),
    });
  }

  call(settle: Settle = () => {}, timeoutMs = 60_000, more: Partial<Call> = {}): void {
    const call: Call = {
      service: 'blog',
      method: 'read',
      params: new Uint8Array(),
      deadline: this.clock.now() + timeoutMs,
      source: mainAddress(SELF),
      caller: { kind: 'http', node: SELF },
      path: ['client'],
      ttl: 10,
      priority: 5,
      trace: false,
      traceparent: '00-5f2c8e0b9d6a4f1e8c7b3a2d1e0f9c8b-00f067aa0ba902b7-01',
      callPath: [],
      ...more,
    };
    this.router.handle(call, { kind: 'own' }, settle);
  }

  /** `perSecond` calls, as they come, for `ms`. Returns what each answered, with the time it was sent. */
  load(perSecond: number, ms: number, timeoutMs?: number): { readonly at: number; outcome?: Outcome }[] {
    const calls: { at: number; outcome?: Outcome }[] = [];
    const end = this.clock.now() + ms;
    while (this.clock.now() < end) {
      const call: { at: number; outcome?: Outcome } = { at: this.clock.now() };
      calls.push(call);
      this.call((outcome) => {
        call.outcome = outcome;
      }, timeoutMs);
      // Poisson arrivals.
      this.clock.advanceSync((-Math.log(1 - this.random.next()) * 1_000) / perSecond);
    }
    return calls;
  }

  instance(index: number): Instance {
    const found = this.registry.federated.of('blog').find(({ node }) => node.id === `home-${index}`);
    assert.ok(found !== undefined);
    return found;
  }

  #arrive(call: Call, settle: Settle) {
    const id = call.destination?.id ?? '';
    this.sent.set(id, (this.sent.get(id) ?? 0) + 1);
    const open = (this.#open.get(id) ?? 0) + 1;
    this.#open.set(id, open);
    this.most.set(id, Math.max(open, this.most.get(id) ?? 0));
    const { afterMs, outcome } = (this.behaviours.get(id) ?? wellAfter(10))(this.random);
    const remaining = call.deadline - this.clock.now();
    const isAnswered = outcome !== undefined && afterMs < remaining;
    const late = { kind: 'failure', failure: createFailure('timeout', 'no answer in time', SELF) } as const;
    this.clock.after(isAnswered ? afterMs : remaining, () => {
      this.#open.set(id, (this.#open.get(id) ?? 0) - 1);
      settle(isAnswered && outcome !== undefined ? outcome : late);
    });
    return () => {};
  }
}

function counts(scene: Scene, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => scene.sent.get(`home-${index}`) ?? 0);
}

function ratio(values: readonly number[]): number {
  return Math.max(...values) / Math.min(...values);
}

function errorsOf(calls: readonly { outcome?: Outcome }[]): number {
  return calls.filter(({ outcome }) => outcome?.kind === 'failure').length;
}

const CALLS = 10_000;

describe('T3 balance through a hop: 10,000 calls that enter at a fourth Main', () => {
  for (const strategy of ['round_robin', 'least_connections'] as const) {
    for (const count of [1, 5, 20]) {
      it(`are even over ${count} instances with ${strategy}`, () => {
        const scene = new Scene(count, { strategy });
        const calls = scene.load(count * 40, (CALLS / (count * 40)) * 1_000);
        scene.clock.advanceSync(1_000);
        assert.ok(calls.length > CALLS * 0.9);
        assert.equal(errorsOf(calls), 0);
        assert.ok(ratio(counts(scene, count)) <= 1.1, counts(scene, count).join(' '));
      });
    }
  }

  for (const count of [5, 20]) {
    it(`are spread over ${count} instances with random as chance would`, () => {
      const scene = new Scene(count, { strategy: 'random' });
      for (let call = 0; call < CALLS; call += 1) {
        scene.call();
        scene.clock.advanceSync(1);
      }
      const expected = CALLS / count;
      const chi = counts(scene, count).reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
      // The 0.1 % and 99.9 % points of chi-square with 4 and 19 degrees of freedom: neither uneven nor too even for chance.
      const [least, most] = count === 5 ? [0.09, 18.5] : [5.41, 43.8];
      assert.ok(chi > least && chi < most, `chi-square ${chi}`);
    });
  }

  it('queue with power_of_two far less than with random, as the theory says', () => {
    // Single-file servers at 80 % load. At least k calls at a server: 0.8^k of the time with random, 0.8^(2^k - 1) with two choices.
    const shareAtLeast = (strategy: StrategyName, k: number): number => {
      const count = 20;
      const scene = new Scene(count, { strategy, isProtected: false });
      const busyUntil = new Map<string, number>();
      for (let index = 0; index < count; index += 1) {
        scene.behaviours.set(`home-${index}`, (random) => {
          const now = scene.clock.now();
          const end = Math.max(now, busyUntil.get(`home-${index}`) ?? 0) - Math.log(1 - random.next()) * 10;
          busyUntil.set(`home-${index}`, end);
          return { afterMs: end - now, outcome: ANSWER };
        });
      }
      scene.load(1_600, 1_000);
      let seen = 0;
      let looks = 0;
      for (let look = 0; look < 100; look += 1) {
        scene.load(1_600, 50);
        for (let index = 0; index < count; index += 1) {
          looks += 1;
          if (scene.instance(index).stats.inFlight >= k) seen += 1;
        }
      }
      return seen / looks;
    };
    const two = shareAtLeast('power_of_two', 4);
    const any = shareAtLeast('random', 4);
    assert.ok(any > 0.3, `random: ${any}, theory ${0.8 ** 4}`);
    assert.ok(two < 0.12, `power_of_two: ${two}, theory ${0.8 ** 15}`);
  });

  it('follow the weights of the instances, and of the service here before those', () => {
    const weighed = (index: number) => ({ weight: index === 0 ? 3 : 1 });
    for (const strategy of ['round_robin', 'random', 'least_connections'] as const) {
      const scene = new Scene(3, { strategy }, weighed);
      const perSecond = strategy === 'least_connections' ? 3_000 : 300;
      scene.load(perSecond, (6_000 / perSecond) * 1_000);
      const [first = 0, second = 0, third = 0] = counts(scene, 3);
      const share = (2 * first) / (second + third);
      const [least, most] = strategy === 'least_connections' ? [2.2, 3.8] : [2.8, 3.2];
      assert.ok(share > least && share < most, `${strategy}: ${share}`);
    }
    const services = new Map([['blog', { weight: 1 }]]);
    const even = new Scene(3, { services }, weighed);
    even.load(300, 3_000);
    assert.ok(ratio(counts(even, 3)) < 1.02);
  });

  it('keep each caller at one instance with sticky, and move only those of an instance that goes', () => {
    const scene = new Scene(20, { strategy: 'sticky' });
    const placeOf = (subject: string): string => {
      scene.sent.clear();
      scene.call(undefined, undefined, { caller: { kind: 'http', node: SELF, subject } });
      scene.clock.advanceSync(100);
      return [...scene.sent.keys()].join();
    };
    const callers = Array.from({ length: 500 }, (_, index) => `caller-${index}`);
    const before = callers.map(placeOf);
    assert.deepEqual(callers.map(placeOf), before);
    assert.ok(new Set(before).size === 20, 'all instances have callers');
    scene.registry.discover('relay-a', {
      kind: 'delta',
      instance: 'relay-a',
      from: 20,
      to: 21,
      add: [],
      remove: [['blog', 'home-0']],
    });
    const after = callers.map(placeOf);
    const moved = callers.filter((_, index) => after[index] !== before[index]);
    assert.equal(moved.length, before.filter((place) => place === 'home-0').length);
  });

  it('go mostly to the fastest with lowest_latency, and to the others now and then', () => {
    const scene = new Scene(5, { strategy: 'lowest_latency' });
    for (let index = 0; index < 5; index += 1)
      scene.behaviours.set(`home-${index}`, wellAfter(index === 2 ? 5 : 50));
    scene.load(100, 60_000);
    const [a = 0, b = 0, fast = 0, c = 0, d = 0] = counts(scene, 5);
    assert.ok(fast > 0.7 * (a + b + c + d + fast), `${fast} of ${a + b + c + d + fast}`);
    for (const slow of [a, b, c, d]) assert.ok(slow >= 2, 'asked again after a while');
  });

  it('cost as much with 10,000 instances as with 64', () => {
    for (const strategy of [
      'round_robin',
      'least_connections',
      'random',
      'sticky',
      'power_of_two',
    ] as const) {
      const scene = new Scene(10_000, { strategy });
      let looked = 0;
      const list = scene.registry.federated.of('blog');
      for (const instance of list) {
        const { limit } = instance.stats;
        Object.defineProperty(instance.stats, 'limit', {
          get: () => {
            looked += 1;
            return limit;
          },
        });
      }
      for (let call = 0; call < 100; call += 1) scene.call();
      assert.ok(looked <= 100 * 64, `${strategy}: ${looked / 100} instances a call`);
      assert.ok(scene.sent.size > (strategy === 'sticky' ? 0 : 50));
    }
  });
});

describe('the time of a call by HTTP', () => {
  for (const { why, service = 'blog', timeoutMs, endsAfterMs } of [
    { why: 'is that of the call, before all others', timeoutMs: 2_000, endsAfterMs: 2_000 },
    { why: 'is that of the service, if the call names none', endsAfterMs: 5_000 },
    { why: 'is that of the node, if the service has none', service: 'shop', endsAfterMs: 60_000 },
  ]) {
    it(why, () => {
      const scene = new Scene(3, {}, () => ({ name: service }));
      for (const id of ['home-0', 'home-1', 'home-2']) scene.behaviours.set(id, () => ({ afterMs: 0 }));
      const ingress = new HttpIngress({
        router: scene.router,
        clock: scene.clock,
        defaultTimeoutMs: 60_000,
        timeoutOf: (name) => (name === 'blog' ? 5_000 : undefined),
      });
      let endedAt = 0;
      const params = new Uint8Array();
      const request = { service, method: 'read', params, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
      ingress.submit(request, {}, () => {
        endedAt = scene.clock.now();
      });
      scene.clock.advanceSync(61_000);
      assert.equal(endedAt, endsAfterMs);
    });
  }
});

describe('T14 protections are on by default', () => {
  const half: Behaviour = (random) => ({
    afterMs: 5 + random.next() * 10,
    outcome: random.next() < 0.5 ? ANSWER : failed('home-0'),
  });

  function errorShare(options: BalanceOptions): number {
    const scene = new Scene(5, options);
    scene.load(500, 2_000);
    scene.behaviours.set('home-0', half);
    scene.load(500, 2_000);
    const calls = scene.load(500, 60_000);
    scene.clock.advanceSync(1_000);
    return errorsOf(calls) / calls.length;
  }

  it('an instance that fails half its calls leaves callers with under 1 % of errors within 2 s', () => {
    const share = errorShare({});
    assert.ok(share < 0.01, `${share * 100} %`);
  });

  it('which it would not without them', () => {
    assert.ok(errorShare({ isProtected: false }) > 0.08);
  });

  it('an instance that hangs keeps one call a probe waiting, beside those it had when it began to', () => {
    const scene = new Scene(4);
    scene.load(200, 2_000);
    scene.behaviours.set('home-0', () => ({ afterMs: 0 }));
    const first = scene.load(200, 10_000, 5_000);
    scene.clock.advanceSync(6_000);
    const hung = first.filter(({ outcome }) => outcome?.kind === 'failure');
    // For a second and a little it was not known; no call that came later waited.
    assert.ok(hung.length > 10);
    assert.ok(Math.max(...hung.map(({ at }) => at)) - Math.min(...hung.map(({ at }) => at)) < 1_500);
    // From now on one trial each time: after 30 s, 60 s more, and so on.
    const later = scene.load(200, 120_000, 5_000);
    scene.clock.advanceSync(6_000);
    assert.ok(errorsOf(later) >= 1 && errorsOf(later) <= 3, `${errorsOf(later)} calls waited`);
  });

  it('all of the calls at a hanging instance wait without them', () => {
    const scene = new Scene(4, { isProtected: false });
    scene.load(200, 2_000);
    scene.behaviours.set('home-0', () => ({ afterMs: 0 }));
    const calls = scene.load(200, 10_000, 5_000);
    scene.clock.advanceSync(6_000);
    assert.ok(errorsOf(calls) > calls.length * 0.2);
  });

  it('never leaves out more than half, nor the last', () => {
    for (const count of [1, 2, 5]) {
      // Methods take turns, so that no circuit opens: only ejection is seen here.
      const scene = new Scene(count, { failures: 1_000_000 });
      for (let index = 1; index < count; index += 1) scene.behaviours.set(`home-${index}`, half);
      if (count === 1) scene.behaviours.set('home-0', half);
      scene.load(500, 20_000);
      let ejected = 0;
      for (let index = 0; index < count; index += 1) {
        if (scene.instance(index).stats.ejection.kind !== 'closed') ejected += 1;
      }
      assert.ok(ejected * 2 <= count, `${ejected} of ${count}`);
      assert.ok(count === 1 || ejected > 0);
    }
  });

  it('answers at once when every circuit is open, and says for how long', () => {
    const scene = new Scene(2);
    for (const id of ['home-0', 'home-1']) {
      scene.behaviours.set(id, () => ({ afterMs: 1, outcome: failed(id) }));
    }
    scene.load(100, 1_000);
    const sent = [...scene.sent.values()].reduce((sum, seen) => sum + seen, 0);
    assert.equal(sent, 10, 'five calls each');
    const outcomes: Outcome[] = [];
    scene.call((outcome) => outcomes.push(outcome));
    const [outcome] = outcomes;
    assert.ok(outcome?.kind === 'failure');
    const { name, executed, at, retryAfterMs = 0 } = outcome.failure;
    assert.deepEqual([name, executed, at], ['circuit_open', 'no', SELF]);
    assert.ok(retryAfterMs > 28_000 && retryAfterMs <= 30_000, String(retryAfterMs));
    // They recover: after one trial each, calls flow again.
    for (const id of ['home-0', 'home-1']) scene.behaviours.set(id, wellAfter(10));
    scene.clock.advanceSync(30_000);
    const calls = scene.load(100, 1_000);
    scene.clock.advanceSync(1_000);
    assert.equal(errorsOf(calls.slice(5)), 0);
  });

  it('gives an instance that comes back a small share at first', () => {
    const scene = new Scene(2);
    const change = (healthy: boolean, seq: number) => {
      const { description, node } = scene.instance(0);
      const add = [{ ...description, node, healthy, capacity: 1_024, seq }];
      const delta = { kind: 'delta', instance: 'relay-a', from: seq - 1, to: seq, add, remove: [] } as const;
      scene.registry.discover('relay-a', delta);
    };
    change(false, 3);
    scene.load(100, 1_000);
    change(true, 4);
    scene.sent.clear();
    scene.load(100, 2_000);
    const [back = 0, other = 0] = counts(scene, 2);
    assert.ok(back > 0 && back < other / 3, `${back} and ${other}`);
    scene.clock.advanceSync(10_000);
    scene.sent.clear();
    scene.load(100, 2_000);
    assert.ok(ratio(counts(scene, 2)) < 1.1);
  });

  it('keeps the calls at an instance to what it can work off', () => {
    const overloaded = (options: BalanceOptions) => {
      const scene = new Scene(1, options);
      let busyUntil = 0;
      // One call at a time, 5 ms each.
      scene.behaviours.set('home-0', () => {
        const now = scene.clock.now();
        busyUntil = Math.max(now, busyUntil) + 5;
        return { afterMs: busyUntil - now, outcome: ANSWER };
      });
      scene.load(50, 2_000);
      scene.load(600, 3_000);
      const calls = scene.load(600, 10_000);
      scene.most.clear();
      scene.clock.advanceSync(20_000);
      const well = calls.filter(({ outcome }) => outcome?.kind === 'result');
      const after = scene.load(50, 5_000);
      scene.clock.advanceSync(1_000);
      return { goodput: well.length / 2_000, calls, after, limit: scene.instance(0).stats.limit };
    };
    const { goodput, calls, after, limit } = overloaded({});
    assert.ok(goodput > 0.85, `${goodput} of what it can do`);
    assert.ok(limit < 60, `limit ${limit}`);
    const refused = calls.filter(({ outcome }) => outcome?.kind === 'failure');
    assert.ok(refused.length > 0);
    for (const { outcome } of refused) {
      assert.ok(outcome?.kind === 'failure' && outcome.failure.name === 'overloaded');
      assert.equal(outcome.failure.executed, 'no');
    }
    assert.equal(errorsOf(after), 0);
    assert.ok(overloaded({ isProtected: false }).limit > 1_000);
  });

  it('takes a thousand calls at once that it can work off, however slow that makes the last ones, twice', () => {
    const scene = new Scene(1);
    let busyUntil = 0;
    // One call at a time, 1 ms each.
    scene.behaviours.set('home-0', () => {
      const now = scene.clock.now();
      busyUntil = Math.max(now, busyUntil) + 1;
      return { afterMs: busyUntil - now, outcome: ANSWER };
    });
    scene.load(50, 2_000);
    for (let burst = 0; burst < 2; burst += 1) {
      const calls = scene.load(2_500, 400);
      scene.clock.advanceSync(2_000);
      assert.ok(calls.length > 900, `${calls.length} calls`);
      assert.equal(errorsOf(calls), 0);
    }
    assert.ok(scene.instance(0).stats.limit > 1_000);
  });

  it('refuses a call that has less time left than the method usually takes', () => {
    const scene = new Scene(1);
    scene.behaviours.set('home-0', wellAfter(500));
    const outcomeWithin = (timeoutMs: number): Outcome | undefined => {
      const outcomes: Outcome[] = [];
      scene.call((outcome) => outcomes.push(outcome), timeoutMs);
      const atOnce = outcomes[0];
      scene.clock.advanceSync(2_000);
      return atOnce;
    };
    assert.equal(outcomeWithin(100), undefined, 'nothing is known yet');
    scene.load(20, 5_000);
    const outcome = outcomeWithin(100);
    assert.ok(outcome?.kind === 'failure');
    assert.deepEqual([outcome.failure.name, outcome.failure.executed], ['timeout', 'no']);
    assert.equal(outcomeWithin(5_000), undefined, 'enough time');
    scene.clock.advanceSync(20_000);
    assert.equal(outcomeWithin(100), undefined, 'what nobody confirmed for long refuses nothing');
  });

  it('does not hold a caller without patience against the instance', () => {
    const scene = new Scene(1);
    scene.behaviours.set('home-0', wellAfter(100));
    scene.load(20, 5_000);
    for (let call = 0; call < 50; call += 1) {
      scene.clock.advanceSync(11_000);
      scene.call(undefined, 20);
    }
    scene.clock.advanceSync(1_000);
    assert.equal(scene.instance(0).stats.methods.get('read')?.circuit.kind, 'closed');
  });
});
