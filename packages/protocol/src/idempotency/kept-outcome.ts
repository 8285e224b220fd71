// The outcome of a call with an idempotency key, kept so that the same call asked again does not run again (http-api.md §5.4).

import type { Call } from '../call.ts';

export interface KeptOutcome {
  /** Stands for caller, service, method and key. */
  readonly id: string;
  readonly service: string;
  /** Of the arguments. */
  readonly fingerprint: string;
  /** In ms since 1970. */
  readonly keptAt: number;
  readonly kind: 'result' | 'failure';
  /** JSON text of the result or the failure. */
  readonly text: string;
}

/** Where outcomes are looked up. Throws if it cannot be told whether there is one. */
export type FindOutcome = (id: string) => KeptOutcome | undefined;

/** How long outcomes are kept, in ms. */
export const KEPT_MS = 24 * 3_600_000;

/** Of an outcome that is larger than this, in bytes of JSON, only that the method ran is kept. */
export const KEPT_TEXT_BYTES = 65_536;

export const TOO_LARGE_TO_KEEP = `the method has run; its answer of more than ${KEPT_TEXT_BYTES} bytes was not kept`;

/** How much is kept at once; what is over goes, oldest first. */
export interface OutcomeBounds {
  readonly count: number;
  readonly bytes: number;
}

/** Of a program that keeps its state in a file. */
export const STORED_OUTCOMES: OutcomeBounds = Object.freeze({ count: 100_000, bytes: 64 * 1024 * 1024 });

/** Of a program without, or of one TypeScript service. */
export const MEMORY_OUTCOMES: OutcomeBounds = Object.freeze({ count: 10_000, bytes: 16 * 1024 * 1024 });

/** What an outcome counts for: its text and what carries it. */
export function keptSizeOf({ text, service }: KeptOutcome): number {
  return text.length + service.length + 160;
}

/** Caller, service, method and key of a call; `undefined` without a key. */
export function keyScopeOf({ caller, service, method, idempotencyKey }: Call): string | undefined {
  if (idempotencyKey === undefined) return undefined;
  return JSON.stringify([caller.kind, caller.node, caller.subject ?? '', service, method, idempotencyKey]);
}

/** SHA-256 as text; of a scope it is the id of its outcome, of arguments their fingerprint. */
export type Digest = (text: string) => string;
