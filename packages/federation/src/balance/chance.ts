// Cheap chance for picks: a generator of its own (mulberry32), seeded once from the node's. Nobody gains by guessing it.

import type { Random } from '@relay/protocol';

/** Uniform, at least 0 and less than 1. */
export type Chance = () => number;

export function createChance(random: Random): Chance {
  let state = Math.floor(random.next() * 2 ** 32);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
