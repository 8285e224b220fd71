// What the routers decide about one call, and what they need to know for it.

import type { CallHandler, Failure, NodeAddress } from '@relay/protocol';
import type { Instance } from '../registry/instance.ts';

/** A trace of somebody else, in hexadecimal digits: 32 and 16. */
export interface TraceLink {
  readonly traceId: string;
  readonly spanId: string;
}

/** How a call came to this node. */
export type CallOrigin =
  /** From its program, or from its HTTP endpoint: `id` is then the address of who asked, `linked` the trace it says it is in. */
  | { readonly kind: 'own'; readonly id?: string; readonly linked?: TraceLink }
  /** `id`: the name it gave itself, else its address. */
  | { readonly kind: 'client'; readonly id?: string }
  | { readonly kind: 'home'; readonly id: string }
  /** From a peer Main, or at a Home from its Main. */
  | { readonly kind: 'peer'; readonly id: string };

/** Something a call can be sent over. */
export interface Outlet {
  readonly call: CallHandler;
}

export type Route =
  /** Answered here. */
  | { readonly kind: 'service'; readonly handle: CallHandler; readonly instance: Instance }
  /** Sent on; `destination` replaces that of the call. `instance` is whose figures it counts for, if that is known here. */
  | {
      readonly kind: 'via';
      readonly outlet: Outlet;
      readonly destination: NodeAddress | undefined;
      readonly instance: Instance | undefined;
    }
  /** `mayPass`: this node does not know yet, and will in a moment. */
  | { readonly kind: 'none'; readonly failure: Failure; readonly mayPass?: boolean };

/** What a Main that has just started waits for. */
export interface Expectations {
  /** A name that is unknown may be that of a node which is about to come. */
  readonly isSettling: boolean;
  /** One of its peers has not said yet what it offers. */
  readonly awaitsPeers: boolean;
  /** This Home was here before the start, and has not come back. */
  awaitsHome(id: string): boolean;
}

/** The links of a Main, as routing sees them. */
export interface MainLinks {
  home(id: string): Outlet | undefined;
  peer(id: string): Outlet | undefined;
  /** A peer with this id is configured or has been connected. */
  knowsPeer(id: string): boolean;
  /** A P2P node that can be reached now; only a direct one is offered to peers. */
  p2p?(id: string): (Outlet & { readonly isDirect: boolean }) | undefined;
  /** A direct P2P peer with this id is configured or linked. */
  knowsP2p?(id: string): boolean;
}

/** A link of a Home. */
export type MainOutlet = Outlet & { readonly nodeId: string };

export interface HomeLinks {
  /** Where calls leave that may leave anywhere. */
  main(): MainOutlet | undefined;
  /** Every link that stands. */
  mains(): readonly MainOutlet[];
}
