// Percentiles of times, as the tables of the scripts show them.

import { formatMs } from '../../packages/cli/src/terminal.ts';

export interface Figures {
  readonly count: number;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

export function figuresOf(timesMs: readonly number[]): Figures {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (share: number): number | null =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
  return { count: sorted.length, p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), maxMs: at(1) };
}

export const FIGURE_NAMES = ['p50', 'p90', 'p99', 'max'] as const;

/** In the order of FIGURE_NAMES. */
export function figureCells({ p50Ms, p90Ms, p99Ms, maxMs }: Figures): readonly string[] {
  return [p50Ms, p90Ms, p99Ms, maxMs].map(formatMs);
}

/** `overloaded 3, timeout 1`; `none` for none. */
export function countsText(counts: ReadonlyMap<string, number>): string {
  const parts = [...counts].toSorted((a, b) => b[1] - a[1]).map(([name, times]) => `${name} ${times}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

export function addTo(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
