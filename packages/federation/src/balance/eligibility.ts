// Which instances a call may go to. One object for all picks, filled anew for each, so that a call allocates nothing here. It counts
// why instances were passed over, so that a call that finds none can say why.

import { type Instance, isCallable } from '../registry/instance.ts';
import { opensAt } from './circuit.ts';
import type { BalanceConfig } from './options.ts';
import { isSilent, returningShare } from './outlier.ts';

export class Eligibility {
  readonly #config: BalanceConfig;
  #service = '';
  #method = '';
  #isExcluded: (instance: Instance) => boolean = () => false;
  now = 0;
  /** Ejected and silent instances too: better than none. */
  withEjected = false;
  /** Passed over: at their limit, with an open circuit, ejected or silent. */
  full = 0;
  blocked = 0;
  ejected = 0;
  /** When the first circuit lets a trial through. */
  opensAt = Number.POSITIVE_INFINITY;

  constructor(config: BalanceConfig) {
    this.#config = config;
  }

  begin(service: string, method: string, now: number, isExcluded: (instance: Instance) => boolean): void {
    this.#service = service;
    this.#method = method;
    this.#isExcluded = isExcluded;
    this.now = now;
    this.withEjected = false;
    this.full = 0;
    this.blocked = 0;
    this.ejected = 0;
    this.opensAt = Number.POSITIVE_INFINITY;
  }

  allows(instance: Instance): boolean {
    if (!isCallable(instance) || this.#isExcluded(instance)) return false;
    const { stats } = instance;
    if (stats.inFlight >= stats.limit || stats.inFlight >= instance.capacity) {
      this.full += 1;
      return false;
    }
    if (!this.#config.isProtected) return true;
    const method = stats.methods.get(this.#method);
    if (method !== undefined) {
      const opens = opensAt(method.circuit, this.#config);
      if (opens > this.now) {
        this.blocked += 1;
        if (opens < this.opensAt) this.opensAt = opens;
        return false;
      }
    }
    if (this.withEjected) return true;
    if (
      opensAt(stats.ejection, this.#config) <= this.now &&
      !(method !== undefined && isSilent(method, this.now))
    )
      return true;
    this.ejected += 1;
    return false;
  }

  /** Its share against the others: this node's word before that of its node, less while it is coming back. */
  weightOf({ stats, description }: Instance): number {
    const weight = this.#config.services.get(this.#service)?.weight ?? description.weight;
    return this.#config.isProtected ? weight * returningShare(stats, this.now) : weight;
  }
}
