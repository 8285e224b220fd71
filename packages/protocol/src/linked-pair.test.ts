import assert from 'node:assert/strict';
import { it } from 'node:test';
import { linkContract } from '@relay/testkit';
import type { CloseReason, Link } from './index.ts';
import { linkedPair } from './index.ts';
import { TestClock } from './test-clock.test.ts';

let clock = new TestClock();

linkContract(
  'linkedPair',
  async () => {
    clock = new TestClock();
    return linkedPair(clock);
  },
  { turn: async () => clock.advance(1) },
);

it('closes after 5 s though the other side does not listen', () => {
  const time = new TestClock();
  const [a] = linkedPair(time);
  const closes: CloseReason[] = [];
  a.listen({ onData: () => {}, onClose: (reason) => closes.push(reason) });
  a.close(1000, 'done');
  time.advance(4_999);
  assert.deepEqual(closes, []);
  time.advance(1);
  assert.deepEqual(
    closes.map(({ code }) => code),
    [1006],
  );
});

it('delivers nothing within send, and counts what waits', () => {
  const time = new TestClock();
  const [a, b]: [Link, Link] = linkedPair(time, 'relay.v1.json');
  const heard: unknown[] = [];
  b.listen({ onData: (data) => heard.push(data), onClose: () => {} });
  a.send('é');
  assert.deepEqual([heard, a.bufferedBytes], [[], 2]);
  time.turn();
  assert.deepEqual([heard, a.bufferedBytes], [['é'], 0]);
});
