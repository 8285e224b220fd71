import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Batch, packBytes, TEXT_BODY_BYTES, type WireBody } from './worker-wire.ts';

const LENGTH = TEXT_BODY_BYTES + 1;

describe('packBytes', () => {
  for (const [why, bytes] of [
    ['bytes of their own', new Uint8Array(LENGTH).fill(0x61)],
    ['a Buffer out of the pool of Node', Buffer.allocUnsafe(LENGTH).fill(0x61)],
    ['a part of a larger Buffer', Buffer.alloc(3 * LENGTH, 0x61).subarray(LENGTH, 2 * LENGTH)],
  ] as const) {
    it(`gives what can be handed over and leaves the sender's as it was: ${why}`, () => {
      const batch = new Batch<readonly ['result', number, WireBody]>();
      const body = packBytes(bytes);
      batch.add(['result', 1, body]);
      batch.handOver(body);
      const { messages, transfer } = batch.take();
      const [[, , arrived] = []] = structuredClone(messages, { transfer });
      assert.equal((arrived as Uint8Array).byteLength, LENGTH);
      assert.equal(bytes.byteLength, LENGTH);
      assert.equal(
        bytes.every((byte) => byte === 0x61),
        true,
      );
    });
  }
});
