import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Call,
  createFailure,
  type FailureName,
  formatAddress,
  homeAddress,
  mainAddress,
  type NodeAddress,
  type Outcome,
  type Settle,
} from '@relay/protocol';
import { ManualClock, seededRandom } from '@relay/testkit';
import { Health } from '../balance/health.ts';
import { resolveBalanceOptions } from '../balance/options.ts';
import { createInstance, type Instance, type Origin } from '../registry/instance.ts';
import { FederationRouter } from './federation-router.ts';
import type { CallOrigin, Route } from './route.ts';

const RESULT: Outcome = { kind: 'result', body: new Uint8Array([49]) };
const failed = (name: FailureName, more: Parameters<typeof createFailure>[3] = {}): Outcome => ({
  kind: 'failure',
  failure: createFailure(name, name, 'there', more),
});
const LOST = failed('home_disconnected', { executed: 'unknown' });
const RUNNING = failed('idempotency_in_progress', { retryAfterMs: 250 });

function instanceAt(node: NodeAddress, origin: Origin): Instance {
  const method = { name: 'write', params: [], returns: 'any', effect: 'writes' } as const;
  return createInstance({
    description: { name: 's', methods: [method], visibility: 'federated', weight: 1, instance: 'i' },
    node,
    origin,
    capacity: 100,
    isHealthy: true,
    holder: { isReachable: true, lastSeen: 0, expiresAt: undefined },
  });
}

const ALICE = instanceAt(homeAddress('alice', 'relay-a'), 'home');
const REMOTE = instanceAt(homeAddress('carol', 'relay-b'), 'peer');

/** A Main with one instance of a service behind a link that answers as the test says. */
function createMain({ instance = ALICE, from = { kind: 'own' } as CallOrigin } = {}) {
  const clock = new ManualClock();
  /** What each attempt was sent to, and when. */
  const sent: string[] = [];
  const answers: Outcome[] = [];
  const world = { isThere: true, waiting: undefined as Settle | undefined };
  const decide = (call: Call): Route => {
    if (!world.isThere) {
      return {
        kind: 'none',
        failure: createFailure('home_disconnected', 'alice is not connected', 'relay-a'),
      };
    }
    const outlet = {
      call: (sentCall: Call, settle: Settle) => {
        const to = sentCall.destination === undefined ? '*' : formatAddress(sentCall.destination);
        sent.push(`${to} ${clock.now()}`);
        const answer = answers.shift();
        if (answer === undefined) world.waiting = settle;
        else settle(answer);
        return () => {};
      },
    };
    return { kind: 'via', outlet, destination: call.destination, instance };
  };
  const router = new FederationRouter({
    nodeType: 'main',
    self: 'relay-a',
    clock,
    random: seededRandom(1),
    health: new Health({ self: 'relay-a', config: resolveBalanceOptions({}), peersOf: () => [] }),
    decide,
  });
  /** `key`: empty for none. */
  const start = (key = 'k', more: Partial<Call> = {}) => {
    const asked: { outcome?: Outcome; at?: number; cancel?: () => void } = {};
    const call: Call = {
      service: 's',
      method: 'write',
      params: new Uint8Array(),
      deadline: 10_000,
      source: from.kind === 'peer' ? homeAddress('x', 'relay-b') : mainAddress('relay-a'),
      caller: { kind: 'http', node: 'relay-a' },
      path: [],
      ttl: 10,
      priority: 5,
      trace: false,
      traceparent: 'tp',
      callPath: [],
      ...(key === '' ? {} : { idempotencyKey: key }),
      ...more,
    };
    const cancel = router.handle(call, from, (outcome) => {
      assert.equal(asked.outcome, undefined, 'one outcome');
      asked.outcome = outcome;
      asked.at = clock.now();
    });
    asked.cancel = () => cancel('abandon');
    return asked;
  };
  return { clock, sent, answers, world, router, start };
}

const told = ({ outcome }: { outcome?: Outcome }): string =>
  outcome === undefined
    ? 'nothing'
    : outcome.kind === 'result'
      ? 'result'
      : `${outcome.failure.name} ${outcome.failure.executed}`;

