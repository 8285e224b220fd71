// Random numbers that repeat, as whole numbers of 31 bits.

import { seededRandom } from '@relay/testkit';

export type Random32 = () => number;

export function seeded(seed: string): Random32 {
  const random = seededRandom(seed);
  return () => Math.floor(random.next() * 2 ** 31);
}
