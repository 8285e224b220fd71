import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderStatus } from './status.ts';

const now = Date.parse('2026-11-22T12:14:00Z');
const service = (name: string, address: string, origin: string, calls: number, rate: number, ms: number) => ({
  service_name: name,
  address,
  origin,
  is_healthy: true,
  circuit: 'closed',
  load_metrics: { calls, success_rate: rate, average_latency_ms: ms },
});

describe('relay status', () => {
  it('shows a Main Relay as in the reference', () => {
    const answers = {
      '/federation/health': {
        status: 'healthy',
        connected_homes: 2,
        connected_peers: 1,
        total_services: 3,
        failed_services: 0,
        average_latency: '12ms',
        node_id: 'relay-a.com',
        node_type: 'main',
        uptime_seconds: 8040,
        configured_peers: 1,
      },
      '/federation/registry': {
        local: [
          service('shop_service', 'bob.home@relay-a.com', 'local', 31, 1, 3),
          service('blog_service', 'alice.home@relay-a.com', 'local', 120, 0.992, 4.1),
        ],
        federated: [service('news_service', 'charlie.home@relay-b.com', 'federated', 7, 1, 12.5)],
        homes: [
          {
            id: 'alice.home',
            connected: true,
            connected_since: '2026-11-22T10:00:00Z',
            latency_ms: 0.8,
            services: 1,
          },
          {
            id: 'bob.home',
            connected: true,
            connected_since: '2026-11-22T10:01:00Z',
            latency_ms: 0.9,
            services: 1,
          },
        ],
      },
      '/federation/peers': {
        peers: [
          {
            id: 'relay-b.com',
            state: 'connected',
            latency_ms: 1.2,
            services: 1,
            reconnect_attempts: 0,
            last_error: null,
          },
        ],
      },
    };
    assert.deepEqual(renderStatus(answers, now), [
      'relay-a.com   main   healthy   up 2 h 14 m   homes 2   peers 1/1   services 3 (0 failed)   latency 12ms',
      '',
      'HOME         STATE       SINCE      LATENCY   SERVICES',
      'alice.home   connected   2 h 14 m   0.8 ms    1',
      'bob.home     connected   2 h 13 m   0.9 ms    1',
      '',
      'PEER          STATE       LATENCY   SERVICES   RECONNECTS   LAST ERROR',
      'relay-b.com   connected   1.2 ms    1          0            -',
      '',
      'SERVICE        NODE                       ORIGIN      HEALTH   CIRCUIT   CALLS   OK %   LATENCY',
      'blog_service   alice.home@relay-a.com     local       ok       closed    120     99.2   4.1 ms',
      'news_service   charlie.home@relay-b.com   federated   ok       closed    7       100    12.5 ms',
      'shop_service   bob.home@relay-a.com       local       ok       closed    31      100    3.0 ms',
    ]);
  });

  it('tells peers that dialled in from those that are configured', () => {
    const shown = (connected: number, configured: number, sources: readonly string[]) => {
      const peers = sources.map((source, index) => ({ id: `p${index}`, state: 'connected', source }));
      const health = { connected_peers: connected, configured_peers: configured };
      const lines = renderStatus({ '/federation/health': health, '/federation/peers': { peers } }, now);
      return [/peers .*?(?= {2})/.exec(lines[0] ?? '')?.[0], lines.find((line) => line.startsWith('p0'))];
    };
    assert.equal(shown(0, 0, [])[0], 'peers 0');
    const [head, row] = shown(1, 0, ['inbound']);
    assert.equal(head, 'peers 1 inbound');
    assert.match(row ?? '', /^p0 +connected \(inbound\) /);
    assert.equal(shown(2, 1, ['inbound', 'flag'])[0], 'peers 1/1 + 1 inbound');
    assert.equal(shown(1, 2, ['flag'])[0], 'peers 1/2');
    assert.equal(shown(1, 1, ['inbound'])[0], 'peers 0/1 + 1 inbound');
  });

  it('escapes what other nodes call themselves, and survives answers it does not know', () => {
    const [head] = renderStatus({ '/federation/health': { node_id: 'a\u001b[31m', status: 7 } }, now);
    assert.match(head ?? '', /^a\\u001b\[31m {3}main {3}7 /);
    assert.equal(renderStatus({ '/status': 'nonsense' }, now).length > 0, true);
  });
});
