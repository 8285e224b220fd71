// What waits to leave on one link. Messages of one turn of the event loop leave in one write; parts of big bodies come after
// everything else, as far as the other side gave credit and only while little waits, so that a small call never stands behind a big one.

import type { Body } from '../call.ts';
import type { Clock } from '../clock.ts';
import { CLOSE_CODES } from '../close-code.ts';
import type { Encoder } from '../codec.ts';
import { CHUNK_BYTES, OUTBOX_LIMITS } from '../limits.ts';
import type { Link } from '../link.ts';
import type { CallId, FederationMessage } from '../message.ts';

/** Bytes of one body that may be sent before any credit came. */
export const UNASKED_BYTES = 262_144;

/** Parts of bodies are added only below this, so that they alone never congest the link for requests. */
const PART_ROOM_BYTES = OUTBOX_LIMITS.highWaterBytes / 2;
/** A link does not say when it has taken something, so what waits for it looks this often. */
const POLL_MS = 2;
const STUCK_POLL_MS = 1_000;
/** So much of big bodies may wait here for credit. */
const STREAM_BYTES = 67_108_864;

export type BodyOf = 'request' | 'response';

interface BodyStream {
  readonly of: BodyOf;
  readonly id: CallId;
  readonly body: Body;
  offset: number;
  credit: number;
}

export class Outbox {
  readonly #link: Link;
  readonly #encoder: Encoder;
  readonly #clock: Clock;
  readonly #cut: (code: number, reason: string) => void;
  readonly #streams = new Map<string, BodyStream>();
  #streamBytes = 0;
  #isScheduled = false;
  #isClosed = false;
  #batch = 0;
  #bytes = 0;
  #taken = 0;
  #takenAt = 0;
  #poll: Disposable | undefined;
  #stuckPoll: Disposable | undefined;

  constructor(link: Link, encoder: Encoder, clock: Clock, cut: (code: number, reason: string) => void) {
    this.#link = link;
    this.#encoder = encoder;
    this.#clock = clock;
    this.#cut = cut;
  }

  /** Bytes that were added, in all. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the write in which what is added now leaves; below it everything has been handed to the link. */
  get batch(): number {
    return this.#batch;
  }

  /** Over the high-water mark: no new requests for this link. */
  get isCongested(): boolean {
    return this.#link.bufferedBytes + this.#encoder.pendingBytes > OUTBOX_LIMITS.highWaterBytes;
  }

  /** Parts of bodies wait for credit or for room. */
  get hasBodies(): boolean {
    return this.#streams.size > 0;
  }

  /** Adds one message. Throws `MalformedMessage` for one that does not fit; then nothing has happened. */
  add(message: FederationMessage): void {
    if (this.#isClosed) return;
    this.#bytes += this.#encoder.add(message);
    // A big burst need not wait for the end of the turn, and would look like congestion if it did.
    if (this.#encoder.pendingBytes >= CHUNK_BYTES) this.#write();
    else this.#schedule();
  }

  /** Whether the rest of a body of this size may wait here. */
  hasRoom(bytes: number): boolean {
    return this.#streamBytes + bytes <= STREAM_BYTES;
  }

  /** Sends the rest of `body`, from `offset`, in parts. Its first part went with the message itself. */
  stream(of: BodyOf, id: CallId, body: Body, offset: number): void {
    if (this.#isClosed) return;
    this.#streams.set(`${of} ${id}`, { of, id, body, offset, credit: UNASKED_BYTES - offset });
    this.#streamBytes += body.length - offset;
    this.#schedule();
  }

  /** The other side can take so many bytes more of this body. */
  credit(of: BodyOf, id: CallId, bytes: number): void {
    const stream = this.#streams.get(`${of} ${id}`);
    if (stream === undefined) return;
    stream.credit += bytes;
    this.#schedule();
  }

  /** Ends a body that is under way. */
  drop(of: BodyOf, id: CallId): void {
    if (this.#streams.size === 0) return;
    const key = `${of} ${id}`;
    const stream = this.#streams.get(key);
    if (stream === undefined) return;
    this.#streams.delete(key);
    this.#streamBytes -= stream.body.length - stream.offset;
  }

  /** Hands everything that can go to the link now. */
  flush(): void {
    if (this.#isClosed) return;
    if (this.#streams.size > 0) this.#addParts();
    this.#write();
  }

  /** Nothing leaves any more. */
  close(): void {
    this.#isClosed = true;
    this.#streams.clear();
    this.#poll?.[Symbol.dispose]();
    this.#stuckPoll?.[Symbol.dispose]();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.defer(this.#onTurnEnd);
  }

  readonly #onTurnEnd = (): void => {
    this.#isScheduled = false;
    this.flush();
  };

  #addParts(): void {
    let moved = true;
    while (moved) {
      moved = false;
      // One part of each in turn, so that bodies share the link.
      for (const [key, stream] of this.#streams) {
        if (this.#link.bufferedBytes + this.#encoder.pendingBytes >= PART_ROOM_BYTES) {
          this.#pollSoon();
          return;
        }
        const size = Math.min(CHUNK_BYTES, stream.body.length - stream.offset, stream.credit);
        if (size <= 0) continue;
        const end = stream.offset + size;
        const continues = end < stream.body.length;
        const body = stream.body.subarray(stream.offset, end);
        this.#bytes += this.#encoder.add({ type: 'body', of: stream.of, id: stream.id, body, continues });
        stream.offset = end;
        stream.credit -= size;
        this.#streamBytes -= size;
        moved = true;
        if (!continues) this.#streams.delete(key);
      }
    }
  }

  #write(): void {
    if (this.#encoder.pendingBytes === 0) return;
    this.#batch += 1;
    for (const message of this.#encoder.take()) this.#link.send(message);
    this.#watch();
  }

  #pollSoon(): void {
    if (this.#poll !== undefined) return;
    this.#poll = this.#clock.after(POLL_MS, () => {
      this.#poll = undefined;
      this.flush();
    });
  }

  /** A slow consumer costs its own link, never our memory. */
  #watch(): void {
    const waiting = this.#link.bufferedBytes;
    if (waiting <= OUTBOX_LIMITS.stuckBytes) return;
    if (waiting > OUTBOX_LIMITS.cutBytes) {
      this.#cut(CLOSE_CODES.overloaded, `${OUTBOX_LIMITS.cutBytes} bytes are waiting`);
      return;
    }
    if (this.#stuckPoll !== undefined) return;
    this.#taken = this.#bytes - waiting;
    this.#takenAt = this.#clock.now();
    this.#pollStuck();
  }

  #pollStuck(): void {
    this.#stuckPoll = this.#clock.after(STUCK_POLL_MS, () => {
      this.#stuckPoll = undefined;
      const waiting = this.#link.bufferedBytes;
      if (waiting <= OUTBOX_LIMITS.stuckBytes) return;
      const taken = this.#bytes - waiting;
      if (taken > this.#taken) {
        this.#taken = taken;
        this.#takenAt = this.#clock.now();
      } else if (this.#clock.now() - this.#takenAt >= OUTBOX_LIMITS.stuckMs) {
        this.#cut(CLOSE_CODES.overloaded, `nothing was taken in ${OUTBOX_LIMITS.stuckMs / 1_000} s`);
        return;
      }
      this.#pollStuck();
    });
  }
}
