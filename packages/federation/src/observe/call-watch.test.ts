import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Call, createFailure, mainAddress, type Outcome } from '@relay/protocol';
import { ManualClock } from '@relay/testkit';
import type { EndedCall } from '../routing/call-observer.ts';
import { CallWatch, isSampled, SLOW_MS } from './call-watch.ts';
import { createLog, SILENT_LOG } from './log.ts';
import { TRACE_LIMITS } from './trace-ring.ts';

const SELF = 'relay-a.com';
const OK: Outcome = { kind: 'result', body: new Uint8Array(0) };

function traceparent(id: string): string {
  return `00-${id.padStart(32, 'a')}-00f067aa0ba902b7-00`;
}

function call(id: string, more: Partial<Call> = {}): Call {
  return {
    service: 'blog',
    method: 'get',
    params: new TextEncoder().encode('["secret"]'),
    deadline: 60_000,
    source: mainAddress(SELF),
    caller: { kind: 'http', node: SELF },
    path: ['client'],
    ttl: 10,
    priority: 5,
    trace: false,
    traceparent: traceparent(id),
    callPath: [],
    ...more,
  };
}

function ended(of: Call, more: Partial<EndedCall> = {}): EndedCall {
  return {
    call: of,
    from: { kind: 'own' },
    way: 'local',
    peer: undefined,
    startedAt: 0,
    retries: 0,
    ...more,
  };
}

function failed(name: Parameters<typeof createFailure>[0], at = SELF): Outcome {
  return { kind: 'failure', failure: createFailure(name, 'with "secret" in it', at) };
}

describe('who watches calls', () => {
  it('counts all of them and keeps traced, failed, slow and sampled ones', () => {
    const watch = new CallWatch({ self: SELF, clock: new ManualClock(), log: SILENT_LOG });
    watch.ended(ended(call('1')), OK, 5);
    watch.ended(ended(call('2', { trace: true })), OK, 5);
    watch.ended(ended(call('3')), failed('timeout'), 5);
    watch.ended(ended(call('4')), OK, SLOW_MS + 1);
    watch.ended(ended(call('500')), OK, 5);
    watch.ended(ended(call('6')), undefined, 5);
    assert.deepEqual(
      watch.traces.latest(10).map(({ traceId, outcome }) => `${traceId.replace(/^a+/, '')} ${outcome}`),
      ['500 ok', '4 ok', '3 timeout', '2 ok'],
    );
    assert.equal(watch.meter.calls('local', 'ok'), 4);
    assert.equal(watch.meter.calls('local', 'timeout'), 1);
    assert.equal(watch.meter.calls('local', 'cancelled'), 1);
  });

  it('keeps the trace that an HTTP caller says it is in, beside its own', () => {
    const watch = new CallWatch({ self: SELF, clock: new ManualClock(), log: SILENT_LOG });
    const linked = { traceId: 'b'.repeat(32), spanId: 'c'.repeat(16) };
    watch.ended(ended(call('1'), { from: { kind: 'own', id: '::1', linked } }), failed('timeout'), 5);
    watch.ended(ended(call('2')), failed('timeout'), 5);
    const [second, first] = watch.traces.latest(2);
    assert.deepEqual([first?.linked, second?.linked], [linked, undefined]);
    assert.equal(first?.traceId, '1'.padStart(32, 'a'));
  });

  it('keeps nothing of arguments, results and messages', () => {
    const watch = new CallWatch({ self: SELF, clock: new ManualClock(), log: SILENT_LOG });
    watch.ended(ended(call('1')), failed('application_error'), 5);
    assert.doesNotMatch(JSON.stringify(watch.traces.latest(1)), /secret/);
  });

  it('keeps what it refused, where it ended', () => {
    const watch = new CallWatch({ self: SELF, clock: new ManualClock(), log: SILENT_LOG });
    watch.refused(call('1'), createFailure('shutting_down', 'x', SELF));
    const [kept] = watch.traces.latest(1);
    assert.deepEqual([kept?.path, kept?.outcome, kept?.executed], [['client', SELF], 'shutting_down', 'no']);
    assert.equal(watch.shed.draining, 1);
  });

  it('counts as shed only what this node refused itself', () => {
    const watch = new CallWatch({ self: SELF, clock: new ManualClock(), log: SILENT_LOG });
    watch.ended(ended(call('1'), { way: 'none' }), failed('overloaded'), 1);
    watch.ended(ended(call('2'), { way: 'peer' }), failed('overloaded'), 1);
    watch.ended(ended(call('3')), failed('overloaded', 'bob.home'), 1);
    assert.deepEqual(watch.shed, { capacity: 1, link: 1, draining: 0 });
  });

  it('cuts names that callers made up', () => {
    const watch = new CallWatch({ self: SELF, clock: new ManualClock(), log: SILENT_LOG });
    watch.ended(ended(call('1', { service: 'x'.repeat(100_000) })), failed('service_not_found'), 1);
    assert.ok((watch.traces.latest(1)[0]?.method.length ?? 0) < 200);
  });

  it('samples the same calls at every node, one in 256', () => {
    let count = 0;
    for (let n = 0; n < 4_096; n += 1)
      if (isSampled(traceparent(n.toString(16).padStart(4, '0')))) count += 1;
    assert.equal(count, 16);
  });

  it('writes a line for each call while somebody wants to read it', () => {
    const lines: string[] = [];
    const write = (line: string) => lines.push(line);
    const log = createLog({ level: 'info', format: 'text', write, clock: { wallNow: () => 0 } });
    const watch = new CallWatch({ self: SELF, clock: new ManualClock(), log });
    watch.ended(ended(call('1')), OK, 5);
    log.follow({ service: 'blog' }, 'debug', 1_000);
    watch.ended(ended(call('2')), OK, 5);
    watch.ended(ended(call('3', { service: 'shop' })), OK, 5);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /debug call service=blog method=get route=local code=ok ms=5 trace=a+2\n$/);
  });
});

