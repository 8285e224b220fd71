// Picks one instance of a service: the strategy decides among those that are reachable, below their limit and not blocked.

import type { Random } from '@relay/protocol';
import type { Instance } from '../registry/instance.ts';
import { createChance } from './chance.ts';
import { Eligibility } from './eligibility.ts';
import type { BalanceConfig, StrategyName } from './options.ts';
import { LOOKED_AT, type Pick, STRATEGIES, type Turn } from './strategy.ts';

/** A long list in which nothing was found is not searched again as a whole for so long. */
const SEARCH_EVERY_MS = 50;

interface ListState extends Turn {
  searchedAt: number;
}

export class Balancer {
  readonly config: BalanceConfig;
  /** Why the last search passed over what it did. */
  readonly eligible: Eligibility;
  readonly #pick: Pick;
  readonly #lists = new WeakMap<readonly Instance[], ListState>();
  #strategy: StrategyName;

  constructor(config: BalanceConfig, random: Random) {
    this.config = config;
    this.#strategy = config.strategy;
    this.eligible = new Eligibility(config);
    this.#pick = {
      eligible: this.eligible,
      chance: createChance(random),
      instances: [],
      turn: { at: 0 },
      key: '',
    };
  }

  strategyOf(service: string): StrategyName {
    return this.config.services.get(service)?.strategy ?? this.config.strategy;
  }

  /** Begins the search for one call; `pick` and `takes` are about it until the next. `key` says who calls. */
  search(
    call: { readonly service: string; readonly method: string },
    key: string,
    now: number,
    isExcluded: (instance: Instance) => boolean,
  ): void {
    this.#strategy = this.strategyOf(call.service);
    this.#pick.key = key;
    this.eligible.begin(call.service, call.method, now, isExcluded);
  }

  takes(instance: Instance): boolean {
    return this.eligible.allows(instance);
  }

  pick(instances: readonly Instance[]): Instance | undefined {
    if (instances.length === 0) return undefined;
    let state = this.#lists.get(instances);
    if (state === undefined) {
      state = { at: instances.length - 1, searchedAt: Number.NEGATIVE_INFINITY };
      this.#lists.set(instances, state);
    }
    const { eligible } = this;
    this.#pick.instances = instances;
    this.#pick.turn = state;
    const found = STRATEGIES[this.#strategy](this.#pick);
    if (found !== undefined || instances.length <= LOOKED_AT) return found;
    // Most of many cannot take it: rare, and then any that can is better than none.
    if (eligible.now - state.searchedAt < SEARCH_EVERY_MS) return undefined;
    const any = instances.find((instance) => eligible.allows(instance));
    if (any === undefined) state.searchedAt = eligible.now;
    return any;
  }
}
