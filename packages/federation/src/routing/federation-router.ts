// Sends every call of a node where it belongs. The role decides how: a Home to its own program or its Main, a Main to its own
// program, its Homes or a peer.

import {
  ALREADY_SETTLED,
  CALL_LIMITS,
  type Call,
  type Caller,
  type Cancel,
  type Clock,
  createFailure,
  type Failure,
  homeAddress,
  isName,
  mainAddress,
  type NodeAddress,
  type NodeType,
  NodeTypeMain,
  type Random,
  type Settle,
} from '@relay/protocol';
import type { Health } from '../balance/health.ts';
import type { Instance } from '../registry/instance.ts';
import type { CallObserver } from './call-observer.ts';
import { CallStats } from './call-stats.ts';
import { hopFailure, isSourceOf, shuttingDown } from './hops.ts';
import { RetryBudget } from './retry-budget.ts';
import type { CallOrigin, Route } from './route.ts';
import { type CallRouting, OpenCalls, RoutedCall } from './routed-call.ts';
import { TraceContexts } from './trace-context.ts';

const CLIENT_PATH: readonly string[] = Object.freeze(['client']);
const NO_PATH: readonly string[] = Object.freeze([]);

export interface FederationRouterOptions {
  readonly nodeType: NodeType;
  readonly self: string;
  readonly clock: Clock;
  readonly random: Random;
  /** What outcomes say of instances. */
  readonly health: Health;
  /** The routing of the role: `MainRouting.decide` or `HomeRouting.decide`. */
  readonly decide: (call: Call, from: CallOrigin, tried: readonly Instance[]) => Route;
  /** Given when the node takes no new calls of its own, while it drains. */
  readonly refusal?: () => Failure | undefined;
  readonly observer?: CallObserver | undefined;
  /** Time of a call to this service that names none, in ms. */
  readonly timeoutOf?: (service: string) => number | undefined;
}

export class FederationRouter {
  readonly nodeType: NodeType;
  readonly stats: CallStats;
  readonly retries = new RetryBudget();
  readonly #options: FederationRouterOptions;
  readonly #routing: CallRouting;
  readonly #traces: TraceContexts;
  /** Who asks, for every call of a client. */
  readonly #clients: { readonly caller: Caller; readonly source: NodeAddress };
  /** The node has cut what was left: whatever still comes is refused. */
  #hasEnded = false;

  constructor(options: FederationRouterOptions) {
    const { nodeType, self, clock, decide, health } = options;
    this.nodeType = nodeType;
    this.#options = options;
    this.stats = new CallStats(clock);
    this.#clients = { caller: { kind: 'client', node: self }, source: mainAddress(self) };
    this.#traces = new TraceContexts(options.random);
    this.#routing = {
      self,
      clock,
      decide,
      health,
      stats: this.stats,
      retries: this.retries,
      observer: options.observer,
      open: new OpenCalls(),
      isIngressFor: (from) => nodeType === NodeTypeMain && from.kind !== 'peer',
    };
  }

  /** Takes a call that began here, came from a link, or is to leave the program. Same contract as `CallHandler`. */
  handle(received: Call, from: CallOrigin, settle: Settle): Cancel {
    const { self } = this.#options;
    const call = from.kind === 'peer' ? received : this.#admit(received, from);
    const failure = this.#refusal(call, from);
    if (failure !== undefined) {
      this.#options.observer?.refused(call, failure);
      settle(
        call.trace
          ? {
              kind: 'failure',
              failure,
              trace: { path: [...call.path, self], spans: [{ node: self, event: 'failed', us: 0 }] },
            }
          : { kind: 'failure', failure },
      );
      return ALREADY_SETTLED;
    }
    this.#routing.retries.earn();
    const routed = new RoutedCall(this.#routing, call, from, settle);
    routed.start();
    return (mode) => routed.cancel(mode);
  }

  /** Ends every call that is left, as the last thing a node does; returns them. */
  cutCalls(): readonly Call[] {
    this.#hasEnded = true;
    const cut = this.#routing.open.all;
    const { self } = this.#options;
    for (const routed of cut) {
      routed.cut(shuttingDown(self, 'unknown'));
    }
    return cut.map(({ call }) => call);
  }

  /** The traceparent of a call that begins here. */
  createTraceparent(): string {
    return this.#traces.create();
  }

  /** Address of this node. */
  get address(): NodeAddress {
    const { nodeType, self } = this.#options;
    return nodeType === NodeTypeMain ? mainAddress(self) : homeAddress(self);
  }

  #refusal(call: Call, from: CallOrigin): Failure | undefined {
    const { self, clock, refusal } = this.#options;
    if (this.#hasEnded) return shuttingDown(self);
    if (from.kind === 'own') {
      const refused = refusal?.();
      if (refused !== undefined) return refused;
      if (!isName(call.method)) {
        return createFailure(
          'method_not_found',
          `Server '${call.service}' has no method '${call.method}'`,
          self,
        );
      }
    }
    if (from.kind === 'peer' && this.nodeType === NodeTypeMain && !isSourceOf(call, from.id)) {
      return createFailure('forbidden', `${from.id} sent a call that began elsewhere`, self);
    }
    if (call.deadline <= clock.now()) {
      return createFailure('timeout', 'the deadline has passed', self, { executed: 'no' });
    }
    return hopFailure(call, from, self);
  }

  /**
   * Identity, path and deadline of a call that enters the federation here, from the session alone: what a Home or client wrote
   * there is replaced, except that a Home says what kind of caller it speaks for.
   */
  #admit(call: Call, from: Exclude<CallOrigin, { kind: 'peer' }>): Call {
    const { self, clock, timeoutOf } = this.#options;
    const serviceMs = call.hasDefaultTimeout === true ? timeoutOf?.(call.service) : undefined;
    const deadline = Math.min(call.deadline, clock.now() + (serviceMs ?? CALL_LIMITS.maxTimeoutMs));
    const traceparent = call.traceparent === '' ? this.#traces.create() : call.traceparent;
    if (from.kind === 'own') {
      return deadline === call.deadline && traceparent === call.traceparent
        ? call
        : { ...call, deadline, traceparent };
    }
    if (from.kind === 'client') {
      const { caller, source } = this.#clients;
      return { ...call, deadline, traceparent, caller, source, path: CLIENT_PATH, callPath: NO_PATH };
    }
    const caller: Caller = { kind: call.caller.kind, node: from.id };
    return { ...call, deadline, traceparent, caller, source: homeAddress(from.id, self), path: [from.id] };
  }
}
