// The strategies: each picks one of a list of instances. They look at a bounded number of them, so that a pick costs the same with 64
// or 10,000; where they look begins elsewhere each time, so that all are met. cli.md §7 `load_balancing.strategy`.

import type { Instance } from '../registry/instance.ts';
import type { Chance } from './chance.ts';
import type { Eligibility } from './eligibility.ts';
import type { StrategyName } from './options.ts';
import { preferred } from './rendezvous.ts';

/** Instances looked at in one pick. */
export const LOOKED_AT = 64;

/** Where the last pick of a list ended. */
export interface Turn {
  at: number;
}

/** One object for all picks of a balancer, so that none allocates. */
export interface Pick {
  readonly eligible: Eligibility;
  readonly chance: Chance;
  instances: readonly Instance[];
  turn: Turn;
  /** Who calls, for `sticky`. */
  key: string;
}

type Strategy = (pick: Pick) => Instance | undefined;

export const STRATEGIES: Readonly<Record<StrategyName, Strategy>> = {
  round_robin: roundRobin,
  least_connections: (pick) => lowest(pick, outstanding),
  lowest_latency: (pick) => lowest(pick, expectedMs),
  random,
  sticky: ({ key, instances, eligible }) =>
    preferred(key, instances, (instance) => eligible.allows(instance)),
  power_of_two: powerOfTwo,
};

/**
 * A turn earns an instance its weight, a call costs one: with weight 2 it takes two calls in a row, with half a weight one every other
 * round.
 */
function roundRobin({ instances, eligible, turn }: Pick): Instance | undefined {
  const current = instances[turn.at];
  if (current !== undefined && current.stats.credit >= 1 && eligible.allows(current)) {
    current.stats.credit -= 1;
    return current;
  }
  let best: Instance | undefined;
  let bestAt = 0;
  const steps = Math.min(instances.length, LOOKED_AT);
  for (let step = 1; step <= steps; step += 1) {
    const at = (turn.at + step) % instances.length;
    const instance = instances[at];
    if (instance === undefined || !eligible.allows(instance)) continue;
    const weight = eligible.weightOf(instance);
    instance.stats.credit = Math.min(instance.stats.credit + weight, Math.max(1, weight));
    if (best === undefined || instance.stats.credit > best.stats.credit) {
      best = instance;
      bestAt = at;
    }
    if (instance.stats.credit >= 1) break;
  }
  // Where nobody has earned a whole call yet, the nearest to it takes it in advance.
  if (best !== undefined) {
    best.stats.credit = Math.max(best.stats.credit - 1, -1);
    turn.at = bestAt;
  }
  return best;
}

/** The lowest score; among equals the one whose turn it is. */
function lowest(
  { instances, eligible, turn }: Pick,
  score: (instance: Instance, eligible: Eligibility) => number,
): Instance | undefined {
  let best: Instance | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  let bestAt = 0;
  const steps = Math.min(instances.length, LOOKED_AT);
  for (let step = 1; step <= steps; step += 1) {
    const at = (turn.at + step) % instances.length;
    const instance = instances[at];
    if (instance === undefined || !eligible.allows(instance)) continue;
    const found = score(instance, eligible);
    if (found >= bestScore) continue;
    best = instance;
    bestScore = found;
    bestAt = at;
  }
  if (best !== undefined) turn.at = bestAt;
  return best;
}

function outstanding(instance: Instance, eligible: Eligibility): number {
  return (instance.stats.inFlight + 1) / eligible.weightOf(instance);
}

/** An average that nobody renewed fades: each time this long it halves, so that who was slow once is asked again. */
const FADES_MS = 10_000;

/** What a call would take: the average time, for as many as are there already. */
function expectedMs(instance: Instance, eligible: Eligibility): number {
  const { averageLatencyMs, answeredAt } = instance.stats;
  const faded = averageLatencyMs * 2 ** ((answeredAt - eligible.now) / FADES_MS);
  return faded * outstanding(instance, eligible);
}

function random({ instances, eligible, chance }: Pick): Instance | undefined {
  const first = Math.floor(chance() * instances.length);
  const steps = Math.min(instances.length, LOOKED_AT);
  // One draw decides between all by weight: each replaces the one before it with its share of the sum so far.
  let found: Instance | undefined;
  let sum = 0;
  for (let step = 0; step < steps; step += 1) {
    const instance = instances[(first + step) % instances.length];
    if (instance === undefined || !eligible.allows(instance)) continue;
    const weight = eligible.weightOf(instance);
    sum += weight;
    if (found === undefined || chance() * sum < weight) found = instance;
  }
  return found;
}

/** Two at random, the one with less to do: nearly as good as the best of all, and never a rush to one. */
function powerOfTwo({ instances, eligible, chance }: Pick): Instance | undefined {
  let first: Instance | undefined;
  for (let draw = 0; draw < LOOKED_AT; draw += 1) {
    const instance = instances[Math.floor(chance() * instances.length)];
    if (instance === undefined || instance === first || !eligible.allows(instance)) continue;
    if (first !== undefined) return lessBusy(first, instance, eligible);
    first = instance;
    if (instances.length === 1) break;
  }
  return first;
}

function lessBusy(a: Instance, b: Instance, eligible: Eligibility): Instance {
  const difference = outstanding(a, eligible) - outstanding(b, eligible);
  // Times include the waiting of calls that have gone, so they decide only between equals.
  return (difference || expectedMs(a, eligible) - expectedMs(b, eligible)) <= 0 ? a : b;
}
