// How values are spread, as Prometheus wants it. One more value costs a short walk over the bounds and two additions.

/** What is read of a histogram, here or in another thread. */
export interface HistogramFigures {
  /** Upper bounds of the buckets, ascending, without the last, which has none. */
  readonly bounds: readonly number[];
  /** Not cumulative; one more than there are bounds. */
  readonly buckets: ArrayLike<number>;
  readonly sum: number;
}

export class Histogram implements HistogramFigures {
  readonly bounds: readonly number[];
  readonly buckets: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.buckets = new Float64Array(bounds.length + 1);
  }

  add(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] ?? 0)) bucket += 1;
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
    this.sum += value;
  }
}
