// Calls in flight on one link, by number. Deadlines are kept in a wheel of 8 ms slots with one timer for the whole table: a timer, a promise
// or a closure per call would cost more than routing it. A slot is a list of numbers; a number whose call has ended meanwhile, or has
// been given to another call, is skipped, so that settling a call costs nothing here.

import type { Clock } from './clock.ts';

/** Width of a slot. A deadline is noticed up to this much late, and never early. */
const SLOT_MS = 8;
/** Slots of the wheel: what is due later than this stays in its slot for another round. */
const SLOTS = 1_024;
const MAX_ID = 0xffff_ffff;
const SMALLEST_TABLE = 8;

interface Pending<T> {
  readonly id: number;
  readonly entry: T;
  /** On the clock's scale. */
  readonly deadline: number;
}

export interface PendingCallsOptions<T> {
  /** Calls that may be open at once. */
  readonly inFlight: number;
  /** Takes each call whose deadline has passed, after it was removed. Must not throw. */
  readonly onDeadline: (id: number, entry: T) => void;
}

/** The calls in flight of one direction of a link. `T` is what its owner has to know to pass an outcome on. */
export class PendingCalls<T> {
  readonly #clock: Clock;
  readonly #options: PendingCallsOptions<T>;
  /** A call stands at its number modulo the length, which is a power of two. A map would hash, and allocate for what was deleted. */
  #table: (Pending<T> | undefined)[] = emptyTable(SMALLEST_TABLE);
  #size = 0;
  /** Created on first use: most links have calls in a few slots only. */
  readonly #wheel: (number[] | undefined)[] = [];
  #lastId = 0;
  /** The next tick to look at: tick t covers deadlines in ((t−1)·SLOT_MS, t·SLOT_MS]. */
  #tick = 0;
  #timer: Disposable | undefined;
  /** The tick for which the timer is set. */
  #armedFor = 0;

  constructor(clock: Clock, options: PendingCallsOptions<T>) {
    this.#clock = clock;
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size >= this.#options.inFlight;
  }

  /** Opens a call and returns its number: rising from 1, never one that is open. Undefined if too many are. */
  open(entry: T, deadline: number): number | undefined {
    if (this.isFull) return undefined;
    if (2 * this.#size >= this.#table.length) this.#grow();
    const mask = this.#table.length - 1;
    do this.#lastId = this.#lastId === MAX_ID ? 1 : this.#lastId + 1;
    while (this.#table[this.#lastId & mask] !== undefined);
    const id = this.#lastId;
    this.#table[id & mask] = { id, entry, deadline };
    this.#size += 1;
    this.#schedule(id, deadline);
    return id;
  }

  get(id: number): T | undefined {
    return this.#find(id)?.entry;
  }

  /** Ends a call with its outcome. Undefined if it is not open: the answer came late, twice, or to nothing. */
  settle(id: number): T | undefined {
    const pending = this.#find(id);
    if (pending === undefined) return undefined;
    this.#remove(pending);
    return pending.entry;
  }

  /** Ends a call whose caller no longer waits; the same as `settle`, said by the other side. */
  cancel(id: number): T | undefined {
    return this.settle(id);
  }

  /** Ends all calls, oldest number first, and stops the timer. Calls opened by `end` are kept. */
  failAll(end: (id: number, entry: T) => void): void {
    const ended = this.#table.filter((pending) => pending !== undefined);
    ended.sort((a, b) => a.id - b.id);
    this.#size = 0;
    this.#stop();
    for (const { id, entry } of ended) end(id, entry);
  }

  /** Nothing is open: what a burst has left is given back. */
  #stop(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#wheel.length = 0;
    this.#table = emptyTable(SMALLEST_TABLE);
  }

  #find(id: number): Pending<T> | undefined {
    const pending = this.#table[id & (this.#table.length - 1)];
    return pending?.id === id ? pending : undefined;
  }

  #remove({ id }: Pending<T>): void {
    this.#table[id & (this.#table.length - 1)] = undefined;
    this.#size -= 1;
  }

  /** To twice the length, so that numbers that stood apart still do. */
  #grow(): void {
    const table = emptyTable<Pending<T>>(2 * this.#table.length);
    for (const pending of this.#table) {
      if (pending !== undefined) table[pending.id & (table.length - 1)] = pending;
    }
    this.#table = table;
  }

  #schedule(id: number, deadline: number): void {
    if (this.#timer === undefined) this.#tick = Math.floor(this.#clock.now() / SLOT_MS) + 1;
    const tick = Math.max(this.#tick, slotOf(deadline));
    const slot = tick % SLOTS;
    const list = this.#wheel[slot];
    if (list === undefined) this.#wheel[slot] = [id];
    else list.push(id);
    if (this.#timer === undefined || tick < this.#armedFor) this.#arm(tick);
  }

  #arm(tick: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#armedFor = tick;
    // Rounded up: a sum of fractions may end just before the tick, and would then be waited for without end.
    const delay = Math.ceil(tick * SLOT_MS - this.#clock.now());
    this.#timer = this.#clock.after(Math.max(0, delay), () => this.#turn());
  }

  /** The next slot with anything in it, at most one round from now. */
  #nextTick(): number {
    for (let tick = this.#tick; tick < this.#tick + SLOTS; tick++) {
      if (this.#wheel[tick % SLOTS] !== undefined) return tick;
    }
    return this.#tick + SLOTS - 1;
  }

  /** Looks at all slots whose time has come. */
  #turn(): void {
    const now = this.#clock.now();
    const due: number[] = [];
    // After a long pause one round sees every slot.
    const first = Math.max(this.#tick, Math.floor(now / SLOT_MS) - SLOTS + 1);
    for (this.#tick = first; this.#tick * SLOT_MS <= now; this.#tick++)
      this.#collect(this.#tick % SLOTS, now, due);
    for (const id of due) {
      // One that was called before may have ended this one.
      const pending = this.#find(id);
      if (pending === undefined || pending.deadline > now) continue;
      this.#remove(pending);
      this.#options.onDeadline(id, pending.entry);
    }
    if (this.#size > 0) this.#arm(this.#nextTick());
    else this.#stop();
  }

  #collect(slot: number, now: number, due: number[]): void {
    const list = this.#wheel[slot];
    if (list === undefined) return;
    let kept = 0;
    for (const id of list) {
      const pending = this.#find(id);
      if (pending === undefined) continue;
      if (pending.deadline <= now) due.push(id);
      // For a later round of the wheel, or an id that was reused: that one has its own place.
      else if (slotOf(pending.deadline) % SLOTS === slot) list[kept++] = id;
    }
    list.length = kept;
    if (kept === 0) this.#wheel[slot] = undefined;
  }
}

/** The tick at which a deadline is noticed; one that never comes is looked at once a round. */
function slotOf(deadline: number): number {
  return Number.isFinite(deadline) ? Math.ceil(deadline / SLOT_MS) : SLOTS;
}

function emptyTable<T>(length: number): (T | undefined)[] {
  return new Array<T | undefined>(length).fill(undefined);
}
