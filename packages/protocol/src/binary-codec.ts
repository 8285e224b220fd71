// `relay.v1.bin`: several frames in one link message, bodies as they are, texts that seldom change by number (protocol.md §6).

import { BinaryDecoder } from './binary-decoder.ts';
import { BinaryEncoder } from './binary-encoder.ts';
import type { CodecFactory } from './codec.ts';

/** Creates both ends of `relay.v1.bin`. Bodies of decoded messages are views into what was decoded. */
export const createBinaryCodec: CodecFactory = (_defaults, limits) => ({
  encoder: new BinaryEncoder(limits.messageBytes),
  decoder: new BinaryDecoder(),
});
