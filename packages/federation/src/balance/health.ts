// What the outcomes of calls do to the figures of an instance: score, circuits, ejection, limit. Counting costs a few additions a call;
// only a failure looks at other instances, and at a bounded number of them.

import { failureRow, type MethodDescription, type Outcome } from '@relay/protocol';
import type { Instance } from '../registry/instance.ts';
import { begin, type Circuit, settle, type Verdict } from './circuit.ts';
import { adaptToAnswer, adaptToRefusal, learnCrowd, learnTime } from './concurrency.ts';
import { createMethodStats, type InstanceStats, KNOWN_AFTER, type MethodStats } from './instance-stats.ts';
import type { BalanceConfig } from './options.ts';
import { isOutlier, mayEject, silentAfterMs } from './outlier.ts';

/** Weight of the newest call in the moving averages of latency and of success. */
const NEWEST = 0.2;
const NEWEST_VERDICT = 0.1;

/** An ejected instance stays out longer each time, up to this many times, and from the beginning after a healthy while. */
const MAX_EJECTIONS = 10;
const FORGIVEN_MS = 300_000;

/** Methods kept apart for an instance that does not say which it has. */
const MAX_UNLISTED = 64;
const OTHERS = '';

/** So many troubled instances are kept before somebody looks whether they still are. */
const TIDY_FROM = 1_000;

/** A usual time that nobody confirmed for so long refuses nothing any more. */
const CONFIRMED_MS = 10_000;

export interface HealthOptions {
  readonly self: string;
  readonly config: BalanceConfig;
  /** The lists with the instances of a service. */
  readonly peersOf: (service: string) => readonly (readonly Instance[])[];
  /** Whether an instance is still known; absent: all are. */
  readonly isListed?: (instance: Instance) => boolean;
}

export class Health {
  /** Ejections so far. */
  ejections = 0;
  readonly #options: HealthOptions;
  /** What may have a circuit that is not closed: looked at by who counts, so that nobody has to look at all of them. */
  readonly #troubled = new Map<InstanceStats, Instance>();
  #tidyAt = TIDY_FROM;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** A call leaves for the instance. */
  began({ stats, description }: Instance, method: string, now: number): void {
    const { config } = this.#options;
    const group = groupOf(stats, description.methods, method);
    stats.inFlight += 1;
    learnCrowd(stats, group, now);
    if (group.inFlight === 0) group.silentSince = now;
    group.inFlight += 1;
    group.circuit = begin(group.circuit, now, config);
    stats.ejection = begin(stats.ejection, now, config);
  }

  /** It has ended; without an outcome if the caller gave up. `answeredAt`: when a result began that came in parts. */
  ended(
    instance: Instance,
    method: string,
    outcome: Outcome | undefined,
    startedAt: number,
    now: number,
    answeredAt = now,
  ): void {
    const { stats, description, capacity } = instance;
    const { isProtected } = this.#options.config;
    const group = groupOf(stats, description.methods, method);
    stats.inFlight -= 1;
    group.inFlight -= 1;
    stats.calls += 1;
    const latencyMs = answeredAt - startedAt;
    let verdict: Verdict = 'nothing';
    let wasSilent = false;
    if (outcome !== undefined) {
      if (outcome.kind === 'failure') stats.failures += 1;
      if (stats.averageLatencyMs === 0) stats.averageLatencyMs = latencyMs;
      else stats.averageLatencyMs += NEWEST * (latencyMs - stats.averageLatencyMs);
      stats.answeredAt = now;
      verdict = this.#judge(outcome, stats, group, latencyMs, now);
      if (outcome.kind === 'failure' && outcome.failure.name === 'timeout') {
        wasSilent = group.silentSince <= startedAt && latencyMs >= silentAfterMs(group);
      } else {
        group.silentSince = now;
      }
      if (verdict === 'worked') {
        learnTime(stats, group, startedAt, answeredAt);
        if (isProtected) adaptToAnswer(stats, group, capacity, now);
      }
    }
    if (!isProtected) return;
    group.circuit = settle(group.circuit, verdict, startedAt, now, this.#options.config);
    this.#settleEjection(instance, verdict, wasSilent, startedAt, now);
    if (group.circuit.kind !== 'closed' || stats.ejection.kind !== 'closed') this.#remember(instance);
  }

  /** Circuits of methods by state, and instances that are ejected. Of what nobody has called for a while it is silent. */
  circuits(now: number): { readonly open: number; readonly probing: number; readonly ejected: number } {
    const found = { open: 0, probing: 0, ejected: 0 };
    for (const { stats } of this.troubled()) {
      if (isRecent(stats.ejection, now)) found.ejected += 1;
      for (const { circuit } of stats.methods.values()) {
        if (circuit.kind !== 'closed' && isRecent(circuit, now)) found[circuit.kind] += 1;
      }
    }
    return found;
  }

  /** The instances that have a circuit that is not closed, or are ejected. */
  troubled(): Iterable<Instance> {
    this.#tidy();
    return this.#troubled.values();
  }

  /** Whether the method usually needs more time than `remainingMs`. Never before that is well known, nor without asking it again. */
  needsMoreThan(remainingMs: number, { stats }: Instance, method: string, now: number): boolean {
    const group = stats.methods.get(method);
    if (group === undefined || remainingMs >= group.usualMs || group.answered < KNOWN_AFTER) return false;
    if (!this.#options.config.isProtected) return false;
    if (now - group.learntAt < CONFIRMED_MS) return true;
    group.learntAt = now;
    return false;
  }

  #remember(instance: Instance): void {
    this.#troubled.set(instance.stats, instance);
    if (this.#troubled.size < this.#tidyAt) return;
    this.#tidy();
    this.#tidyAt = Math.max(TIDY_FROM, 2 * this.#troubled.size);
  }

  #tidy(): void {
    const { isListed } = this.#options;
    for (const [stats, instance] of this.#troubled) {
      if (isWell(stats) || isListed?.(instance) === false) this.#troubled.delete(stats);
    }
  }

  #judge(
    outcome: Outcome,
    stats: InstanceStats,
    group: MethodStats,
    latencyMs: number,
    now: number,
  ): Verdict {
    if (outcome.kind === 'result') return 'worked';
    const { name, at, executed } = outcome.failure;
    const row = failureRow(name);
    switch (name) {
      case 'home_disconnected':
      case 'peer_unreachable':
        // Of links of this node the registry knows already; they say nothing about the instance once they are back.
        return at === this.#options.self ? 'nothing' : 'failed';
      case 'overloaded':
        adaptToRefusal(stats, now);
        // One that refuses while it works is full, not broken: with a circuit open, overload would become an outage.
        return stats.inFlight > 0 ? 'nothing' : 'failed';
      case 'timeout': {
        // A caller with too little time must not close the instance to the others.
        const isShort = group.answered >= KNOWN_AFTER && latencyMs < group.usualMs;
        return executed === 'no' || isShort ? 'nothing' : 'failed';
      }
      default:
        if (row?.countsForBreaker === true) return 'failed';
        return row !== undefined && executed === 'yes' ? 'worked' : 'nothing';
    }
  }

