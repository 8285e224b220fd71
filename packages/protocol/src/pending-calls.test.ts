import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { PendingCalls } from './index.ts';
import { TestClock } from './test-clock.test.ts';

function table(inFlight = 1_000) {
  const clock = new TestClock();
  const expired: { readonly id: number; readonly at: number; readonly entry: number }[] = [];
  const calls = new PendingCalls<number>(clock, {
    inFlight,
    onDeadline: (id, entry) => expired.push({ id, entry, at: clock.now() }),
  });
  return { clock, calls, expired };
}

it('numbers rise from 1, and settle gives the entry once', () => {
  const { calls } = table();
  assert.deepEqual([calls.open(10, 100), calls.open(20, 100)], [1, 2]);
  assert.deepEqual(
    [calls.settle(1), calls.settle(1), calls.cancel(2), calls.get(2)],
    [10, undefined, 20, undefined],
  );
  assert.equal(calls.open(30, 100), 3);
});

it('is full at its bound, and not after a call has ended', () => {
  const { calls } = table(2);
  calls.open(1, 100);
  calls.open(2, 100);
  assert.ok(calls.isFull);
  assert.equal(calls.open(3, 100), undefined);
  calls.settle(1);
  assert.equal(calls.open(3, 100), 3);
});

it('a late number finds nothing, whichever call stands in its place by now', () => {
  const { calls } = table();
  const long = calls.open(0, 1_000) as number;
  for (let round = 0; round < 3; round += 1) {
    const open = new Map<number, number>();
    for (let entry = 1; entry <= 100; entry += 1) open.set(calls.open(entry, 1_000) as number, entry);
    assert.equal(open.size, 100);
    for (const [id, entry] of open) assert.equal(calls.settle(id), entry);
    for (const id of open.keys()) assert.equal(calls.settle(id), undefined);
    // One that is not open has the place of one that is, whatever the length of the table.
    for (const length of [8, 256, 1_024]) assert.equal(calls.settle(long + length), undefined);
  }
  assert.deepEqual([calls.size, calls.settle(long)], [1, 0]);
});

it('a deadline comes never early, and at most 10 ms late, whatever else is open', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ wait: fc.nat(200), deadline: fc.nat(30_000), settles: fc.boolean() }), {
        maxLength: 40,
      }),
      (steps) => {
        const { clock, calls, expired } = table();
        const due = new Map<number, number>();
        for (const { wait, deadline, settles } of steps) {
          clock.advance(wait);
          const at = clock.now() + deadline;
          const id = calls.open(at, at) ?? 0;
          if (settles) calls.settle(id);
          else due.set(id, at);
        }
        clock.advance(31_000);
        assert.equal(calls.size, 0);
        assert.equal(expired.length, due.size);
        for (const { id, entry, at } of expired) {
          assert.equal(entry, due.get(id));
          assert.ok(at >= entry && at <= entry + 10, `${at} for ${entry}`);
        }
        assert.equal(clock.pending, 0);
      },
    ),
    { numRuns: 60 },
  );
});

it('an idle table has no timer, and one call few of them', () => {
  const { clock, calls } = table();
  calls.open(1, 60_000);
  clock.advance(59_000);
  assert.ok(clock.fired < 20, `${clock.fired} timers`);
  calls.settle(1);
  clock.advance(10_000);
  assert.equal(clock.pending, 0);
});

it('failAll ends everything and keeps what is opened meanwhile', () => {
  const { clock, calls, expired } = table();
  calls.open(1, 50);
  calls.open(2, 60);
  const ended: number[] = [];
  calls.failAll((_id, entry) => {
    ended.push(entry);
    if (entry === 1) calls.open(3, 70);
  });
  assert.deepEqual(ended, [1, 2]);
  assert.equal(calls.size, 1);
  clock.advance(100);
  assert.deepEqual(
    expired.map(({ entry }) => entry),
    [3],
  );
});
