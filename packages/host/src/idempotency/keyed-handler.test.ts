import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Call, createFailure, KEPT_MS, mainAddress, type Outcome, RelayError } from '@relay/protocol';
import { ManualClock } from '@relay/testkit';
import { ApplicationError, defineService } from '../typescript-service.ts';

/** A service that counts what it did, and its answers as texts. */
function createService() {
  const clock = new ManualClock();
  const done: string[] = [];
  let release: (value: unknown) => void = () => {};
  const service = defineService('s', {
    add: (_context, by: number) => {
      done.push(`add ${by}`);
      return done.length;
    },
    fail: () => {
      done.push('fail');
      throw new ApplicationError({ error: 'never', at: done.length });
    },
    busy: () => {
      done.push('busy');
      throw new RelayError(createFailure('overloaded', 'later', 'here'));
    },
    big: () => {
      done.push('big');
      return 'x'.repeat(70_000);
    },
    slow: ({ signal }) => {
      done.push('slow');
      signal.addEventListener('abort', () => done.push('aborted'));
      return new Promise((resolve) => {
        release = resolve;
      });
    },
  });
  service.connect({ clock, nodeId: () => 'alice', outbound: () => () => {} });
  const start = (method: string, args: string, key?: string) => {
    const asked: { outcome?: Outcome; cancel?: (mode: 'abandon' | 'kill') => void } = {};
    const call: Call = {
      service: 's',
      method,
      params: new TextEncoder().encode(args),
      deadline: 60_000,
      source: mainAddress('relay-a'),
      caller: { kind: 'http', node: 'relay-a' },
      path: [],
      ttl: 10,
      priority: 5,
      trace: false,
      traceparent: '',
      callPath: [],
      ...(key === undefined ? {} : { idempotencyKey: key }),
    };
    asked.cancel = service.handle(call, (outcome) => {
      asked.outcome = outcome;
    });
    return asked;
  };
  const ask = (method: string, args: string, key?: string): string => told(start(method, args, key).outcome);
  return { clock, done, service, start, ask, release: (value: unknown) => release(value) };
}

function told(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'nothing';
  if (outcome.kind === 'result') return new TextDecoder().decode(outcome.body);
  const { name, executed, at, retryAfterMs, data } = outcome.failure;
  return [name, executed, at, retryAfterMs, data?.value && JSON.stringify(data.value)]
    .filter(Boolean)
    .join(' ');
}

describe('a TypeScript service called with an idempotency key', () => {
  it('runs once', () => {
    const { ask, done, service } = createService();
    assert.equal(ask('add', '[5]', 'k'), '1');
    assert.equal(ask('add', ' [5] ', 'k'), '1');
    assert.equal(ask('add', '[6]', 'k'), 'idempotency_conflict no alice');
    assert.deepEqual(done, ['add 5']);
    assert.deepEqual(service.idempotency, { first: 1, replayed: 1, in_progress: 0, conflict: 1 });
  });

  it('runs twice without the key (negative control)', () => {
    const { ask, done } = createService();
    ask('add', '[5]');
    ask('add', '[5]');
    assert.deepEqual(done, ['add 5', 'add 5']);
  });

  it('keeps what it throws, but not what it says has not run', () => {
    const { ask, done } = createService();
    const failed = 'application_error yes alice {"error":"never","at":1}';
    assert.equal(ask('fail', '', 'k'), failed);
    assert.equal(ask('fail', '', 'k'), failed);
    assert.equal(ask('busy', '', 'k'), 'overloaded no here');
    assert.equal(ask('busy', '', 'k'), 'overloaded no here');
    assert.deepEqual(done, ['fail', 'busy', 'busy']);
  });

  it('does not run again for a result that is too large to keep', () => {
    const { ask, done } = createService();
    assert.equal(ask('big', '', 'k').length, 70_002);
    assert.equal(ask('big', '', 'k'), 'payload_too_large yes alice');
    assert.deepEqual(done, ['big']);
  });

  for (const mode of ['abandon', 'kill'] as const) {
    it(`says that it still runs after a caller's ${mode}, and keeps how it ends`, async () => {
      const { ask, start, release, done } = createService();
      const first = start('slow', '[]', 'k');
      assert.equal(ask('slow', '[]', 'k'), 'idempotency_in_progress no alice 250');
      first.cancel?.(mode);
      assert.equal(ask('slow', '[]', 'k'), 'idempotency_in_progress no alice 250');
      release('done');
      await new Promise(setImmediate);
      assert.equal(first.outcome, undefined);
      assert.equal(ask('slow', '[]', 'k'), '"done"');
      assert.deepEqual(done, mode === 'kill' ? ['slow', 'aborted'] : ['slow']);
    });
  }

  it('runs again after a day', async () => {
    const { ask, clock } = createService();
    ask('add', '[5]', 'k');
    await clock.advance(KEPT_MS - 1);
    assert.equal(ask('add', '[5]', 'k'), '1');
    await clock.advance(1);
    assert.equal(ask('add', '[5]', 'k'), '2');
  });
});
