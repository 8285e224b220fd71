// Figures of a program as plain numbers in memory that both of its threads see: the worker adds, the network thread reads them when
// somebody asks. They outlive the worker. A number may be read a moment before its neighbour was added to, which no figure minds.

/** How a message that was run ended: `failed` by what it threw, `limit` by a limit of the program, `killed` by its caller. */
export const RUN_RESULTS = ['ok', 'failed', 'limit', 'killed'] as const;
export type RunResultName = (typeof RUN_RESULTS)[number];

/** What a store can fail at. */
export const STORE_OPERATIONS = ['open', 'read', 'commit'] as const;
export type StoreOperation = (typeof STORE_OPERATIONS)[number];

/** Upper bounds in seconds. */
export const WAIT_BOUNDS_S: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
export const COMMIT_BOUNDS_S: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];
export const STEP_BOUNDS: readonly number[] = [10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/** How values are spread. `buckets` are not cumulative; the last is for what is above every bound. */
export interface Spread {
  readonly bounds: readonly number[];
  readonly buckets: ArrayLike<number>;
  readonly sum: number;
}

class SharedSpread implements Spread {
  readonly bounds: readonly number[];
  readonly buckets: Float64Array;
  readonly #sum: Float64Array;

  constructor(bounds: readonly number[], cells: Cells) {
    this.bounds = bounds;
    this.#sum = cells.take(1);
    this.buckets = cells.take(bounds.length + 1);
  }

  get sum(): number {
    return this.#sum[0] ?? 0;
  }

  add(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] ?? 0)) bucket += 1;
    increase(this.buckets, bucket, 1);
    increase(this.#sum, 0, value);
  }
}

/** Deals out the memory piece by piece, in the same order on both sides. */
class Cells {
  readonly #cells: Float64Array;
  #taken = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new Float64Array(buffer);
  }

  take(count: number): Float64Array {
    const from = this.#taken;
    this.#taken += count;
    return this.#cells.subarray(from, this.#taken);
  }
}

const CELLS =
  RUN_RESULTS.length +
  STORE_OPERATIONS.length +
  [WAIT_BOUNDS_S, COMMIT_BOUNDS_S, STEP_BOUNDS].reduce((sum, bounds) => sum + bounds.length + 2, 0);

export class ProgramMeter {
  /** To be handed to the other thread. */
  readonly buffer: SharedArrayBuffer;
  /** Seconds that messages waited for their server. */
  readonly queueWait: SharedSpread;
  /** Seconds of commits, until they were durable. */
  readonly commits: SharedSpread;
  /** Of each message that was run. */
  readonly steps: SharedSpread;
  readonly #runs: Float64Array;
  readonly #errors: Float64Array;

  constructor(buffer = new SharedArrayBuffer(CELLS * Float64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    const cells = new Cells(buffer);
    this.#runs = cells.take(RUN_RESULTS.length);
    this.#errors = cells.take(STORE_OPERATIONS.length);
    this.queueWait = new SharedSpread(WAIT_BOUNDS_S, cells);
    this.commits = new SharedSpread(COMMIT_BOUNDS_S, cells);
    this.steps = new SharedSpread(STEP_BOUNDS, cells);
  }

  get runs(): Record<RunResultName, number> {
    return named(RUN_RESULTS, this.#runs);
  }

  get storeErrors(): Record<StoreOperation, number> {
    return named(STORE_OPERATIONS, this.#errors);
  }

  /** A message has waited for its server. */
  waited(ms: number): void {
    this.queueWait.add(ms / 1_000);
  }

  /** A message has run. */
  ran(result: RunResultName, steps: number): void {
    increase(this.#runs, RUN_RESULTS.indexOf(result), 1);
    this.steps.add(steps);
  }

  /** A commit is durable. */
  committed(ms: number): void {
    this.commits.add(ms / 1_000);
  }

  storeFailed(operation: StoreOperation): void {
    increase(this.#errors, STORE_OPERATIONS.indexOf(operation), 1);
  }
}

function increase(cells: Float64Array, index: number, by: number): void {
  cells[index] = (cells[index] ?? 0) + by;
}

function named<Name extends string>(names: readonly Name[], cells: Float64Array): Record<Name, number> {
  return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? 0])) as Record<Name, number>;
}
