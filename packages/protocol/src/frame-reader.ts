// Reads the fields of one frame. Every read checks first that the bytes are there, so that any input ends in a value or `MalformedMessage`.

import { TRACEPARENT_BYTES, TRACEPARENT_CHARS } from './binary-layout.ts';
import { malformed } from './json-fields.ts';
import { decodeUtf8 } from './utf8.ts';

const DIGITS = [...'0123456789abcdef'].map((digit) => digit.charCodeAt(0));
/** Characters of a traceparent; all but the dashes and the version are overwritten each time. */
const TRACEPARENT = [...'00-'.padEnd(35, '0'), ...'-'.padEnd(17, '0'), ...'-00'].map((char) =>
  char.charCodeAt(0),
);

const EMPTY = new Uint8Array(0);

export class FrameReader {
  #bytes: Uint8Array = EMPTY;
  #position = 0;
  #end = 0;

  /** Goes to the fields of a frame: `bytes` from `start` to `end`, which the caller has checked to be there. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  /** Forgets the bytes, which the messages may or may not keep. */
  close(): void {
    this.#bytes = EMPTY;
  }

  u8(field: string): number {
    return this.#bytes[this.#skip(1, field)]!;
  }

  u16(field: string): number {
    const at = this.#skip(2, field);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  u32(field: string): number {
    return this.i32(field) >>> 0;
  }

  i32(field: string): number {
    const at = this.#skip(4, field);
    const bytes = this.#bytes;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  u48(field: string): number {
    return this.u16(field) * 0x1_0000_0000 + this.u32(field);
  }

  text(field: string, maxBytes: number): string {
    const length = this.u16(field);
    if (length > maxBytes) malformed(field, `takes more than ${maxBytes} bytes`);
    const at = this.#skip(length, field);
    return decodeUtf8(this.#bytes, at, at + length) ?? malformed(field, 'is not UTF-8');
  }

  /** The canonical text of a traceparent of version 00 from its bytes. Made in one piece, as whoever passes it on scans it. */
  traceparent(): string {
    let at = this.#skip(TRACEPARENT_BYTES, 'traceparent');
    const bytes = this.#bytes;
    for (let i = 3; i < TRACEPARENT_CHARS; i += 2) {
      if (i === 35 || i === 52) i++;
      const byte = bytes[at++]!;
      TRACEPARENT[i] = DIGITS[byte >> 4]!;
      TRACEPARENT[i + 1] = DIGITS[byte & 15]!;
    }
    return String.fromCharCode.apply(null, TRACEPARENT);
  }

  /** What is left of the frame, as a view. */
  rest(): Uint8Array {
    const view = this.#bytes.subarray(this.#position, this.#end);
    this.#position = this.#end;
    return view;
  }

  restText(field: string): string {
    return decodeUtf8(this.#bytes, this.#position, this.#end) ?? malformed(field, 'is not UTF-8');
  }

  #skip(bytes: number, field: string): number {
    const at = this.#position;
    if (bytes > this.#end - at) malformed(field, 'is cut off');
    this.#position = at + bytes;
    return at;
  }
}
