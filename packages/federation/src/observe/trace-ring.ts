// The calls worth remembering: traced ones, failures, slow ones and a sample, the newest thousand, for ten minutes (http-api.md §10.5).
// Without arguments, results and messages: a trace says where a call went, never what was in it.

import type { Clock, Span } from '@relay/protocol';
import type { TraceLink } from '../routing/route.ts';
import type { Decision } from './decision.ts';

export interface KeptTrace {
  readonly traceId: string;
  /** `shop_service.get_products` */
  readonly method: string;
  /** `ok`, `cancelled`, or the name of the failure. */
  readonly outcome: string;
  /** The trace that an HTTP caller said it is in. Anybody can say that. */
  readonly linked?: TraceLink;
  /** Of a failure: who raised it and whether the method ran. */
  readonly at?: string;
  readonly executed?: string;
  /** Wall clock, when the call came to this node. */
  readonly startedAt: number;
  readonly totalMs: number;
  readonly path: readonly string[];
  readonly spans: readonly Span[];
  /** What this node decided; only for traced calls. */
  readonly decisions: readonly Decision[];
}

export const TRACE_LIMITS = Object.freeze({ count: 1_000, ageMs: 600_000 });

export class TraceRing {
  readonly #clock: Pick<Clock, 'wallNow'>;
  readonly #ring: KeptTrace[] = [];
  /** Newest first in time; several calls may have one trace id, when a program calls on. */
  readonly #byId = new Map<string, KeptTrace[]>();
  #next = 0;

  constructor(clock: Pick<Clock, 'wallNow'>) {
    this.#clock = clock;
  }

  add(trace: KeptTrace): void {
    const replaced = this.#ring[this.#next];
    if (replaced !== undefined) this.#forget(replaced);
    this.#ring[this.#next] = trace;
    this.#next = (this.#next + 1) % TRACE_LIMITS.count;
    const same = this.#byId.get(trace.traceId);
    if (same === undefined) this.#byId.set(trace.traceId, [trace]);
    else same.push(trace);
  }

  /** All calls of this trace that are kept, in the order in which they ended. */
  of(traceId: string): readonly KeptTrace[] {
    const since = this.#oldest;
    return (this.#byId.get(traceId) ?? []).filter(({ startedAt, totalMs }) => startedAt + totalMs >= since);
  }

  /** Newest first. */
  latest(limit: number): readonly KeptTrace[] {
    const since = this.#oldest;
    const found: KeptTrace[] = [];
    const { length } = this.#ring;
    for (let step = 1; step <= length && found.length < limit; step += 1) {
      const trace = this.#ring[(this.#next - step + TRACE_LIMITS.count) % TRACE_LIMITS.count];
      if (trace === undefined || trace.startedAt + trace.totalMs < since) break;
      found.push(trace);
    }
    return found;
  }

  get #oldest(): number {
    return this.#clock.wallNow() - TRACE_LIMITS.ageMs;
  }

  #forget(trace: KeptTrace): void {
    const same = this.#byId.get(trace.traceId) ?? [];
    const place = same.indexOf(trace);
    if (place >= 0) same.splice(place, 1);
    if (same.length === 0) this.#byId.delete(trace.traceId);
  }
}
