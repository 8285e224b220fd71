// Randomness that a test can repeat: xoshiro128** seeded by a hash of the seed's text.

import type { Random } from '@relay/protocol';

export interface SeededRandom extends Random {
  /** What `seededRandom` was given, with the labels of forks: `7/network`. */
  readonly seed: string;
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  /** Uniform, at least `min` and less than `max`. */
  between(min: number, max: number): number;
  /** True with this probability. */
  chance(ratio: number): boolean;
  pick<T>(items: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
  /** An independent source; depends on the seed and the label, not on what was drawn before. */
  fork(label: string): SeededRandom;
}

export function seededRandom(seed: number | string): SeededRandom {
  const text = String(seed);
  let [a, b, c, d] = stateOf(text);

  const next32 = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  // 53 bits, as many as a number holds.
  const next = (): number => ((next32() >>> 5) * 67_108_864 + (next32() >>> 6)) / 9_007_199_254_740_992;
  const integer = (min: number, max: number): number => {
    if (!(max >= min)) throw new RangeError(`no whole number from ${min} to ${max}`);
    return min + Math.floor(next() * (max - min + 1));
  };

  return {
    seed: text,
    next,
    integer,
    bytes: (length) => Uint8Array.from({ length }, () => next32() >>> 24),
    between: (min, max) => min + next() * (max - min),
    chance: (ratio) => next() < ratio,
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError('nothing to pick from');
      return items[integer(0, items.length - 1)] as T;
    },
    shuffle: <T>(items: readonly T[]): T[] => {
      const shuffled = [...items];
      for (let index = shuffled.length - 1; index > 0; index--) {
        const other = integer(0, index);
        [shuffled[index], shuffled[other]] = [shuffled[other] as T, shuffled[index] as T];
      }
      return shuffled;
    },
    fork: (label) => seededRandom(`${text}/${label}`),
  };
}

/**
 * Runs `body` once for each of `count` seeds from `base` on. A failure names its seed; with RELAY_SEED set, only that seed runs.
 */
export async function withSeeds(
  count: number,
  body: (random: SeededRandom) => Promise<void> | void,
  base = 1,
): Promise<void> {
  const only = process.env['RELAY_SEED'];
  const seeds = only ? [only] : Array.from({ length: count }, (_, index) => String(base + index));
  for (const seed of seeds) {
    try {
      await body(seededRandom(seed));
    } catch (thrown) {
      const because = thrown instanceof Error ? thrown.message : String(thrown);
      throw new Error(`seed ${seed} (repeat with RELAY_SEED=${seed}): ${because}`, { cause: thrown });
    }
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

/** FNV-1a over the text, then splitmix32 for the four words; never all zero. */
function stateOf(text: string): [number, number, number, number] {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  const word = (): number => {
    hash = (hash + 0x9e3779b9) | 0;
    let mixed = hash ^ (hash >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
  return [word(), word(), word(), word() | 1];
}
