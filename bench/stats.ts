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
  readonly p999Ms: number;
  /** Open loop only: by how much calls began too late. It is part of their time. */
  readonly lateP99Ms: number;
  readonly failures: number;
  /** All that ended, before and after the measured period, too: what the CPU time of the whole run was spent on. */
  readonly calls: number;
}

export class Recorder {
  readonly #latencies: number[] = [];
  readonly #late: number[] = [];
  #failures = 0;
  #calls = 0;
  #from = Number.POSITIVE_INFINITY;
  #until = Number.POSITIVE_INFINITY;

  /** Counts what ends from then on, for `ms`. */
  open(from: number, ms: number): void {
    this.#from = from;
    this.#until = from + ms;
  }

  isOver(now: number): boolean {
    return now >= this.#until;
  }

  /** A call of a closed loop: it counts if it ends within the period. */
  ended(startedAt: number, now: number, ok: boolean): void {
    this.#calls += 1;
    if (this.#isWithin(now)) this.#add(now - startedAt, ok);
  }

  /** A call of an open loop, which counts if it should begin within the period, has begun. */
  began(intendedAt: number, now: number): void {
    if (this.#isWithin(intendedAt)) this.#late.push(now - intendedAt);
  }

  /** A call of an open loop has ended. */
  endedOf(intendedAt: number, now: number, ok: boolean): void {
    this.#calls += 1;
    if (this.#isWithin(intendedAt)) this.#add(now - intendedAt, ok);
  }

  sample(): Sample {
    const sorted = Float64Array.from(this.#latencies).sort();
    return {
      perSecond: (sorted.length * 1_000) / (this.#until - this.#from),
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      p999Ms: percentile(sorted, 0.999),
      lateP99Ms: percentile(Float64Array.from(this.#late).sort(), 0.99),
      failures: this.#failures,
      calls: this.#calls,
    };
  }

  #isWithin(time: number): boolean {
    return time >= this.#from && time < this.#until;
  }

  #add(ms: number, ok: boolean): void {
    if (ok) this.#latencies.push(ms);
    else this.#failures += 1;
  }
}
