// How calls are spread and when an instance is left alone: the config block in the terms of this package. cli.md §7.

import type { CircuitOptions } from './circuit.ts';

export type StrategyName =
  | 'round_robin'
  | 'least_connections'
  | 'random'
  | 'lowest_latency'
  | 'sticky'
  | 'power_of_two';

/** What this node says of one service. */
export interface ServiceBalance {
  readonly strategy?: StrategyName;
  /** Of a call that names no timeout. */
  readonly timeoutMs?: number;
  /** In place of what the Homes say: the share of each instance against the others. */
  readonly weight?: number;
}

export interface BalanceOptions {
  /** Default `round_robin`. */
  readonly strategy?: StrategyName;
  readonly services?: ReadonlyMap<string, ServiceBalance>;
  /** Failures in a row that open a circuit. Default 5. */
  readonly failures?: number;
  /** How long a circuit stays open until a trial. Default 30 s. */
  readonly openForMs?: number;
  /** False switches circuits, ejection, adaptive limits and slow start off, to measure what they cost. Default true. */
  readonly isProtected?: boolean;
}

export interface BalanceConfig extends CircuitOptions {
  readonly strategy: StrategyName;
  readonly services: ReadonlyMap<string, ServiceBalance>;
  readonly isProtected: boolean;
}

export const BALANCE_DEFAULTS: BalanceConfig = Object.freeze({
  strategy: 'round_robin',
  services: new Map(),
  failures: 5,
  openForMs: 30_000,
  isProtected: true,
});

export function resolveBalanceOptions(options: BalanceOptions = {}): BalanceConfig {
  return Object.freeze({ ...BALANCE_DEFAULTS, ...options });
}
