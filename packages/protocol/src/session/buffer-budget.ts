// What all links of a node together may make it hold: bodies that are not whole or not passed on, and bytes that sockets have not taken.
// Ten thousand links within their own bounds could still use up the memory of the process (security.md S8).

import type { Clock } from '../clock.ts';

/** From this share of the bound on no new call is taken and no body is given credit, so that the bound itself is seldom reached. */
const TIGHT_SHARE = 0.75;

/** A link as the budget sees it. */
export interface BufferUser {
  /** Bytes that this node holds because of the link. */
  readonly backlogBytes: number;
  /** Gives the link up. */
  cut(): void;
}

export class BufferBudget {
  readonly limitBytes: number;
  readonly #clock: Clock;
  readonly #users = new Set<BufferUser>();
  #waiting: (() => void)[] = [];
  #heldBytes = 0;
  #isCheckDue = false;

  /** `limitBytes`: default none. A quarter of the heap limit is what a node takes. */
  constructor(clock: Clock, limitBytes = Number.POSITIVE_INFINITY) {
    if (!(limitBytes > 0)) throw new RangeError(`limitBytes must be above 0, not ${limitBytes}`);
    this.#clock = clock;
    this.limitBytes = limitBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes of the link that makes this node hold most. Looks at every link. */
  get largestBytes(): number {
    return this.#largest()?.backlogBytes ?? 0;
  }

  /** Little is left: no new calls, no credit. */
  get isTight(): boolean {
    return this.#heldBytes > this.limitBytes * TIGHT_SHARE;
  }

  join(user: BufferUser): void {
    this.#users.add(user);
  }

  leave(user: BufferUser): void {
    this.#users.delete(user);
  }

  /** So many bytes more are held, or less if negative. */
  add(bytes: number): void {
    this.#heldBytes += bytes;
    if (bytes > 0 ? this.#heldBytes > this.limitBytes : this.#waiting.length > 0 && !this.isTight) {
      this.#checkSoon();
    }
  }

  /** Runs once as soon as it is not tight any more. */
  whenRelaxed(run: () => void): void {
    this.#waiting.push(run);
  }

  /** Later, because whoever adds is in the middle of something on a link that may be the one to go. */
  #checkSoon(): void {
    if (this.#isCheckDue) return;
    this.#isCheckDue = true;
    this.#clock.defer(() => {
      this.#isCheckDue = false;
      while (this.#heldBytes > this.limitBytes && this.#cutLargest());
      if (this.isTight) return;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const run of waiting) run();
    });
  }

  #cutLargest(): boolean {
    const largest = this.#largest();
    if (largest === undefined) return false;
    this.#users.delete(largest);
    largest.cut();
    return true;
  }

  #largest(): BufferUser | undefined {
    let largest: BufferUser | undefined;
    let bytes = 0;
    for (const user of this.#users) {
      const { backlogBytes } = user;
      if (backlogBytes <= bytes) continue;
      largest = user;
      bytes = backlogBytes;
    }
    return largest;
  }
}
