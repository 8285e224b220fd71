// Outcomes kept as long as the process runs, for services whose effects last no longer either.

import { KEPT_MS, type KeptOutcome, keptSizeOf, type OutcomeBounds } from './kept-outcome.ts';

export class MemoryOutcomes {
  readonly #bounds: OutcomeBounds;
  /** Oldest first. */
  readonly #outcomes = new Map<string, KeptOutcome>();
  #bytes = 0;

  constructor(bounds: OutcomeBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#outcomes.size;
  }

  find(id: string): KeptOutcome | undefined {
    return this.#outcomes.get(id);
  }

  keep(outcome: KeptOutcome): void {
    const earlier = this.#outcomes.get(outcome.id);
    if (earlier !== undefined) this.#drop(earlier);
    this.#outcomes.set(outcome.id, outcome);
    this.#bytes += keptSizeOf(outcome);
    for (const oldest of this.#outcomes.values()) {
      const isOver = this.#outcomes.size > this.#bounds.count || this.#bytes > this.#bounds.bytes;
      if (!isOver && outcome.keptAt - oldest.keptAt < KEPT_MS) return;
      this.#drop(oldest);
    }
  }

  #drop(outcome: KeptOutcome): void {
    this.#outcomes.delete(outcome.id);
    this.#bytes -= keptSizeOf(outcome);
  }
}
