// The digest of a set of registry entries: one XOR of hashes per bucket, so that a change costs one entry and a difference
// points at a sixteenth of the set. Source: protocol.md §8.

import { hash } from 'node:crypto';
import { REGISTRY_LIMITS } from '@relay/protocol';

const BUCKETS = REGISTRY_LIMITS.digestBuckets;

/** Key of an entry within one Main: a node has a service at most once. */
export function entryKey(service: string, nodeId: string): string {
  return `${service}\0${nodeId}`;
}

/** First byte of SHA-256(service 0x00 node id) mod 16. */
export function bucketOf(key: string): number {
  return (hash('sha256', key, 'buffer')[0] ?? 0) % BUCKETS;
}

export class Digest {
  readonly #buckets = new BigUint64Array(BUCKETS);

  /** Adds an entry, or takes the same entry out again. */
  toggle(key: string, seq: number): void {
    const bucket = bucketOf(key);
    const bits = hash('sha256', `${key}\0${seq}`, 'buffer').readBigUInt64BE(0);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0n) ^ bits;
  }

  /** 16 texts of 16 hex digits. */
  texts(): readonly string[] {
    return Array.from(this.#buckets, (bits) => bits.toString(16).padStart(16, '0'));
  }

  /** Numbers of the buckets that differ from the texts of another digest. */
  differing(texts: readonly string[]): readonly number[] {
    return this.texts().flatMap((text, bucket) => (text === texts[bucket] ? [] : [bucket]));
  }
}