describe('a call with an idempotency key that may have run', () => {
  it('is asked again at the same instance', async () => {
    const { clock, sent, answers, start } = createMain();
    answers.push(LOST, RESULT);
    const asked = start();
    await clock.advance(1_000);
    assert.equal(told(asked), 'result');
    assert.deepEqual(sent, ['* 0', 'alice@relay-a 100']);
  });

  const others: readonly {
    readonly why: string;
    readonly scene?: Parameters<typeof createMain>[0];
    readonly key?: string;
    readonly more?: Partial<Call>;
  }[] = [
    { why: 'without a key', key: '' },
    { why: 'where it came from a peer, which asks again', scene: { from: { kind: 'peer', id: 'relay-b' } } },
    {
      why: 'at a node of the former protocol',
      scene: { instance: instanceAt(homeAddress('old', 'relay-a'), 'p2p') },
    },
    {
      why: 'at a node of the former protocol behind a peer',
      scene: { instance: { ...REMOTE, holder: { ...REMOTE.holder, instance: 'i' } } },
    },
    {
      why: 'at a Main that may choose another',
      scene: { instance: instanceAt(mainAddress('relay-b'), 'peer') },
    },
    { why: 'after its params are gone', more: { rest: { canRepeat: false } as NonNullable<Call['rest']> } },
  ];
  for (const { why, scene, key, more } of others) {
    it(`is not asked again ${why}`, async () => {
      const { clock, sent, answers, start } = createMain(scene);
      answers.push(LOST, RESULT);
      const asked = start(key, more);
      await clock.advance(1_000);
      assert.equal(told(asked), 'home_disconnected unknown');
      assert.equal(sent.length, 1);
    });
  }

  it('is asked again at a Home of a peer', async () => {
    const holder = { ...REMOTE.holder, instance: 'process of relay-b' };
    const { clock, sent, answers, start } = createMain({ instance: { ...REMOTE, holder } });
    answers.push(LOST, RESULT);
    const asked = start();
    await clock.advance(1_000);
    assert.equal(told(asked), 'result');
    assert.deepEqual(sent, ['* 0', 'carol@relay-b 100']);
  });

  it('is asked again at a Home whose record says which process it is', async () => {
    const holder = { ...ALICE.holder, instance: ALICE.description.instance };
    const { clock, answers, start } = createMain({ instance: { ...ALICE, holder } });
    answers.push(LOST, RESULT);
    const asked = start();
    await clock.advance(1_000);
    assert.equal(told(asked), 'result');
  });

  it('waits for the instance to come back', async () => {
    const { clock, sent, answers, world, start } = createMain();
    const asked = start();
    world.isThere = false;
    world.waiting?.(LOST);
    await clock.advance(3_000);
    assert.equal(told(asked), 'nothing');
    world.isThere = true;
    answers.push(RESULT);
    await clock.advance(2_000);
    assert.equal(told(asked), 'result');
    assert.deepEqual(sent, ['* 0', 'alice@relay-a 3100']);
  });

  it('ends before its deadline with what is known of the attempt that may have run', async () => {
    const { clock, world, start } = createMain();
    const asked = start();
    world.isThere = false;
    world.waiting?.(LOST);
    await clock.runUntilIdle();
    assert.equal(told(asked), 'home_disconnected unknown');
    assert.ok((asked.at ?? 0) > 7_900 && (asked.at ?? 0) < 10_000, `at ${asked.at}`);
  });

  it('waits while the first attempt still runs', async () => {
    const { clock, sent, answers, start } = createMain();
    answers.push(LOST, RUNNING, RUNNING, RESULT);
    const asked = start();
    await clock.advance(2_000);
    assert.equal(told(asked), 'result');
    assert.deepEqual(sent, ['* 0', 'alice@relay-a 100', 'alice@relay-a 350', 'alice@relay-a 600']);
  });

  it('is told that an earlier call still runs if its own first attempt finds that', async () => {
    const { clock, sent, answers, start } = createMain();
    answers.push(RUNNING, RESULT);
    const asked = start();
    await clock.advance(2_000);
    assert.equal(told(asked), 'idempotency_in_progress no');
    assert.equal(sent.length, 1);
  });

  it('is repeated twice at most, if each may have run', async () => {
    const { clock, sent, answers, start } = createMain();
    answers.push(LOST, LOST, LOST, RESULT);
    const asked = start();
    await clock.advance(5_000);
    assert.equal(told(asked), 'home_disconnected unknown');
    assert.equal(sent.length, 3);
  });

  for (const { why, second, says } of [
    { why: 'a failure of the method', second: failed('application_error'), says: 'application_error yes' },
    { why: 'a refusal that stays', second: failed('method_not_found'), says: 'home_disconnected unknown' },
    { why: 'a conflict', second: failed('idempotency_conflict'), says: 'home_disconnected unknown' },
  ]) {
    it(`ends with ${says} after ${why}`, async () => {
      const { clock, sent, answers, start } = createMain();
      answers.push(LOST, second, RESULT);
      const asked = start();
      await clock.advance(5_000);
      assert.equal(told(asked), says);
      assert.equal(sent.length, 2);
    });
  }

  it('takes what has not reached the instance as often as the budget allows', async () => {
    const { clock, sent, answers, start } = createMain();
    answers.push(LOST, failed('peer_unreachable'), failed('overloaded'), failed('service_not_found'), RESULT);
    const asked = start();
    await clock.advance(9_000);
    assert.equal(told(asked), 'result');
    assert.equal(sent.length, 5);
  });

  it('stays within the retry budget', async () => {
    const { clock, sent, answers, start } = createMain();
    const calls = 100;
    for (let at = 0; at < calls; at += 1) answers.push(LOST);
    const asked = Array.from({ length: calls }, (_, at) => start(`k${at}`));
    for (let at = 0; at < calls; at += 1) answers.push(RESULT);
    await clock.advance(150);
    assert.ok(sent.length <= calls + 0.1 * calls + 3, `${sent.length - calls} repeated`);
    await clock.runUntilIdle();
    assert.ok(asked.every((one) => one.outcome !== undefined));
    const results = asked.filter((one) => told(one) === 'result').length;
    assert.ok(results > 10 && results <= 13 + 3 * 10, `${results} results`);
  });

  it('leaves nothing behind when its caller goes while it waits, or its node ends', async () => {
    for (const end of ['cancel', 'cut'] as const) {
      const { clock, sent, world, router, start } = createMain();
      const asked = start();
      world.isThere = false;
      world.waiting?.(LOST);
      await clock.advance(500);
      if (end === 'cancel') asked.cancel?.();
      else router.cutCalls();
      assert.equal(told(asked), end === 'cut' ? 'shutting_down unknown' : 'nothing');
      assert.equal(clock.pendingTimers, 0);
      world.isThere = true;
      await clock.advance(5_000);
      assert.equal(sent.length, 1);
      assert.equal(router.stats.inFlight, 0);
    }
  });
});
