import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { FAILURES } from '@relay/protocol';
import { CallMeter, WAYS } from './call-meter.ts';
import { Histogram } from './histogram.ts';
import { metricFamilies, type NodeFigures } from './metric-families.ts';
import { createMetrics } from './metrics.ts';

const SPREAD = new Histogram([0.1, 1]);

function figures(more: Partial<NodeFigures> = {}): NodeFigures {
  return {
    build: { version: '1.2.3', nodeType: 'main' },
    isDraining: () => false,
    inFlight: () => 3,
    meter: new CallMeter(),
    retries: () => ({ succeeded: 2, failed: 1, denied: 0, ratio: 0.5 }),
    shed: () => [{ reason: 'capacity', stage: 'routing', count: 4 }],
    registry: () => ({ self: 1, home: 10_000, peer: 50_000 }),
    federation: () => ({ lagS: 0.5, conflicts: 1 }),
    handshakes: {
      ended: () => [{ role: 'home', result: 'ok', count: 9 }],
      duration: () => SPREAD,
    },
    rateLimited: () => ({ upgrades: 1, handshakes: 2, homes: 3, takeovers: 4 }),
    program: {
      runs: () => ({ ok: 5, failed: 1, limit: 1, killed: 0 }),
      steps: () => SPREAD,
      queueWait: () => SPREAD,
      idempotency: () => ({ first: 1, replayed: 2, in_progress: 0, conflict: 0 }),
      store: {
        commits: () => SPREAD,
        errors: () => ({ open: 0, read: 0, commit: 1 }),
        bytes: () => 4_096,
      },
    },
    idempotency: () => ({ first: 1, replayed: 2, in_progress: 0, conflict: 0 }),
    breakers: () => ({ open: 1, probing: 0, ejected: 2 }),
    ejections: () => 1,
    sessions: () => ({ homes: 10_000, clients: 5 }),
    links: () => ({ connecting: 0, connected: 2, down: 1, self: 0, refused: 0 }),
    reconnects: () => 7,
    slowConsumersCut: () => 0,
    buffers: () => ({ held: 10, limit: 1_000 }),
    largestBuffer: () => 7,
    denied: () => ({ unauthorized: 2, forbidden: 1 }),
    exported: () => ({ sent: 1, dropped: 0, failed: 0 }),
    ...more,
  };
}

/** A meter that has seen every way and every code. */
function fullMeter(): CallMeter {
  const meter = new CallMeter();
  for (const way of WAYS) {
    for (const code of ['ok', 'cancelled', 'a_code_of_tomorrow', ...Object.keys(FAILURES)]) {
      meter.count(way, code, 3);
    }
  }
  return meter;
}

async function scraped(more: Partial<NodeFigures> = {}): Promise<string> {
  return (await createMetrics(metricFamilies(figures(more))).scrape()).text;
}

