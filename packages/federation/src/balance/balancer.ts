// Picks one instance of a service. Round robin: each list of instances has its own turn, which passes over those that cannot be called
// and is forgotten with the list.

import { type Instance, isCallable } from '../registry/instance.ts';

/** Instances looked at before a pick gives up on fairness: a bound, so that a call costs the same with 10 or 10,000 of them. */
const MAX_SKIPS = 64;

export class Balancer {
  readonly #turns = new WeakMap<readonly Instance[], number>();

  /** The next instance that can be called and that `isExcluded` lets through. */
  pick(instances: readonly Instance[], isExcluded: (instance: Instance) => boolean): Instance | undefined {
    const { length } = instances;
    if (length === 0) return undefined;
    const first = (this.#turns.get(instances) ?? -1) + 1;
    const skips = Math.min(length, MAX_SKIPS);
    for (let step = 0; step < skips; step += 1) {
      const turn = (first + step) % length;
      const instance = instances[turn];
      if (instance === undefined || !isCallable(instance) || isExcluded(instance)) continue;
      if (instance.stats.inFlight >= instance.capacity) continue;
      this.#turns.set(instances, turn);
      return instance;
    }
    // Most of many instances cannot be called: rare, and then any that can is better than none.
    return length > skips
      ? instances.find((instance) => isCallable(instance) && !isExcluded(instance))
      : undefined;
  }
}
