// The one shape of a call inside a node, from ingress to service, and of what comes back. See ARCHITECTURE.md, "The life of a call".

import type { NodeAddress } from './address.ts';
import type { Failure } from './failure.ts';

/** Who asks. Built by the ingress from the session or HTTP request; what a client wrote there is replaced. */
export interface Caller {
  readonly kind: 'program' | 'http' | 'client' | 'p2p';
  /** Id of the node where the call began, `client` for HTTP and SDK callers of a Main. */
  readonly node: string;
  readonly subject?: string;
}

/** Params or result: UTF-8 JSON text, opaque to everyone but the ends. */
export type Body = Uint8Array;

/**
 * Takes the parts of a body that follow its first. Each is the end of the frame that it came in; while `BodyRest.canRepeat`, another
 * sink may have it, too.
 */
export interface BodySink {
  part(part: Body, isLast: boolean): void;
  /** The rest will not come. Only results end so; whoever asked with params in parts cancels instead. */
  fail(failure: Failure): void;
}

/** What is still to come of a body whose first part is there. It has one taker at a time: a link, or whoever needs the whole. */
export interface BodyRest {
  /** Every part is still held, so that another taker can have them all. */
  readonly canRepeat: boolean;
  /** Hands over the parts after the first, those that are here at once and the others as they come. */
  pass(sink: BodySink): void;
  /** The sink has passed on so many bytes more, so that as many may follow. */
  passed(bytes: number): void;
  /** Waits for the whole body, first part included. */
  whole(done: (body: Body) => void): void;
  /** The taker wants no more. A result ends with it; params may be taken again while `canRepeat`. */
  stop(mode: CancelMode): void;
}

/** One event at one node; `us` counts from the moment that node first saw the call, in microseconds. */
export interface Span {
  readonly node: string;
  readonly event: 'received' | 'queued' | 'forwarded' | 'retried' | 'executed' | 'answered' | 'failed';
  readonly us: number;
}

/** The way a traced call took: ids, origin first, executing node last, and the spans of every node on it. */
export interface TraceRecord {
  readonly path: readonly string[];
  readonly spans: readonly Span[];
}

/** One call on its way through this node. */
export interface Call {
  /** Absent: any instance of `service`. */
  readonly destination?: NodeAddress;
  readonly service: string;
  readonly method: string;
  /** JSON array by position, object by name; an empty body or `null` means no arguments. */
  readonly params: Body;
  /** More of the params follows. Only for who is known to take parts, see `SessionOwner.takesParts`. */
  readonly rest?: BodyRest | undefined;
  /** Whoever settles this call may do so with a result in parts. */
  readonly takesParts?: boolean | undefined;
  /** On this node's monotonic clock, in ms; what remains travels as `timeout_ms`. */
  readonly deadline: number;
  /** Whoever made the call named no time for it: that of the service goes before, if it is shorter. */
  readonly hasDefaultTimeout?: boolean | undefined;
  /** The node where the call began. */
  readonly source: NodeAddress;
  readonly caller: Caller;
  /** Ids of the nodes passed so far, without this one. */
  readonly path: readonly string[];
  /** Links that the call may still cross. */
  readonly ttl: number;
  /** 0 to 9; higher leaves a queue first, lower is shed first. */
  readonly priority: number;
  /** Return path and spans with the outcome. */
  readonly trace: boolean;
  /** W3C trace context, made by the ingress if missing. */
  readonly traceparent: string;
  /** Servers that wait for this call as `SERVICE@ADDRESS`, outermost first. */
  readonly callPath: readonly string[];
  readonly idempotencyKey?: string;
}

/** What comes back, exactly once per call. */
export type Outcome =
  | {
      readonly kind: 'result';
      readonly body: Body;
      /** More of the result follows; only for a call that `takesParts`. */
      readonly rest?: BodyRest | undefined;
      readonly trace?: TraceRecord;
    }
  | { readonly kind: 'failure'; readonly failure: Failure; readonly trace?: TraceRecord };

/** Takes the one outcome of a call; must not throw. */
export type Settle = (outcome: Outcome) => void;

/** `abandon`: nobody waits any more, a running handler goes on. `kill`: a running handler is ended and rolled back. */
export type CancelMode = 'kill' | 'abandon';

/** Ends the wait for a call. After it, `settle` is not called any more. Idempotent, and a no-op after the outcome. */
export type Cancel = (mode: CancelMode) => void;

/**
 * Something that answers calls: a service, a router, a session to another node. Calls `settle` exactly once unless cancelled,
 * possibly before it returns, and never throws. Callbacks, not promises: a transit node must not allocate one per call.
 */
export type CallHandler = (call: Call, settle: Settle) => Cancel;

/** Nothing to cancel. */
export const ALREADY_SETTLED: Cancel = () => {};
