// The one table of failures. A row decides the JSON-RPC number, the fixed text and whether a router may try elsewhere.
// Source: http-api.md §7.2.

/** Whether the method ran: certainly not, certainly, or nobody can tell. `no` is a promise. */
export type Executed = 'no' | 'yes' | 'unknown';

export interface FailureRow {
  /** JSON-RPC number: `error.code`. */
  readonly code: number;
  /** Fixed text: `error.message`. */
  readonly title: string;
  /** The answer to "did the method run" where the raiser does not know better. */
  readonly executed: Executed;
  /** HTTP status on `/rpc` of a single request that fails before a call exists; everything later is 200. */
  readonly http: number;
  /** Counts against the breaker of the instance. */
  readonly countsForBreaker: boolean;
  /** Another instance may be tried, if the failure says `executed: no`. */
  readonly canTryElsewhere: boolean;
}

const row = (
  code: number,
  title: string,
  executed: Executed,
  { http = 200, breaker = false, elsewhere = false } = {},
): FailureRow => ({ code, title, executed, http, countsForBreaker: breaker, canTryElsewhere: elsewhere });

export const FAILURES = {
  parse_error: row(-32700, 'Parse error', 'no', { http: 400 }),
  invalid_request: row(-32600, 'Invalid Request', 'no', { http: 400 }),
  method_not_found: row(-32601, 'Method not found', 'no'),
  invalid_params: row(-32602, 'Invalid params', 'no'),
  internal_error: row(-32603, 'Internal error', 'yes', { breaker: true }),
  budget_exceeded: row(-32603, 'Internal error', 'yes', { breaker: true }),
  application_error: row(-32000, 'Application error', 'yes'),
  node_not_found: row(-32001, 'Service not found: unknown node', 'no'),
  service_not_found: row(-32002, 'Service not found', 'no'),
  no_healthy_instance: row(-32003, 'No healthy instance', 'no'),
  home_disconnected: row(-32004, 'Home Relay disconnected', 'no', { breaker: true, elsewhere: true }),
  peer_unreachable: row(-32005, 'Main Relay unreachable', 'no', { breaker: true, elsewhere: true }),
  timeout: row(-32006, 'Timeout', 'unknown', { breaker: true }),
  circuit_open: row(-32007, 'Circuit open', 'no', { elsewhere: true }),
  too_many_hops: row(-32008, 'Too many hops', 'no'),
  loop_detected: row(-32009, 'Routing loop', 'no'),
  payload_too_large: row(-32010, 'Payload too large', 'no', { http: 413 }),
  overloaded: row(-32011, 'Overloaded', 'no', { http: 503, breaker: true, elsewhere: true }),
  unauthorized: row(-32012, 'Unauthorized', 'no', { http: 401 }),
  forbidden: row(-32013, 'Forbidden', 'no'),
  node_ambiguous: row(-32014, 'Ambiguous node', 'no'),
  idempotency_conflict: row(-32015, 'Idempotency conflict', 'no'),
  idempotency_in_progress: row(-32016, 'Idempotent call in progress', 'no'),
  shutting_down: row(-32017, 'Shutting down', 'no', { http: 503, elsewhere: true }),
} as const satisfies Record<string, FailureRow>;

export type FailureName = keyof typeof FAILURES;

/** What else a failure may carry: `failure.data` on a link, members of `error.data` over HTTP (http-api.md §7.1). */
export interface FailureData {
  /** The thrown value of an `application_error`, as JSON. */
  readonly value?: unknown;
  readonly candidates?: readonly string[];
  readonly limit?: { readonly name: string; readonly max: number };
}

/** What a failed call says: what happened, where, and whether the method ran. The same on a link and over HTTP. */
export interface Failure {
  /** JSON-RPC number. */
  readonly code: number;
  /** Stable name (`data.code` over HTTP). Codes of newer nodes are passed on, so any text may come from a link. */
  readonly name: string;
  /** For people. */
  readonly message: string;
  readonly executed: Executed;
  /** Id of the node that raised it, kept unchanged on the way back. */
  readonly at: string;
  readonly retryAfterMs?: number;
  readonly data?: FailureData;
}

/** Builds a failure from its row; `executed` defaults to the row's. */
export function createFailure(
  name: FailureName,
  message: string,
  at: string,
  more: { readonly executed?: Executed; readonly retryAfterMs?: number; readonly data?: FailureData } = {},
): Failure {
  const { code, executed } = FAILURES[name];
  return { code, name, message, executed: more.executed ?? executed, at, ...more };
}

/** The row of a failure that came from anywhere; an unknown name is treated as a failure that counts for nothing. */
export function failureRow(name: string): FailureRow | undefined {
  return Object.hasOwn(FAILURES, name) ? FAILURES[name as FailureName] : undefined;
}

/** A failure on its way as an exception: thrown by the client SDK and by TypeScript services that choose a code. */
export class RelayError extends Error {
  override readonly name = 'RelayError';
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options);
    this.failure = failure;
  }

  get code(): string {
    return this.failure.name;
  }

  get executed(): Executed {
    return this.failure.executed;
  }
}
