// What would become of a call by service name now, from what this node knows and without calling anybody.

import { createFailure, type Failure } from '@relay/protocol';
import type { Instance } from '../registry/instance.ts';
import {
  type AskedCall,
  candidatesOf,
  createJudge,
  type Decision,
  type Exclusion,
  type RoutingKnowledge,
} from './decision.ts';

export interface Why {
  readonly decision: Decision;
  /** What the caller would get instead of a call; absent if the call would leave. */
  readonly failure?: Failure;
  /** Whether those that could take it say they have the method; undefined if none says anything. */
  readonly hasMethod?: boolean;
}

/** Instances looked at; a service may have thousands. */
const LOOKED_AT = 1_000;

export function whyByName(
  self: string,
  knowledge: RoutingKnowledge,
  service: string,
  method: string,
  strategy: string,
): Why {
  const asked = { service, method, path: [] };
  const { candidates, count } = candidatesOf(knowledge, asked);
  const known = { local: knowledge.local(service), federated: knowledge.federated(service) };
  const local = judged(knowledge, asked, known.local);
  const federated = judged(knowledge, asked, known.federated);
  const own = local.free.filter(({ origin }) => origin === 'self');
  const healthy = own.length > 0 ? own : local.free.length > 0 ? local.free : federated.free;
  // Better than none: the balancer takes them, too.
  const free = healthy.length > 0 ? healthy : [...local.ejected, ...federated.ejected];
  const base = { node: self, strategy: count === 0 ? null : strategy, candidates, candidateCount: count };
  const [first] = free;
  if (first === undefined) {
    const reasons = new Set([...local.reasons, ...federated.reasons]);
    const failure = failureOf(self, service, count, reasons, knowledge.isSettling());
    const decision = { ...base, chosen: null, reason: `${failure.name}: ${failure.message}` };
    return { decision, failure, ...methodOf([...known.local, ...known.federated], method) };
  }
  const where =
    first.origin === 'self'
      ? 'the own program has it'
      : first.origin === 'peer'
        ? 'no instance here can take it; one at another Main Relay can'
        : 'an instance with a link here goes before those at other Main Relays';
  const last = healthy.length > 0 ? '' : '; ejected, but the others cannot take it at all';
  return {
    decision: {
      ...base,
      chosen: free.length === 1 ? first.address : null,
      reason: free.length === 1 ? `${where}${last}` : `${where}; one of ${free.length}${last}`,
    },
    ...methodOf(free, method),
  };
}

interface Judged {
  readonly free: Instance[];
  readonly ejected: Instance[];
  readonly reasons: Exclusion[];
}

function judged(knowledge: RoutingKnowledge, asked: AskedCall, instances: readonly Instance[]): Judged {
  const found: Judged = { free: [], ejected: [], reasons: [] };
  const judge = createJudge(knowledge, asked);
  for (const instance of instances.slice(0, LOOKED_AT)) {
    const reason = judge(instance);
    if (reason === null) found.free.push(instance);
    else if (reason === EJECTED) found.ejected.push(instance);
    else found.reasons.push(reason);
  }
  return found;
}

const EJECTED: Exclusion = 'ejected, because it fails or is silent';

function failureOf(
  self: string,
  service: string,
  count: number,
  reasons: ReadonlySet<Exclusion>,
  isSettling: boolean,
): Failure {
  if (count === 0 && isSettling) {
    const message = `service '${service}' is not known yet to ${self}, which has just started`;
    return createFailure('no_healthy_instance', message, self);
  }
  if (count === 0) {
    return createFailure('service_not_found', `service '${service}' is not known to ${self}`, self);
  }
  if (reasons.has('at its limit')) {
    return createFailure('overloaded', `every instance of '${service}' is at its limit`, self);
  }
  if (reasons.has('its circuit is open')) {
    return createFailure('circuit_open', `the circuits of '${service}' are open`, self);
  }
  return createFailure('no_healthy_instance', `no instance of '${service}' can be reached`, self);
}

function methodOf(instances: readonly Instance[], method: string): { readonly hasMethod?: boolean } {
  const telling = instances.slice(0, LOOKED_AT).filter(({ description }) => description.methods.length > 0);
  if (telling.length === 0) return {};
  return {
    hasMethod: telling.some(({ description }) => description.methods.some(({ name }) => name === method)),
  };
}
