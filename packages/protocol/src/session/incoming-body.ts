// One body that comes in parts. Either it is kept until it is whole, or its parts are passed on as they come; what may come is what was
// passed on or kept, and 256 KiB more. So a node in the middle holds no more of a body than that.

import type { Body, BodyRest, BodySink, CancelMode } from '../call.ts';
import type { Failure } from '../failure.ts';
import { FIRST_PART_BYTES, UNASKED_BYTES } from '../limits.ts';
import type { CallId } from '../message.ts';

/** Credit is given for two parts, half of what may be on the way, not for each. */
const CREDIT_STEP_BYTES = 2 * FIRST_PART_BYTES;
/** So many parts may be small; beyond them a kilobyte each on average, since a part costs memory beside its bytes. */
const SMALL_PARTS = 64;
const AVERAGE_PART_BYTES = 1_024;

export type BodyOf = 'request' | 'response';

/** What becomes of a body that is not simply whole in the end. */
export interface BodyEvents {
  /** Over the limit: it has ended. */
  tooLarge(): void;
  /** The last part is here, though not passed on yet. */
  arrived?(): void;
  /** Its taker wants no more of a result. */
  stopped?(mode: CancelMode): void;
}

/** What a body needs from the link that it comes from. */
export interface BodySource {
  readonly bodyBytes: number;
  /** False if the link may hold no more. */
  hold(bytes: number): boolean;
  giveCredit(body: IncomingBody, bytes: number): void;
  /** It is kept until it is whole, and asks for credit. */
  keep(body: IncomingBody): void;
  /** It needs nothing of the link any more. */
  end(body: IncomingBody): void;
  malformed(reason: string): void;
}

export class IncomingBody implements BodyRest {
  readonly of: BodyOf;
  readonly id: CallId;
  /** Those that are kept whole get credit a few at a time. */
  isCredited = false;
  readonly #source: BodySource;
  readonly #events: BodyEvents;
  readonly #first: Body;
  /** Those after the first that are still needed. */
  #parts: Body[] = [];
  #partCount = 1;
  #bytes: number;
  #allowedBytes = UNASKED_BYTES;
  #passedBytes = 0;
  /** Passed on by the present sink, which may be the second. */
  #position = 0;
  #heldBytes = 0;
  #isComplete = false;
  #isOver = false;
  #canRepeat: boolean;
  #sink: BodySink | undefined;
  #done: ((body: Body) => void) | undefined;

  constructor(of: BodyOf, id: CallId, first: Body, source: BodySource, events: BodyEvents) {
    this.of = of;
    this.id = id;
    this.#first = first;
    this.#source = source;
    this.#events = events;
    this.#bytes = first.length;
    // Only a call is tried again, and only with its params.
    this.#canRepeat = of === 'request';
  }

  get canRepeat(): boolean {
    return this.#canRepeat;
  }

  /** Counts the first part; false if that was too much already. */
  begin(): boolean {
    return this.#account() && this.#isInBounds();
  }

  /** A further part. */
  append(part: Body, isLast: boolean): void {
    this.#bytes += part.length;
    this.#partCount += 1;
    this.#isComplete = isLast;
    if (!this.#isInBounds()) return;
    if (this.#bytes > UNASKED_BYTES && this.#sink !== undefined) {
      this.#canRepeat = false;
      this.#parts = [];
    }
    if (this.#sink === undefined || this.#canRepeat) this.#parts.push(part);
    this.#sink?.part(part, isLast);
    if (!this.#account()) return;
    this.creditMore();
    if (!isLast) return;
    this.#events.arrived?.();
    if (this.#done !== undefined) this.#finish(this.#done);
  }

  pass(sink: BodySink): void {
    this.#sink = sink;
    this.#position = 0;
    const parts = this.#parts;
    const last = parts.length - 1;
    if (!this.#canRepeat) this.#parts = [];
    this.passed(this.#first.length);
    for (const [index, part] of parts.entries()) sink.part(part, this.#isComplete && index === last);
  }

  passed(bytes: number): void {
    this.#position += bytes;
    // A second sink begins at the beginning.
    if (this.#position <= this.#passedBytes) return;
    this.#passedBytes = this.#position;
    this.#account();
    this.creditMore();
  }

  whole(done: (body: Body) => void): void {
    this.#done = done;
    this.#canRepeat = false;
    if (this.#isComplete) this.#finish(done);
    else this.#source.keep(this);
  }

  stop(mode: CancelMode): void {
    this.#sink = undefined;
    if (this.of === 'request' || this.#isOver) return;
    this.end();
    this.#events.stopped?.(mode);
  }

  /** The call has failed while its result was under way. */
  fail(failure: Failure): void {
    if (this.#isOver) return;
    const sink = this.#sink;
    this.end();
    sink?.fail(failure);
  }

  /** Nothing more of it is needed or held. Idempotent. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#canRepeat = false;
    this.#sink = undefined;
    this.#parts = [];
    this.#source.end(this);
    this.#source.hold(-this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Gives credit if enough is owed. */
  creditMore(): void {
    if (this.#isComplete || this.#isOver) return;
    const used = this.isCredited ? this.#bytes : this.#passedBytes;
    const owed = used + UNASKED_BYTES - this.#allowedBytes;
    if (owed < CREDIT_STEP_BYTES) return;
    this.#allowedBytes += owed;
    this.#source.giveCredit(this, owed);
  }

  #finish(done: (body: Body) => void): void {
    const body = join([this.#first, ...this.#parts], this.#bytes);
    this.end();
    done(body);
  }

  #isInBounds(): boolean {
    if (this.#bytes > this.#source.bodyBytes) {
      this.#overflow();
      return false;
    }
    if (this.#bytes > this.#allowedBytes) {
      this.#source.malformed(`credit: the body of call ${this.id} went beyond it`);
      return false;
    }
    if (this.#partCount > SMALL_PARTS + this.#bytes / AVERAGE_PART_BYTES) {
      this.#source.malformed(`body: that of call ${this.id} comes in too small parts`);
      return false;
    }
    return true;
  }

  /** Keeps count of what is held; false if that is too much. */
  #account(): boolean {
    if (this.#isOver) return false;
    const isPassing = this.#sink !== undefined && !this.#canRepeat;
    const held = isPassing ? this.#bytes - this.#passedBytes : this.#bytes;
    const more = held - this.#heldBytes;
    this.#heldBytes = held;
    // All of a result that came has been passed on: nobody else will end it.
    if (this.#isComplete && held === 0) this.end();
    if (this.#source.hold(more)) return true;
    this.#overflow();
    return false;
  }

  #overflow(): void {
    this.#events.tooLarge();
    this.end();
  }
}

function join(parts: readonly Body[], bytes: number): Body {
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
