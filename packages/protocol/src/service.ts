// What a node offers: described once, called through one handler. host makes such objects, federation routes to them.

import type { CallHandler } from './call.ts';

/** `pure` < `reads` < `writes`; `calls` sends to other servers and counts as `writes` for who sees only the word. */
export type Effect = 'pure' | 'reads' | 'writes' | 'calls';

export interface ParameterDescription {
  readonly name: string;
  /** Type in the language's notation, `any` if not declared. */
  readonly type: string;
  readonly optional: boolean;
}

export interface MethodDescription {
  readonly name: string;
  readonly params: readonly ParameterDescription[];
  /** Result type in the language's notation, `any` if not declared. */
  readonly returns: string;
  readonly effect: Effect;
  readonly doc?: string;
}

/** A service as its node offers it (protocol.md §4 ServiceDescription, without `instance`, which the session adds). */
export interface ServiceOffer {
  readonly name: string;
  readonly version?: string;
  readonly methods: readonly MethodDescription[];
  /** `private`: this Main only. */
  readonly visibility: 'federated' | 'private';
  readonly weight: number;
  /** How a Main chooses among its instances, unless it has been told otherwise. A name that a Main does not know says nothing. */
  readonly strategy?: string;
  /** Of a call that names none, in ms, unless the Main has been told otherwise. */
  readonly timeoutMs?: number;
  /** What the service says of itself; absent: true. A service that says false stays known and gets no calls. */
  readonly healthy?: boolean;
}

/** A service that runs in this node. */
export interface Service {
  readonly offer: ServiceOffer;
  /** `call.destination` has been resolved; answers `method_not_found` itself. */
  readonly handle: CallHandler;
  /**
   * The node ends: calls that have not begun are answered `shutting_down`, `executed: no`, and none begins any more. Resolves when
   * they have been; those that run go on. Absent where no call ever waits.
   */
  readonly refuseWaiting?: () => Promise<void>;
}
