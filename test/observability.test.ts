// What an operator sees of a federation of real processes: figures, traces, spans at a collector, and the log.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { freePort, type StartedProcess, startProcess, waitFor } from '@relay/testkit';
import { messagesOf } from './log-page.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const SECRETS = {
  RELAY_API_TOKEN: 'api-s3cret-1',
  RELAY_ADMIN_TOKEN: 'admin-s3cret-2',
  RELAY_P2P_TOKEN: 'p2p-s3cret-3',
};
const PAYLOAD = 'payl0ad-nobody-may-log';

type Json = Record<string, unknown>;

interface SpanSeen {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly status: { readonly code: number };
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly at: string;
}

/** Takes OTLP over HTTP with JSON and takes it apart. */
class Collector {
  readonly spans: SpanSeen[] = [];
  readonly #server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      assert.equal(`${request.method} ${request.url}`, 'POST /v1/traces');
      assert.equal(request.headers['content-type'], 'application/json');
      this.#take(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take(body: {
    resourceSpans: {
      resource: { attributes: { key: string; value: { stringValue: string } }[] };
      scopeSpans: { spans: (SpanSeen & { startTimeUnixNano: string; endTimeUnixNano: string })[] }[];
    }[];
  }): void {
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const about = Object.fromEntries(resource.attributes.map(({ key, value }) => [key, value.stringValue]));
      assert.equal(about['service.name'], 'relay');
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        assert.match(span.traceId, /^[0-9a-f]{32}$/);
        assert.match(span.spanId, /^[0-9a-f]{16}$/);
        assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
        this.spans.push({ ...span, at: about['service.instance.id'] ?? '' });
      }
    }
  }
}

