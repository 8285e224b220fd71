// `load_balancing`, `circuit_breaker` and `timeout` of a config block. What a Home says of its services travels with them to its Main,
// which balances; what it says of circuits has nothing to act on. cli.md §7.

import type { BalanceOptions, ServiceBalance, StrategyName } from '@relay/federation';
import { durationMs } from '@relay/protocol';
import type { Role } from './flags.ts';

/** What the block says, gathered key by key. */
export interface BalanceSettings {
  readonly balance?: BalanceOptions;
  /** Of a call that names no timeout. */
  readonly timeoutMs?: number;
}

export type BalanceReading =
  | { readonly kind: 'read'; readonly settings: BalanceSettings }
  | { readonly kind: 'wrong'; readonly reason: string }
  | { readonly kind: 'warn'; readonly reason: string };

/** Named here again, so that a program that only runs loads nothing of the federation. */
const STRATEGIES: Readonly<Record<StrategyName, true>> = {
  round_robin: true,
  least_connections: true,
  random: true,
  lowest_latency: true,
  sticky: true,
  power_of_two: true,
};

const MAX_TIMEOUT_MS = 3_600_000;
const MAX_WEIGHT = 1_000;
const OF_MAIN = 'has no effect here: a Main Relay balances';

/** Reads one key with its dotted path; undefined for a key that is none of these. `value` is undefined where it has to be computed. */
export function readBalanceEntry(
  path: string,
  value: unknown,
  role: Role,
  before: BalanceSettings,
): BalanceReading | undefined {
  const [group, name, service, key, ...deeper] = path.split('.');
  const change = (balance: BalanceOptions): BalanceReading => ({
    kind: 'read',
    settings: { ...before, balance: { ...before.balance, ...balance } },
  });
  if (path === 'timeout') {
    // A computed one still holds for the sends of the program, which reads it itself.
    if (value === undefined)
      return { kind: 'warn', reason: 'is not a plain value: calls by HTTP wait the default' };
    return timeout(value, (timeoutMs) => ({ kind: 'read', settings: { ...before, timeoutMs } }));
  }
  if (group === 'circuit_breaker') {
    if (name !== 'failures' && name !== 'open_for') return undefined;
    if (role !== 'main') return { kind: 'warn', reason: OF_MAIN };
    if (name === 'failures') {
      return typeof value === 'number' && Number.isInteger(value) && value >= 1
        ? change({ failures: value })
        : { kind: 'wrong', reason: 'expected a whole number above 0' };
    }
    const openForMs = durationMs(value);
    if (openForMs === undefined) return { kind: 'wrong', reason: 'expected a duration, like "30s"' };
    return openForMs > 0 ? change({ openForMs }) : { kind: 'wrong', reason: 'must be more than 0' };
  }
  if (group !== 'load_balancing') return undefined;
  if (path === 'load_balancing.strategy') {
    return strategy(value, role, (found) => change({ strategy: found }));
  }
  if (name !== 'services' || service === undefined || key === undefined || deeper.length > 0)
    return undefined;
  const services = before.balance?.services;
  const say = (more: ServiceBalance): BalanceReading =>
    change({ services: new Map([...(services ?? []), [service, { ...services?.get(service), ...more }]]) });
  switch (key) {
    case 'strategy':
      return strategy(value, role, (found) => say({ strategy: found }));
    case 'timeout':
      return timeout(value, (timeoutMs) => say({ timeoutMs }));
    case 'weight':
      return typeof value === 'number' && value > 0 && value <= MAX_WEIGHT
        ? say({ weight: value })
        : { kind: 'wrong', reason: `expected a number above 0 and at most ${MAX_WEIGHT}` };
    default:
      return undefined;
  }
}

function strategy(value: unknown, role: Role, take: (found: StrategyName) => BalanceReading): BalanceReading {
  if (typeof value !== 'string' || !Object.hasOwn(STRATEGIES, value)) {
    const names = Object.keys(STRATEGIES).map((name) => `"${name}"`);
    return { kind: 'wrong', reason: `expected one of ${names.join(', ')}` };
  }
  return role === 'p2p' ? { kind: 'warn', reason: OF_MAIN } : take(value as StrategyName);
}

function timeout(value: unknown, take: (ms: number) => BalanceReading): BalanceReading {
  const ms = durationMs(value);
  if (ms === undefined) return { kind: 'wrong', reason: 'expected a duration, like "30s"' };
  return ms > 0 && ms <= MAX_TIMEOUT_MS
    ? take(ms)
    : { kind: 'wrong', reason: 'must be more than 0 and at most 1h' };
}
