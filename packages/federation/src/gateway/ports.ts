// What the gateway needs from the node, and no more. The composition root makes objects of these shapes; nothing here knows
// sessions, links or breakers. Times named `…At`, `…Since` and `last…` are wall-clock milliseconds, null or absent if never.

import type { Body, Cancel, Clock, MethodDescription, NodeType, Random, Settle } from '@relay/protocol';
import type { Denials } from '../observe/denials.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { KeptTrace } from '../observe/trace-ring.ts';
import type { Why } from '../observe/why.ts';
import type { TraceLink } from '../routing/route.ts';

/** What a node is for who asks it over HTTP. */
export type NodeRole = NodeType | 'p2p';

export interface NodeIdentity {
  readonly nodeId: string;
  readonly nodeType: NodeRole;
  /** Version text of the build. */
  readonly version: string;
  readonly startedAt: number;
  /**
   * `host:port` to show to others: the advertised address, else a concrete bind address. Undefined for a wildcard bind: then
   * the gateway shows the local address on which the request arrived.
   */
  address(): string | undefined;
}

/** One call as an HTTP request asked for it. */
export interface CallRequest {
  /** Text form of the address (`id`, `id@main` or `local`), already valid. Absent: any instance of `service`. */
  readonly node?: string;
  /** May be any text; what names nothing is not found. */
  readonly service: string;
  readonly method: string;
  /** Array, object, or empty for no arguments: JSON text of the client, a scalar already wrapped into an array. */
  readonly params: Body;
  /** Absent: the default of the service or node. */
  readonly timeoutMs?: number;
  readonly trace?: boolean;
  readonly idempotencyKey?: string;
  /** Named as `service.method`, not by `remote_call`. */
  readonly direct: boolean;
}

export interface HttpCaller {
  readonly kind: 'http';
  readonly subject?: string;
  readonly remoteAddress: string;
  /** The trace that the caller says it is in. */
  readonly linked?: TraceLink;
}

export interface SubmittedCall {
  /** 32 hex digits. */
  readonly traceId: string;
  readonly cancel: Cancel;
}

export interface Ingress {
  /**
   * Starts a call: resolves the address, picks an instance, keeps the deadline. Calls `settle` exactly once unless cancelled,
   * possibly before it returns. With `trace` the outcome carries path and spans, also those of this node.
   */
  submit(request: CallRequest, caller: HttpCaller, settle: Settle): SubmittedCall;
}

/** One instance: one service on one node, as this node knows it. */
export interface InstanceView {
  readonly service: string;
  readonly nodeId: string;
  /** Absent for a Main's own program. */
  readonly mainRelay?: string;
  readonly origin: 'self' | 'home' | 'peer' | 'p2p';
  /** Only where several lead to the same process of a Home: the addresses, this one first. */
  readonly ways?: readonly string[];
  readonly methods: readonly MethodDescription[];
  readonly isHealthy: boolean;
  readonly lastSeen: number;
  /** Only for instances learnt from a peer. */
  readonly expiresAt?: number;
  readonly inFlight: number;
  readonly calls: number;
  readonly failures: number;
  readonly averageLatencyMs: number;
  /** The worst of those of its methods. */
  readonly circuit: 'closed' | 'open' | 'probing';
  /** Those that are not closed, by method. */
  readonly circuits?: readonly {
    readonly method: string;
    readonly state: 'open' | 'probing';
    readonly retryAfterMs: number;
  }[];
  /** Only while it is left out because it failed far more often than the others. */
  readonly ejectedForMs?: number;
  /** Of load balancing, such as `round_robin`. */
  readonly strategy: string;
}

export interface HomeView {
  readonly id: string;
  readonly connected: boolean;
  readonly connectedSince: number | null;
  readonly lastHeartbeat: number | null;
  readonly latencyMs: number | null;
  readonly services: number;
}

/** Of Homes with a session here, and of instances. */
export interface RegistryCounts {
  readonly connectedHomes: number;
  /** Own, of Homes and of direct P2P peers. */
  readonly local: number;
  readonly federated: number;
  /** Unhealthy or with an open breaker. */
  readonly failed: number;
  readonly openCircuits: number;
}

export interface RegistrySource {
  /** Each instance once, whatever the ways to it; in the order of preference per name (http-api.md §4.2): for each name the instance a call would take comes first. */
  instances(filter?: { readonly service?: string; readonly origin?: 'self' }): Iterable<InstanceView>;
  homes(): Iterable<HomeView>;
  /** Services of the own program. */
  ownCount(): number;
  /** Must cost nothing that grows with Homes or services. */
  counts(): RegistryCounts;
}

