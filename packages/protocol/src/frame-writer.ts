// The output of one encoder. Frames are written one after another into a slab; `take` hands out views of it and goes on behind them,
// so nothing is copied and nothing that was handed out is written again. A slab is as large as the traffic of the link asks for, since a
// Main may have ten thousand of them.

import { HEADER_BYTES, TRACEPARENT_BYTES, TRACEPARENT_CHARS } from './binary-layout.ts';
import { malformed } from './json-fields.ts';
import { writeUtf8 } from './utf8.ts';

const SMALLEST_SLAB = 2_048;
/** A larger one, for a long message, is given up as soon as that has been taken. */
const LARGEST_SLAB = 65_536;
/** Behind a long frame, for short ones of the same turn. */
const SLACK = 4_096;
/** Shorter byte strings are copied faster by hand. */
const SHORT_COPY = 16;
const DASH = 0x2d;

export class FrameWriter {
  readonly #messageBytes: number;
  #slab = new Uint8Array(0);
  #position = 0;
  /** Where the link message that is being filled begins. */
  #messageStart = 0;
  #frameStart = 0;
  #full: Uint8Array[] = [];
  #fullBytes = 0;
  #lastTaken = 0;

  constructor(messageBytes: number) {
    this.#messageBytes = messageBytes;
  }

  get pendingBytes(): number {
    return this.#fullBytes + this.#position - this.#messageStart;
  }

  /** Begins a frame with a header that `end` fills. */
  begin(): void {
    this.#frameStart = this.#position;
    this.#reserve(HEADER_BYTES);
    this.#position += HEADER_BYTES;
  }

  /** Takes back the frame that was begun. */
  rollback(): void {
    this.#position = this.#frameStart;
  }

