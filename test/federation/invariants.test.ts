// The judge of the chaos script has to be able to find what must not be.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  availability,
  type CallRecord,
  invariants,
  type LedgerContent,
  mergeWindows,
  ratio,
} from './invariants.ts';

const CALL: CallRecord = {
  id: 1,
  kind: 'write to any Home',
  sentAt: 0,
  endedAt: 10,
  outcome: 'result',
  executed: 'yes',
  isWrong: false,
  main: 'main-1',
  lateMs: -4_990,
};
const LEDGER: LedgerContent = { home: 'home-1', length: 1, total: 1, ids: [1] };
const EMPTY: LedgerContent = { home: 'home-1', length: 0, total: 0, ids: [] };

const ROWS: readonly { finds: string; call?: Partial<CallRecord>; ledgers?: readonly LedgerContent[] }[] = [
  { finds: 'wrong answers', call: { isWrong: true } },
  { finds: 'writes that ran twice', ledgers: [LEDGER, { ...LEDGER, home: 'home-2' }] },
  { finds: 'acknowledged writes lost', ledgers: [EMPTY] },
  { finds: '"executed: no", and it ran', call: { outcome: 'overloaded', executed: 'no' } },
  { finds: 'answers after deadline + 1 s', call: { lateMs: 1_001 } },
  { finds: 'entries that nobody wrote', ledgers: [{ ...LEDGER, length: 2, total: 3, ids: [1, 2] }] },
  { finds: 'ledgers with half a write', ledgers: [{ ...LEDGER, total: 0 }] },
];

describe('the judge of the chaos script', () => {
  const found = (call: Partial<CallRecord>, ledgers = [LEDGER] as readonly LedgerContent[]) =>
    invariants([{ ...CALL, ...call }], ledgers, []).filter((one) => one.found > 0);

  it('finds nothing where all is right', () => assert.deepEqual(found({}), []));

  for (const { finds, call = {}, ledgers = [LEDGER] } of ROWS) {
    it(`finds ${finds}`, () => {
      assert.deepEqual(
        found(call, ledgers).map(({ name, found: times }) => [name, times]),
        [[finds, 1]],
      );
    });
  }

  it('accepts a write of which nobody knows whether it ran, and a late answer of a Main that was frozen', () => {
    assert.deepEqual(found({ outcome: 'lost', executed: 'unknown' }), []);
    assert.deepEqual(found({ outcome: 'lost', executed: 'unknown' }, [EMPTY]), []);
    const late = { ...CALL, lateMs: 2_000 };
    const judged = invariants([late], [LEDGER], [{ part: 'main-1', from: 5, until: 20 }]);
    assert.ok(judged.every((one) => one.found === 0));
  });

  it('counts a call as outside only if no window touches it', () => {
    const calls = [
      { ...CALL, sentAt: 0, endedAt: 9 },
      { ...CALL, sentAt: 5, endedAt: 11, outcome: 'lost' },
      { ...CALL, sentAt: 30, endedAt: 31, outcome: 'timeout' },
      { ...CALL, sentAt: 32, endedAt: 33, isWrong: true },
    ];
    const windows = [
      { from: 15, until: 20 },
      { from: 10, until: 16 },
    ];
    assert.deepEqual(mergeWindows(windows), [{ from: 10, until: 20 }]);
    const { outside, inside } = availability(calls, windows);
    assert.deepEqual([outside.calls, outside.answered, inside.calls, inside.answered], [3, 1, 1, 0]);
    assert.equal(ratio(outside), 1 / 3);
  });
});
