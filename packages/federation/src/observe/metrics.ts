// The text that Prometheus reads. prom-client writes it and adds the families of Node.js and the process; it is loaded at the first
// scrape, so that a node nobody scrapes does not pay for it.

import type { Family, Sample } from './family.ts';

export interface MetricsText {
  readonly type: string;
  readonly text: string;
}

export interface Metrics {
  /** Never longer than the families times their fixed labels. */
  scrape(): Promise<MetricsText>;
}

/** Gauges that prom-client names like counters: `promtool check metrics` would complain about each. */
const MISNAMED = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
];

export function createMetrics(families: readonly Family[]): Metrics {
  let loading: Promise<{ contentType: string; metrics(): Promise<string> }> | undefined;
  const load = async () => {
    const { Registry, collectDefaultMetrics } = (await import('prom-client')).default;
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    for (const name of MISNAMED) registry.removeSingleMetric(name);
    // A metric is anything that says its values when asked; the types know only those that keep them.
    for (const family of families) registry.registerMetric(asMetric(family) as never);
    return registry;
  };
  const read = async (): Promise<MetricsText> => {
    loading ??= load();
    const registry = await loading;
    return { type: registry.contentType, text: await registry.metrics() };
  };
  let reading: Promise<MetricsText> | undefined;
  return {
    // Who asks while it is being written gets the same text: thousands of questions at once cost one.
    scrape() {
      reading ??= read().finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
}

interface PromValue extends Sample {
  /** A histogram has three names. */
  readonly metricName?: string;
}

function asMetric(family: Family) {
  const { name, help, kind } = family;
  return {
    name,
    reset() {},
    get: () => ({
      name,
      help,
      type: kind,
      aggregator: 'sum',
      values: kind === 'histogram' ? histogramValues(family) : family.samples(),
    }),
  };
}

function histogramValues({ name, histograms }: Extract<Family, { kind: 'histogram' }>): readonly PromValue[] {
  const values: PromValue[] = [];
  for (const { labels, histogram } of histograms()) {
    const { bounds, buckets, sum } = histogram;
    let count = 0;
    for (let index = 0; index <= bounds.length; index += 1) {
      count += buckets[index] ?? 0;
      const le = String(bounds[index] ?? '+Inf');
      values.push({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: count });
    }
    values.push({ metricName: `${name}_sum`, labels, value: sum });
    values.push({ metricName: `${name}_count`, labels, value: count });
  }
  return values;
}
