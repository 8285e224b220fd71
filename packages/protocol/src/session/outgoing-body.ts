// One body that leaves in parts: one that is here as a whole, or one whose parts come from another link.

import type { Body, BodyRest, BodySink, CancelMode } from '../call.ts';
import type { Failure } from '../failure.ts';
import { CHUNK_BYTES, PART_BYTES, UNASKED_BYTES } from '../limits.ts';
import type { CallId } from '../message.ts';
import type { BodyOf } from './incoming-body.ts';

export interface OutgoingBodyOptions {
  readonly of: BodyOf;
  readonly id: CallId;
  /** 0 to 9; higher leaves first. */
  readonly priority: number;
  /** What is here of it. Its first `sentBytes` went with the message itself. */
  readonly body: Body;
  readonly sentBytes: number;
  /** Where the rest comes from; absent if `body` is all. */
  readonly rest?: BodyRest | undefined;
  /** The rest will not come. */
  readonly onFail?: (failure: Failure) => void;
}

export class OutgoingBody implements BodySink {
  readonly of: BodyOf;
  readonly id: CallId;
  readonly priority: number;
  /** It stands in the queue of its priority. */
  isQueued = false;
  readonly #rest: BodyRest | undefined;
  readonly #onReady: (body: OutgoingBody) => void;
  readonly #onFail: ((failure: Failure) => void) | undefined;
  #parts: Body[];
  /** So many of the first parts may be sent over another link as well, or are no frames. */
  #sharedParts: number;
  /** Within the first of the parts. */
  #offset: number;
  #credit: number;
  #isComplete: boolean;
  #isOver = false;

  constructor(options: OutgoingBodyOptions, onReady: (body: OutgoingBody) => void) {
    const { body, sentBytes, rest } = options;
    this.of = options.of;
    this.id = options.id;
    this.priority = options.priority;
    this.#rest = rest;
    this.#onReady = onReady;
    this.#onFail = options.onFail;
    this.#parts = sentBytes < body.length ? [body] : [];
    this.#sharedParts = this.#parts.length;
    this.#offset = sentBytes;
    this.#credit = UNASKED_BYTES - sentBytes;
    this.#isComplete = rest === undefined;
  }

  /** Bytes that this node holds for it alone; parts from another link are counted there. */
  get ownBytes(): number {
    if (this.#rest !== undefined) return 0;
    const [body] = this.#parts;
    return body === undefined ? 0 : body.length - this.#offset;
  }

  /** The last part was taken, or nobody wants it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Something could leave now. */
  get isReady(): boolean {
    if (this.#isOver) return false;
    return this.#parts.length > 0 ? this.#credit >= this.#nextBytes() : this.#isComplete;
  }

  /** Begins to take what comes from the other link. */
  start(): void {
    this.#rest?.pass(this);
  }

  part(part: Body, isLast: boolean): void {
    if (this.#isOver) return;
    if (part.length > 0) {
      if (this.#parts.length === 0) this.#offset = 0;
      this.#parts.push(part);
      // Whoever tries the call again may be sending it, too.
      if (this.#rest?.canRepeat !== false) this.#sharedParts = this.#parts.length;
    }
    this.#isComplete = isLast;
    this.#onReady(this);
  }

  fail(failure: Failure): void {
    if (this.#isOver) return;
    this.end();
    this.#onFail?.(failure);
  }

  credit(bytes: number): void {
    this.#credit += bytes;
    this.#onReady(this);
  }

  /** The next part, only when it is ready. */
  take(): { readonly body: Body; readonly continues: boolean; readonly mayReuseFrame: boolean } {
    const [head] = this.#parts;
    let body: Body = EMPTY;
    let mayReuseFrame = false;
    if (head !== undefined) {
      const end = this.#offset + this.#nextBytes();
      mayReuseFrame = this.#offset === 0 && this.#sharedParts === 0;
      body = head.subarray(this.#offset, end);
      this.#credit -= body.length;
      this.#offset = end;
      if (end === head.length) {
        this.#parts.shift();
        if (this.#sharedParts > 0) this.#sharedParts -= 1;
        this.#offset = 0;
      }
    }
    const continues = !this.#isComplete || this.#parts.length > 0;
    if (!continues) this.#isOver = true;
    return { body, continues, mayReuseFrame };
  }

  /** So many bytes have left: as many may come from the other link. */
  left(bytes: number): void {
    this.#rest?.passed(bytes);
  }

  /** Nobody wants it any more. */
  stop(mode: CancelMode): void {
    if (this.#isOver) return;
    this.end();
    this.#rest?.stop(mode);
  }

  end(): void {
    this.#isOver = true;
    this.#parts = [];
  }

  /** The length of the next part. It waits for credit for all of it: remainders would be as dear as whole parts. */
  #nextBytes(): number {
    const [head] = this.#parts;
    if (head === undefined) return 0;
    // What comes from another link goes on as it came.
    const most = this.#rest === undefined ? PART_BYTES : CHUNK_BYTES;
    return Math.min(head.length - this.#offset, most);
  }
}

const EMPTY = new Uint8Array(0);
