import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '@relay/testkit';
import type { Call } from '../call.ts';
import { KEPT_MS, type KeptOutcome, keyScopeOf } from './kept-outcome.ts';
import { KeyedCalls } from './keyed-calls.ts';
import { MemoryOutcomes } from './memory-outcomes.ts';

function outcome(id: string, keptAt: number, text = '1'): KeptOutcome {
  return { id, service: 's', fingerprint: 'args', keptAt, kind: 'result', text };
}

function createCalls() {
  const clock = new ManualClock();
  const kept = new MemoryOutcomes({ count: 3, bytes: 2_000 });
  const calls = new KeyedCalls(
    (id) => kept.find(id),
    () => clock.wallNow(),
  );
  return { clock, kept, calls };
}

describe('calls with an idempotency key', () => {
  for (const { why, before, id, args, begun } of [
    { why: 'that nobody has seen', before: 'nothing', id: 'a', args: 'args', begun: 'first' },
    { why: 'whose first call runs', before: 'runs', id: 'a', args: 'args', begun: 'in_progress' },
    { why: 'that runs with other arguments', before: 'runs', id: 'a', args: 'other', begun: 'conflict' },
    { why: 'whose first call is over', before: 'kept', id: 'a', args: 'args', begun: 'replayed' },
    { why: 'that was over with other arguments', before: 'kept', id: 'a', args: 'other', begun: 'conflict' },
    { why: 'that ended without an outcome', before: 'ended', id: 'a', args: 'other', begun: 'first' },
    { why: 'of another caller, method or key', before: 'kept', id: 'b', args: 'args', begun: 'first' },
    { why: 'that is a day old', before: 'expired', id: 'a', args: 'other', begun: 'first' },
    { why: 'that is not quite a day old', before: 'expires', id: 'a', args: 'args', begun: 'replayed' },
  ] as const) {
    it(`begin one ${why}: ${begun}`, async () => {
      const { clock, kept, calls } = createCalls();
      if (before !== 'nothing') assert.equal(calls.begin('a', 'args').kind, 'first');
      if (before !== 'nothing' && before !== 'runs') {
        if (before !== 'ended') kept.keep(outcome('a', clock.wallNow()));
        calls.end('a');
      }
      if (before === 'expired') await clock.advance(KEPT_MS);
      if (before === 'expires') await clock.advance(KEPT_MS - 1);
      assert.equal(calls.begin(id, args).kind, begun);
    });
  }

  it('do not begin while nobody can tell whether they ran', () => {
    const calls = new KeyedCalls(
      () => {
        throw new Error('disk on fire');
      },
      () => 0,
    );
    assert.throws(() => calls.begin('a', 'args'), /disk on fire/);
    assert.throws(() => calls.begin('a', 'args'), /disk on fire/);
  });

  it('are told apart by caller, service, method and key', () => {
    const call = {
      caller: { kind: 'http', node: 'relay-a' },
      service: 's',
      method: 'm',
      idempotencyKey: 'k',
    } as Call;
    const others: readonly Partial<Call>[] = [
      {},
      { caller: { kind: 'client', node: 'relay-a' } },
      { caller: { kind: 'http', node: 'relay-b' } },
      { caller: { kind: 'http', node: 'relay-a', subject: 'ada' } },
      { service: 't' },
      { method: 'n' },
      { idempotencyKey: 'l' },
      { method: 'm","k', idempotencyKey: '' },
    ];
    const scopes = others.map((other) => keyScopeOf({ ...call, ...other }));
    assert.equal(new Set(scopes).size, others.length);
    const { idempotencyKey: _none, ...keyless } = call;
    assert.equal(keyScopeOf(keyless), undefined);
  });
});

describe('outcomes in memory', () => {
  const ids = (kept: MemoryOutcomes): string =>
    ['a', 'b', 'c', 'd', 'e'].filter((id) => kept.find(id) !== undefined).join('');

  it('go when there are too many, oldest first', () => {
    const kept = new MemoryOutcomes({ count: 3, bytes: 10_000 });
    for (const id of ['a', 'b', 'c', 'd', 'e']) kept.keep(outcome(id, 0));
    assert.equal(ids(kept), 'cde');
  });

  it('go when they are too large together, oldest first', () => {
    const kept = new MemoryOutcomes({ count: 100, bytes: 2_000 });
    for (const id of ['a', 'b', 'c']) kept.keep(outcome(id, 0, 'x'.repeat(600)));
    assert.equal(ids(kept), 'bc');
    kept.keep(outcome('c', 0, 'y'));
    kept.keep(outcome('d', 0, 'x'.repeat(600)));
    assert.equal(ids(kept), 'bcd', 'what is replaced counts once');
  });

  it('go when they are a day old', () => {
    const kept = new MemoryOutcomes({ count: 100, bytes: 10_000 });
    kept.keep(outcome('a', 0));
    kept.keep(outcome('b', 1));
    kept.keep(outcome('c', KEPT_MS));
    assert.equal(ids(kept), 'bc');
    assert.equal(kept.count, 2);
  });
});
