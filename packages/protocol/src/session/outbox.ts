// What waits to leave on one link. Messages of one turn of the event loop leave in few writes; parts of big bodies come after
// everything else, as far as the other side gave credit and only while little waits, so that a small call never stands behind a big one.

import type { CancelMode } from '../call.ts';
import type { Clock } from '../clock.ts';
import { CLOSE_CODES } from '../close-code.ts';
import type { Encoder } from '../codec.ts';
import { CALL_LIMITS, OUTBOX_LIMITS, PART_BYTES } from '../limits.ts';
import type { Link } from '../link.ts';
import type { CallId, FederationMessage } from '../message.ts';
import { BodyQueue } from './body-queue.ts';
import { BufferBudget } from './buffer-budget.ts';
import type { BodyOf } from './incoming-body.ts';
import type { OutgoingBodyOptions } from './outgoing-body.ts';

/** Parts of bodies are added only below this, half the high-water mark, so that they alone never congest the link for requests. */
const PART_ROOM_BYTES = 2 * PART_BYTES;
/** Not every link says when it has taken something, so what waits for it looks this often. */
const POLL_MS = 2;
const STUCK_POLL_MS = 1_000;
/** So much of big bodies may wait here for credit. */
const STREAM_BYTES = 67_108_864;

export class Outbox {
  readonly #link: Link;
  readonly #encoder: Encoder;
  readonly #clock: Clock;
  readonly #cut: (code: number, reason: string) => void;
  readonly #budget: BufferBudget;
  readonly #bodies = new BodyQueue(() => this.#schedule());
  #streamBytes = 0;
  #isScheduled = false;
  #isClosed = false;
  #batch = 0;
  #bytes = 0;
  /** Bytes that wait in the link, as far as the budget has been told. */
  #countedBytes = 0;
  #taken = 0;
  #takenAt = 0;
  #poll: Disposable | undefined;
  #stuckPoll: Disposable | undefined;

  constructor(
    link: Link,
    encoder: Encoder,
    clock: Clock,
    cut: (code: number, reason: string) => void,
    budget = new BufferBudget(clock),
  ) {
    this.#link = link;
    this.#encoder = encoder;
    this.#clock = clock;
    this.#cut = cut;
    this.#budget = budget;
  }

  /** Bytes that were added, in all. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that wait here or in the link; parts that another link holds are not counted. */
  get heldBytes(): number {
    return this.#streamBytes + this.#countedBytes;
  }

  /** Number of the write in which what is added now leaves; below it everything has been handed to the link. */
  get batch(): number {
    return this.#batch;
  }

  /** Over the high-water mark: no new requests for this link. */
  get isCongested(): boolean {
    return this.#waiting > OUTBOX_LIMITS.highWaterBytes;
  }

  /** The same for requests of a priority: those below the default are shed earlier. */
  isCongestedFor(priority: number): boolean {
    return this.#waiting > OUTBOX_LIMITS.highWaterBytes * shareOf(priority);
  }

  get #waiting(): number {
    return this.#link.bufferedBytes + this.#encoder.pendingBytes;
  }

  /** Parts of bodies wait for credit or for room. */
  get hasBodies(): boolean {
    return this.#bodies.size > 0;
  }

  /** Adds one message. Throws `MalformedMessage` for one that does not fit; then nothing has happened. */
  add(message: FederationMessage): void {
    if (this.#isClosed) return;
    this.#bytes += this.#encoder.add(message);
    if (this.#encoder.pendingBytes >= OUTBOX_LIMITS.writeBytes) this.#write();
    else this.#schedule();
  }

  /** Whether the rest of a body of this size may wait here. */
  hasRoom(bytes: number): boolean {
    return this.#streamBytes + bytes <= STREAM_BYTES;
  }

  /** Sends a body in parts. Its first part went with the message itself. */
  stream(options: OutgoingBodyOptions): void {
    if (this.#isClosed) {
      options.rest?.stop('abandon');
      return;
    }
    if (options.rest === undefined) this.#hold(options.body.length - options.sentBytes);
    this.#bodies.add(options);
  }

  /** The other side can take so many bytes more of this body. */
  credit(of: BodyOf, id: CallId, bytes: number): void {
    this.#bodies.get(of, id)?.credit(bytes);
  }

  /** Ends a body that is under way. */
  drop(of: BodyOf, id: CallId, mode: CancelMode = 'abandon'): void {
    const body = this.#bodies.get(of, id);
    if (body === undefined) return;
    this.#bodies.remove(body);
    this.#hold(-body.ownBytes);
    body.stop(mode);
  }

  /** Whether parts of this body have not left yet, or had not when the link ended. */
  holds(of: BodyOf, id: CallId): boolean {
    return this.#bodies.get(of, id) !== undefined;
  }

  /** Hands everything that can go to the link now. */
  flush(): void {
    if (this.#isClosed) return;
    if (this.#bodies.size > 0) this.#addParts();
    this.#write();
  }

  /** The link has taken what waited. */
  drained(): void {
    if (this.#countedBytes > 0) this.#count(this.#link.bufferedBytes);
    if (this.#bodies.size > 0) this.flush();
  }

  /** Nothing leaves any more. */
  close(): void {
    this.#isClosed = true;
    this.#bodies.stopAll('abandon');
    this.#budget.add(-this.#streamBytes - this.#countedBytes);
    this.#streamBytes = 0;
    this.#countedBytes = 0;
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
    while (this.#waiting < PART_ROOM_BYTES) {
      const stream = this.#bodies.next();
      if (stream === undefined) return;
      const before = stream.ownBytes;
      const { body, continues, mayReuseFrame } = stream.take();
      const { of, id } = stream;
      this.#bytes += this.#encoder.add({ type: 'body', of, id, body, continues, mayReuseFrame });
      // At once: a second part would make the encoder copy the first.
      this.#write();
      this.#bodies.putBack(stream);
      if (before > 0) this.#hold(-body.length);
      stream.left(body.length);
    }
    this.#pollSoon();
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

  #hold(bytes: number): void {
    this.#streamBytes += bytes;
    this.#budget.add(bytes);
  }

  /** Tells the budget what waits in the link; less than a part is not worth it. */
  #count(waiting: number): void {
    const counted = waiting >= PART_BYTES ? waiting : 0;
    this.#budget.add(counted - this.#countedBytes);
    this.#countedBytes = counted;
  }

  /** A slow consumer costs its own link, never our memory. */
  #watch(): void {
    const waiting = this.#link.bufferedBytes;
    if (waiting < PART_BYTES && this.#countedBytes === 0) return;
    if (waiting > OUTBOX_LIMITS.cutBytes) {
      this.#cut(CLOSE_CODES.overloaded, `${OUTBOX_LIMITS.cutBytes} bytes are waiting`);
      return;
    }
    this.#count(waiting);
    if (this.#stuckPoll !== undefined) return;
    this.#taken = this.#bytes - waiting;
    this.#takenAt = this.#clock.now();
    this.#pollStuck();
  }

  #pollStuck(): void {
    this.#stuckPoll = this.#clock.after(STUCK_POLL_MS, () => {
      this.#stuckPoll = undefined;
      const waiting = this.#link.bufferedBytes;
      this.#count(waiting);
      if (this.#countedBytes === 0) return;
      const taken = this.#bytes - waiting;
      if (taken > this.#taken || waiting <= OUTBOX_LIMITS.stuckBytes) {
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

/** How much of a bound calls of a priority may use: all of it from the default on, three quarters at 0. */
export function shareOf(priority: number): number {
  return priority >= CALL_LIMITS.defaultPriority ? 1 : (15 + priority) / 20;
}
