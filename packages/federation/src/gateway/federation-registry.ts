// Pages of the registry: every instance once, by name and address, at most 1,000 to a page. The cursor names the last instance of
// a page, not a number of rows, so a page is right even when instances came and went in between. Source: http-api.md §10.1.

import { parseAddress } from '@relay/protocol';
import type { FastifyRequest } from 'fastify';
import { addressText, isFederated } from './instance-view.ts';
import type { HomeView, InstanceView } from './ports.ts';
import { type Answer, type Context, isoTime, ok, queryText, refuse, rounded } from './route.ts';

export const PAGE_INSTANCES = 1_000;

interface Row {
  readonly instance: InstanceView;
  readonly address: string;
}

export interface Page {
  readonly rows: readonly Row[];
  /** Absent on the last page. */
  readonly next?: string;
}

/** What narrows a page; `after` is the `next` of the page before. */
export interface PageFilter {
  readonly service?: string;
  readonly keep?: (row: Row) => boolean;
  readonly limit: number;
  readonly after?: string;
}

export function pageOf(instances: Iterable<InstanceView>, { keep, limit, after }: PageFilter): Page {
  const rows: Row[] = [];
  for (const instance of instances) {
    const row = { instance, address: addressText(instance) };
    if ((keep === undefined || keep(row)) && (after === undefined || cursor(row) > after)) rows.push(row);
  }
  rows.sort((a, b) => (cursor(a) < cursor(b) ? -1 : 1));
  const last = rows[limit - 1];
  return rows.length > limit && last !== undefined
    ? { rows: rows.slice(0, limit), next: cursor(last) }
    : { rows };
}

/** Sorts as name, then address: a blank is smaller than any character of a name. */
function cursor({ instance, address }: Row): string {
  return `${instance.service} ${address}`;
}

/** `limit` of a query; undefined if it is none. */
export function readLimit(text: string | number | null | undefined): number | undefined {
  if (text === undefined) return PAGE_INSTANCES;
  const limit = typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : text;
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1) return undefined;
  return Math.min(limit, PAGE_INSTANCES);
}

export function registryPage({ ports }: Context, request: FastifyRequest): Answer {
  const service = queryText(request, 'service');
  const node = queryText(request, 'node');
  const scope = queryText(request, 'scope');
  const after = queryText(request, 'after');
  const limit = readLimit(queryText(request, 'limit'));
  if (service === null || after === null) return refuse('bad_request', 'a filter is given twice');
  if (node === null || (node !== undefined && parseAddress(node) === undefined)) {
    return refuse('bad_request', `invalid node: ${node ?? 'given twice'}`);
  }
  if (scope === null || (scope !== undefined && scope !== 'local' && scope !== 'federated')) {
    return refuse('bad_request', 'scope must be local or federated');
  }
  if (limit === undefined) return refuse('bad_request', 'limit must be a whole number from 1');

  const { identity, registry, clock } = ports;
  const wanted = node === 'local' ? identity.nodeId : node;
  const keep = ({ instance, address }: Row): boolean =>
    (service === undefined || instance.service === service) &&
    (wanted === undefined ||
      address === wanted ||
      instance.nodeId === wanted ||
      instance.ways?.includes(wanted) === true) &&
    (scope === undefined || isFederated(instance) === (scope === 'federated'));
  const page = pageOf(registry.instances(service === undefined ? undefined : { service }), {
    keep,
    limit,
    ...(after !== undefined && { after }),
  });
  const counts = registry.counts();
  return ok({
    node_id: identity.nodeId,
    timestamp: isoTime(clock.wallNow()),
    local_services: counts.local,
    federated_services: counts.federated,
    total_services: counts.local + counts.federated,
    local: page.rows.filter(({ instance }) => !isFederated(instance)).map(instanceEntry),
    federated: page.rows.filter(({ instance }) => isFederated(instance)).map(instanceEntry),
    // With the first page only: the following ones are about instances.
    homes: after === undefined && scope !== 'federated' ? homeEntries(registry.homes()) : [],
    ...(page.next !== undefined && { next: page.next }),
  });
}

function instanceEntry({ instance, address }: Row): unknown {
  const { calls, failures } = instance;
  return {
    service_name: instance.service,
    node_id: instance.nodeId,
    main_relay: instance.mainRelay ?? instance.nodeId,
    address,
    origin: isFederated(instance) ? 'federated' : 'local',
    ...(instance.ways !== undefined && { ways: instance.ways }),
    methods: instance.methods.map(({ name }) => name),
    is_healthy: instance.isHealthy,
    last_seen: isoTime(instance.lastSeen),
    ...(instance.expiresAt !== undefined && { expires_at: isoTime(instance.expiresAt) }),
    circuit: instance.circuit,
    ...(instance.circuits !== undefined &&
      instance.circuits.length > 0 && {
        circuits: instance.circuits.map(({ method, state, retryAfterMs }) => ({
          method,
          state,
          retry_after_ms: retryAfterMs,
        })),
      }),
    ...(instance.ejectedForMs !== undefined && { ejected_for_ms: instance.ejectedForMs }),
    load_balancing: instance.strategy,
    load_metrics: {
      in_flight: instance.inFlight,
      calls,
      success_rate: calls === 0 ? 1 : rounded((calls - failures) / calls),
      average_latency_ms: rounded(instance.averageLatencyMs),
    },
  };
}

function homeEntries(homes: Iterable<HomeView>): unknown[] {
  return [...homes]
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    .map((home) => ({
      id: home.id,
      connected: home.connected,
      connected_since: isoTime(home.connectedSince),
      last_heartbeat: isoTime(home.lastHeartbeat),
      latency_ms: home.latencyMs === null ? null : rounded(home.latencyMs),
      services: home.services,
    }));
}
