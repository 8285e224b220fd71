// W3C trace context: made by the ingress if the caller brought none, carried unchanged to the end. https://www.w3.org/TR/trace-context/

import type { Random } from '@relay/protocol';

/** Drawn at once for many calls: one system call for 170 ids. */
const POOL_BYTES = 4_096;
const ID_BYTES = 24;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export class TraceContexts {
  readonly #random: Random;
  #pool: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A new `traceparent`, sampled flag not set. */
  create(): string {
    if (this.#at + ID_BYTES > this.#pool.length) {
      this.#pool = this.#random.bytes(POOL_BYTES);
      this.#at = 0;
    }
    const trace = this.#hex(16);
    return `00-${trace}-${this.#hex(8)}-00`;
  }

  #hex(bytes: number): string {
    let text = '';
    for (const end = this.#at + bytes; this.#at < end; this.#at += 1) text += HEX[this.#pool[this.#at] ?? 0];
    return text;
  }
}

/** The 32 hex digits of a `traceparent`. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}
