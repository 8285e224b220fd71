// What each node's figures may grow by during a soak, and whether they did.

import { type Point, type Trend, trendOf } from './slope.ts';
import type { Figures } from './soak-federation.ts';

export interface Sample {
  readonly seconds: number;
  readonly nodes: ReadonlyMap<string, Figures>;
}

/**
 * Growth over the measured time that is taken for caches that fill. It is the same for every duration, so the longer a soak, the
 * slower the leak that it finds: 4 MiB of heap are 2 MiB a minute in a soak of two, and 3 KiB a minute in one of a day.
 */
export const ALLOWED: Readonly<Record<keyof Figures, number>> = {
  heap: 4 * 2 ** 20,
  external: 8 * 2 ** 20,
  // Holds what the allocator keeps of a load that is past; the heap is the finer measure.
  rss: 64 * 2 ** 20,
  handles: 12,
  timers: 24,
  listeners: 64,
  descriptors: 12,
};

export type Quantity = keyof typeof ALLOWED;
export const QUANTITIES = Object.keys(ALLOWED) as readonly Quantity[];

export interface Finding {
  readonly node: string;
  readonly quantity: Quantity;
  readonly trend: Trend;
  readonly last: number;
  readonly isLeak: boolean;
}

/** How much of the beginning is left out: programs are compiled and pools filled then. */
export function warmUpSeconds(durationSeconds: number): number {
  return Math.min(1_800, Math.max(Math.min(30, durationSeconds / 3), durationSeconds / 5));
}

export function seriesOf(samples: readonly Sample[], node: string, quantity: Quantity): Point[] {
  return samples.flatMap(({ seconds, nodes }) => {
    const value = nodes.get(node)?.[quantity];
    return value === undefined ? [] : [{ seconds, value }];
  });
}

/** One finding for each node and quantity; none for a series too short to judge. */
export function judge(samples: readonly Sample[], warmUp: number): Finding[] {
  const measured = samples.filter(({ seconds }) => seconds >= warmUp);
  const nodes = [...(samples[0]?.nodes.keys() ?? [])];
  return nodes.flatMap((node) =>
    QUANTITIES.flatMap((quantity) => {
      const points = seriesOf(measured, node, quantity);
      const trend = trendOf(points);
      if (trend === undefined) return [];
      const isLeak = trend.leastGrowth > ALLOWED[quantity];
      return [{ node, quantity, trend, last: points.at(-1)?.value ?? 0, isLeak }];
    }),
  );
}

export function inUnits(quantity: Quantity, value: number): string {
  const isBytes = quantity === 'heap' || quantity === 'external' || quantity === 'rss';
  return isBytes ? `${(value / 2 ** 20).toFixed(1)} MiB` : value.toFixed(Number.isInteger(value) ? 0 : 1);
}
