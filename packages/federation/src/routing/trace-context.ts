// W3C trace context: made by the ingress if the caller brought none, carried unchanged to the end. https://www.w3.org/TR/trace-context/

import type { Random } from '@relay/protocol';

/** Drawn at once for many calls: one system call for 170 ids. */
const POOL_BYTES = 4_096;
const ID_BYTES = 24;
const DIGITS = Buffer.from('0123456789abcdef', 'latin1');
const TRACE_ID = { at: 3, bytes: 16 };
const SPAN_ID = { at: 36, bytes: 8 };

export class TraceContexts {
  readonly #random: Random;
  #pool: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** The text of the last one, of which only the digits of the ids change: made in one piece, as whoever sends it scans it. */
  readonly #text = Buffer.from(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`, 'latin1');

  constructor(random: Random) {
    this.#random = random;
  }

  /** A new `traceparent`, sampled flag not set. */
  create(): string {
    if (this.#at + ID_BYTES > this.#pool.length) {
      this.#pool = this.#random.bytes(POOL_BYTES);
      this.#at = 0;
    }
    this.#write(TRACE_ID);
    this.#write(SPAN_ID);
    return this.#text.toString('latin1');
  }

  #write({ at, bytes }: { readonly at: number; readonly bytes: number }): void {
    const text = this.#text;
    for (let place = at; place < at + 2 * bytes; place += 2) {
      const byte = this.#pool[this.#at++] ?? 0;
      text[place] = DIGITS[byte >> 4] ?? 0;
      text[place + 1] = DIGITS[byte & 15] ?? 0;
    }
  }
}

/** The 32 hex digits of a `traceparent`. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}
