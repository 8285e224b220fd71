// What watches a federation: rules and dashboards against the figures that real nodes export.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { freePort, startProcess, waitFor } from '@relay/testkit';
import { parse } from 'yaml';
import { DASHBOARDS, dashboardText, renderDashboard } from '../../deploy/grafana/dashboards.ts';
import { CODES } from '../../packages/federation/src/observe/call-meter.ts';
import { Machine, ROOT } from '../connections/nodes.ts';

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const PROMETHEUS = path.join(ROOT, 'deploy/prometheus');
const { groups } = parse(readFileSync(path.join(PROMETHEUS, 'rules.yml'), 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);

const queries = [
  ...rules.map(({ expr, record, alert }) => ({ from: record ?? alert ?? '', expr })),
  ...DASHBOARDS.flatMap(({ title, panels }) =>
    panels.flatMap((panel) => panel.queries.map(([expr]) => ({ from: `${title}, ${panel.title}`, expr }))),
  ),
];

/** Names and values of labels by the name of the metric, as some nodes export them. */
type Exported = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

function readMetrics(texts: readonly string[]): Exported {
  const found = new Map<string, Map<string, Set<string>>>();
  for (const [, name = '', labels = ''] of texts.join('\n').matchAll(/^([a-z0-9_]+)(?:\{(.*)\})? /gm)) {
    const metric = found.get(name) ?? new Map<string, Set<string>>();
    found.set(name, metric);
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      metric.set(label, (metric.get(label) ?? new Set()).add(value));
    }
  }
  return found;
}

/** `NAME KIND LABELS` of each family of ours, as the nodes say. */
function familiesOf(texts: readonly string[]): ReadonlySet<string> {
  const metrics = readMetrics(texts);
  const found = new Set<string>();
  for (const [, name = '', kind = ''] of texts.join('\n').matchAll(/^# TYPE (relay_\w+) (\w+)$/gm)) {
    const labels = metrics.get(kind === 'histogram' ? `${name}_bucket` : name) ?? new Map();
    const words = [...labels.keys()].filter((label) => label !== 'le').toSorted();
    found.add([name, kind, ...words].join(' '));
  }
  return found;
}

/** Files that people and machines read, without what is built from them. */
const READ = [
  ...globSync(['*.md', 'docs/*.md', 'docs/runbooks/*.md', 'examples/**/*.md', 'compose.yaml', 'k8s/*.yaml'], {
    cwd: ROOT,
  }),
  ...globSync(['deploy/**/*.{yml,json,ts}', 'bench/*.ts', 'test/soak/*.ts'], { cwd: ROOT }),
];

/** Begin like a figure and are something else: a field of `/info`, and a figure that the page says is not there. */
const NO_FIGURES: ReadonlySet<string> = new Set(['relay_version', 'relay_nats_connected']);

/** Names of figures in a text that no node has. */
function unknownNames(text: string, exported: Exported): readonly string[] {
  const families = new Set([...exported.keys()].map((name) => name.replace(/_bucket$/, '')));
  return [...text.matchAll(/\brelay_[a-z0-9_]+/g)]
    .map(([name]) => name)
    .filter((name) => !exported.has(name) && !families.has(name) && !NO_FIGURES.has(name));
}

/** Added by the scrape. */
const SCRAPED: ReadonlySet<string> = new Set(['instance', 'job', 'role']);

/** What a query asks for and no node has. */
function unknownIn(expr: string, exported: Exported): readonly string[] {
  const records = rules.flatMap(({ record }) => record ?? []);
  const problems: string[] = [];
  for (const [name] of expr.matchAll(/\brelay:[a-z0-9_:]+/g)) {
    if (!records.includes(name)) problems.push(name);
  }
  for (const [, name = '', matchers = ''] of expr.matchAll(
    /\b((?:relay|nodejs|process)_[a-z0-9_]+)\s*(?:\{([^}]*)\})?/g,
  )) {
    const labels = exported.get(name);
    if (labels === undefined) {
      problems.push(name);
      continue;
    }
    for (const [, label = '', values = ''] of matchers.matchAll(/(\w+)\s*[=!]~?\s*"([^"]*)"/g)) {
      if (SCRAPED.has(label)) continue;
      const known = label === 'code' ? new Set(CODES) : labels.get(label);
      for (const value of values.split('|')) {
        if (known?.has(value) !== true) problems.push(`${name}{${label}="${value}"}`);
      }
    }
  }
  return problems;
}

