import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom, withSeeds } from './seeded-random.ts';

const draw = (seed: number | string, count = 20): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

describe('seededRandom', () => {
  it('gives the same numbers for the same seed and others for another', () => {
    assert.deepEqual(draw(7), draw('7'));
    assert.notDeepEqual(draw(7), draw(8));
  });

  it('is spread evenly from 0 to 1', () => {
    const numbers = draw(1, 20_000);
    assert.ok(numbers.every((number) => number >= 0 && number < 1));
    const buckets = new Array<number>(10).fill(0);
    for (const number of numbers)
      buckets[Math.floor(number * 10)] = (buckets[Math.floor(number * 10)] ?? 0) + 1;
    for (const bucket of buckets) assert.ok(Math.abs(bucket - 2000) < 200, buckets.join(' '));
  });

  it('forks by label, whatever was drawn before', () => {
    const fresh = seededRandom(3).fork('network').next();
    const used = seededRandom(3);
    used.next();
    assert.equal(used.fork('network').next(), fresh);
    assert.notEqual(used.fork('other').next(), fresh);
    assert.equal(used.fork('network').seed, '3/network');
  });

  it('draws whole numbers with both ends, bytes, picks and shuffles', () => {
    const random = seededRandom(4);
    const numbers = new Set(Array.from({ length: 200 }, () => random.integer(1, 6)));
    assert.deepEqual([...numbers].toSorted(), [1, 2, 3, 4, 5, 6]);
    assert.equal(random.bytes(16).length, 16);
    assert.ok(new Set(random.bytes(1000)).size > 200);
    assert.ok(['a', 'b'].includes(random.pick(['a', 'b'])));
    assert.deepEqual(random.shuffle([1, 2, 3, 4]).toSorted(), [1, 2, 3, 4]);
    assert.throws(() => random.pick([]), RangeError);
  });
});

describe('withSeeds', () => {
  it('names the seed of a failure and how to repeat it', async (test) => {
    delete process.env['RELAY_SEED'];
    const seen: string[] = [];
    await assert.rejects(
      withSeeds(5, (random) => {
        seen.push(random.seed);
        if (random.seed === '3') throw new Error('lost a message');
      }),
      /^Error: seed 3 \(repeat with RELAY_SEED=3\): lost a message$/,
    );
    assert.deepEqual(seen, ['1', '2', '3']);
    process.env['RELAY_SEED'] = '42';
    test.after(() => delete process.env['RELAY_SEED']);
    await withSeeds(5, (random) => assert.equal(random.seed, '42'));
  });
});
