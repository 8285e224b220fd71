// One call while this node has it: sends it out, tries elsewhere where that is safe, counts, traces, and settles exactly once.

import {
  type BodyRest,
  type Call,
  type Cancel,
  type CancelMode,
  type Clock,
  createFailure,
  type Failure,
  failureRow,
  type NodeAddress,
  type Outcome,
  type Settle,
  type Span,
  type TraceRecord,
  withWholeParams,
} from '@relay/protocol';
import type { Health } from '../balance/health.ts';
import type { Instance } from '../registry/instance.ts';
import { type CallObserver, type EndedCall, type Way, wayOf } from './call-observer.ts';
import type { CallStats } from './call-stats.ts';
import { KeyedRetry, type NextAttempt, wayBackTo } from './keyed-retry.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { CallOrigin, Route } from './route.ts';
import { type RestEnd, WatchedRest } from './watched-rest.ts';

/** Further attempts of one call at other instances. */
const MAX_RETRIES = 2;
/** A node that has just started is asked again so often whether it knows the way now. */
const ASK_AGAIN_MS = 100;
const NOTHING_TRIED: readonly Instance[] = Object.freeze([]);
const NO_BODY = new Uint8Array(0);

/** What a call needs from its router. */
export interface CallRouting {
  readonly self: string;
  readonly clock: Clock;
  readonly stats: CallStats;
  readonly retries: RetryBudget;
  readonly health: Health;
  readonly observer: CallObserver | undefined;
  /** A Main tries elsewhere for the calls that enter the federation at it. */
  readonly isIngressFor: (from: CallOrigin) => boolean;
  decide(call: Call, from: CallOrigin, tried: readonly Instance[]): Route;
  /** Calls that this node has at the moment, so that its end can end them. */
  readonly open: OpenCalls;
}

/** The calls of a node, in no order. Each knows its place, so that taking it out costs nothing. */
export class OpenCalls {
  readonly #calls: RoutedCall[] = [];

