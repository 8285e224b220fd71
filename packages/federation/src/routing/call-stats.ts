// What this node routed: totals, and the mean latency of the last five minutes in slots, so that a call costs a few additions.

import type { Clock } from '@relay/protocol';

const SLOTS = 30;
const SLOT_MS = 10_000;

export class CallStats {
  total = 0;
  failed = 0;
  inFlight = 0;
  readonly #clock: Clock;
  readonly #sums = new Float64Array(SLOTS);
  readonly #counts = new Float64Array(SLOTS);
  #slot = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  began(): void {
    this.inFlight += 1;
    this.total += 1;
  }

  ended(latencyMs: number, ok: boolean, now: number): void {
    this.inFlight -= 1;
    if (!ok) this.failed += 1;
    const index = this.#advance(now);
    this.#sums[index] = (this.#sums[index] ?? 0) + latencyMs;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** Mean over the last five minutes, 0 without calls. */
  averageLatencyMs(): number {
    this.#advance(this.#clock.now());
    const count = this.#counts.reduce((sum, slot) => sum + slot, 0);
    return count === 0 ? 0 : this.#sums.reduce((sum, slot) => sum + slot, 0) / count;
  }

  /** Empties the slots that time has passed over; returns the place of the current one. */
  #advance(now: number): number {
    const slot = Math.floor(now / SLOT_MS);
    const passed = Math.min(slot - this.#slot, SLOTS);
    for (let step = 0; step < passed; step += 1) {
      this.#sums[(slot - step) % SLOTS] = 0;
      this.#counts[(slot - step) % SLOTS] = 0;
    }
    if (slot > this.#slot) this.#slot = slot;
    return this.#slot % SLOTS;
  }
}
