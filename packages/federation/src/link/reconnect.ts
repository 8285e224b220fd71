// When and where to dial next (protocol.md §9, cli.md §3): full jitter, 1 s doubling to 60 s, the next address after two failures at
// one. Decides only; timers and links are its user's.

import type { Random } from '@relay/protocol';

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
const FAILURES_PER_ADDRESS = 2;
/** A session that stood so long was a success; one that ends sooner, again and again, is waited for longer and longer. */
const STEADY_MS = 10_000;
/** Wait of a node whose session was taken over by another that claims the same id. */
export const SUPERSEDED_MS = 60_000;

/** What several diallers of one node share. */
export interface SharedAddresses {
  /** Addresses that refused: a credential refused once is refused for all. */
  readonly refused?: Set<string>;
  /** Another dialler has this address. */
  readonly isTaken?: (url: string) => boolean;
}

export class Reconnect {
  readonly #random: Random;
  readonly #urls: readonly string[];
  #alternatives: readonly string[] = [];
  readonly #refused: Set<string>;
  readonly #isTaken: (url: string) => boolean;
  #url: string;
  #failuresHere = 0;
  #attempts = 0;
  #doublings = 0;

  constructor(urls: readonly string[], random: Random, shared: SharedAddresses = {}) {
    this.#refused = shared.refused ?? new Set();
    this.#isTaken = shared.isTaken ?? (() => false);
    if (urls[0] === undefined) throw new RangeError('no address to dial');
    this.#urls = urls;
    this.#url = urls[0];
    this.#random = random;
  }

  /** The address to dial. */
  get url(): string {
    return this.#url;
  }

  /** Attempts since the last success that have failed. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Whether there is an address beside the present one. */
  get hasOther(): boolean {
    return this.#addresses().some((url) => url !== this.#url && !this.#isTaken(url));
  }

  /** Makes sure that the present address is one to dial; false if there is none at the moment. */
  findFree(): boolean {
    if (!this.#isTaken(this.#url) && !this.#refused.has(this.#url)) return true;
    this.moveOn();
    return !this.#isTaken(this.#url) && !this.#refused.has(this.#url);
  }

  /** A session stands. */
  connected(): void {
    this.#attempts = 0;
    this.#failuresHere = 0;
  }

  /** What WELCOME or `drain` named; replaces what was named before. */
  learn(alternatives: readonly string[]): void {
    this.#alternatives = alternatives;
  }

  /** A session ended that stood for `stoodMs`: how long to wait before the next attempt. */
  lost(stoodMs: number): number {
    if (stoodMs >= STEADY_MS) this.#doublings = 0;
    return this.failed();
  }

  /** An attempt failed: how long to wait before the next. */
  failed(retryAfterMs?: number): number {
    this.#attempts += 1;
    this.#failuresHere += 1;
    if (this.#failuresHere >= FAILURES_PER_ADDRESS) this.moveOn();
    // A Main that says when spaces its diallers out; the quarter keeps those apart to whom it said the same.
    if (retryAfterMs !== undefined) return retryAfterMs * (1 + this.#random.next() / 4);
    const longestMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#doublings);
    if (longestMs < LONGEST_MS) this.#doublings += 1;
    return this.#random.next() * longestMs;
  }

  /** The present address is not dialled any more. False if none is left. */
  refused(): boolean {
    this.#refused.add(this.#url);
    if (this.#addresses().length === 0) return false;
    this.moveOn();
    return true;
  }

  /** Goes to the next address. */
  moveOn(): void {
    this.#failuresHere = 0;
    const all = [...new Set([...this.#urls, ...this.#alternatives])];
    const here = all.indexOf(this.#url);
    for (let step = 1; step <= all.length; step += 1) {
      const next = all[(here + step) % all.length];
      if (next !== undefined && !this.#refused.has(next) && !this.#isTaken(next)) {
        this.#url = next;
        return;
      }
    }
  }

  #addresses(): readonly string[] {
    return [...this.#urls, ...this.#alternatives].filter((url) => !this.#refused.has(url));
  }
}
