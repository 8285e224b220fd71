// Whether a call with an idempotency key is the first of its kind. Knows the calls that run; those that are over are where their
// outcomes are kept. See http-api.md §5.4.

import { type FindOutcome, KEPT_MS, type KeptOutcome } from './kept-outcome.ts';

export type Begun =
  /** To be run, and to be ended here when nobody works on it any more. */
  | { readonly kind: 'first' }
  | { readonly kind: 'replayed'; readonly outcome: KeptOutcome }
  | { readonly kind: 'in_progress' }
  /** The key was used with other arguments. */
  | { readonly kind: 'conflict' };

/** Calls with a key by what became of them; labels of `relay_idempotency_total`. */
export type IdempotencyCounts = Record<Begun['kind'], number>;

/** When a caller whose first call still runs may ask again, in ms. */
export const IN_PROGRESS_RETRY_MS = 250;

export const IN_PROGRESS = 'the first call with this idempotency key still runs';
export const CONFLICT = 'this idempotency key was used with other arguments';

export function createIdempotencyCounts(): IdempotencyCounts {
  return { first: 0, replayed: 0, in_progress: 0, conflict: 0 };
}

export class KeyedCalls {
  readonly #find: FindOutcome;
  readonly #wallNow: () => number;
  /** Fingerprints of calls that have begun, by id. */
  readonly #running = new Map<string, string>();

  /** `wallNow`: in ms since 1970, on the scale of `keptAt`. */
  constructor(find: FindOutcome, wallNow: () => number) {
    this.#find = find;
    this.#wallNow = wallNow;
  }

  /** Throws if it cannot be told whether the call has run before. */
  begin(id: string, fingerprint: string): Begun {
    const running = this.#running.get(id);
    if (running !== undefined) return { kind: running === fingerprint ? 'in_progress' : 'conflict' };
    const outcome = this.#find(id);
    if (outcome !== undefined && this.#wallNow() - outcome.keptAt < KEPT_MS) {
      return outcome.fingerprint === fingerprint ? { kind: 'replayed', outcome } : { kind: 'conflict' };
    }
    this.#running.set(id, fingerprint);
    return { kind: 'first' };
  }

  /** Its outcome is kept by now, or it has none: the same call may begin again. */
  end(id: string): void {
    this.#running.delete(id);
  }
}
