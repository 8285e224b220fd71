// Time and randomness come in from outside everywhere below a composition root, so that whole federations run in virtual time.

/** The only source of time below the composition root. */
export interface Clock {
  /** Milliseconds on a monotonic scale, fractions allowed; compare, never display. */
  now(): number;
  /** Milliseconds since 1970, for display and for numbers that must grow over restarts. */
  wallNow(): number;
  /** Runs once after `delayMs`; less than a millisecond may become one. Disposing before that cancels it. */
  after(delayMs: number, run: () => void): Disposable;
  /** Runs at the end of this turn of the event loop, in order of the calls. */
  defer(run: () => void): void;
}

/** The only source of randomness below the composition root. */
export interface Random {
  /** Uniform, at least 0 and less than 1. */
  next(): number;
  /** `length` bytes; cryptographic in production. */
  bytes(length: number): Uint8Array;
}
