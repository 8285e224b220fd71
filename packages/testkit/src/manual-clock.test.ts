import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock, WALL_EPOCH_MS } from './manual-clock.ts';
import { seededRandom } from './seeded-random.ts';

describe('ManualClock', () => {
  it('runs events in order of time, then of their making', async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.after(20, () => seen.push('late'));
    clock.after(10, () => seen.push('first'));
    clock.after(10, () => seen.push('second'));
    await clock.advance(10);
    assert.deepEqual(seen, ['first', 'second']);
    assert.equal(clock.now(), 10);
    await clock.advance(10);
    assert.deepEqual(seen, ['first', 'second', 'late']);
  });

  it('shows each event the time it was due, and runs what events schedule', async () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    const again = (): void => {
      seen.push(clock.now());
      clock.after(2.5, again);
    };
    clock.after(2.5, again);
    await clock.advance(10);
    assert.deepEqual(seen, [2.5, 5, 7.5, 10]);
  });

  it('does not run a cancelled timer', async () => {
    const clock = new ManualClock();
    const timer = clock.after(5, () => assert.fail('ran'));
    timer[Symbol.dispose]();
    timer[Symbol.dispose]();
    assert.equal(clock.pendingTimers, 0);
    await clock.advance(10);
  });

  it('keeps the order of many random timers', async () => {
    const clock = new ManualClock();
    const random = seededRandom(1);
    const seen: number[] = [];
    for (let count = 0; count < 1000; count++) {
      const timer = clock.after(random.integer(0, 50), () => seen.push(clock.now()));
      if (random.chance(0.3)) timer[Symbol.dispose]();
    }
    const expected = clock.pendingTimers;
    await clock.advance(50);
    assert.equal(seen.length, expected);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
  });

  it('settles long promise chains between two events', async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.after(1, () => {
      void (async () => {
        for (let count = 0; count < 500; count++) await Promise.resolve();
        seen.push('chain');
      })();
    });
    clock.after(1, () => seen.push('next event'));
    await clock.advance(1);
    assert.deepEqual(seen, ['chain', 'next event']);
  });

  it('runs deferred work at the end of the turn, in order, before the next event', async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.after(1, () => {
      clock.defer(() => seen.push('deferred 1'));
      clock.defer(() => {
        seen.push('deferred 2');
        clock.defer(() => seen.push('deferred by deferred'));
      });
      seen.push('event');
    });
    clock.after(1, () => seen.push('next event'));
    await clock.advance(1);
    assert.deepEqual(seen, ['event', 'deferred 1', 'deferred 2', 'deferred by deferred', 'next event']);
  });

  it('defers behind the promises of the turn', async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.defer(() => seen.push('deferred'));
    void Promise.resolve()
      .then(() => {})
      .then(() => seen.push('promise'));
    await clock.settle();
    assert.deepEqual(seen, ['promise', 'deferred']);
  });

  it('runs everything synchronously on request', () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.defer(() => seen.push('deferred'));
    clock.after(5, () => clock.defer(() => seen.push(`deferred at ${clock.now()}`)));
    clock.advanceSync(7);
    assert.deepEqual(seen, ['deferred', 'deferred at 5']);
    assert.equal(clock.now(), 7);
  });

  it('stops at the event that makes a condition true, and says what it waited for in vain', async () => {
    const clock = new ManualClock();
    let isDone = false;
    clock.after(30, () => {
      isDone = true;
    });
    clock.after(31, () => assert.fail('ran too far'));
    await clock.runUntil(() => isDone);
    assert.equal(clock.now(), 30);
    const other = new ManualClock();
    await assert.rejects(
      other.runUntil(() => false, 5, 'the moon'),
      /waited 5 ms of virtual time for the moon/,
    );
  });

  it('runs until nothing is left, and refuses to run for ever', async () => {
    const clock = new ManualClock();
    clock.after(40, () => clock.after(60, () => {}));
    await clock.runUntilIdle();
    assert.equal(clock.now(), 100);
    const beat = (): void => void clock.after(10, beat);
    beat();
    await assert.rejects(clock.runUntilIdle(1000), /not idle after 1000 ms: 1 timers left/);
  });

  it('passes on what an event throws, and goes on after it', async () => {
    const clock = new ManualClock();
    let count = 0;
    clock.after(1, () => {
      throw new Error('from the event');
    });
    clock.after(2, () => {
      count += 1;
    });
    await assert.rejects(clock.advance(5), /from the event/);
    await clock.advance(5);
    assert.equal(count, 1);
  });

  it('refuses to be advanced twice at once', async () => {
    const clock = new ManualClock();
    const first = clock.advance(1);
    await assert.rejects(clock.advance(1), /running already/);
    await first;
  });

  it('has a wall clock that starts at a fixed moment and can jump', async () => {
    const clock = new ManualClock();
    await clock.advance(1500);
    assert.equal(clock.wallNow(), WALL_EPOCH_MS + 1500);
    clock.jumpWall(-3_600_000);
    assert.equal(clock.wallNow(), WALL_EPOCH_MS + 1500 - 3_600_000);
    assert.equal(clock.now(), 1500);
  });

  it('gives each process a view that ends with it', async () => {
    const clock = new ManualClock();
    const process = clock.createProcess();
    const seen: string[] = [];
    process.after(1, () => seen.push('ran'));
    process.after(10, () => seen.push('after the end'));
    process.jumpWall(60_000);
    assert.equal(process.wallNow() - clock.wallNow(), 60_000);
    await clock.advance(5);
    process.defer(() => seen.push('deferred after the end'));
    process.stop();
    process.after(1, () => seen.push('made after the end'));
    await clock.advance(50);
    assert.deepEqual(seen, ['ran']);
    assert.equal(clock.pendingTimers, 0);
  });
});