describe('the figures of a node', () => {
  it('count calls by way and code, and their time in cumulative buckets', async () => {
    const meter = new CallMeter();
    meter.count('local', 'ok', 0.9);
    meter.count('local', 'ok', 1);
    meter.count('local', 'timeout', 60_000);
    meter.count('none', 'a_code_of_tomorrow', 0);
    const lines = (await scraped({ meter })).split('\n');
    for (const line of [
      'relay_calls_total{route="local",code="ok"} 2',
      'relay_calls_total{route="local",code="timeout"} 1',
      'relay_calls_total{route="none",code="other"} 1',
      'relay_calls_total{route="peer",code="ok"} 0',
      'relay_call_duration_seconds_bucket{le="0.001",route="local"} 2',
      'relay_call_duration_seconds_bucket{le="10",route="local"} 2',
      'relay_call_duration_seconds_bucket{le="+Inf",route="local"} 3',
      'relay_call_duration_seconds_count{route="local"} 3',
      'relay_build_info{version="1.2.3",node_type="main"} 1',
      'relay_registry_entries{origin="peer"} 50000',
      'relay_peer_links{state="down"} 1',
    ]) {
      assert.ok(
        lines.includes(line),
        `${line}\n${lines.filter((each) => each.startsWith('relay_')).join('\n')}`,
      );
    }
  });

  it('have names and units as Prometheus wants them, and all of them begin with relay_, nodejs_ or process_', async () => {
    for (const [, name = '', type] of (await scraped()).matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      assert.match(name, /^(?:relay|nodejs|process)_[a-z0-9_]+$/);
      // Ours say their unit; a counter ends in _total and nothing else does.
      assert.equal(type === 'counter', name.endsWith('_total'), name);
      assert.doesNotMatch(name, /_(?:ms|millis|milliseconds|kb|mb|percent)(?:_|$)/);
    }
  });

  it('stay below 2,000 series, and say nothing of ids in labels', async () => {
    const text = await scraped({ meter: fullMeter() });
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    assert.ok(series.length < 2_000, `${series.length} series`);
    const allowed = [
      'version',
      'node_type',
      'route',
      'code',
      'le',
      'result',
      'reason',
      'stage',
      'origin',
      'scope',
      'kind',
      'state',
      'role',
      'op',
    ];
    for (const line of series.filter((each) => each.startsWith('relay_'))) {
      for (const [, label, value] of line.matchAll(/(\w+)="([^"]*)"/g)) {
        assert.ok(allowed.includes(label ?? ''), line);
        assert.match(value ?? '', label === 'version' ? /^[\w.+-]+$/ : /^[a-z0-9_.+Inf]+$/, line);
      }
    }
  });

  it('have as many series with one Home as with ten thousand', async () => {
    const count = async (homes: number) =>
      (
        await scraped({
          sessions: () => ({ homes, clients: homes }),
          registry: () => ({ self: 1, home: homes, peer: homes * 5 }),
        })
      )
        .split('\n')
        .filter((line) => line.startsWith('relay_')).length;
    assert.equal(await count(1), await count(10_000));
  });

  it('pass `promtool check metrics`', async (context) => {
    if (spawnSync('promtool', ['--version']).error !== undefined) {
      assert.equal(process.env['CI'], undefined, 'promtool is missing: apt-get install prometheus');
      context.skip('promtool is missing: apt-get install prometheus');
      return;
    }
    const input = await scraped({ meter: fullMeter() });
    const said = execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    assert.equal(said, '');
    // It does complain where there is something to complain about.
    const wrong = input.replaceAll('relay_calls_total', 'relay_calls_count_ms');
    assert.notEqual(spawnSync('promtool', ['check', 'metrics'], { input: wrong }).status, 0);
  });

  it('are written once for all who ask at the same time', async () => {
    let looked = 0;
    const inFlight = (): number => ++looked;
    const metrics = createMetrics(metricFamilies(figures({ inFlight })));
    await Promise.all(Array.from({ length: 1_000 }, () => metrics.scrape()));
    assert.equal(looked, 1);
    await metrics.scrape();
    assert.equal(looked, 2);
  });

  it('leave out what a role does not have', async () => {
    const { sessions, links, ...p2p } = figures();
    const text = (await createMetrics(metricFamilies(p2p)).scrape()).text;
    assert.doesNotMatch(text, /relay_home_sessions|relay_peer_links\b/);
    assert.ok(sessions !== undefined && links !== undefined);
  });

  it('are documented, all of them and nothing else', () => {
    const page = readFileSync(new URL('../../../../docs/observability.md', import.meta.url), 'utf8');
    const documented = [...page.matchAll(/^\| `(relay_\w+)` \| (\w+) \|/gm)].map(
      ([, name, kind]) => `${name} ${kind}`,
    );
    const exported = metricFamilies(figures()).map(({ name, kind }) => `${name} ${kind}`);
    assert.deepEqual(documented.toSorted(), exported.toSorted());
  });
});
