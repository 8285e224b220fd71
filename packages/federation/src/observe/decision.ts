// Why a call goes where it goes: the instances that could take it, what is known of each, and what keeps some of them out. Made for
// traced calls and for `relay why`, never for others.

import { type Call, failureRow } from '@relay/protocol';
import type { Instance } from '../registry/instance.ts';
import type { CallOrigin, Route } from '../routing/route.ts';

/** Candidates described; a service may have thousands. */
const MAX_CANDIDATES = 20;

export interface Candidate {
  readonly address: string;
  readonly origin: Instance['origin'];
  /** Why it cannot take this call now; null if it can. */
  readonly excluded: string | null;
  readonly inFlight: number;
  /** Calls it takes at once, as far as this node knows. */
  readonly limit: number;
  readonly averageLatencyMs: number;
  /** Share of calls that worked, the latest counting most; 1 before the first. */
  readonly score: number;
  readonly circuit: 'closed' | 'open' | 'probing';
}

export interface Decision {
  /** Who decided. */
  readonly node: string;
  /** Address of the instance or of the next node; null if there is no way. */
  readonly chosen: string | null;
  readonly reason: string;
  readonly strategy: string | null;
  /** The first of them, nearest first. */
  readonly candidates: readonly Candidate[];
  /** How many there are in all. */
  readonly candidateCount: number;
}

/** The instances of a service here and elsewhere; the arrays are not kept. */
export interface InstanceLists {
  local(service: string): readonly Instance[];
  federated(service: string): readonly Instance[];
}

/** What is known of an instance may grow; what is not known counts as good. */
interface KnownStats {
  readonly inFlight: number;
  readonly calls: number;
  readonly failures: number;
  readonly averageLatencyMs: number;
  readonly success?: number;
  readonly limit?: number;
  readonly ejection?: CircuitState;
  readonly methods?: ReadonlyMap<string, { readonly circuit: CircuitState }>;
}

interface CircuitState {
  readonly kind: 'closed' | 'open' | 'probing';
}

type AskedCall = Pick<Call, 'service' | 'method' | 'path'>;

/** The instances that the service name could mean, own program and Homes first. */
export function candidatesOf(
  lists: InstanceLists,
  call: AskedCall,
): { readonly candidates: readonly Candidate[]; readonly count: number } {
  const local = lists.local(call.service);
  const federated = lists.federated(call.service);
  const first = [...local.slice(0, MAX_CANDIDATES), ...federated.slice(0, MAX_CANDIDATES)];
  return {
    candidates: first.slice(0, MAX_CANDIDATES).map((instance) => candidate(instance, call)),
    count: local.length + federated.length,
  };
}

function candidate(instance: Instance, call: AskedCall): Candidate {
  const stats: KnownStats = instance.stats;
  const circuit = circuitOf(stats, call.method);
  const limit = Math.min(instance.capacity, stats.limit ?? instance.capacity);
  return {
    address: instance.address,
    origin: instance.origin,
    excluded: exclusion(instance, call, circuit, stats.inFlight >= limit),
    inFlight: stats.inFlight,
    limit,
    averageLatencyMs: stats.averageLatencyMs,
    score: stats.success ?? (stats.calls === 0 ? 1 : 1 - stats.failures / stats.calls),
    circuit,
  };
}

function circuitOf({ ejection, methods }: KnownStats, method: string): CircuitState['kind'] {
  const kinds = [ejection?.kind, methods?.get(method)?.circuit.kind];
  return kinds.includes('open') ? 'open' : kinds.includes('probing') ? 'probing' : 'closed';
}

function exclusion(
  { origin, node, holder, isHealthy }: Instance,
  { path }: AskedCall,
  circuit: CircuitState['kind'],
  isFull: boolean,
): string | null {
  if (!holder.isReachable) return 'its node is not connected';
  if (!isHealthy) return 'reports itself unhealthy';
  if (origin !== 'self' && path.includes(node.id)) return 'the call comes from there';
  if (circuit === 'open') return 'its circuit is open';
  if (isFull) return 'at its limit';
  return null;
}

/** What this node decided about one call. */
export function explain(
  self: string,
  lists: InstanceLists,
  call: AskedCall & Pick<Call, 'destination'>,
  from: CallOrigin,
  route: Route,
  strategy: string | null,
): Decision {
  const isNamed = call.destination !== undefined;
  const { candidates, count } = candidatesOf(lists, call);
  return {
    node: self,
    chosen: chosenBy(route, self),
    reason: reasonFor(route, from, isNamed, count),
    strategy: isNamed || route.kind === 'none' || count === 0 ? null : strategy,
    candidates: isNamed ? [] : candidates,
    candidateCount: isNamed ? 0 : count,
  };
}

function chosenBy(route: Route, self: string): string | null {
  switch (route.kind) {
    case 'none':
      return null;
    case 'service':
      return self;
    case 'via': {
      const { instance, destination, outlet } = route;
      if (instance !== undefined) return instance.address;
      if (destination !== undefined) return destination.id;
      return 'nodeId' in outlet && typeof outlet.nodeId === 'string' ? outlet.nodeId : 'the Main Relay';
    }
  }
}

function reasonFor(route: Route, from: CallOrigin, isNamed: boolean, count: number): string {
  if (route.kind === 'none') {
    const { name, message } = route.failure;
    return failureRow(name) === undefined ? message : `${name}: ${message}`;
  }
  if (isNamed) return 'the caller named the node';
  if (route.kind === 'service') return 'the own program has it';
  const origin = route.instance?.origin;
  if (origin === undefined) return 'a Home leaves what it does not have to its Main Relay';
  if (origin === 'peer') return 'no instance here can take it; one at another Main Relay can';
  const alone = count === 1 ? 'the only instance' : 'an instance with a link here';
  return from.kind === 'peer' ? `${alone}; calls of a peer stay here` : alone;
}
