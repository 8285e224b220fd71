import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge, type Quantity, type Sample, warmUpSeconds } from './growth.ts';

const STILL = { heap: 2e7, external: 8e6, rss: 1e8, handles: 7, timers: 9, listeners: 70, descriptors: 30 };

function samples(grows: Quantity | undefined, perSample: number): Sample[] {
  return Array.from({ length: 40 }, (_, index) => {
    const figures = { ...STILL };
    if (grows !== undefined) figures[grows] += index * perSample;
    return { seconds: index * 3, nodes: new Map([['relay-a', figures]]) };
  });
}

function leaks(measured: readonly Sample[]): string[] {
  return judge(measured, 30).flatMap(({ quantity, isLeak }) => (isLeak ? [quantity] : []));
}

describe('what a soak says', () => {
  it('is nothing of a node that stays as it is', () => {
    assert.deepEqual(leaks(samples(undefined, 0)), []);
  });

  for (const [quantity, perSample] of [
    ['heap', 500_000],
    ['timers', 2],
    ['listeners', 4],
    ['handles', 1],
  ] as const) {
    it(`names ${quantity} if they grow, and nothing else`, () => {
      assert.deepEqual(leaks(samples(quantity, perSample)), [quantity]);
    });
  }

  it('is nothing of growth while a node warms up', () => {
    const measured = samples('heap', 1_000_000).map((sample, index, all) =>
      index < 10 ? sample : (all[10] as Sample),
    );
    const still = measured.map(({ nodes }, index) => ({ seconds: index * 3, nodes }));
    assert.deepEqual(leaks(still), []);
  });

  it('leaves out half a minute of two, and half an hour of a day', () => {
    assert.equal(warmUpSeconds(120), 30);
    assert.equal(warmUpSeconds(86_400), 1_800);
  });
});
