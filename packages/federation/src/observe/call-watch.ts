// Every call that ends here: counted, and kept as a trace if somebody may ask for it later. What is not kept costs no allocation.

import type { Call, Clock, Failure, Outcome, Span } from '@relay/protocol';
import type { CallObserver, EndedCall, Way } from '../routing/call-observer.ts';
import type { CallOrigin, Route, TraceLink } from '../routing/route.ts';
import { CallMeter } from './call-meter.ts';
import type { Decision } from './decision.ts';
import type { Log } from './log.ts';
import { type KeptTrace, TraceRing } from './trace-ring.ts';

/** A call that took longer is kept even if it succeeded. */
export const SLOW_MS = 1_000;
/** Names come from callers and may be anything. */
const NAME_CHARS = 64;
/** Traced calls whose decisions wait for their end; beyond that the earliest lose theirs. */
const MAX_OPEN = 1_000;

/** One call at this node, for who passes it on; `parent` is the span id in its trace context. */
export interface FinishedSpan {
  readonly trace: KeptTrace;
  readonly way: Way;
  /** It began here: the trace context is this node's own. */
  readonly isRoot: boolean;
  readonly traceparent: string;
}

export interface CallWatchOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Why a traced call goes where it goes. */
  readonly explain?: (call: Call, from: CallOrigin, route: Route) => Decision;
  /** Takes every kept call, to export it. Must not throw. */
  readonly exporter?: (span: FinishedSpan) => void;
}

export class CallWatch implements CallObserver {
  readonly meter = new CallMeter();
  readonly traces: TraceRing;
  /** Calls not taken, by reason and stage. */
  readonly shed = { capacity: 0, link: 0, draining: 0 };
  readonly retries = { succeeded: 0, failed: 0 };
  readonly #options: CallWatchOptions;
  readonly #decisions = new Map<Call, Decision[]>();

  constructor(options: CallWatchOptions) {
    this.#options = options;
    this.traces = new TraceRing(options.clock);
  }

  decided(call: Call, from: CallOrigin, route: Route): void {
    const decision = this.#options.explain?.(call, from, route);
    if (decision === undefined) return;
    const earlier = this.#decisions.get(call);
    if (earlier !== undefined) {
      earlier.push(decision);
      return;
    }
    if (this.#decisions.size >= MAX_OPEN) {
      for (const oldest of this.#decisions.keys()) {
        this.#decisions.delete(oldest);
        break;
      }
    }
    this.#decisions.set(call, [decision]);
  }

  ended(ended: EndedCall, outcome: Outcome | undefined, now: number): void {
    const ms = now - ended.startedAt;
    const code =
      outcome === undefined ? 'cancelled' : outcome.kind === 'result' ? 'ok' : outcome.failure.name;
    this.meter.count(ended.way, code, ms);
    if (ended.retries > 0) {
      if (code === 'ok') this.retries.succeeded += 1;
      else this.retries.failed += 1;
    }
    const { call } = ended;
    const failure = outcome?.kind === 'failure' ? outcome.failure : undefined;
    if (failure !== undefined) this.#countShed(failure, ended.way);
    if (this.#options.log.isVerbose) this.#tell(call, code, ended.way, ms, ended.peer);
    if (failure !== undefined || call.trace || ms > SLOW_MS || isSampled(call.traceparent)) {
      this.#keep(ended, outcome, code, ms);
    }
  }

  refused(call: Call, failure: Failure): void {
    this.meter.count('none', failure.name, 0);
    if (failure.name === 'shutting_down') this.shed.draining += 1;
    if (this.#options.log.isVerbose) this.#tell(call, failure.name, 'none', 0, undefined);
    const trace = this.#trace(call, failure.name, 0, failure, {
      path: [...call.path, this.#options.self],
      spans: [{ node: this.#options.self, event: 'failed', us: 0 }],
    });
    this.traces.add(trace);
  }

  #keep({ call, from, way }: EndedCall, outcome: Outcome | undefined, code: string, ms: number): void {
    const { self, exporter } = this.#options;
    const failure = outcome?.kind === 'failure' ? outcome.failure : undefined;
    const route = outcome?.trace ?? {
      path: [...call.path, self],
      spans: ownSpans(self, failure === undefined ? 'answered' : 'failed', ms),
    };
    const linked = from.kind === 'own' ? from.linked : undefined;
    const trace = this.#trace(call, code, ms, failure, route, linked);
    this.traces.add(trace);
    exporter?.({
      trace,
      way,
      isRoot: from.kind === 'own' && call.caller.kind === 'http',
      traceparent: call.traceparent,
    });
  }

  #trace(
    call: Call,
    outcome: string,
    totalMs: number,
    failure: Failure | undefined,
    { path, spans }: { readonly path: readonly string[]; readonly spans: readonly Span[] },
    linked?: TraceLink,
  ): KeptTrace {
    const decisions = call.trace ? this.#decisions.get(call) : undefined;
    if (decisions !== undefined) this.#decisions.delete(call);
    return {
      traceId: call.traceparent.slice(3, 35),
      method: `${call.service.slice(0, NAME_CHARS)}.${call.method.slice(0, NAME_CHARS)}`,
      outcome,
      ...(failure === undefined ? {} : { at: failure.at, executed: failure.executed }),
      ...(linked === undefined ? {} : { linked }),
      startedAt: this.#options.clock.wallNow() - totalMs,
      totalMs,
      path,
      spans,
      decisions: decisions ?? [],
    };
  }

  /** Refusals of this node only: what others refused is theirs to count. */
  #countShed({ name, at }: Failure, way: Way): void {
    if (name !== 'overloaded' || at !== this.#options.self) return;
    if (way === 'none') this.shed.capacity += 1;
    else this.shed.link += 1;
  }

  #tell(call: Call, code: string, route: Way, ms: number, peer: string | undefined): void {
    this.#options.log.debug('call', {
      service: call.service.slice(0, NAME_CHARS),
      method: call.method.slice(0, NAME_CHARS),
      peer,
      route,
      code,
      ms: Math.round(ms * 1_000) / 1_000,
      trace: call.traceparent.slice(3, 35),
    });
  }
}

/** One in 256, and the same ones at every node on the way: decided by the last two digits of the trace id. */
export function isSampled(traceparent: string): boolean {
  return traceparent.charCodeAt(33) === ZERO && traceparent.charCodeAt(34) === ZERO;
}

const ZERO = 48;

function ownSpans(node: string, last: Span['event'], ms: number): readonly Span[] {
  return [
    { node, event: 'received', us: 0 },
    { node, event: last, us: Math.round(ms * 1_000) },
  ];
}
