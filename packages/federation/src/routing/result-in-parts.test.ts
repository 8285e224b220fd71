import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type BodyRest,
  type BodySink,
  type Call,
  createFailure,
  type FailureName,
  homeAddress,
  mainAddress,
  type Outcome,
  type Settle,
} from '@relay/protocol';
import { ManualClock, seededRandom } from '@relay/testkit';
import { Health } from '../balance/health.ts';
import { resolveBalanceOptions } from '../balance/options.ts';
import { createInstance } from '../registry/instance.ts';
import type { CallObserver } from './call-observer.ts';
import { FederationRouter } from './federation-router.ts';
import type { Route } from './route.ts';

const FIRST = new Uint8Array([91]);
const MORE = new Uint8Array([93]);

/** The rest of a result, as the link from a Home has it. */
class Rest implements BodyRest {
  readonly canRepeat = false;
  sink: BodySink | undefined;
  stopped = false;
  done: ((body: Uint8Array) => void) | undefined;
  pass(sink: BodySink): void {
    this.sink = sink;
  }
  passed(): void {}
  whole(done: (body: Uint8Array) => void): void {
    this.done = done;
  }
  stop(): void {
    this.stopped = true;
  }
}

function createMain() {
  const clock = new ManualClock();
  const instance = createInstance({
    description: { name: 's', instance: 'i', weight: 1, methods: [], visibility: 'federated' },
    node: homeAddress('alice', 'relay-a'),
    origin: 'home',
    capacity: 10,
    isHealthy: true,
    holder: { isReachable: true, lastSeen: 0, expiresAt: undefined },
  });
  const told: string[] = [];
  const observer: CallObserver = {
    decided() {},
    refused() {},
    ended: ({ startedAt }, outcome, now) => {
      const code =
        outcome === undefined ? 'cancelled' : outcome.kind === 'result' ? 'ok' : outcome.failure.name;
      told.push(`${code} after ${now - startedAt}`);
    },
  };
  let settle: Settle = () => {};
  const router = new FederationRouter({
    nodeType: 'main',
    self: 'relay-a',
    clock,
    random: seededRandom(1),
    observer,
    health: new Health({
      self: 'relay-a',
      config: resolveBalanceOptions({ failures: 1 }),
      peersOf: () => [[instance]],
    }),
    decide: (call): Route => {
      const outlet = {
        call: (_sent: Call, answer: Settle) => {
          settle = answer;
          return () => {};
        },
      };
      return { kind: 'via', outlet, destination: call.destination, instance };
    },
  });
  const call: Call = {
    service: 's',
    method: 'get',
    params: new Uint8Array(),
    deadline: 10_000,
    source: mainAddress('relay-a'),
    caller: { kind: 'http', node: 'relay-a' },
    path: [],
    ttl: 10,
    priority: 5,
    trace: false,
    traceparent: 'tp',
    callPath: [],
    takesParts: true,
  };
  /** Calls, and answers after 5 ms with a first part. */
  const begin = () => {
    const rest = new Rest();
    const outcomes: Outcome[] = [];
    router.handle(call, { kind: 'home', id: 'bob' }, (outcome) => outcomes.push(outcome));
    clock.advanceSync(5);
    settle({ kind: 'result', body: FIRST, rest });
    const [outcome] = outcomes;
    assert.ok(outcome?.kind === 'result' && outcome.rest !== undefined);
    assert.deepEqual([told.length, router.stats.inFlight, instance.stats.inFlight], [0, 1, 1]);
    return { rest, taken: outcome.rest };
  };
  const ended = (): string => {
    const { stats } = instance;
    assert.deepEqual([router.stats.inFlight, stats.inFlight, router.stats.total], [0, 0, 1]);
    const circuit = stats.methods.get('get')?.circuit.kind ?? 'closed';
    return `${told.join(', ')}; ${router.stats.failed} failed, circuit ${circuit}, latency ${stats.averageLatencyMs}`;
  };
  return { clock, begin, ended };
}

/** Takes what is passed on. */
class Taker implements BodySink {
  readonly got: string[] = [];
  part(part: Uint8Array, isLast: boolean): void {
    this.got.push(`${part.length} ${isLast}`);
  }
  fail({ name }: { readonly name: string }): void {
    this.got.push(name);
  }
}

describe('a result in parts', () => {
  it('counts when its last part has come, with the time to its first', () => {
    const { clock, begin, ended } = createMain();
    const { rest, taken } = begin();
    const taker = new Taker();
    taken.pass(taker);
    clock.advanceSync(3_000);
    rest.sink?.part(MORE, false);
    rest.sink?.part(MORE, true);
    assert.deepEqual(taker.got, ['1 false', '1 true']);
    assert.equal(ended(), 'ok after 5; 0 failed, circuit closed, latency 5');
    // Whoever lets go of it afterwards changes nothing.
    taken.stop('abandon');
    assert.equal(ended(), 'ok after 5; 0 failed, circuit closed, latency 5');
  });

  it('counts when somebody who needs it whole has it', () => {
    const { begin, ended } = createMain();
    const { rest, taken } = begin();
    let body: Uint8Array | undefined;
    taken.whole((whole) => {
      body = whole;
    });
    rest.done?.(MORE);
    assert.equal(body, MORE);
    assert.equal(ended(), 'ok after 5; 0 failed, circuit closed, latency 5');
  });

  const failures: readonly { readonly name: FailureName; readonly why: string; readonly said: string }[] = [
    {
      name: 'internal_error',
      why: 'is a failure of its instance',
      said: 'internal_error after 25; 1 failed, circuit open, latency 5',
    },
    {
      name: 'timeout',
      why: 'says nothing of its instance if time ran out: its taker may be slow',
      said: 'timeout after 25; 1 failed, circuit closed, latency 0',
    },
  ];
  for (const { name, why, said } of failures) {
    it(`that breaks off ${why}`, () => {
      const { clock, begin, ended } = createMain();
      const { rest, taken } = begin();
      const taker = new Taker();
      taken.pass(taker);
      clock.advanceSync(20);
      rest.sink?.fail(createFailure(name, 'x', 'alice'));
      assert.deepEqual(taker.got, [name]);
      assert.equal(ended(), said);
    });
  }

  it('that nobody takes any more is a cancelled call', () => {
    const { begin, ended } = createMain();
    const { rest, taken } = begin();
    taken.stop('abandon');
    assert.ok(rest.stopped);
    assert.equal(ended(), 'cancelled after 5; 0 failed, circuit closed, latency 0');
  });
});