describe('an operator', () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'relay-observe-'));
  const collector = new Collector();
  const nodes: StartedProcess[] = [];
  let env: Record<string, string> = {};
  let a = '';
  let metrics = '';

  function start(line: string, more: Record<string, string> = {}): StartedProcess {
    const node = startProcess('./relay', line.split(' '), { cwd: ROOT, env: { ...env, ...more } });
    nodes.push(node);
    return node;
  }

  async function urlOf(node: StartedProcess): Promise<string> {
    const [, url = ''] = await node.waitForLine(/Health: (\S+)\/health/, 30_000);
    return url;
  }

  async function get(
    where: string,
    token = SECRETS.RELAY_API_TOKEN,
  ): Promise<{ status: number; body: Json }> {
    const answer = await fetch(`${a}${where}`, { headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, body: (await answer.json()) as Json };
  }

  async function call(params: Json, headers: Record<string, string> = {}): Promise<Json> {
    const answer = await fetch(`${a}/rpc`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRETS.RELAY_API_TOKEN}`, ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 }),
    });
    return (await answer.json()) as Json;
  }

  /** Runs the command against Main A. */
  function relay(...words: string[]): { status: number | null; stdout: string; stderr: string } {
    const done = spawnSync('./relay', [...words, '--main', a], {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, ...SECRETS, CI: '' },
    });
    return { status: done.status, stdout: done.stdout, stderr: done.stderr };
  }

  before(async () => {
    env = {
      ...SECRETS,
      RELAY_DATA_DIR: dataDir,
      RELAY_LOG_FORMAT: 'json',
      RELAY_LOG_LEVEL: 'debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: await collector.listen(),
    };
    const config = path.join(dataDir, 'main.rl');
    writeFileSync(config, 'config { metrics_listen: "127.0.0.1:0" }\n');
    const main = start(`${config} -server -port 0 -node-id relay-a.com`);
    a = await urlOf(main);
    const [, found = ''] = await main.waitForLine(/"message":"metrics".*"url":"([^"]+)"/);
    metrics = found;
    // The second Main logs what one runs with by default.
    const b = await urlOf(
      start(`-server -port 0 -node-id relay-b.com -peers ${a.replace('http', 'ws')}`, {
        RELAY_LOG_LEVEL: 'info',
      }),
    );
    start(`examples/federated-blog.rl -node-id alice.home -connect ${b.replace('http', 'ws')}`);
    start(`examples/federated-shop.rl -node-id bob.home -connect ${a.replace('http', 'ws')}`);
    const isReady = async (): Promise<boolean> =>
      (await get('/federation/health')).body['total_services'] === 2;
    await waitFor(isReady, { what: 'both services at A', limitMs: 30_000 });
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    collector.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('follows a call through the programs it went to: one trace id, and the span ids of one tree', async () => {
    const answer = await call({
      node_id: 'bob.home',
      server_name: 'shop_service',
      method: 'announce',
      args: ['lamp'],
      trace: true,
    });
    const { trace } = answer['result'] as { trace: { trace_id: string; path: string[]; decisions: Json[] } };
    assert.deepEqual(trace.path, ['client', 'relay-a.com', 'bob.home']);
    assert.equal(trace.decisions[0]?.['reason'], 'the caller named the node');

    // The call that the shop made in turn went over A as well, and is not traced itself. So look where all of them arrive: a span for each
    // node that keeps the call. The first is kept because it was traced.
    const kept = await get(`/federation/traces/${trace.trace_id}`);
    assert.equal(kept.status, 200);
    assert.equal(kept.body['method'], 'shop_service.announce');
    assert.equal(kept.body['outcome'], 'ok');
    assert.doesNotMatch(JSON.stringify(kept.body), /lamp/);
    const of = () => collector.spans.filter(({ traceId }) => traceId === trace.trace_id);
    await waitFor(() => of().length >= 2, { what: 'spans of A and bob', limitMs: 20_000 });
    const root = of().find(({ parentSpanId }) => parentSpanId === undefined);
    assert.equal(root?.at, 'relay-a.com');
    const child = of().find(({ at }) => at === 'bob.home');
    assert.equal(child?.parentSpanId, root?.spanId);
  });

  it('links a call to the trace that its caller says it is in, and takes nothing else of that', async () => {
    const claimed = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
    const answer = await call(
      { service_name: 'blog_service', method: 'get_posts', trace: true },
      { traceparent: `00-${claimed.traceId}-${claimed.spanId}-01` },
    );
    const { trace } = answer['result'] as { trace: { trace_id: string } };
    assert.notEqual(trace.trace_id, claimed.traceId);
    const { body } = await get(`/federation/traces/${trace.trace_id}`);
    assert.deepEqual(body['linked'], { trace_id: claimed.traceId, span_id: claimed.spanId });
    assert.equal((await get(`/federation/traces/${claimed.traceId}`)).status, 404);
    const root = () =>
      collector.spans.find(
        ({ traceId, parentSpanId }) => traceId === trace.trace_id && parentSpanId === undefined,
      );
    await waitFor(() => root() !== undefined, { what: 'the span of the call', limitMs: 20_000 });
    assert.deepEqual(root()?.links, [claimed]);
  });

  it('finds the same trace id at a service that a program called in turn', async () => {
    const answer = await call({ service_name: 'shop_service', method: 'front_page', trace: true });
    const { trace } = answer['result'] as { trace: { trace_id: string } };
    const blogLines = nodes[2]?.stderr ?? [];
    const isThere = (): boolean =>
      blogLines.some((line) => {
        const said = line.startsWith('{') ? (JSON.parse(line) as Json) : {};
        return (
          said['message'] === 'call' && said['service'] === 'blog_service' && said['trace'] === trace.trace_id
        );
      });
    await waitFor(isThere, { what: 'the trace id in the log of alice.home' });
  });

  it('sees why: candidates, what they are known for, and the one that was chosen', async () => {
    const answer = await call({ service_name: 'blog_service', method: 'get_posts', trace: true });
    const { trace } = answer['result'] as { trace: { trace_id: string; decisions: Json[] } };
    const [decision] = trace.decisions;
    assert.equal(decision?.['chosen'], 'alice.home@relay-b.com');
    assert.equal(decision?.['strategy'], 'round_robin');
    const [candidate] = (decision?.['candidates'] ?? []) as Json[];
    assert.equal(candidate?.['address'], 'alice.home@relay-b.com');
    assert.equal(candidate?.['circuit'], 'closed');
    assert.equal(candidate?.['excluded'], null);

    const shown = relay('trace', trace.trace_id);
    assert.equal(shown.status, 0, shown.stderr);
    assert.match(shown.stdout, /client → relay-a\.com → relay-b\.com → alice\.home {2}3 hops/);
    assert.match(shown.stdout, /relay-a\.com chose alice\.home@relay-b\.com/);
  });

  it('asks where a call would go, and nothing is called', async () => {
    const before = (await get('/federation/health')).body['calls'];
    const there = relay('why', 'blog_service.get_posts');
    assert.equal(there.status, 0, there.stderr);
    assert.match(there.stdout, /blog_service\.get_posts can be called/);
    assert.match(there.stdout, /alice\.home@relay-b\.com/);
    assert.match(relay('why', 'blog_service.no_such').stdout, /none of them says that it has this method/);
    const nowhere = relay('why', 'fake_service.test');
    assert.equal(nowhere.status, 1);
    assert.match(nowhere.stdout, /^service_not_found: /);
    assert.match(relay('why', 'shop_service.x', '--node', 'nobody.home').stdout, /^node_not_found: /);
    assert.deepEqual((await get('/federation/health')).body['calls'], before);
  });

  it('finds every failed call again, without what was in it', async () => {
    const answer = await call({ node_id: 'nobody.home', server_name: 'blog', method: 'x', args: [PAYLOAD] });
    const { data } = answer['error'] as { data: Json };
    const { body } = await get(`/federation/traces/${data['trace_id']}`);
    assert.deepEqual(
      [body['outcome'], body['at'], body['executed']],
      ['node_not_found', 'relay-a.com', 'no'],
    );
    const { body: list } = await get('/federation/traces?limit=1');
    assert.equal((list['traces'] as Json[]).length, 1);
    assert.match(relay('trace').stdout, /node_not_found/);
    assert.equal((await get('/federation/traces?limit=0')).status, 400);
    assert.equal((await get('/federation/traces/none')).status, 404);
    await waitFor(
      () => collector.spans.some(({ traceId, status }) => traceId === data['trace_id'] && status.code === 2),
      {
        what: 'the span of the failure',
        limitMs: 20_000,
      },
    );
  });

  it('lets one node say more about one service for a while', async () => {
    const b = nodes[1];
    assert.ok(b !== undefined);
    const bUrl = await urlOf(b);
    const calls = (): number => b.stderr.filter((line) => line.includes('"message":"call"')).length;
    await call({ service_name: 'blog_service', method: 'get_posts' });
    assert.equal(calls(), 0);
    const done = spawnSync(
      './relay',
      ['log', '--service', 'blog_service', '--seconds', '60', '--main', bUrl],
      { cwd: ROOT, encoding: 'utf8', env: { ...process.env, ...SECRETS } },
    );
    assert.equal(done.status, 0, done.stderr);
    await call({ service_name: 'blog_service', method: 'get_posts' });
    await waitFor(() => calls() > 0, { what: 'a line about the call at B' });
    const line = JSON.parse(b.stderr.find((each) => each.includes('"message":"call"')) ?? '') as Json;
    assert.deepEqual(
      [
        line['level'],
        line['node'],
        line['service'],
        line['method'],
        line['route'],
        line['code'],
        line['peer'],
      ],
      ['debug', 'relay-b.com', 'blog_service', 'get_posts', 'local', 'ok', 'relay-a.com'],
    );
  });

  it('is refused a log level without the admin token', async () => {
    const answer = await fetch(`${a}/federation/log`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRETS.RELAY_API_TOKEN}` },
      body: '{"level":"debug","service":"blog_service"}',
    });
    assert.equal(answer.status, 403);
  });

  it('scrapes a private address, and not the HTTP port', async () => {
    assert.equal((await get('/metrics')).status, 404);
    const text = await (await fetch(metrics)).text();
    assert.match(text, /^relay_build_info\{.*node_type="main"\} 1$/m);
    assert.match(text, /^relay_home_sessions 1$/m);
    assert.match(text, /^relay_peer_links\{state="connected"\} 1$/m);
    assert.match(text, /^relay_registry_entries\{origin="peer"\} 1$/m);
    assert.match(text, /^relay_registry_lag_seconds 0$/m);
    assert.match(text, /^relay_handshakes_total\{role="home",result="ok"\} [1-9]/m);
    assert.match(text, /^relay_ratelimited_total\{scope="upgrades"\} 0$/m);
    assert.match(text, /^relay_calls_total\{route="none",code="node_not_found"\} [1-9]/m);
    assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
    assert.match(text, /^process_resident_memory_bytes /m);
    assert.equal(
      (await fetch(metrics.replace('/metrics', '/rpc'), { method: 'POST', body: '{}' })).status,
      404,
    );
  });

  it('counts who was refused: without a valid token, without a right, and pages of other sites', async () => {
    const denied = async (): Promise<readonly number[]> => {
      const text = await (await fetch(metrics)).text();
      return ['unauthorized', 'forbidden'].map((reason) => {
        const [, count] =
          new RegExp(`^relay_authz_denied_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(text) ?? [];
        return Number(count);
      });
    };
    const [before = 0, forbiddenBefore = 0] = await denied();
    assert.equal((await get('/federation/health', 'a-wrong-t0ken')).status, 401);
    assert.equal((await fetch(`${a}/rpc`, { method: 'POST', body: '{}' })).status, 401);
    assert.equal((await get('/no-such-path')).status, 404);
    assert.equal(await upgradeFrom('https://evil.example', `${a}/ws/federation`), 403);
    assert.deepEqual(await denied(), [before + 2, forbiddenBefore + 1]);
  });

  it('reads the figures with a real Prometheus', async (context) => {
    if (isMissing('prometheus', context)) return;
    const config = path.join(dataDir, 'prometheus.yml');
    const target = new URL(metrics).host;
    writeFileSync(
      config,
      `global: {scrape_interval: 1s}\nscrape_configs: [{job_name: relay, static_configs: [{targets: ["${target}"]}]}]\n`,
    );
    const port = await freePort();
    await using prometheus = startProcess('prometheus', [
      `--config.file=${config}`,
      `--storage.tsdb.path=${path.join(dataDir, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    await prometheus.waitForLine(/ready to receive web requests/, 30_000);
    const query = async (text: string): Promise<unknown> => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`);
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
      return data.result[0]?.value[1];
    };
    await waitFor(async () => (await query('up{job="relay"}')) === '1', {
      what: 'a scrape',
      limitMs: 30_000,
    });
    assert.equal(await query('relay_home_sessions'), '1');
    assert.ok(Number(await query('sum(relay_calls_total)')) > 0);
    assert.notEqual(
      await query('histogram_quantile(0.5, sum by (le) (relay_call_duration_seconds_bucket{route="peer"}))'),
      undefined,
    );
  });

  it('reads lines with the levels of the page, for each kind of line', async () => {
    const levels = messagesOf(readFileSync(path.join(ROOT, 'docs/observability.md'), 'utf8'));
    const main = nodes[0];
    assert.ok(main !== undefined);
    // Another node that says it is bob.home, with another key.
    const thief = start(`-node-id bob.home -connect ${a.replace('http', 'ws')}`, {
      RELAY_DATA_DIR: path.join(dataDir, 'thief'),
    });
    await thief.waitForLine(/refused this node/, 30_000);
    const said = (node: StartedProcess): readonly Json[] =>
      [...node.stdout, ...node.stderr].flatMap((line) =>
        line.startsWith('{') ? [JSON.parse(line) as Json] : [],
      );
    const refusals = said(thief).filter(({ msg }) => String(msg).includes('refused this node'));
    assert.deepEqual(
      refusals.map(({ level, node }) => [level, node]),
      [['error', 'bob.home']],
    );
    const lines = nodes
      .flatMap(said)
      .filter(({ message, from }) => message !== undefined && from !== 'program');
    for (const { message, level } of lines) {
      assert.ok(levels.get(String(message))?.has(String(level)), `${message} at ${level}`);
    }
    const seen = new Set(lines.map(({ message, level }) => `${message} ${level}`));
    for (const each of [
      'request info',
      'request debug',
      'call debug',
      'link debug',
      'link refused info',
      'metrics info',
      'log level changed info',
    ]) {
      assert.ok(seen.has(each), `${each}: ${[...seen].join(', ')}`);
    }
    const refused = lines.find(({ message }) => message === 'link refused');
    assert.deepEqual([refused?.['peer'], refused?.['role'], refused?.['code']], ['bob.home', 'home', 4403]);
  });

  it('never finds a secret or what was in a call in any line', async () => {
    await call({ service_name: 'blog_service', method: 'get_post', args: [PAYLOAD] });
    await get('/federation/health', 'a-wrong-t0ken');
    const lines = nodes.flatMap((node) => [...node.stdout, ...node.stderr]);
    assert.ok(
      lines.some((line) => line.includes('"message":"request"')),
      'requests are logged',
    );
    for (const secret of [...Object.values(SECRETS), 'a-wrong-t0ken', PAYLOAD]) {
      assert.equal(
        lines.find((line) => line.includes(secret)),
        undefined,
        secret,
      );
    }
    for (const line of nodes[0]?.stderr.filter((each) => each.startsWith('{')) ?? []) {
      const said = JSON.parse(line) as Json;
      assert.ok(said['time'] && said['level'] && said['message'], line);
    }
  });
});

/** The status of the answer to a web page that wants a link. */
function upgradeFrom(origin: string, url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...{ connection: 'Upgrade', upgrade: 'websocket', origin },
      ...{ 'sec-websocket-version': '13', 'sec-websocket-key': 'MDEyMzQ1Njc4OWFiY2RlZg==' },
    };
    const request = http.get(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', reject);
  });
}

function isMissing(command: string, context: TestContext): boolean {
  if (spawnSync(command, ['--version']).error === undefined) return false;
  assert.equal(process.env['CI'], undefined, `${command} is missing: apt-get install prometheus`);
  context.skip(`${command} is missing: apt-get install prometheus`);
  return true;
}
