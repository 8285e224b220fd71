// Figures out of samples. A figure of the bench is a median of rounds, with the spread beside it.

export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Half the distance between the quartiles, as a share of the median. */
export function spread(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (percentile(sorted, 0.75) - percentile(sorted, 0.25)) / 2 / median(values);
}

/** Round trips and their latencies over one measured period. */
export interface Sample {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
}

export class Recorder {
  readonly #latencies: number[] = [];
  #failures = 0;
  #from = Number.POSITIVE_INFINITY;
  #until = Number.POSITIVE_INFINITY;

  /** Counts what ends from now on, for `ms`. */
  open(now: number, ms: number): void {
    this.#from = now;
    this.#until = now + ms;
  }

  isOver(now: number): boolean {
    return now >= this.#until;
  }

  ended(startedAt: number, now: number, ok: boolean): void {
    if (now < this.#from || now >= this.#until) return;
    if (ok) this.#latencies.push(now - startedAt);
    else this.#failures += 1;
  }

  sample(): Sample {
    const sorted = Float64Array.from(this.#latencies).sort();
    return {
      perSecond: (sorted.length * 1_000) / (this.#until - this.#from),
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      failures: this.#failures,
    };
  }
}
