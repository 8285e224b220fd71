// A call with an idempotency key of which nobody can tell whether it ran is asked again, at the same instance and nowhere else: there
// its outcome is kept if it ran (http-api.md §5.4). The instance may be gone for a while; the call waits for it within its deadline.

import { type Call, type Failure, failureRow } from '@relay/protocol';
import type { Instance } from '../registry/instance.ts';
import type { CallOrigin, Route } from './route.ts';

/** Repetitions of a call that may have run each time. */
const MAX_REPEATS = 2;
/** Between two attempts: doubled from the first to the longest while the instance cannot be reached. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

export type NextAttempt =
  | { readonly kind: 'wait'; readonly delayMs: number }
  /** With what is known of the attempt that may have run. */
  | { readonly kind: 'give-up'; readonly failure: Failure };

export class KeyedRetry {
  /** The instance that may have run the call, as it can be reached now. */
  readonly route: () => Route;
  /** Of the last attempt that may have run. What came after it says nothing about that one. */
  #unknown: Failure;
  #repeats = 0;
  #waitMs = FIRST_WAIT_MS;

  constructor(route: () => Route, failure: Failure) {
    this.route = route;
    this.#unknown = failure;
  }

  /** Attempts after the first that may have run. */
  get repeats(): number {
    return this.#repeats;
  }

  /** The first attempt has failed with `unknown`. */
  first(remainingMs: number): NextAttempt {
    return this.#wait(this.#waitMs, remainingMs);
  }

  /** The call cannot be sent again; that it may have run before stays true. */
  giveUp(failure: Failure): NextAttempt | undefined {
    if (failure.executed === 'yes') return undefined;
    return { kind: 'give-up', failure: failure.executed === 'unknown' ? failure : this.#unknown };
  }

  /** Undefined: the failure is the outcome of the call. */
  after(failure: Failure, remainingMs: number): NextAttempt | undefined {
    if (failure.executed === 'yes') return undefined;
    if (failure.executed === 'unknown') {
      this.#unknown = failure;
      this.#repeats += 1;
      if (this.#repeats >= MAX_REPEATS) return { kind: 'give-up', failure };
      this.#waitMs = FIRST_WAIT_MS;
      return this.#wait(this.#waitMs, remainingMs);
    }
    if (failure.name === 'idempotency_in_progress') {
      return this.#wait(Math.max(failure.retryAfterMs ?? 0, FIRST_WAIT_MS), remainingMs);
    }
    return mayPass(failure) ? this.later(remainingMs) : { kind: 'give-up', failure: this.#unknown };
  }

  /** Nothing was sent: the instance is not there, or the budget is used up. */
  later(remainingMs: number): NextAttempt {
    this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_WAIT_MS);
    return this.#wait(this.#waitMs, remainingMs);
  }

  #wait(delayMs: number, remainingMs: number): NextAttempt {
    return delayMs < remainingMs ? { kind: 'wait', delayMs } : { kind: 'give-up', failure: this.#unknown };
  }
}

/** A failure with `executed: no` that a node which starts, or a link that comes back, brings to an end. */
function mayPass({ name }: Failure): boolean {
  return failureRow(name)?.canTryElsewhere === true || STARTING.has(name);
}

const STARTING: ReadonlySet<string> = new Set(['no_healthy_instance', 'service_not_found', 'node_not_found']);

/** Leads to this very instance again; undefined where nobody can promise that, or where keys are not kept. */
export function wayBackTo(
  instance: Instance,
  call: Call,
  decide: (call: Call, from: CallOrigin, tried: readonly Instance[]) => Route,
  from: CallOrigin,
): (() => Route) | undefined {
  const { node, origin, service, holder, description } = instance;
  if (service !== undefined) return () => ({ kind: 'service', handle: service.handle, instance });
  // A Main chooses among its own program and its Homes; nodes of the former protocol know no keys.
  // A peer vouches with its own process for nodes of the former protocol behind it; a Home's record has that of the Home.
  const isFormer = origin === 'p2p' || (origin === 'peer' && holder.instance === description.instance);
  if (node.type === 'main' || isFormer) return undefined;
  const onwards = { ...call, destination: node };
  return () => decide(onwards, from, []);
}
