import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reconnect } from './reconnect.ts';

/** Always the longest wait, so that the bounds show. */
const LONGEST = { next: () => 1, bytes: (length: number) => new Uint8Array(length) };

describe('redialling', () => {
  it('waits 1 s doubling to 60 s, with full jitter', () => {
    const reconnect = new Reconnect(['a'], LONGEST);
    const waits = Array.from({ length: 8 }, () => reconnect.failed());
    assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    assert.equal(reconnect.attempts, 8);
    reconnect.connected();
    assert.equal(reconnect.attempts, 0);
    assert.equal(new Reconnect(['a'], { ...LONGEST, next: () => 0 }).failed(), 0);
  });

  it('waits longer and longer for sessions that end at once, and begins anew after one that stood', () => {
    const reconnect = new Reconnect(['a'], LONGEST);
    const waits = [500, 0, 9_999, 10_000, 0].map((stoodMs) => {
      reconnect.connected();
      return reconnect.lost(stoodMs);
    });
    assert.deepEqual(waits, [1_000, 2_000, 4_000, 1_000, 2_000]);
    assert.equal(reconnect.attempts, 1, 'what is shown counts from the last session');
  });

  it('waits as long as it was told, plus up to a quarter', () => {
    assert.equal(new Reconnect(['a'], LONGEST).failed(8_000), 10_000);
  });

  it('goes to fallbacks, then to alternatives, then round, after two failures each', () => {
    const reconnect = new Reconnect(['a', 'b'], LONGEST);
    reconnect.learn(['c', 'a']);
    const urls = Array.from({ length: 8 }, () => {
      const { url } = reconnect;
      reconnect.failed();
      return url;
    });
    assert.deepEqual(urls, ['a', 'a', 'b', 'b', 'c', 'c', 'a', 'a']);
  });

  it('does not go back where it was refused', () => {
    const reconnect = new Reconnect(['a', 'b'], LONGEST);
    assert.equal(reconnect.refused(), true);
    assert.equal(reconnect.url, 'b');
    reconnect.failed();
    reconnect.failed();
    assert.equal(reconnect.url, 'b');
    assert.equal(reconnect.hasOther, false);
    assert.equal(reconnect.refused(), false);
  });
});