describe('kept traces', () => {
  it('are the last thousand', () => {
    const watch = new CallWatch({ self: SELF, clock: new ManualClock(), log: SILENT_LOG });
    for (let n = 0; n < TRACE_LIMITS.count + 5; n += 1) {
      watch.ended(ended(call(`${n}f`.padStart(6, '0'))), failed('timeout'), 1);
    }
    const kept = watch.traces.latest(10_000);
    assert.equal(kept.length, TRACE_LIMITS.count);
    assert.match(kept[0]?.traceId ?? '', /a1004f$|01004f$/);
    assert.deepEqual(watch.traces.of(call('000000f').traceparent.slice(3, 35)), []);
    assert.equal(watch.traces.of(kept.at(-1)?.traceId ?? '').length, 1);
  });

  it('are forgotten after ten minutes', async () => {
    const clock = new ManualClock();
    const watch = new CallWatch({ self: SELF, clock, log: SILENT_LOG });
    watch.ended(ended(call('1'), { startedAt: clock.now() }), failed('timeout'), clock.now());
    const [{ traceId } = { traceId: '' }] = watch.traces.latest(1);
    assert.equal(watch.traces.of(traceId).length, 1);
    await clock.advance(TRACE_LIMITS.ageMs + 1);
    assert.deepEqual([watch.traces.latest(1), watch.traces.of(traceId)], [[], []]);
  });

  it('of one trace id are all found: a program calls on with the id of its caller', () => {
    const watch = new CallWatch({ self: SELF, clock: new ManualClock(), log: SILENT_LOG });
    watch.ended(ended(call('1', { method: 'inner' })), failed('timeout'), 1);
    watch.ended(ended(call('1', { method: 'outer' })), failed('internal_error'), 2);
    const found = watch.traces.of(call('1').traceparent.slice(3, 35));
    assert.deepEqual(
      found.map(({ method }) => method),
      ['blog.inner', 'blog.outer'],
    );
  });
});
