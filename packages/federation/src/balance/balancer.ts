// Picks one instance of a service. Round robin: each service has its own turn, which passes over instances that cannot be called.

import { type Instance, isCallable } from '../registry/instance.ts';

/** Instances looked at before a pick gives up on fairness: a bound, so that a call costs the same with 10 or 10,000 of them. */
const MAX_SKIPS = 64;

export class Balancer {
  readonly #turns = new Map<string, number>();

  /** The next instance that can be called and that `isExcluded` lets through. */
  pick(
    service: string,
    instances: readonly Instance[],
    isExcluded: (instance: Instance) => boolean,
  ): Instance | undefined {
    const { length } = instances;
    if (length === 0) return undefined;
    const first = (this.#turns.get(service) ?? -1) + 1;
    const skips = Math.min(length, MAX_SKIPS);
    for (let step = 0; step < skips; step += 1) {
      const turn = (first + step) % length;
      const instance = instances[turn];
      if (instance === undefined || !isCallable(instance) || isExcluded(instance)) continue;
      if (instance.stats.inFlight >= instance.capacity) continue;
      this.#turns.set(service, turn);
      return instance;
    }
    // Most of many instances cannot be called: rare, and then any that can is better than none.
    return length > skips
      ? instances.find((instance) => isCallable(instance) && !isExcluded(instance))
      : undefined;
  }

  /** A service is gone; so is its turn. */
  forget(service: string): void {
    this.#turns.delete(service);
  }
}
