// What operators are shown of the circuits of an instance. Nothing here changes them.

import { opensAt } from './circuit.ts';
import type { InstanceStats } from './instance-stats.ts';
import type { BalanceConfig } from './options.ts';

/** A circuit that is not closed. */
export interface CircuitReport {
  readonly method: string;
  readonly state: 'open' | 'probing';
  /** Until the next call may pass. */
  readonly retryAfterMs: number;
}

const NONE: readonly CircuitReport[] = Object.freeze([]);

export function openCircuits(
  stats: InstanceStats,
  now: number,
  config: BalanceConfig,
): readonly CircuitReport[] {
  // Nothing but failures opens a circuit, and most instances have none: who looks at 50,000 should not look at their methods.
  if (stats.failures === 0) return NONE;
  const found: CircuitReport[] = [];
  for (const [method, { circuit }] of stats.methods) {
    if (circuit.kind === 'closed') continue;
    const retryAfterMs = Math.max(0, Math.ceil(opensAt(circuit, config) - now));
    found.push({ method, state: circuit.kind, retryAfterMs });
  }
  return found;
}

/** How long an ejected instance stays out; undefined for one that is in. */
export function ejectedForMs(
  { ejection }: InstanceStats,
  now: number,
  config: BalanceConfig,
): number | undefined {
  return ejection.kind === 'closed' ? undefined : Math.max(0, Math.ceil(opensAt(ejection, config) - now));
}