export interface PeerView {
  readonly id: string | null;
  readonly url: string;
  readonly state: 'connecting' | 'connected' | 'down' | 'self' | 'refused';
  readonly isHealthy: boolean;
  readonly direction: 'outbound' | 'inbound';
  readonly source: 'flag' | 'config' | 'dns' | 'api' | 'inbound';
  readonly connectedSince: number | null;
  readonly lastSeen: number | null;
  readonly latencyMs: number | null;
  readonly services: number;
  readonly reconnectAttempts: number;
  readonly nextRetryMs: number | null;
  readonly lastError: string | null;
  readonly calls: { readonly forwarded: number; readonly failed: number };
  readonly bytes: { readonly sent: number; readonly received: number };
}

export type AddPeerAnswer =
  /** Also for a peer that was there already with this url. */
  | { readonly kind: 'added'; readonly peer: PeerView }
  | { readonly kind: 'invalid-url'; readonly reason: string }
  /** Refused by the outbound address rules. */
  | { readonly kind: 'forbidden'; readonly reason: string }
  | { readonly kind: 'other-url'; readonly id: string };

export type RemovePeerAnswer =
  | { readonly kind: 'removed'; readonly id: string }
  | { readonly kind: 'unknown' };

/** Only a Main has one. */
export interface PeerSource {
  peers(): readonly PeerView[];
  /** Does not wait for the link. */
  addPeer(url: string, nodeId?: string): AddPeerAnswer;
  removePeer(idOrUrl: string): RemovePeerAnswer;
}

export interface UplinkView {
  /** Null until the Main has said who it is. */
  readonly id: string | null;
  readonly url: string;
  readonly connectedSince: number | null;
  readonly lastHeartbeat: number | null;
  readonly latencyMs: number | null;
  readonly reconnectAttempts: number;
  readonly nextRetryMs: number | null;
  readonly lastError: string | null;
}

export interface OwnServiceView {
  readonly name: string;
  readonly methods: readonly string[];
  /** The Main has confirmed it. */
  readonly registered: boolean;
  readonly inFlight: number;
  readonly calls: number;
  readonly errors: number;
}

/** Only a Home has one. */
export interface MainLinkSource {
  status(): 'connecting' | 'connected' | 'disconnected' | 'refused' | 'draining';
  /** The first is the Main in use; more than one with several uplinks. Never empty. */
  uplinks(): readonly UplinkView[];
  /** URLs of Mains to try when the first does not answer. */
  fallbacks(): readonly string[];
  services(): readonly OwnServiceView[];
}

/** One P2P peer: configured here, or with an open link. */
export interface P2pPeerView {
  readonly id: string;
  readonly address: string;
  readonly lastSeen: number | null;
  readonly isHealthy: boolean;
  readonly services: number;
}

/** A Main's and a P2P node's. */
export interface P2pSource {
  peers(): readonly P2pPeerView[];
  /** Does not wait for the link. */
  addPeer(
    id: string,
    address: string,
  ):
    | { readonly kind: 'added' }
    | { readonly kind: 'invalid-address' }
    /** Refused by the outbound address rules. */
    | { readonly kind: 'forbidden'; readonly reason: string }
    | { readonly kind: 'self' };
  removePeer(id: string): void;
}

export interface Lifecycle {
  state(): 'starting' | 'running' | 'draining';
  /** Why the node is not ready: `starting`, `draining`, `overloaded`, `no_main`. Empty when it is. */
  readiness(): readonly string[];
}

/** Of the calls this node routed. */
export interface CallStats {
  readonly total: number;
  readonly failed: number;
  readonly inFlight: number;
  /** Mean over the last 5 minutes, 0 without calls. */
  readonly averageLatencyMs: number;
}

/** Only a Main has one. */
export interface CircuitControl {
  /** Closes the circuits of this service at this address; absent: of all. Returns how many were not closed. */
  reset(service: string | undefined, address: string | undefined): number;
}

export interface TraceSource {
  /** All kept calls of one trace. */
  of(traceId: string): readonly KeptTrace[];
  /** Newest first. */
  latest(limit: number): readonly KeptTrace[];
}

/** Everything the gateway is given. `peers` makes it a Main's, `mainLink` a Home's, `p2p` alone a P2P node's. */
export interface GatewayPorts {
  readonly identity: NodeIdentity;
  readonly ingress: Ingress;
  readonly registry: RegistrySource;
  readonly lifecycle: Lifecycle;
  readonly callStats: () => CallStats;
  readonly peers?: PeerSource;
  readonly circuits?: CircuitControl;
  readonly mainLink?: MainLinkSource;
  /** Links of the former protocol. */
  readonly p2p?: P2pSource;
  /** Absent: the figures are served elsewhere. */
  readonly metrics?: Metrics;
  readonly traces?: TraceSource;
  /** Counts who was refused. */
  readonly denials?: Denials;
  /** What would become of a call now. Only a Main knows more than it is asked. */
  readonly why?: (service: string, method: string, node: string | undefined) => Why;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}