describe('the figures that rules, dashboards and pages name', () => {
  const machine = new Machine();
  let exported: Exported = new Map();
  let texts: readonly string[] = [];

  before(async () => {
    // The collector is not there: its figures are exported all the same.
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
    const main = await machine.main('relay-a', '', env);
    const home = machine.relay(`shop.rl -node-id bob.home -connect 127.0.0.1:${main.port}`, 'bob.home', env);
    const [, url = ''] = await home.waitForLine(/Health: (\S+)\/health/);
    await home.waitForLine(/^Connected to Main Relay relay-a/);
    const scrape = async (from: string): Promise<string> => (await fetch(`${from}/metrics`)).text();
    // Of these Node.js has nothing to say before its first collection.
    await waitFor(async () => (await scrape(main.url)).includes('nodejs_gc_duration_seconds_sum'), {
      what: 'a garbage collection',
      limitMs: 40_000,
    });
    texts = [await scrape(main.url), await scrape(url)];
    exported = readMetrics(texts);
  });
  after(() => machine[Symbol.asyncDispose]());

  it('are exported by a Main and a Home, with these labels and values', () => {
    assert.ok(queries.length > 50);
    for (const { from, expr } of queries) assert.deepEqual(unknownIn(expr, exported), [], `${from}: ${expr}`);
  });

  it('would be missed if no node had them', () => {
    for (const expr of [
      'relay_no_such_total',
      'relay:no_such:ratio',
      'relay_peer_links{state="lost"}',
      'relay_calls_total{code=~"ok|no_such_code"}',
      'relay_drain_state{state="x"}',
      'rate(relay_call_duration_seconds[5m])',
    ]) {
      assert.equal(unknownIn(expr, exported).length, 1, expr);
    }
  });

  it('are those of the page, with these kinds and labels, and no others', () => {
    const page = readFileSync(path.join(ROOT, 'docs/observability.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(relay_\w+)` \| (\w+) \|([^|]*)\|/gm)];
    const documented = rows.map(([, name = '', kind = '', labels = '']) => {
      const words = [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label);
      return [name, kind, ...words.toSorted()].join(' ');
    });
    assert.ok(documented.length > 30);
    assert.deepEqual(documented.toSorted(), [...familiesOf(texts)].toSorted());
  });

  it('exist, whoever names them', () => {
    assert.ok(READ.length > 50);
    for (const file of READ) {
      assert.deepEqual(unknownNames(readFileSync(path.join(ROOT, file), 'utf8'), exported), [], file);
    }
    assert.deepEqual(unknownNames('`relay_calls_totals` and relay_calls_total', exported), [
      'relay_calls_totals',
    ]);
  });

  it('are asked for in queries that a real Prometheus understands', async (context) => {
    if (isMissing('prometheus', context)) return;
    const port = await freePort();
    await using prometheus = startProcess('prometheus', [
      `--config.file=${path.join(PROMETHEUS, 'prometheus.yml')}`,
      `--storage.tsdb.path=${path.join(machine.dir, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    await prometheus.waitForLine(/ready to receive web requests/, 30_000);
    const ask = async (expr: string): Promise<string> => {
      const query = expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*');
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`;
      const { status, error } = (await (await fetch(url)).json()) as { status: string; error?: string };
      return error ?? status;
    };
    for (const { from, expr } of queries) assert.equal(await ask(expr), 'success', `${from}: ${expr}`);
    assert.match(await ask('sum(relay_home_sessions'), /parse error/);
  });
});

describe('the rules of Prometheus', () => {
  it('pass promtool: the configuration, the rules, and their tests', (context) => {
    if (isMissing('promtool', context)) return;
    for (const words of [
      'check config prometheus.yml',
      'check rules rules.yml',
      'test rules rules.test.yml',
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', words.split(' '), {
        cwd: PROMETHEUS,
        encoding: 'utf8',
      });
      assert.equal(status, 0, `${words}: ${stdout}${stderr}`);
    }
  });

  it('have a test of each alert that it fires, and one that it does not', () => {
    const { tests } = parse(readFileSync(path.join(PROMETHEUS, 'rules.test.yml'), 'utf8')) as {
      readonly tests: readonly {
        readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts: unknown[] }[];
      }[];
    };
    const cases = tests.flatMap((test) => test.alert_rule_test ?? []);
    for (const { alert } of alerts) {
      const own = cases.filter(({ alertname }) => alertname === alert);
      assert.ok(
        own.some(({ exp_alerts: expected }) => expected.length > 0),
        `${alert} never fires in rules.test.yml`,
      );
      assert.ok(
        own.some(({ exp_alerts: expected }) => expected.length === 0),
        `${alert} is never silent in rules.test.yml`,
      );
    }
  });

  it('say how urgent each alert is, and where it is written what to do', () => {
    for (const { alert, labels, annotations } of alerts) {
      assert.match(labels?.['severity'] ?? '', /^(?:page|ticket)$/, `${alert}`);
      assert.match(annotations?.['runbook_url'] ?? '', /^docs\/runbooks\/[a-z-]+\.md$/, `${alert}`);
      assert.ok(annotations?.['summary'], `${alert}`);
    }
  });
});

describe('the dashboards', () => {
  it('are what dashboards.ts says', () => {
    const folder = path.join(ROOT, 'deploy/grafana/dashboards');
    assert.deepEqual(readdirSync(folder).toSorted(), DASHBOARDS.map(({ uid }) => `${uid}.json`).toSorted());
    for (const dashboard of DASHBOARDS) {
      assert.equal(
        readFileSync(path.join(folder, `${dashboard.uid}.json`), 'utf8'),
        dashboardText(dashboard),
        'write them anew: scripts/run deploy/grafana/dashboards.ts',
      );
    }
  });

  it('ask the data source that Grafana is provisioned with, and put no panel over another', () => {
    const { datasources } = parse(
      readFileSync(path.join(ROOT, 'deploy/grafana/provisioning/datasources/prometheus.yml'), 'utf8'),
    ) as { datasources: readonly { uid: string }[] };
    for (const dashboard of DASHBOARDS) {
      const { panels } = renderDashboard(dashboard) as {
        panels: { datasource: { uid: string }; gridPos: { x: number; y: number; w: number; h: number } }[];
      };
      const taken = new Set<string>();
      for (const { datasource, gridPos } of panels) {
        assert.equal(datasource.uid, datasources[0]?.uid);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
            assert.ok(x < 24 && !taken.has(`${x} ${y}`), `${dashboard.title} at ${x}, ${y}`);
            taken.add(`${x} ${y}`);
          }
        }
      }
    }
  });

  it('show every figure of ours', () => {
    const page = readFileSync(path.join(ROOT, 'docs/observability.md'), 'utf8');
    const families = [...page.matchAll(/^\| `(relay_\w+)`/gm)].map((match) => match[1] ?? '');
    assert.ok(families.length > 15);
    const shown = DASHBOARDS.flatMap(({ panels }) => panels.flatMap((panel) => panel.queries.flat())).join(
      '\n',
    );
    for (const family of families) assert.ok(shown.includes(family), family);
  });
});

function isMissing(command: string, context: TestContext): boolean {
  if (spawnSync(command, ['--version']).error === undefined) return false;
  assert.equal(process.env['CI'], undefined, `${command} is missing: apt-get install prometheus`);
  context.skip(`${command} is missing: apt-get install prometheus`);
  return true;
}