  /** Ends the frame: fills its header, and begins a new link message with it if the present one would grow too long. */
  end(type: number, flags: number, call: number): number {
    const size = this.#position - this.#frameStart;
    if (size > this.#messageBytes) tooLong(size, this.#messageBytes);
    const at = this.#frameStart;
    writeHeader(this.#slab, at, size, type, flags, call);
    if (this.#position - this.#messageStart > this.#messageBytes) this.#seal(at);
    return size;
  }

  /**
   * Instead of filling the frame that was begun: sends on the one that ends with `body`, with its header written anew. The bytes before
   * `body` in its buffer are that header, and nobody else may need it.
   */
  reuse(body: Uint8Array, type: number, flags: number, call: number): number {
    this.rollback();
    const size = HEADER_BYTES + body.length;
    if (size > this.#messageBytes) tooLong(size, this.#messageBytes);
    const frame = new Uint8Array(body.buffer, body.byteOffset - HEADER_BYTES, size);
    writeHeader(frame, 0, size, type, flags, call);
    if (this.#position > this.#messageStart) this.#seal(this.#position);
    this.#full.push(frame);
    this.#fullBytes += size;
    return size;
  }

  take(): readonly Uint8Array[] {
    this.#lastTaken = this.pendingBytes;
    if (this.#position > this.#messageStart) this.#seal(this.#position);
    const taken = this.#full;
    this.#full = [];
    this.#fullBytes = 0;
    if (this.#slab.length > LARGEST_SLAB) {
      this.#slab = new Uint8Array(0);
      this.#position = 0;
      this.#messageStart = 0;
    }
    return taken;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#slab[this.#position++] = value;
  }

  u16(value: number): void {
    this.#reserve(2);
    const at = this.#position;
    this.#slab[at] = value >>> 8;
    this.#slab[at + 1] = value;
    this.#position = at + 2;
  }

  /** Also for signed 32-bit numbers. */
  u32(value: number): void {
    this.#reserve(4);
    const at = this.#position;
    const slab = this.#slab;
    slab[at] = value >>> 24;
    slab[at + 1] = value >>> 16;
    slab[at + 2] = value >>> 8;
    slab[at + 3] = value;
    this.#position = at + 4;
  }

  /** Whole numbers below 2^48. */
  u48(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.u16(high);
    this.u32(value - high * 0x1_0000_0000);
  }

  text(text: string): void {
    this.#reserve(2 + 3 * text.length);
    const start = this.#position + 2;
    const end = writeUtf8(text, this.#slab, start);
    const length = end - start;
    if (length > 0xffff) malformed('text', `takes ${length} bytes, more than 65535`);
    this.#slab[start - 2] = length >>> 8;
    this.#slab[start - 1] = length;
    this.#position = end;
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length > this.#messageBytes) tooLong(length, this.#messageBytes);
    this.#reserve(length);
    const slab = this.#slab;
    const at = this.#position;
    if (length <= SHORT_COPY) for (let i = 0; i < length; i++) slab[at + i] = bytes[i]!;
    else slab.set(bytes, at);
    this.#position = at + length;
  }

  /** Writes a canonical traceparent as its bytes; false, with nothing written, if it is none. */
  traceparent(text: string): boolean {
    if (!looksCanonical(text)) return false;
    this.#reserve(TRACEPARENT_BYTES);
    const slab = this.#slab;
    let at = this.#position;
    for (let i = 3; i < TRACEPARENT_CHARS; i += 2) {
      if (i === 35 || i === 52) i++;
      // NaN and what is no digit become 0xff, which no pair of digits gives.
      const high = HEX_VALUE[text.charCodeAt(i)] ?? 0xff;
      const low = HEX_VALUE[text.charCodeAt(i + 1)] ?? 0xff;
      if ((high | low) > 15) return false;
      slab[at++] = (high << 4) | low;
    }
    this.#position = at;
    return true;
  }

  /** Replaces the first byte after the header, whose value may depend on what follows. */
  setFirst(value: number): void {
    this.#slab[this.#frameStart + HEADER_BYTES] = value;
  }

  #seal(end: number): void {
    this.#full.push(this.#slab.subarray(this.#messageStart, end));
    this.#fullBytes += end - this.#messageStart;
    this.#messageStart = end;
  }

  #reserve(bytes: number): void {
    if (this.#position + bytes > this.#slab.length) this.#grow(bytes);
  }

  /** Moves the link message that is being filled to a new slab; what was handed out keeps the old one alive. */
  #grow(bytes: number): void {
    const frame = this.#position - this.#frameStart + bytes;
    // Texts reserve three bytes a character, hence the factor; `end` has the last word.
    if (frame > 3 * this.#messageBytes) tooLong(frame, this.#messageBytes);
    const pending = this.#position - this.#messageStart;
    const wanted = Math.max(SMALLEST_SLAB, Math.min(LARGEST_SLAB, 8 * this.#lastTaken));
    const needed = pending + bytes;
    // A part of a big body is sent as soon as it is written: room for more would only be filled with zeros.
    const slab = new Uint8Array(needed < LARGEST_SLAB ? Math.max(wanted, 2 * needed) : needed + SLACK);
    slab.set(this.#slab.subarray(this.#messageStart, this.#position));
    this.#slab = slab;
    this.#frameStart -= this.#messageStart;
    this.#position = pending;
    this.#messageStart = 0;
  }
}

function writeHeader(
  bytes: Uint8Array,
  at: number,
  size: number,
  type: number,
  flags: number,
  call: number,
): void {
  const length = size - 4;
  bytes[at] = length >>> 24;
  bytes[at + 1] = length >>> 16;
  bytes[at + 2] = length >>> 8;
  bytes[at + 3] = length;
  bytes[at + 4] = type;
  bytes[at + 5] = flags;
  bytes[at + 6] = call >>> 24;
  bytes[at + 7] = call >>> 16;
  bytes[at + 8] = call >>> 8;
  bytes[at + 9] = call;
}

function tooLong(size: number, max: number): never {
  malformed('frame', `takes ${size} bytes, more than ${max}`);
}

/** Values of lower-case hex digits by character code, 0xff for any other. */
const HEX_VALUE = new Uint8Array(128).fill(0xff);
for (let digit = 0; digit < 16; digit++) HEX_VALUE[digit.toString(16).charCodeAt(0)] = digit;

/** `00-` 32 digits `-` 16 digits `-` 2 digits, but for the digits. */
function looksCanonical(text: string): boolean {
  return (
    text.length === TRACEPARENT_CHARS &&
    text.startsWith('00-') &&
    text.charCodeAt(35) === DASH &&
    text.charCodeAt(52) === DASH
  );
}
