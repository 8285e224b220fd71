// Picks one instance of a service: the strategy decides among those that are reachable, below their limit and not blocked.

import type { Random } from '@relay/protocol';
import type { Instance } from '../registry/instance.ts';
import { createChance } from './chance.ts';
import { Eligibility } from './eligibility.ts';
import type { BalanceConfig, StrategyName } from './options.ts';
import { LOOKED_AT, type Pick, STRATEGIES, type Turn } from './strategy.ts';

/** A long list in which nothing was found is not searched again as a whole for so long. */
const SEARCH_EVERY_MS = 50;

/** What a node may say of its own service. */
export interface ServiceWord {
  readonly strategy?: string;
  readonly timeoutMs?: number;
}

interface ListState extends Turn {
  searchedAt: number;
}

export class Balancer {
  readonly config: BalanceConfig;
  /** Why the last search passed over what it did. */
  readonly eligible: Eligibility;
  readonly #pick: Pick;
  readonly #wordOn: (service: string) => ServiceWord | undefined;
  readonly #lists = new WeakMap<readonly Instance[], ListState>();
  #strategy: StrategyName;

  /** `wordOn`: what the nodes of a service say of it. */
  constructor(
    config: BalanceConfig,
    random: Random,
    wordOn: (service: string) => ServiceWord | undefined = () => undefined,
  ) {
    this.#wordOn = wordOn;
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

  /** This node's word on a service, else that of the nodes which offer it, else what this node says of all. */
  strategyOf(service: string): StrategyName {
    const own = this.config.services.get(service)?.strategy;
    if (own !== undefined) return own;
    const theirs = this.#wordOn(service)?.strategy;
    return theirs !== undefined && isStrategy(theirs) ? theirs : this.config.strategy;
  }

  /** Time of a call that names none, in ms, by the same order; undefined: nobody has said anything. */
  timeoutOf(service: string): number | undefined {
    return this.config.services.get(service)?.timeoutMs ?? this.#wordOn(service)?.timeoutMs;
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

function isStrategy(name: string): name is StrategyName {
  return Object.hasOwn(STRATEGIES, name);
}