  #settleEjection(
    instance: Instance,
    verdict: Verdict,
    wasSilent: boolean,
    startedAt: number,
    now: number,
  ): void {
    if (verdict === 'nothing' && instance.stats.ejection.kind === 'closed') return;
    const { config, peersOf } = this.#options;
    const { stats, description } = instance;
    if (verdict !== 'nothing') {
      stats.judged += 1;
      stats.success += NEWEST_VERDICT * ((verdict === 'worked' ? 1 : 0) - stats.success);
    }
    const before = stats.ejection;
    const after = settle(before, verdict, startedAt, now, config);
    if (before.kind === 'probing') {
      if (after.kind === 'open' && verdict === 'failed') this.#eject(stats, now);
      else stats.ejection = after;
      if (after.kind === 'closed') stats.returnedAt = now;
      return;
    }
    if (before.kind === 'open' || verdict === 'worked') {
      stats.ejection = after;
      return;
    }
    const lists = peersOf(description.name);
    const isBad = after.kind === 'open' || wasSilent || isOutlier(instance, lists);
    if (isBad && mayEject(lists)) this.#eject(stats, now);
    // As bad as before, and judged again with the next failure.
    else if (after.kind === 'closed') stats.ejection = after;
  }

  #eject(stats: InstanceStats, now: number): void {
    if (now - stats.ejectedUntil > FORGIVEN_MS) stats.ejections = 0;
    this.ejections += 1;
    stats.ejections = Math.min(stats.ejections + 1, MAX_EJECTIONS);
    stats.ejectedUntil = now + this.#options.config.openForMs * stats.ejections;
    stats.ejection = { kind: 'open', until: stats.ejectedUntil };
  }
}

function isWell({ ejection, methods }: InstanceStats): boolean {
  if (ejection.kind !== 'closed') return false;
  for (const { circuit } of methods.values()) if (circuit.kind !== 'closed') return false;
  return true;
}

/** One whose time was up long ago belongs to an instance that nobody calls any more. */
function isRecent(circuit: Circuit, now: number): boolean {
  if (circuit.kind === 'closed') return false;
  return now - (circuit.kind === 'open' ? circuit.until : circuit.since) < FORGIVEN_MS;
}

/** The figures of a method. A caller may name any; only those that the instance says it has are kept apart. */
function groupOf(stats: InstanceStats, listed: readonly MethodDescription[], method: string): MethodStats {
  const known = stats.methods.get(method);
  if (known !== undefined) return known;
  const isOwn =
    listed.length === 0 ? stats.methods.size < MAX_UNLISTED : listed.some(({ name }) => name === method);
  const name = isOwn ? method : OTHERS;
  let group = stats.methods.get(name);
  if (group === undefined) {
    group = createMethodStats();
    stats.methods.set(name, group);
  }
  return group;
}
