// One direction of one simulated connection: what goes in comes out later, in order, unless the path says otherwise. While a path is
// blocked everything waits, as it does while TCP retransmits; while a pipe is severed, for ever.

import type { Clock } from '@relay/protocol';
import type { SeededRandom } from './seeded-random.ts';

/** What a path does to messages. Loss, duplicates and reordering cannot happen on a WebSocket: they are for explicit tests. */
export interface PathFaults {
  /** Time on the way, drawn for each message between these two. Default 1 ms. */
  readonly delayMs: readonly [number, number];
  /** How fast the transport takes bytes from the sender. Default unlimited. */
  readonly bytesPerMs: number;
  /** Chance of each message that its link is cut in its place. Default 0. */
  readonly cutRatio: number;
  readonly lossRatio: number;
  readonly duplicateRatio: number;
  readonly reorderRatio: number;
}

export const NO_FAULTS: PathFaults = Object.freeze({
  delayMs: Object.freeze([1, 1] as const),
  bytesPerMs: Number.POSITIVE_INFINITY,
  cutRatio: 0,
  lossRatio: 0,
  duplicateRatio: 0,
  reorderRatio: 0,
});

/** The way from one host to another, shared by all links between them. */
export interface Path {
  faults: PathFaults;
  isBlocked: boolean;
  readonly pipes: Set<Pipe>;
  /** What was handed over on this path since the start. */
  readonly sent: { messages: number; bytes: number };
}

interface Item {
  readonly size: number;
  /** When the transport takes it from the sender. */
  readonly takenAt: number;
  readonly due: number;
  readonly deliver: () => void;
}

export class Pipe {
  readonly #clock: Clock;
  readonly #path: Path;
  readonly #random: SeededRandom;
  readonly #queue: Item[] = [];
  #timer: Disposable | undefined;
  #lastTakenAt = 0;
  #lastDue = 0;
  #isSevered = false;

  constructor(clock: Clock, path: Path, random: SeededRandom) {
    this.#clock = clock;
    this.#path = path;
    this.#random = random;
    path.pipes.add(this);
  }

  /** Bytes the transport has not taken yet. */
  get bufferedBytes(): number {
    const now = this.#clock.now();
    const isStuck = this.#path.isBlocked || this.#isSevered;
    return this.#queue.reduce((sum, item) => (isStuck || item.takenAt > now ? sum + item.size : sum), 0);
  }

  /** One message of the user, subject to the faults of the path. False if the link has to be cut in its place. */
  sendData(size: number, deliver: () => void): boolean {
    const { cutRatio, lossRatio, duplicateRatio, reorderRatio, delayMs } = this.#path.faults;
    this.#path.sent.messages += 1;
    this.#path.sent.bytes += size;
    if (cutRatio > 0 && this.#random.chance(cutRatio)) return false;
    if (lossRatio > 0 && this.#random.chance(lossRatio)) return true;
    const lateMs = reorderRatio > 0 && this.#random.chance(reorderRatio) ? 2 * delayMs[1] + 1 : 0;
    this.#add(size, deliver, lateMs);
    if (duplicateRatio > 0 && this.#random.chance(duplicateRatio)) this.#add(0, deliver, lateMs);
    return true;
  }

  /** A sign of the connection itself: behind everything sent before, and never lost. */
  sendControl(deliver: () => void): void {
    this.#lastDue = Math.max(this.#lastDue, this.#queue.at(-1)?.due ?? 0);
    this.#add(0, deliver, 0);
  }

  /** From now on nothing arrives any more, and nobody is told. */
  sever(): void {
    this.#isSevered = true;
    this.#timer?.[Symbol.dispose]();
  }

  /** Both sides are done with it. */
  end(): void {
    this.sever();
    this.#queue.length = 0;
    this.#path.pipes.delete(this);
  }

  /** Delivers what is due; called again when the path is no longer blocked. */
  pump(): void {
    this.#timer?.[Symbol.dispose]();
    for (;;) {
      const next = this.#queue[0];
      if (next === undefined || this.#path.isBlocked || this.#isSevered) return;
      if (next.due > this.#clock.now()) {
        this.#timer = this.#clock.after(next.due - this.#clock.now(), () => this.pump());
        return;
      }
      this.#queue.shift();
      next.deliver();
    }
  }

  #add(size: number, deliver: () => void, lateMs: number): void {
    const { delayMs, bytesPerMs } = this.#path.faults;
    const takenAt = Math.max(this.#lastTakenAt, this.#clock.now()) + size / bytesPerMs;
    const due = Math.max(this.#lastDue, takenAt + this.#random.between(delayMs[0], delayMs[1]));
    this.#lastTakenAt = takenAt;
    this.#lastDue = due;
    const item = { size, takenAt, due: due + lateMs, deliver };
    let place = this.#queue.length;
    while (place > 0 && (this.#queue[place - 1]?.due ?? 0) > item.due) place -= 1;
    this.#queue.splice(place, 0, item);
    if (place === 0) this.#clock.defer(() => this.pump());
  }
}
