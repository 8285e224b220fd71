// The dashboards of deploy/grafana/dashboards, written from the tables below: `scripts/run deploy/grafana/dashboards.ts`. A test compares
// the files with them, and every query with what nodes export.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

type Unit = 'short' | 'reqps' | 's' | 'bytes' | 'percentunit';

interface Panel {
  readonly title: string;
  /** What it shows and from when on somebody should care. */
  readonly description: string;
  readonly kind: 'timeseries' | 'stat';
  readonly unit: Unit;
  /** PromQL, and how Grafana names its series. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Of the nodes chosen at the top of the page. */
const NODES = '{instance=~"$instance"}';
const nodes = (matchers: string): string => `{instance=~"$instance",${matchers}}`;

const line = (title: string, unit: Unit, description: string, ...queries: Panel['queries']): Panel => ({
  ...{ title, description, kind: 'timeseries', unit, queries },
});
const figure = (title: string, unit: Unit, description: string, expr: string): Panel => ({
  ...{ title, description, kind: 'stat', unit, queries: [[expr, title]] },
});

const quantile = (share: number, route: string): string =>
  `histogram_quantile(${share}, sum by (le) (rate(relay_call_duration_seconds_bucket${nodes(`route="${route}"`)}[$__rate_interval])))`;

export const DASHBOARDS: readonly Dashboard[] = [
  {
    uid: 'relay-overview',
    title: 'Relay: overview',
    panels: [
      figure('Mains', 'short', 'Mains that are scraped.', 'count(relay_build_info{node_type="main"})'),
      figure(
        'Homes',
        'short',
        'Sessions of Homes at all Mains; a Home with two uplinks counts twice.',
        'sum(relay_home_sessions)',
      ),
      figure(
        'Calls',
        'reqps',
        'Calls that ended, at all nodes chosen; one over two Mains counts at both.',
        `sum(rate(relay_calls_total${NODES}[$__rate_interval]))`,
      ),
      figure(
        'Faults in 1 h',
        'percentunit',
        'Share of calls that failed by fault of the federation. 0.05 % is what a month allows.',
        'relay:faults:ratio_rate1h',
      ),
      line(
        'Budget burnt',
        'short',
        'How many times as fast as allowed the budget of faults is used up: 14.4 and 6 page, 1 for days is a ticket.',
        ['relay:faults:ratio_rate5m / 0.0005', '5 m'],
        ['relay:faults:ratio_rate1h / 0.0005', '1 h'],
        ['relay:faults:ratio_rate6h / 0.0005', '6 h'],
        ['relay:faults:ratio_rate3d / 0.0005', '3 d'],
      ),
      line('Calls by outcome', 'reqps', 'ok, cancelled, or the name of a failure.', [
        `sum by (code) (rate(relay_calls_total${NODES}[$__rate_interval]))`,
        '{{code}}',
      ]),
      line(
        'Time of calls',
        's',
        'From arrival at a Main to the outcome, the time of the service included.',
        [quantile(0.5, 'local'), 'median, Home here'],
        [quantile(0.99, 'local'), '99 %, Home here'],
        [quantile(0.5, 'peer'), 'median, over a peer'],
        [quantile(0.99, 'peer'), '99 %, over a peer'],
      ),
      line(
        'Nodes',
        'short',
        'What is scraped, by version and role; 0 is a node that is down.',
        ['count by (version, node_type) (relay_build_info)', '{{node_type}} {{version}}'],
        ['up{job="relay"} == 0', '{{instance}} down'],
      ),
      line('Drain', 'short', '1 while a node drains.', [`relay_drain_state${NODES}`, '{{instance}}']),
    ],
  },
  {
    uid: 'relay-routing',
    title: 'Relay: routing',
    panels: [
      line('Calls by way', 'reqps', 'Who answered: the own program, a Home here, a peer, nobody.', [
        `sum by (route) (rate(relay_calls_total${NODES}[$__rate_interval]))`,
        '{{route}}',
      ]),
      line('Failures by node', 'reqps', 'All outcomes but ok and cancelled.', [
        `sum by (instance, code) (rate(relay_calls_total${nodes('code!~"ok|cancelled"')}[$__rate_interval]))`,
        '{{instance}} {{code}}',
      ]),
      line('Calls in flight', 'short', 'Calls that a node waits for.', [
        `relay_calls_in_flight${NODES}`,
        '{{instance}}',
      ]),
      line('Mean time', 's', 'Of calls by way.', [
        `sum by (route) (rate(relay_call_duration_seconds_sum${NODES}[$__rate_interval])) / sum by (route) (rate(relay_call_duration_seconds_count${NODES}[$__rate_interval]))`,
        '{{route}}',
      ]),
      line(
        'Programs of nodes',
        's',
        '99 % of the calls that the own program of a node answered took no longer.',
        [quantile(0.99, 'script'), 'script'],
      ),
      line(
        'Tried elsewhere',
        'reqps',
        'Calls repeated at another instance; no_budget: wanted and not allowed.',
        [`sum by (result) (rate(relay_retries_total${NODES}[$__rate_interval]))`, '{{result}}'],
      ),
      line(
        'Circuits and ejected instances',
        'short',
        'Methods and instances that get no calls because they failed.',
        [`sum by (instance, scope) (relay_breaker_state${NODES})`, '{{instance}} {{scope}}'],
      ),
      line('Ejections', 'reqps', 'Instances taken out of balancing.', [
        `rate(relay_ejections_total${NODES}[$__rate_interval])`,
        '{{instance}}',
      ]),
    ],
  },
  {
    uid: 'relay-links',
    title: 'Relay: Homes, peers, registry',
    panels: [
      line('Homes', 'short', 'Sessions of Homes. A fifth lost within five minutes pages.', [
        `relay_home_sessions${NODES}`,
        '{{instance}}',
      ]),
      line('Clients', 'short', 'Sessions of client SDKs.', [`relay_client_sessions${NODES}`, '{{instance}}']),
      line('Links to Mains', 'short', 'By state; at a Home those to its own Mains.', [
        `relay_peer_links${NODES}`,
        '{{instance}} {{state}}',
      ]),
      line('Links that broke', 'short', 'Links to Mains dialled again, in 15 minutes.', [
        `increase(relay_peer_reconnects_total${NODES}[15m])`,
        '{{instance}}',
      ]),
      line(
        'Instances known',
        'short',
        'Entries of the registry: own, of Homes, of peers. Mains of one federation should agree.',
        [`relay_registry_entries${NODES}`, '{{instance}} {{origin}}'],
      ),
      line(
        'Registry lag',
        's',
        'For how long something that a connected peer has said is missing; 0 is well.',
        [`relay_registry_lag_seconds${NODES}`, '{{instance}}'],
      ),
      line(
        'Registry conflicts',
        'short',
        'In 15 minutes: entries a peer may not speak for, lists that were not what it had told.',
        [`increase(relay_registry_conflicts_total${NODES}[15m])`, '{{instance}}'],
      ),
      line('Links that came in', 'reqps', 'By who came and what became of it.', [
        `sum by (role, result) (rate(relay_handshakes_total${NODES}[$__rate_interval]))`,
        '{{role}} {{result}}',
      ]),
      line('Time of handshakes', 's', '99 % took no longer.', [
        `histogram_quantile(0.99, sum by (instance, le) (rate(relay_handshake_duration_seconds_bucket${NODES}[$__rate_interval])))`,
        '{{instance}}',
      ]),
    ],
  },
  {
    uid: 'relay-overload',
    title: 'Relay: overload',
    panels: [
      line('Calls refused', 'reqps', 'Refused without running, by reason.', [
        `sum by (instance, reason, stage) (rate(relay_shed_total${NODES}[$__rate_interval]))`,
        '{{instance}} {{reason}} at {{stage}}',
      ]),
      line(
        'Held for links',
        'bytes',
        'What links make a node hold, and the limit for it.',
        [`relay_buffer_bytes${nodes('kind="held"')}`, '{{instance}}'],
        [`relay_buffer_bytes${nodes('kind="limit"')}`, '{{instance}} limit'],
      ),
      line('Slow links cut', 'short', 'In 15 minutes.', [
        `increase(relay_slow_consumers_cut_total${NODES}[15m])`,
        '{{instance}}',
      ]),
      line('Budget for retries', 'percentunit', 'What is left of it.', [
        `relay_retry_budget_ratio${NODES}`,
        '{{instance}}',
      ]),
      line('Event loop', 's', 'How late it is, 99th percentile. Over 0.2 s for five minutes pages.', [
        `nodejs_eventloop_lag_p99_seconds${NODES}`,
        '{{instance}}',
      ]),
      line('Spans for the collector', 'reqps', 'Sent, and lost because it did not take them.', [
        `sum by (result) (rate(relay_exported_spans_total${NODES}[$__rate_interval]))`,
        '{{result}}',
      ]),
      line('Refused as too many', 'reqps', 'By the bound that was met.', [
        `sum by (instance, scope) (rate(relay_ratelimited_total${NODES}[$__rate_interval]))`,
        '{{instance}} {{scope}}',
      ]),
      line('The fullest link', 'bytes', 'What the link that holds most makes its node hold.', [
        `relay_send_buffer_bytes${NODES}`,
        '{{instance}}',
      ]),
    ],
  },
  {
    uid: 'relay-programs',
    title: 'Relay: programs and state',
    panels: [
      line('Messages', 'reqps', 'That servers of programs ran, by how they ended.', [
        `sum by (result) (rate(relay_script_runs_total${NODES}[$__rate_interval]))`,
        '{{result}}',
      ]),
      line('Wait', 's', '99 % waited no longer for their server to be free.', [
        `histogram_quantile(0.99, sum by (instance, le) (rate(relay_queue_wait_seconds_bucket${NODES}[$__rate_interval])))`,
        '{{instance}}',
      ]),
      line('Steps', 'short', '99 % of the messages took no more.', [
        `histogram_quantile(0.99, sum by (instance, le) (rate(relay_script_fuel_used_bucket${NODES}[$__rate_interval])))`,
        '{{instance}}',
      ]),
      line('Idempotency keys', 'reqps', 'Calls with a key: first, or asked again.', [
        `sum by (result) (rate(relay_idempotency_total${NODES}[$__rate_interval]))`,
        '{{result}}',
      ]),
      line('Commits', 's', '99 % were durable in this time.', [
        `histogram_quantile(0.99, sum by (instance, le) (rate(relay_store_commit_duration_seconds_bucket${NODES}[$__rate_interval])))`,
        '{{instance}}',
      ]),
      line('Stored', 'bytes', 'State on disk, with its log.', [`relay_store_bytes${NODES}`, '{{instance}}']),
      line('Errors of the store', 'short', 'In 15 minutes. Any is a reason to look.', [
        `increase(relay_store_errors_total${NODES}[15m])`,
        '{{instance}} {{op}}',
      ]),
    ],
  },
  {
    uid: 'relay-security',
    title: 'Relay: security',
    panels: [
      line(
        'Requests refused',
        'reqps',
        'unauthorized: no valid token; forbidden: who asks may not. Ten times the mean of a day is a ticket.',
        [
          `sum by (instance, reason) (rate(relay_authz_denied_total${NODES}[$__rate_interval]))`,
          '{{instance}} {{reason}}',
        ],
      ),
      line('Links refused', 'reqps', 'Handshakes that ended without a session, by why.', [
        `sum by (instance, result) (rate(relay_handshakes_total${nodes('result!="ok"')}[$__rate_interval]))`,
        '{{instance}} {{result}}',
      ]),
      line(
        'Fights over an id',
        'short',
        'In 15 minutes: takeovers refused because several nodes have one key. Any pages.',
        [`increase(relay_ratelimited_total${nodes('scope="takeovers"')}[15m])`, '{{instance}}'],
      ),
      line('Peers refused', 'short', 'Links to Mains that are not admitted.', [
        `relay_peer_links${nodes('state="refused"')}`,
        '{{instance}}',
      ]),
    ],
  },
  {
    uid: 'relay-process',
    title: 'Relay: processes',
    panels: [
      line('CPU', 'percentunit', 'Of one core.', [
        `rate(process_cpu_seconds_total${NODES}[$__rate_interval])`,
        '{{instance}}',
      ]),
      line('Memory', 'bytes', 'Of the process.', [`process_resident_memory_bytes${NODES}`, '{{instance}}']),
      line('Heap', 'bytes', 'In use.', [`nodejs_heap_size_used_bytes${NODES}`, '{{instance}}']),
      line('Garbage collection', 'percentunit', 'Share of the time.', [
        `sum by (instance, kind) (rate(nodejs_gc_duration_seconds_sum${NODES}[$__rate_interval]))`,
        '{{instance}} {{kind}}',
      ]),
      line(
        'File descriptors',
        'short',
        'Open, and allowed. Every link is one.',
        [`process_open_fds${NODES}`, '{{instance}}'],
        [`process_max_fds${NODES}`, '{{instance}} allowed'],
      ),
      line('Started', 's', 'Seconds since the start.', [
        `time() - process_start_time_seconds${nodes('job="relay"')}`,
        '{{instance}}',
      ]),
    ],
  },
];

const DATASOURCE = { type: 'prometheus', uid: 'relay-prometheus' };
const COLUMNS = 24;
const SIZES = { stat: { w: 6, h: 4 }, timeseries: { w: 12, h: 8 } } as const;

/** As Grafana imports it. */
export function renderDashboard({ uid, title, panels }: Dashboard): object {
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  return {
    uid,
    title,
    tags: ['relay'],
    timezone: 'browser',
    schemaVersion: 41,
    editable: false,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    links: [
      {
        type: 'dashboards',
        title: 'Relay',
        tags: ['relay'],
        asDropdown: true,
        keepTime: true,
        includeVars: true,
      },
    ],
    templating: {
      list: [
        {
          ...{ name: 'instance', label: 'Node', type: 'query', datasource: DATASOURCE, refresh: 2, sort: 1 },
          ...{
            query: 'label_values(relay_build_info, instance)',
            multi: true,
            includeAll: true,
            allValue: '.*',
          },
          current: { selected: true, text: ['All'], value: ['$__all'] },
        },
      ],
    },
    panels: panels.map(({ kind, unit, queries, ...texts }, index) => {
      const { w, h } = SIZES[kind];
      if (x + w > COLUMNS) {
        x = 0;
        y += rowHeight;
        rowHeight = 0;
      }
      const gridPos = { x, y, w, h };
      x += w;
      rowHeight = Math.max(rowHeight, h);
      return {
        id: index + 1,
        type: kind,
        ...texts,
        datasource: DATASOURCE,
        gridPos,
        fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
        options:
          kind === 'stat'
            ? { reduceOptions: { calcs: ['lastNotNull'] } }
            : { tooltip: { mode: 'multi', sort: 'desc' } },
        targets: queries.map(([expr, legendFormat], at) => ({
          refId: String.fromCharCode(65 + at),
          datasource: DATASOURCE,
          expr,
          legendFormat,
        })),
      };
    }),
  };
}

export function dashboardText(dashboard: Dashboard): string {
  return `${JSON.stringify(renderDashboard(dashboard), null, 2)}\n`;
}

if (import.meta.main) {
  const folder = path.join(import.meta.dirname, 'dashboards');
  mkdirSync(folder, { recursive: true });
  for (const dashboard of DASHBOARDS)
    writeFileSync(path.join(folder, `${dashboard.uid}.json`), dashboardText(dashboard));
}