  get all(): readonly RoutedCall[] {
    return [...this.#calls];
  }

  add(call: RoutedCall): void {
    call.place = this.#calls.length;
    this.#calls.push(call);
  }

  delete(call: RoutedCall): void {
    if (this.#calls[call.place] !== call) return;
    const last = this.#calls.pop();
    if (last === undefined || last === call) return;
    this.#calls[call.place] = last;
    last.place = call.place;
  }
}

export class RoutedCall implements EndedCall {
  readonly #routing: CallRouting;
  readonly #call: Call;
  readonly #from: CallOrigin;
  readonly #settle: Settle;
  readonly startedAt: number;
  /** Kept by `OpenCalls`. */
  place = 0;
  /** Replaced, not changed: most calls try nothing a second time. */
  #tried: readonly Instance[] = NOTHING_TRIED;
  readonly #spans: Span[] | undefined;
  #way: Way = 'none';
  #instance: Instance | undefined;
  #attemptedAt = 0;
  #cancelAttempt: Cancel | undefined;
  /** Of a call with an idempotency key that may have run. */
  #keyed: KeyedRetry | undefined;
  #deadline: Disposable | undefined;
  #isDone = false;

  constructor(routing: CallRouting, call: Call, from: CallOrigin, settle: Settle) {
    this.#routing = routing;
    this.#call = call;
    this.#from = from;
    this.#settle = settle;
    this.startedAt = routing.clock.now();
    this.#spans = call.trace ? [{ node: routing.self, event: 'received', us: 0 }] : undefined;
    routing.stats.began();
    routing.open.add(this);
  }

  get call(): Call {
    return this.#call;
  }

  get from(): CallOrigin {
    return this.#from;
  }

  get way(): Way {
    return this.#way;
  }

  get peer(): string | undefined {
    if (this.#from.kind === 'peer') return this.#from.id;
    const node = this.#way === 'peer' ? this.#instance?.node : undefined;
    return node?.mainRelay ?? node?.id;
  }

  get retries(): number {
    return this.#tried.length + (this.#keyed?.repeats ?? 0);
  }

  start(): void {
    this.#attempt(this.#routing.decide(this.#call, this.#from, this.#tried));
  }

  #attempt(route: Route): void {
    if (route.kind === 'none' && route.mayPass === true && this.#waits()) return;
    if (this.#call.trace) this.#routing.observer?.decided(this.#call, this.#from, route);
    this.#way = wayOf(route, this.#routing.self);
    if (route.kind === 'none') {
      this.#finish({ kind: 'failure', failure: route.failure });
      return;
    }
    const { instance } = route;
    this.#instance = instance;
    const { clock, health } = this.#routing;
    this.#attemptedAt = clock.now();
    if (instance !== undefined) health.began(instance, this.#call.method, this.#attemptedAt);
    const cancel = route.kind === 'service' ? this.#execute(route.handle) : this.#forward(route);
    // The outcome may have come already, or a retry begun.
    if (!this.#isDone && this.#cancelAttempt === undefined) this.#cancelAttempt = cancel;
  }

  /** Where the call entered the federation it waits for a way, as long as its time allows. */
  #waits(): boolean {
    const { clock, isIngressFor } = this.#routing;
    const call = this.#call;
    // A body that is still coming is not kept back for long enough.
    if (!isIngressFor(this.#from) || call.rest !== undefined) return false;
    if (call.deadline - clock.now() <= 2 * ASK_AGAIN_MS) return false;
    if (this.#spans?.length === 1) this.#span('queued');
    const timer = clock.after(ASK_AGAIN_MS, () => {
      this.#cancelAttempt = undefined;
      this.start();
    });
    this.#cancelAttempt = () => timer[Symbol.dispose]();
    return true;
  }

  /** The node ends before the call does: nobody can tell any more whether it ran. */
  cut(failure: Failure): void {
    if (this.#isDone) return;
    this.#deadline?.[Symbol.dispose]();
    this.#count();
    const cancel = this.#cancelAttempt;
    this.#finish({ kind: 'failure', failure });
    cancel?.('abandon');
  }

  cancel(mode: CancelMode): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#routing.open.delete(this);
    this.#deadline?.[Symbol.dispose]();
    this.#count();
    const { clock, stats, observer } = this.#routing;
    const now = clock.now();
    stats.ended(now - this.startedAt, true, now);
    observer?.ended(this, undefined, now);
    this.#cancelAttempt?.(mode);
  }

  #forward(route: Extract<Route, { kind: 'via' }>): Cancel {
    this.#span('forwarded');
    const call = this.#call;
    const { destination } = route;
    const isSame = destination === undefined || isSameNode(destination, call.destination);
    return route.outlet.call(isSame ? call : { ...call, destination }, this.#onOutcome);
  }

  #execute(handle: (call: Call, settle: Settle) => Cancel): Cancel {
    const { clock, self } = this.#routing;
    const remaining = this.#call.deadline - clock.now();
    if (remaining <= 0) {
      const failure = createFailure('timeout', 'the deadline had passed before the method began', self, {
        executed: 'no',
      });
      this.#onOutcome({ kind: 'failure', failure });
      return () => {};
    }
    // A link keeps the deadlines of what it carries; for what runs here nobody else does.
    this.#deadline = clock.after(remaining, () => this.#expire());
    return withWholeParams(this.#call, this.#onOutcome, handle, this.#routing);
  }

  #expire(): void {
    const cancel = this.#cancelAttempt;
    const { service, method } = this.#call;
    const failure = createFailure(
      'timeout',
      `no answer from ${service}.${method} in time`,
      this.#routing.self,
    );
    this.#onOutcome({ kind: 'failure', failure });
    cancel?.('abandon');
  }

  readonly #onOutcome = (outcome: Outcome): void => {
    if (this.#isDone) return;
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = undefined;
    this.#cancelAttempt = undefined;
    if (outcome.kind === 'result' && outcome.rest !== undefined) {
      this.#finishInParts(outcome, outcome.rest);
      return;
    }
    this.#count(outcome);
    if (outcome.kind === 'failure' && this.#keyed === undefined && this.#mayTryElsewhere(outcome.failure)) {
      if (this.#instance !== undefined) this.#tried = [...this.#tried, this.#instance];
      this.#span('retried');
      // An attempt without another instance ends the call with the failure that says why the last one could not be reached.
      const next = this.#routing.decide(this.#call, this.#from, this.#tried);
      if (next.kind !== 'none') {
        this.#attempt(next);
        return;
      }
    }
    if (outcome.kind === 'failure' && this.#call.idempotencyKey !== undefined) {
      const next = this.#nextKeyed(outcome.failure);
      if (next !== undefined) {
        this.#proceed(next);
        return;
      }
    }
    this.#finish(outcome);
  };

  #nextKeyed(failure: Failure): NextAttempt | undefined {
    const remainingMs = this.#call.deadline - this.#routing.clock.now();
    const isHeld = this.#call.rest?.canRepeat !== false;
    if (this.#keyed !== undefined) {
      return isHeld ? this.#keyed.after(failure, remainingMs) : this.#keyed.giveUp(failure);
    }
    if (failure.executed !== 'unknown' || !this.#routing.isIngressFor(this.#from)) return undefined;
    if (this.#instance === undefined || !isHeld) return undefined;
    const route = wayBackTo(this.#instance, this.#call, this.#routing.decide, this.#from);
    if (route === undefined) return undefined;
    this.#keyed = new KeyedRetry(route, failure);
    return this.#keyed.first(remainingMs);
  }

  #proceed(next: NextAttempt): void {
    if (next.kind === 'give-up') {
      this.#finish({ kind: 'failure', failure: next.failure });
      return;
    }
    // Nothing is in flight while it waits.
    this.#instance = undefined;
    const timer = this.#routing.clock.after(next.delayMs, () => this.#repeat());
    this.#cancelAttempt = () => timer[Symbol.dispose]();
  }

  /** Asks the instance that may have run the call again, if it is there. */
  #repeat(): void {
    this.#cancelAttempt = undefined;
    const { clock, retries } = this.#routing;
    const keyed = this.#keyed!;
    const route = keyed.route();
    const now = clock.now();
    if (route.kind === 'none') {
      const next = keyed.after(route.failure, this.#call.deadline - now);
      this.#proceed(next ?? { kind: 'give-up', failure: route.failure });
    } else if (!retries.spend(now)) this.#proceed(keyed.later(this.#call.deadline - now));
    else {
      this.#span('retried');
      this.#attempt(route);
    }
  }

  #mayTryElsewhere(failure: Failure): boolean {
    const routing = this.#routing;
    const call = this.#call;
    if (call.destination !== undefined || this.#tried.length >= MAX_RETRIES || this.#instance === undefined)
      return false;
    // Of big params this node passes on what it does not keep.
    if (call.rest?.canRepeat === false) return false;
    if (!routing.isIngressFor(this.#from) || routing.clock.now() >= call.deadline) return false;
    const isSafe =
      failure.executed === 'no'
        ? (failureRow(failure.name)?.canTryElsewhere ?? false)
        : failure.executed === 'unknown' && this.#isRepeatable(this.#instance);
    return isSafe && routing.retries.spend(routing.clock.now());
  }

  /** Methods that change nothing may be repeated anywhere. */
  #isRepeatable(instance: Instance): boolean {
    const method = instance.description.methods.find(({ name }) => name === this.#call.method);
    return method?.effect === 'pure' || method?.effect === 'reads';
  }

  /** The attempt has ended; without an outcome if nobody waits for one any more. */
  #count(outcome?: Outcome, answeredAt?: number): void {
    if (this.#instance === undefined) return;
    const { clock, health } = this.#routing;
    health.ended(this.#instance, this.#call.method, outcome, this.#attemptedAt, clock.now(), answeredAt);
  }

  #finish(outcome: Outcome): void {
    this.#isDone = true;
    this.#routing.open.delete(this);
    const traced = this.#traced(outcome);
    this.#tell(traced, this.#routing.clock.now());
    this.#settle(traced);
  }

  /** The caller has its outcome with the first part; it counts with the last. What it took is the time to the first. */
  #finishInParts(outcome: Extract<Outcome, { kind: 'result' }>, rest: BodyRest): void {
    this.#isDone = true;
    this.#routing.open.delete(this);
    const { clock } = this.#routing;
    const answeredAt = clock.now();
    const traced = this.#traced(outcome);
    // Without the first part, which need not be kept until the last has come.
    const { trace } = traced;
    const watched = new WatchedRest(rest, (end) => this.#endInParts(end, trace, answeredAt));
    this.#settle({ ...traced, kind: 'result', body: outcome.body, rest: watched });
  }

  #endInParts(end: RestEnd, trace: TraceRecord | undefined, answeredAt: number): void {
    const traced = trace === undefined ? undefined : { trace };
    if (end === 'whole') {
      const whole: Outcome = { kind: 'result', body: NO_BODY, ...traced };
      this.#count(whole, answeredAt);
      this.#tell(whole, answeredAt);
    } else if (end === 'unwanted') {
      this.#count(undefined, answeredAt);
      this.#tell(undefined, answeredAt);
    } else {
      const failed: Outcome = { kind: 'failure', failure: end, ...traced };
      // Whoever takes the parts may have been too slow for the deadline.
      this.#count(end.name === 'timeout' ? undefined : failed, answeredAt);
      this.#tell(failed, this.#routing.clock.now());
    }
  }

  #tell(outcome: Outcome | undefined, now: number): void {
    const { stats, observer } = this.#routing;
    stats.ended(now - this.startedAt, outcome?.kind !== 'failure', now);
    observer?.ended(this, outcome, now);
  }

  /** With the way it took, if the caller asked for that. */
  #traced(outcome: Outcome): Outcome {
    const spans = this.#spans;
    if (spans === undefined) return outcome;
    const { self } = this.#routing;
    const isAnsweredHere = outcome.trace === undefined;
    if (isAnsweredHere && outcome.kind === 'result') this.#span('executed');
    const path = outcome.trace?.path ?? [...this.#call.path, self];
    const after: Span[] = [...(outcome.trace?.spans ?? [])];
    if (outcome.kind === 'failure' && isAnsweredHere) this.#span('failed');
    const isOrigin = this.#from.kind === 'own' || this.#from.kind === 'client';
    if (isOrigin && outcome.kind === 'result') {
      after.push({ node: self, event: 'answered', us: this.#elapsedUs() });
    }
    return { ...outcome, trace: { path, spans: [...spans, ...after] } };
  }

  #span(event: Span['event']): void {
    this.#spans?.push({ node: this.#routing.self, event, us: this.#elapsedUs() });
  }

  #elapsedUs(): number {
    return Math.round((this.#routing.clock.now() - this.startedAt) * 1_000);
  }
}

function isSameNode(a: NodeAddress, b: NodeAddress | undefined): boolean {
  return a === b || (b !== undefined && a.id === b.id && a.mainRelay === b.mainRelay && a.type === b.type);
}
