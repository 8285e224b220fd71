// How a process fares under load: how long turns of its event loop take, and how long garbage collection holds it up.

import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';

export interface ProbeReport {
  /** Event-loop delay since the last report, the 1 ms of the timer that measures it included. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly gcCount: number;
  readonly gcMaxMs: number;
  readonly gcTotalMs: number;
  readonly sinceMs: number;
}

/** Each call reports since the one before. Watching begins with the first, because it costs something. */
export function createProbe(): () => ProbeReport {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let since = performance.now();
  let pauses: number[] = [];
  const keep = (entries: readonly { readonly duration: number }[]): void => {
    for (const { duration } of entries) pauses.push(duration);
  };
  const observer = new PerformanceObserver((list) => keep(list.getEntries()));
  let isWatching = false;
  return () => {
    if (!isWatching) {
      isWatching = true;
      delay.enable();
      observer.observe({ entryTypes: ['gc'] });
    }
    keep(observer.takeRecords());
    const now = performance.now();
    const report = {
      p50Ms: delay.percentile(50) / 1e6,
      p99Ms: delay.percentile(99) / 1e6,
      maxMs: delay.max / 1e6,
      gcCount: pauses.length,
      gcMaxMs: Math.max(0, ...pauses),
      gcTotalMs: pauses.reduce((sum, ms) => sum + ms, 0),
      sinceMs: now - since,
    };
    delay.reset();
    pauses = [];
    since = now;
    return report;
  };
}

/** A process that takes no orders of its own answers every message with a report. */
export function answerProbes(): void {
  const report = createProbe();
  process.on('message', () => process.send?.(report()));
}
