// Two ends of a link inside one process. What one end sends the other end gets at the end of the turn, in order; everything else is as
// with a WebSocket, so that tests of whole federations meet the same events.

import type { Clock } from './clock.ts';
import { CLOSE_CODES } from './close-code.ts';
import { SUBPROTOCOL_BINARY } from './codec.ts';
import { LINK_LIMITS } from './limits.ts';
import type { CloseReason, Link, LinkListener } from './link.ts';
import { utf8Length } from './utf8.ts';

/** Longest reason text of a WebSocket close frame. */
const REASON_BYTES = 123;
/** How long the other side may take to answer a close. */
const CLOSE_MS = 5_000;

const ABNORMAL: CloseReason = Object.freeze({ code: CLOSE_CODES.abnormal, reason: '' });

type Event =
  | { readonly kind: 'data'; readonly data: string | Uint8Array; readonly bytes: number }
  | { readonly kind: 'close'; readonly reason: CloseReason };

class PairedLink implements Link {
  readonly subprotocol: string;
  readonly #clock: Clock;
  #other: PairedLink | undefined;
  #listener: LinkListener | undefined;
  /** On their way to this end. */
  readonly #arriving: Event[] = [];
  #isDelivering = false;
  #bufferedBytes = 0;
  #messageBytes: number = LINK_LIMITS.messageBytes;
  /** Nothing more is sent. */
  #isClosing = false;
  /** `onClose` has been or is being called. */
  #isClosed = false;
  #giveUp: Disposable | undefined;

  constructor(clock: Clock, subprotocol: string) {
    this.#clock = clock;
    this.subprotocol = subprotocol;
  }

  join(other: PairedLink): void {
    this.#other = other;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  listen(listener: LinkListener): void {
    this.#listener = listener;
    this.#deliverLater();
  }

  send(data: string | Uint8Array): void {
    if (this.#isClosing) return;
    const bytes = typeof data === 'string' ? utf8Length(data) : data.length;
    this.#bufferedBytes += bytes;
    this.#other?.arrive({ kind: 'data', data, bytes });
  }

  limitMessage(bytes: number): void {
    this.#messageBytes = bytes;
  }

  close(code: number, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const closed = { code, reason: shorten(reason) };
    this.#giveUp = this.#clock.after(CLOSE_MS, () => this.#end(ABNORMAL));
    // Both ends hear it: the other after what was sent before, this one when the answer would be back.
    this.#other?.arrive({ kind: 'close', reason: closed });
  }

  terminate(): void {
    if (this.#isClosed) return;
    this.#isClosing = true;
    for (const event of this.#arriving.splice(0)) if (event.kind === 'data') this.#other?.taken(event.bytes);
    this.arrive({ kind: 'close', reason: ABNORMAL });
    // No close frame, but the end of the connection, which the other side sees as 1006 after what was sent before.
    this.#other?.arrive({ kind: 'close', reason: ABNORMAL });
  }

  arrive(event: Event): void {
    if (this.#isClosed) {
      if (event.kind === 'data') this.#other?.taken(event.bytes);
      return;
    }
    this.#arriving.push(event);
    this.#deliverLater();
  }

  taken(bytes: number): void {
    this.#bufferedBytes -= bytes;
  }

  #deliverLater(): void {
    if (this.#isDelivering || this.#listener === undefined || this.#arriving.length === 0) return;
    this.#isDelivering = true;
    this.#clock.defer(() => {
      this.#isDelivering = false;
      // What arrives during delivery belongs to the next turn.
      for (const event of this.#arriving.splice(0)) this.#deliver(event);
      this.#deliverLater();
    });
  }

  #deliver(event: Event): void {
    if (event.kind === 'close') {
      this.#end(event.reason);
      return;
    }
    this.#other?.taken(event.bytes);
    if (this.#isClosed) return;
    if (event.bytes > this.#messageBytes) {
      this.close(CLOSE_CODES.tooBig, `message of ${event.bytes} bytes`);
      return;
    }
    if (!this.#isClosing) this.#listener?.onData(event.data);
  }

  #end(reason: CloseReason): void {
    if (this.#isClosed) return;
    const isAnswer = this.#isClosing;
    this.#isClosing = true;
    this.#isClosed = true;
    this.#giveUp?.[Symbol.dispose]();
    // The other end asked to close and waits for the answer.
    if (!isAnswer) this.#other?.arrive({ kind: 'close', reason });
    this.#listener?.onClose(reason);
  }
}

/** Creates both ends of an in-memory link. Whatever one sends, the other gets through `clock.defer`, in order. */
export function linkedPair(clock: Clock, subprotocol = SUBPROTOCOL_BINARY): [Link, Link] {
  const a = new PairedLink(clock, subprotocol);
  const b = new PairedLink(clock, subprotocol);
  a.join(b);
  b.join(a);
  return [a, b];
}

function shorten(reason: string): string {
  let short = reason;
  while (utf8Length(short) > REASON_BYTES) short = short.slice(0, -1);
  return short;
}
