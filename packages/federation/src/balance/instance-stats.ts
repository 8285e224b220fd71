// What calls through this node showed of an instance. One object for all that is counted, kept over a renewed registration of the
// same process, so that a call finds everything in one place.

import { type Circuit, CLOSED } from './circuit.ts';
import { textHash } from './text-hash.ts';

/** Answers after which the times of a method count as known. */
export const KNOWN_AFTER = 20;

/** One method of an instance: the group that circuits and usual times are about. */
export interface MethodStats {
  inFlight: number;
  /** Since when nothing of what is in flight was answered, ms. */
  silentSince: number;
  answered: number;
  /** When the times were last learnt or doubted, ms. */
  learntAt: number;
  /** Moves towards the median of all answers, ms. */
  usualMs: number;
  /** Moving average of answers that came while the instance had little to do, ms; 0 before the first. */
  calmMs: number;
  /** Moving average of all answers, ms. */
  recentMs: number;
  /** Since when answers have been slow without a break, ms; infinite: they are not. */
  slowSince: number;
  /** Answers still to come of the calls that were in flight then. */
  slowLeft: number;
  circuit: Circuit;
}

export interface InstanceStats {
  inFlight: number;
  calls: number;
  failures: number;
  /** Moving average over answered calls, ms; 0 before the first. */
  averageLatencyMs: number;
  /** When it last answered, ms. */
  answeredAt: number;
  /** Calls that told whether it works. */
  judged: number;
  /** Moving average of those: 1 all worked, 0 none. */
  success: number;
  /** Calls it takes at once as far as this node has learnt; its capacity is the upper bound. */
  limit: number;
  limitedAt: number;
  /** When a call last began while it had more than a few, ms. */
  crowdedAt: number;
  /** Turns it has coming in round robin. */
  credit: number;
  /** When it came back from being away or ejected, ms; it gets its full share some time after. */
  returnedAt: number;
  ejection: Circuit;
  /** Ejections without a longer healthy time between them. */
  ejections: number;
  /** End of the last one, ms. */
  ejectedUntil: number;
  readonly methods: Map<string, MethodStats>;
  /** For rendezvous hashing. */
  readonly addressHash: number;
}

export function createStats(address: string, returnedAt = Number.NEGATIVE_INFINITY): InstanceStats {
  return {
    inFlight: 0,
    calls: 0,
    failures: 0,
    averageLatencyMs: 0,
    answeredAt: 0,
    judged: 0,
    success: 1,
    limit: Number.POSITIVE_INFINITY,
    limitedAt: 0,
    crowdedAt: Number.NEGATIVE_INFINITY,
    credit: 0,
    returnedAt,
    ejection: CLOSED,
    ejections: 0,
    ejectedUntil: 0,
    methods: new Map(),
    addressHash: textHash(address),
  };
}

export function createMethodStats(): MethodStats {
  return {
    inFlight: 0,
    silentSince: 0,
    answered: 0,
    learntAt: 0,
    usualMs: 0,
    calmMs: 0,
    recentMs: 0,
    slowSince: Number.POSITIVE_INFINITY,
    slowLeft: 0,
    circuit: CLOSED,
  };
}

/** It was away and is back: what was held against it was about the time before. */
export function returned(stats: InstanceStats, now: number): void {
  stats.returnedAt = now;
  stats.ejection = CLOSED;
  for (const method of stats.methods.values()) method.circuit = CLOSED;
}

/** Closes its circuits; returns how many were not. */
export function resetCircuits(stats: InstanceStats): number {
  let reset = 0;
  for (const method of stats.methods.values()) {
    if (method.circuit.kind !== 'closed') reset += 1;
    method.circuit = CLOSED;
  }
  if (stats.ejection.kind !== 'closed') reset += 1;
  stats.ejection = CLOSED;
  stats.ejections = 0;
  return reset;
}
