// One end of a simulated connection. Behaves as a WebSocket does: data and the close handshake share one ordered stream.

import {
  CLOSE_CODES,
  type Clock,
  type CloseReason,
  LINK_LIMITS,
  type Link,
  type LinkListener,
} from '@relay/protocol';
import type { Pipe } from './simulated-pipe.ts';

/** How long a close waits for the other side's answer. */
const CLOSE_LIMIT_MS = 5000;

/** Bytes of a reason text in a close frame. */
const MAX_REASON_BYTES = 123;

const ABNORMAL: CloseReason = Object.freeze({ code: CLOSE_CODES.abnormal, reason: '' });

export class SimulatedLink implements Link {
  readonly #clock: Clock;
  readonly #outgoing: Pipe;
  readonly #onDone: () => void;
  #other: SimulatedLink | undefined;
  #subprotocol = '';
  #state: 'open' | 'closing' | 'closed' | 'gone' = 'open';
  #listener: LinkListener | undefined;
  /** What came before `listen`. */
  #early: ((listener: LinkListener) => void)[] = [];
  #maxMessageBytes: number = LINK_LIMITS.messageBytes;
  #closeTimer: Disposable | undefined;
  #isDark = (): boolean => false;

  /** `onDone` is called once, when this end is closed or its process is gone. */
  constructor(clock: Clock, outgoing: Pipe, onDone: () => void) {
    this.#clock = clock;
    this.#outgoing = outgoing;
    this.#onDone = onDone;
  }

  /** Joins the two ends, once, before either is handed over. */
  static join(one: SimulatedLink, two: SimulatedLink): void {
    one.#other = two;
    two.#other = one;
  }

  get #otherEnd(): SimulatedLink {
    if (this.#other === undefined) throw new Error('the link was not joined');
    return this.#other;
  }

  get subprotocol(): string {
    return this.#subprotocol;
  }

  agree(subprotocol: string): void {
    this.#subprotocol = subprotocol;
  }

  get bufferedBytes(): number {
    return this.isFinished ? 0 : this.#outgoing.bufferedBytes;
  }

  listen(listener: LinkListener): void {
    if (this.#listener !== undefined) throw new Error('a link has one listener');
    this.#listener = listener;
    if (this.#early.length > 0) this.#clock.defer(() => this.#flushEarly());
  }

  send(data: string | Uint8Array): void {
    if (this.#state !== 'open') return;
    const copy = typeof data === 'string' ? data : new Uint8Array(data);
    const size = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
    const isSent = this.#outgoing.sendData(size, () => {
      if (typeof data !== 'string' && Buffer.compare(data, copy as Uint8Array) !== 0) {
        throw new Error('the bytes of a message were changed after send');
      }
      this.#otherEnd.#receive(copy, size);
    });
    if (!isSent) this.cut();
  }

  limitMessage(bytes: number): void {
    this.#maxMessageBytes = bytes;
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#sendClose({ code, reason: shorten(reason) });
    this.#closeTimer = this.#clock.after(CLOSE_LIMIT_MS, () => this.terminate());
  }

  terminate(): void {
    if (this.isFinished) return;
    this.#sendCut();
    this.#finish(ABNORMAL);
  }

  /** The connection breaks and both sides notice at once. */
  cut(): void {
    this.#finish(ABNORMAL);
    this.#otherEnd.#finish(ABNORMAL);
  }

  /** The process of this end is gone and hears nothing of it; with `isDark` neither does the other side while that holds. */
  vanish(isDark?: () => boolean): void {
    const wasFinished = this.isFinished;
    if (isDark === undefined) this.#sendCut();
    else this.#isDark = isDark;
    this.#state = 'gone';
    this.#closeTimer?.[Symbol.dispose]();
    this.#early = [];
    if (!wasFinished) this.#onDone();
  }

  /** Closed, or its process is gone. */
  get isFinished(): boolean {
    return this.#state === 'closed' || this.#state === 'gone';
  }

  #receive(data: string | Uint8Array, size: number): void {
    if (this.#refuses()) return;
    if (size <= this.#maxMessageBytes) {
      // Who has closed does not want to hear more.
      if (this.#state === 'open') this.#tell((listener) => listener.onData(data));
      return;
    }
    const tooBig = { code: CLOSE_CODES.tooBig, reason: 'message too big' };
    if (this.#state === 'open') this.#sendClose(tooBig);
    this.#finish(tooBig);
  }

  /** A machine that is up answers what belongs to no process with an RST. */
  #refuses(): boolean {
    if (this.#state === 'gone' && !this.#isDark()) this.#sendCut();
    return this.isFinished;
  }

  #sendClose(reason: CloseReason): void {
    this.#outgoing.sendControl(() => this.#otherEnd.#receiveClose(reason));
  }

  #receiveClose(reason: CloseReason): void {
    if (this.#refuses()) return;
    if (this.#state === 'open') this.#sendClose(reason);
    this.#finish(reason);
  }

  #sendCut(): void {
    this.#outgoing.sendControl(() => this.#otherEnd.#finish(ABNORMAL));
  }

  #finish(reason: CloseReason): void {
    if (this.isFinished) return;
    this.#state = 'closed';
    this.#closeTimer?.[Symbol.dispose]();
    this.#clock.defer(() => this.#tell((listener) => listener.onClose(reason)));
    this.#onDone();
  }

  #tell(event: (listener: LinkListener) => void): void {
    if (this.#state === 'gone') return;
    if (this.#listener === undefined || this.#early.length > 0) this.#early.push(event);
    else event(this.#listener);
  }

  #flushEarly(): void {
    for (let event = this.#early[0]; event !== undefined; event = this.#early[0]) {
      if (this.#listener !== undefined) event(this.#listener);
      this.#early.shift();
    }
  }
}

/** As much of a text as fits into a close frame, whole characters only. */
function shorten(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  return new TextDecoder().decode(bytes.subarray(0, MAX_REASON_BYTES), { stream: true });
}
