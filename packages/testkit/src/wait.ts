// Waiting in real time, for tests with sockets and processes.

export interface WaitOptions {
  /** What is waited for, for the message of the failure. */
  readonly what?: string;
  /** Default 10 s of real time. */
  readonly limitMs?: number;
  /** Lets something happen between two looks. Default: a turn of the event loop, after some of them 5 ms. */
  readonly turn?: () => Promise<void>;
}

/** Taken before any test can replace them. */
const realSetImmediate = setImmediate;
const realSetTimeout = setTimeout;

/** Looks until `condition` holds; throws after the limit and says what did not happen. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  options: WaitOptions = {},
): Promise<void> {
  const limitMs = options.limitMs ?? 10_000;
  const start = performance.now();
  for (let looks = 0; !(await condition()); looks++) {
    if (performance.now() - start > limitMs) {
      throw new Error(`waited ${limitMs} ms for ${options.what ?? 'a condition'}`);
    }
    if (options.turn !== undefined) await options.turn();
    else if (looks < 20) await new Promise<void>((resolve) => realSetImmediate(resolve));
    else await new Promise<void>((resolve) => realSetTimeout(resolve, 5));
  }
}
