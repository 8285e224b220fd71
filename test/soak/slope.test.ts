import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '@relay/testkit';
import { type Point, trendOf } from './slope.ts';

function series(count: number, valueAt: (seconds: number) => number): Point[] {
  return Array.from({ length: count }, (_, index) => ({ seconds: index * 10, value: valueAt(index * 10) }));
}

describe('trendOf', () => {
  it('gives the slope of a straight line, and is sure of it', () => {
    const trend = trendOf(series(10, (seconds) => 5 + 2 * seconds));
    assert.equal(Math.round(trend?.perHour ?? 0), 7_200);
    assert.equal(Math.round(trend?.growth ?? 0), 180);
    assert.equal(Math.round(trend?.leastGrowth ?? 0), 180);
  });

  it('is not sure of a slope that scatter alone could make', () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = seededRandom(`slope ${seed}`);
      const trend = trendOf(series(40, () => 100 + 10 * random.next()));
      assert.ok((trend?.leastGrowth ?? 1) < 3, `seed ${seed}: ${trend?.leastGrowth}`);
    }
  });

  it('sees a slope below scatter of the same size', () => {
    const random = seededRandom('slope');
    const trend = trendOf(series(40, (seconds) => seconds / 10 + 10 * random.next()));
    assert.ok((trend?.leastGrowth ?? 0) > 20, String(trend?.leastGrowth));
  });

  it('says nothing about three points, or about many of one moment', () => {
    assert.equal(trendOf(series(3, (seconds) => seconds)), undefined);
    assert.equal(trendOf([1, 2, 3, 4].map((value) => ({ seconds: 7, value }))), undefined);
  });
});
