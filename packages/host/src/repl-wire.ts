// What a session and its worker tell each other.

import type { LogLevel } from './worker-wire.ts';

export type ToReplWorker =
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly code: string;
      /** Those before it are not meant for it. */
      readonly interrupts: number;
    }
  /** Wakes a unit that waits; one that computes sees the counter. */
  | { readonly kind: 'interrupt' };

export type FromReplWorker =
  | { readonly kind: 'print'; readonly line: string }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly line: string }
  | { readonly kind: 'done'; readonly id: number; readonly shown: string }
  | { readonly kind: 'failed'; readonly id: number; readonly error: string }
  | { readonly kind: 'interrupted'; readonly id: number };

export interface ReplWorkerStart {
  readonly memoryBytes: number;
  readonly counters: SharedArrayBuffer;
}

/** Indexes of the counters: interrupts so far, and messages that were taken from the worker. */
export const INTERRUPTS = 0;
export const TAKEN = 1;
