// Why a call goes where it goes: the instances that could take it, what is known of each, and what keeps some of them out. Made for
// traced calls and for `relay why`, never for others.

import { type Call, failureRow } from '@relay/protocol';
import { openCircuits } from '../balance/circuit-report.ts';
import { Eligibility } from '../balance/eligibility.ts';
import type { BalanceConfig } from '../balance/options.ts';
import type { Instance } from '../registry/instance.ts';
import type { CallOrigin, Route } from '../routing/route.ts';

/** Candidates described; a service may have thousands. */
const MAX_CANDIDATES = 20;

export interface Candidate {
  readonly address: string;
  readonly origin: Instance['origin'];
  /** Why it cannot take this call now; null if it can. */
  readonly excluded: Exclusion | null;
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

/** What a Main knows when it decides. The arrays are not kept. */
export interface RoutingKnowledge {
  local(service: string): readonly Instance[];
  federated(service: string): readonly Instance[];
  /** The same instance is listed in another way that goes first. */
  isSecondWay(instance: Instance): boolean;
  /** What is not known may be that of a node which is about to come. */
  isSettling(): boolean;
  readonly balance: BalanceConfig;
  /** Monotonic. */
  now(): number;
}

export type AskedCall = Pick<Call, 'service' | 'method' | 'path'>;

/** Why an instance cannot take a call; null if it can. */
export type Exclusion =
  | 'its node is not connected'
  | 'it reports itself unhealthy'
  | 'the call comes from there'
  | 'it is listed in another way already'
  | 'at its limit'
  | 'its circuit is open'
  | 'ejected, because it fails or is silent';

/** Judges by the rules of the balancer itself, without taking anybody's turn. */
export function createJudge(
  knowledge: RoutingKnowledge,
  call: AskedCall,
): (instance: Instance) => Exclusion | null {
  const eligible = new Eligibility(knowledge.balance);
  eligible.begin(call.service, call.method, knowledge.now(), () => false);
  return (instance) => {
    const { origin, node, holder, isHealthy } = instance;
    if (!holder.isReachable) return 'its node is not connected';
    if (!isHealthy) return 'it reports itself unhealthy';
    if (origin !== 'self' && call.path.includes(node.id)) return 'the call comes from there';
    if (knowledge.isSecondWay(instance)) return 'it is listed in another way already';
    const { full, blocked } = eligible;
    if (eligible.allows(instance)) return null;
    if (eligible.full > full) return 'at its limit';
    return eligible.blocked > blocked ? 'its circuit is open' : 'ejected, because it fails or is silent';
  };
}

/** The instances that the service name could mean, own program and Homes first. */
export function candidatesOf(
  knowledge: RoutingKnowledge,
  call: AskedCall,
): { readonly candidates: readonly Candidate[]; readonly count: number } {
  const local = knowledge.local(call.service);
  const federated = knowledge.federated(call.service);
  const first = [...local.slice(0, MAX_CANDIDATES), ...federated.slice(0, MAX_CANDIDATES)];
  const judge = createJudge(knowledge, call);
  return {
    candidates: first
      .slice(0, MAX_CANDIDATES)
      .map((instance) => candidate(instance, call.method, judge(instance), knowledge)),
    count: local.length + federated.length,
  };
}

function candidate(
  { address, origin, capacity, stats }: Instance,
  method: string,
  excluded: Exclusion | null,
  { balance, now }: RoutingKnowledge,
): Candidate {
  const circuit = openCircuits(stats, now(), balance).find((report) => report.method === method);
  return {
    address,
    origin,
    excluded,
    inFlight: stats.inFlight,
    limit: Math.min(capacity, stats.limit),
    averageLatencyMs: stats.averageLatencyMs,
    score: stats.success,
    circuit: circuit?.state ?? 'closed',
  };
}

/** What this node decided about one call. */
export function explain(
  self: string,
  knowledge: RoutingKnowledge,
  call: AskedCall & Pick<Call, 'destination'>,
  from: CallOrigin,
  route: Route,
  strategy: string | null,
): Decision {
  const isNamed = call.destination !== undefined;
  const { candidates, count } = candidatesOf(knowledge, call);
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
