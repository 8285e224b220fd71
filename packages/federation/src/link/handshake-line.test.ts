import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '@relay/protocol';
import { ManualClock } from '@relay/testkit';
import { HandshakeLine, type HandshakeStep } from './handshake-line.ts';

/** A line whose steps take time, on a clock that lets them. */
function create() {
  const manual = new ManualClock();
  let worked = 0;
  const clock: Clock = {
    now: () => manual.now() + worked,
    wallNow: () => manual.wallNow(),
    // At least a moment, as with a real timer: the next turn.
    after: (delayMs, run) => manual.after(Math.max(1, delayMs), run),
    defer: (run) => manual.defer(run),
  };
  const line = new HandshakeLine(clock);
  const done: string[] = [];
  return {
    line,
    done,
    add: (step: HandshakeStep, name: string, ms = 0) =>
      line.add(step, () => {
        worked += ms;
        done.push(name);
      }),
    /** What is left of this turn of the event loop, and those of so many ms after it. */
    turn: (ms = 0) => manual.advance(ms),
    pass: (ms: number) => {
      worked += ms;
    },
  };
}

describe('the line of handshakes', () => {
  it('serves at the end of the turn, who is nearest to the end first', async () => {
    const { add, done, turn } = create();
    add('hello', 'h1');
    add('hello', 'h2');
    add('auth', 'a1');
    assert.deepEqual(done, []);
    await turn();
    assert.deepEqual(done, ['a1', 'h1', 'h2']);
  });

  it('leaves the rest of a turn to others, and goes on in the next', async () => {
    const { add, done, turn } = create();
    const served: number[] = [];
    for (let index = 0; index < 6; index += 1) add('hello', `h${index}`, 5);
    // What others do after 5 ms comes between.
    for (let look = 0; look < 3; look += 1) {
      await turn(look === 0 ? 0 : 1);
      served.push(done.length);
    }
    assert.deepEqual(served, [2, 4, 6], 'two steps of 5 ms fill a slice of 8 ms');
  });

  it('is late when the first in line has waited half a second, and in time again when the line is empty', async () => {
    const { line, add, turn, pass } = create();
    assert.equal(line.isLate, false);
    add('hello', 'h1');
    pass(400);
    assert.equal(line.isLate, false);
    pass(200);
    assert.equal(line.isLate, true);
    await turn();
    assert.equal(line.isLate, false);
  });

  it('knows its pace while somebody always waits', async () => {
    const { line, add, turn, pass } = create();
    assert.equal(line.perSecond, Number.POSITIVE_INFINITY);
    for (let index = 0; index < 100; index += 1) add('auth', `a${index}`, 10);
    pass(1);
    assert.equal(line.perSecond, Number.POSITIVE_INFINITY, 'too early to say');
    let paceOfMany = 0;
    for (let index = 0; index < 80; index += 1) add('auth', `b${index}`, 10);
    line.add('hello', () => {
      paceOfMany = line.perSecond;
    });
    await turn(1_000);
    // 10 ms each, and 1 ms for others after each.
    assert.ok(Math.abs(paceOfMany - 91) < 5, `${paceOfMany} a second`);
    assert.equal(line.perSecond, Number.POSITIVE_INFINITY, 'nobody waits any more');
  });

  it('goes on with the others when one step throws', async () => {
    const { line, add, done, turn } = create();
    line.add('auth', () => {
      throw new Error('a bug');
    });
    add('hello', 'h1');
    await assert.rejects(turn(), /a bug/);
    await turn(1);
    assert.deepEqual(done, ['h1']);
  });
});
