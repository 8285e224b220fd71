// Rendezvous hashing: each key prefers the instance with the highest hash of both, so that a key stays where it is while other
// instances come and go. With many instances the key first chooses one block of them the same way, which bounds the work.

import type { Instance } from '../registry/instance.ts';
import { textHash } from './text-hash.ts';

const BLOCK = 64;

/** The instance that `key` prefers among those that `allows` lets through. */
export function preferred(
  key: string,
  instances: readonly Instance[],
  allows: (instance: Instance) => boolean,
): Instance | undefined {
  const hash = textHash(key);
  const first =
    instances.length <= BLOCK ? 0 : BLOCK * preferredBlock(hash, Math.ceil(instances.length / BLOCK));
  let found: Instance | undefined;
  let highest = -1;
  for (let index = first; index < first + BLOCK && index < instances.length; index += 1) {
    const instance = instances[index];
    if (instance === undefined) break;
    const score = mixed(hash ^ instance.stats.addressHash);
    if (score > highest && allows(instance)) {
      highest = score;
      found = instance;
    }
  }
  return found;
}

function preferredBlock(hash: number, blocks: number): number {
  let found = 0;
  let highest = -1;
  for (let block = 0; block < blocks; block += 1) {
    const score = mixed(hash ^ Math.imul(block + 1, 0x9e3779b1));
    if (score > highest) {
      highest = score;
      found = block;
    }
  }
  return found;
}

/** Every bit of the input changes about half of those of the result (the finalizer of MurmurHash3). */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
