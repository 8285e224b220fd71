// Who looks on at a node, whatever its role: figures, traces, spans and the bound of what it holds; and where its figures are served.

import { getHeapStatistics } from 'node:v8';
import { BufferBudget } from '@relay/protocol';
import { systemClock, systemRandom } from './clock.ts';
import { listenForMetrics } from './gateway/metrics-endpoint.ts';
import type { Watches } from './node-figures.ts';
import { CallWatch, type CallWatchOptions } from './observe/call-watch.ts';
import { Denials } from './observe/denials.ts';
import { EventWatch } from './observe/event-watch.ts';
import { metricFamilies, type NodeFigures } from './observe/metric-families.ts';
import { createMetrics, type Metrics } from './observe/metrics.ts';
import { OtlpExporter } from './observe/otlp-exporter.ts';
import { createOtlpSender } from './observe/otlp-sender.ts';
import type { RelayOptions } from './relay.ts';

/** Of the heap limit, for all that waits on links. */
const BUFFER_SHARE = 0.25;

function createBudget(): BufferBudget {
  return new BufferBudget(systemClock, getHeapStatistics().heap_size_limit * BUFFER_SHARE);
}

export function createWatches(options: RelayOptions, explain?: CallWatchOptions['explain']): Watches {
  const { nodeId: self, version, log, collector } = options;
  const exporter =
    collector === undefined
      ? undefined
      : new OtlpExporter({
          resource: { attributes: { ...collector.attributes, 'service.instance.id': self }, version },
          send: createOtlpSender(collector, (reason) => log.warn('spans were not taken', { reason })),
          clock: systemClock,
          random: systemRandom,
        });
  return {
    version,
    now: () => systemClock.now(),
    exporter,
    budget: createBudget(),
    program: options.program,
    events: new EventWatch(options.events, log),
    denials: new Denials(),
    calls: new CallWatch({
      self,
      clock: systemClock,
      log,
      ...(explain === undefined ? {} : { explain }),
      ...(exporter === undefined ? {} : { exporter: (span) => exporter.add(span) }),
    }),
  };
}

export interface ServedFigures {
  /** For the gateway: nothing if an address of their own serves them. */
  readonly ports: { readonly metrics?: Metrics; readonly denials: Denials };
  close(): Promise<void>;
}

export async function serveFigures(
  options: RelayOptions,
  figures: NodeFigures,
  { denials }: Watches,
): Promise<ServedFigures> {
  const metrics = createMetrics(metricFamilies(figures));
  const { metricsListen, log } = options;
  if (metricsListen === undefined) return { ports: { metrics, denials }, close: async () => {} };
  const server = await listenForMetrics(metrics, metricsListen);
  log.info('metrics', { url: server.url });
  return { ports: { denials }, close: () => server.close() };
}

export async function endWatching({ exporter }: Watches, figures: ServedFigures): Promise<void> {
  await exporter?.flush();
  await figures.close();
}
