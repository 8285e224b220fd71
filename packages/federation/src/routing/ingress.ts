// Makes one call out of what an HTTP request or the own program asks for, and gives it to the router.

import {
  type Body,
  CALL_LIMITS,
  type Call,
  type CallHandler,
  type Cancel,
  type Clock,
  homeAddress,
  type NodeAddress,
  NodeTypeMain,
  parseAddress,
  type Settle,
} from '@relay/protocol';
import type { FederationRouter } from './federation-router.ts';
import type { CallOrigin, TraceLink } from './route.ts';
import { traceIdOf } from './trace-context.ts';

/** One call as an HTTP request asked for it; see gateway/ports.ts. */
interface HttpCall {
  readonly node?: string;
  readonly service: string;
  readonly method: string;
  readonly params: Body;
  readonly timeoutMs?: number;
  readonly trace?: boolean;
  readonly idempotencyKey?: string;
}

export interface IngressOptions {
  readonly router: FederationRouter;
  readonly clock: Clock;
  /** Of a call that names no timeout. */
  readonly defaultTimeoutMs: number;
  /** The same for one service, if it has its own. */
  readonly timeoutOf?: (service: string) => number | undefined;
}

const OWN: CallOrigin = Object.freeze({ kind: 'own' });
/** A call by HTTP at a Main begins with a client where a call from a Home begins with the Home. */
const CLIENT_PATH: readonly string[] = Object.freeze(['client']);
const NO_PATH: readonly string[] = Object.freeze([]);

export class HttpIngress {
  readonly #options: IngressOptions;

  constructor(options: IngressOptions) {
    this.#options = options;
  }

  submit(
    request: HttpCall,
    caller: { readonly subject?: string; readonly remoteAddress?: string; readonly linked?: TraceLink },
    settle: Settle,
  ): { traceId: string; cancel: Cancel } {
    const { router, clock, defaultTimeoutMs, timeoutOf } = this.#options;
    const { node, service, method, params, timeoutMs: namedMs, trace = false, idempotencyKey } = request;
    const timeoutMs = namedMs ?? timeoutOf?.(service);
    const self = router.address;
    const { remoteAddress, linked } = caller;
    const from: CallOrigin =
      remoteAddress === undefined
        ? OWN
        : linked === undefined
          ? { kind: 'own', id: remoteAddress }
          : { kind: 'own', id: remoteAddress, linked };
    const traceparent = router.createTraceparent();
    const destination = node === undefined ? undefined : this.#destination(node, self);
    const call: Call = {
      service,
      method,
      params,
      trace,
      traceparent,
      deadline: clock.now() + (timeoutMs ?? defaultTimeoutMs),
      hasDefaultTimeout: timeoutMs === undefined,
      source: self,
      caller: {
        kind: 'http',
        node: self.id,
        ...(caller.subject === undefined ? {} : { subject: caller.subject }),
      },
      path: router.nodeType === NodeTypeMain ? CLIENT_PATH : NO_PATH,
      ttl: CALL_LIMITS.ttl,
      priority: CALL_LIMITS.defaultPriority,
      callPath: NO_PATH,
      ...(destination === undefined ? {} : { destination }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    };
    return { traceId: traceIdOf(traceparent), cancel: router.handle(call, from, settle) };
  }

  #destination(node: string, self: NodeAddress): NodeAddress {
    if (node === 'local' || node === self.id) return self;
    // The gateway has checked the form; what slipped through names nothing, and routing says so.
    return parseAddress(node) ?? homeAddress(node);
  }
}

/** What the own program calls to reach the federation. */
export function programOutlet(router: FederationRouter): CallHandler {
  return (call, settle) => {
    const self = router.address;
    const caller = { kind: 'program', node: self.id } as const;
    return router.handle({ ...call, source: self, caller, path: NO_PATH, ttl: CALL_LIMITS.ttl }, OWN, settle);
  };
}
