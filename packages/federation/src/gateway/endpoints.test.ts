import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CLOCK_TIME, fakeNode, instance, method, peer, serve } from './fake-ports.test.ts';
import type { MainLinkSource, UplinkView } from './ports.ts';

const AT = Date.parse('2026-11-22T10:50:00.120Z');

function mainWithServices() {
  const node = fakeNode('main');
  node.instances = [
    instance('news', 'relay-a.com', { origin: 'self', circuit: 'open' }),
    instance('blog', 'alice.home', {
      mainRelay: 'relay-a.com',
      methods: [method('get_posts'), method('create_post')],
      calls: 120,
      failures: 1,
      averageLatencyMs: 4.10049,
    }),
    instance('blog', 'bob.home', {
      mainRelay: 'relay-b.com',
      origin: 'peer',
      expiresAt: AT,
      isHealthy: false,
    }),
    instance('shop', 'bob.home', { mainRelay: 'relay-b.com', origin: 'peer', expiresAt: AT }),
    instance('__proto__', 'old.node', { mainRelay: 'relay-a.com', origin: 'p2p' }),
  ];
  node.homes = [
    {
      id: 'zoe.home',
      connected: false,
      connectedSince: null,
      lastHeartbeat: null,
      latencyMs: null,
      services: 0,
    },
    { id: 'alice.home', connected: true, connectedSince: AT, lastHeartbeat: AT, latencyMs: 0.8, services: 1 },
  ];
  node.peers = [
    peer('relay-c.com', { source: 'inbound', direction: 'inbound', connectedSince: AT, latencyMs: 1.23456 }),
    peer(null, { state: 'down', isHealthy: false, lastError: 'connection refused', nextRetryMs: 12.6 }),
    peer('relay-b.com', { calls: { forwarded: 52, failed: 1 }, bytes: { sent: 1, received: 2 } }),
  ];
  return node;
}

describe('health', () => {
  it('is told in the form of existing nodes', async () => {
    const node = mainWithServices();
    await using client = await serve(node);
    const { body } = await client.get('/health');
    const seconds = Math.floor(node.clock.wallNow() / 1000);
    assert.equal(
      body,
      `{"status":"healthy","timestamp":${seconds},"servers":1,"node_id":"relay-a.com","node_type":"main"}\n`,
    );
    assert.equal((await client.get('/live')).body, '{"status":"alive"}\n');
    assert.equal((await client.get('/ready')).body, '{"status":"ready"}\n');
  });

  it('says why a node is not ready', async () => {
    const node = fakeNode('main');
    node.reasons = ['draining', 'overloaded'];
    await using client = await serve(node);
    const reply = await client.get('/ready');
    assert.equal(reply.status, 503);
    assert.equal(reply.body, '{"status":"not_ready","reasons":["draining","overloaded"]}\n');
    assert.equal((await client.get('/health')).status, 200);
  });

  it('closes each connection after its answer while the node drains, so that nobody writes to one that ends', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    const keepAlive = { connection: 'keep-alive' };
    const before = await client.get('/health', keepAlive);
    node.state = 'draining';
    const after = await client.get('/health', keepAlive);
    assert.deepEqual(
      [before.headers['connection'], after.headers['connection'], after.status],
      ['keep-alive', 'close', 200],
    );
  });

  it('comes with what a node is and offers', async () => {
    const node = mainWithServices();
    await using client = await serve(node);
    assert.deepEqual(await client.json('/info'), {
      relay_version: '0.3.0-dev',
      jsonrpc_version: '2.0',
      node_id: 'relay-a.com',
      node_type: 'main',
      architecture: 'hub_and_spoke',
      servers: ['news'],
      server_count: 1,
      endpoints: {
        rpc: '/rpc',
        health: '/health',
        info: '/info',
        registry: '/registry',
        federation: '/federation/registry',
      },
      capabilities: ['jsonrpc-2.0', 'batch', 'openrpc', 'remote-calls', 'federation'],
      timestamp: CLOCK_TIME,
    });
    await using home = await serve(fakeNode('home'));
    assert.deepEqual((await home.json('/info'))['endpoints'], {
      rpc: '/rpc',
      health: '/health',
      info: '/info',
      registry: '/registry',
      services: '/services',
      status: '/status',
    });
    await using closed = await serve(fakeNode('main'), { disableRegistry: true });
    assert.deepEqual((await closed.json('/info'))['capabilities'], ['jsonrpc-2.0', 'batch', 'openrpc']);
  });

  it('comes with paths and limits', async () => {
    await using client = await serve(fakeNode('main'), { limits: { batch: 3 } });
    assert.equal(
      (await client.get('/.well-known/relay')).body,
      '{"node_id":"relay-a.com","node_type":"main","versions":[1],"subprotocols":["relay.v1.bin","relay.v1.json"],' +
        '"paths":{"federation":"/ws/federation","peers":"/ws/peers","rpc":"/rpc"},' +
        '"limits":{"body":262144,"answer":1048576,"batch":3,"depth":32,"values":10000,' +
        '"message_bytes":1048576,"body_bytes":16777216,"in_flight":1024,"services":64,"service_bytes":16384}}\n',
    );
    await using home = await serve(fakeNode('home'));
    assert.deepEqual((await home.json('/.well-known/relay'))['paths'], { rpc: '/rpc' });
  });
});

describe('the registry', () => {
  it('lists what is callable, the preferred instance by its plain name', async () => {
    await using client = await serve(mainWithServices());
    const registry = await client.json('/registry');
    assert.deepEqual(Object.keys(registry), [
      'node_id',
      'node_type',
      'node_address',
      'servers',
      'peers',
      'timestamp',
    ]);
    assert.equal(registry['node_address'], '10.0.0.5:8080');
    assert.deepEqual(registry['peers'], {});
    const servers = registry['servers'] as Record<string, unknown>;
    assert.deepEqual(Object.keys(servers), [
      'news',
      'blog',
      'blog@bob.home@relay-b.com',
      'shop',
      '__proto__',
    ]);
    assert.deepEqual(servers['blog'], {
      name: 'blog',
      node_id: 'alice.home',
      node_address: 'alice.home@relay-a.com',
      methods: ['get_posts', 'create_post'],
      last_seen: '2026-11-22T10:58:50.368Z',
      is_local: true,
      is_healthy: true,
      origin: 'home',
    });
    assert.deepEqual(await client.json('/registry/servers'), servers);
    assert.deepEqual(await client.json('/registry/peers'), {});
  });

  it('can be narrowed without changing the keys', async () => {
    await using client = await serve(mainWithServices());
    const keys = async (scope: string): Promise<string[]> =>
      Object.keys(await client.json(`/registry/servers?scope=${scope}`));
    assert.deepEqual(await keys('local'), ['news', 'blog']);
    assert.deepEqual(await keys('federated'), ['blog@bob.home@relay-b.com', 'shop', '__proto__']);
    assert.equal((await keys('all')).length, 5);
    assert.equal((await client.get('/registry?scope=mine')).status, 400);
    assert.equal((await client.get('/registry?scope=all&scope=local')).status, 400);
  });

  it('has a health answer of six fields', async () => {
    await using client = await serve(mainWithServices());
    assert.equal(
      (await client.get('/registry/health')).body,
      `{"status":"healthy","node_id":"relay-a.com","node_address":"10.0.0.5:8080","server_count":5,"peer_count":0,"timestamp":"${CLOCK_TIME}"}\n`,
    );
  });

  it('never shows a wildcard address', async () => {
    const node = fakeNode('main');
    node.address = undefined;
    await using client = await serve(node, { host: '0.0.0.0' });
    assert.equal((await client.json('/registry'))['node_address'], `127.0.0.1:${client.port}`);
  });
});

describe('the federation', () => {
  it('has a registry of instances by name and address', async () => {
    await using client = await serve(mainWithServices());
    const page = await client.json('/federation/registry');
    assert.equal(page['local_services'], 3);
    assert.equal(page['federated_services'], 2);
    assert.equal(page['total_services'], 5);
    const local = page['local'] as Record<string, unknown>[];
    const federated = page['federated'] as Record<string, unknown>[];
    assert.deepEqual(
      local.map(({ service_name, address }) => [service_name, address]),
      [
        ['__proto__', 'old.node@relay-a.com'],
        ['blog', 'alice.home@relay-a.com'],
        ['news', 'relay-a.com'],
      ],
    );
    assert.deepEqual(local[1], {
      service_name: 'blog',
      node_id: 'alice.home',
      main_relay: 'relay-a.com',
      address: 'alice.home@relay-a.com',
      origin: 'local',
      methods: ['get_posts', 'create_post'],
      is_healthy: true,
      last_seen: '2026-11-22T10:58:50.368Z',
      circuit: 'closed',
      load_balancing: 'round_robin',
      load_metrics: { in_flight: 0, calls: 120, success_rate: 0.992, average_latency_ms: 4.1 },
    });
    assert.equal(federated[0]!['origin'], 'federated');
    assert.equal(federated[0]!['expires_at'], '2026-11-22T10:50:00.120Z');
    assert.deepEqual(page['homes'], [
      {
        id: 'alice.home',
        connected: true,
        connected_since: '2026-11-22T10:50:00.120Z',
        last_heartbeat: '2026-11-22T10:50:00.120Z',
        latency_ms: 0.8,
        services: 1,
      },
      {
        id: 'zoe.home',
        connected: false,
        connected_since: null,
        last_heartbeat: null,
        latency_ms: null,
        services: 0,
      },
    ]);
    assert.equal(page['next'], undefined);
  });

  for (const [query, names] of [
    ['service=blog', ['alice.home@relay-a.com', 'bob.home@relay-b.com']],
    ['node=bob.home@relay-b.com', ['bob.home@relay-b.com', 'bob.home@relay-b.com']],
    ['node=alice.home', ['alice.home@relay-a.com']],
    ['node=local', ['relay-a.com']],
    ['scope=federated&service=shop', ['bob.home@relay-b.com']],
    ['scope=local&service=shop', []],
  ] as const) {
    it(`filters its registry by ${query}, not its counts`, async () => {
      await using client = await serve(mainWithServices());
      const page = await client.json(`/federation/registry?${query}`);
      const rows = [
        ...(page['local'] as { address: string }[]),
        ...(page['federated'] as { address: string }[]),
      ];
      assert.deepEqual(
        rows.map(({ address }) => address),
        names,
      );
      assert.equal(page['total_services'], 5);
    });
  }

  it('pages through its registry, each instance once', async () => {
    await using client = await serve(mainWithServices());
    const seen: string[] = [];
    let after = '';
    for (let pages = 0; pages < 5; pages++) {
      const page = await client.json(`/federation/registry?limit=2${after}`);
      for (const row of [
        ...(page['local'] as { service_name: string }[]),
        ...(page['federated'] as { service_name: string }[]),
      ]) {
        seen.push(row.service_name);
      }
      if (page['next'] === undefined) break;
      after = `&after=${encodeURIComponent(String(page['next']))}`;
    }
    assert.deepEqual(seen.sort(), ['__proto__', 'blog', 'blog', 'news', 'shop']);
  });

  for (const query of [
    'limit=0',
    'limit=x',
    'limit=-1',
    'scope=all',
    'node=a@b@c',
    'node=',
    'service=a&service=b',
  ]) {
    it(`refuses ${query}`, async () => {
      await using client = await serve(mainWithServices());
      const reply = await client.get(`/federation/registry?${query}`);
      assert.equal(reply.status, 400);
      assert.match(reply.body, /^{"error":{"code":"bad_request"/);
    });
  }

  it('lists peers by id, also those that never answered', async () => {
    await using client = await serve(mainWithServices());
    const { peers } = (await client.json('/federation/peers')) as { peers: Record<string, unknown>[] };
    assert.deepEqual(
      peers.map(({ id }) => id),
      [null, 'relay-b.com', 'relay-c.com'],
    );
    assert.deepEqual(peers[0], {
      id: null,
      url: 'ws://nowhere:8081/ws/peers',
      state: 'down',
      is_healthy: false,
      direction: 'outbound',
      source: 'flag',
      connected_since: null,
      last_seen: null,
      latency_ms: null,
      services: 0,
      reconnect_attempts: 0,
      next_retry_ms: 13,
      last_error: 'connection refused',
      calls: { forwarded: 0, failed: 0 },
      bytes: { sent: 0, received: 0 },
    });
    assert.equal(peers[2]!['latency_ms'], 1.235);
  });

  for (const [body, status, message] of [
    ['{"url":"ws://relay-b.com:8081","node_id":"relay-b.com"}', 200, 'Peer ws://relay-b.com:8081 added'],
    ['{"url":"ws://relay-b.com:8081","node_id":null}', 200, 'Peer ws://relay-b.com:8081 added'],
    ['nonsense', 400, 'Invalid JSON'],
    ['[]', 400, 'Invalid JSON'],
    ['', 400, 'Invalid JSON'],
    ['{}', 400, 'url is required'],
    ['{"url":""}', 400, 'url is required'],
    ['{"url":"nonsense"}', 400, 'invalid url: expected ws://HOST'],
    ['{"url":"ws://x","node_id":"-"}', 400, 'invalid node_id: -'],
    ['{"url":"ws://169.254.1.1"}', 403, 'address not allowed'],
    [
      '{"url":"ws://other","node_id":"relay-b.com"}',
      409,
      'peer relay-b.com is already configured with another url',
    ],
  ] as const) {
    it(`answers ${status} to peers/add with ${body.slice(0, 60)}`, async () => {
      await using client = await serve(fakeNode('main'));
      const reply = await client.send('POST', '/federation/peers/add', body);
      const answer = JSON.parse(reply.body);
      assert.equal(reply.status, status);
      assert.equal(answer.message ?? answer.error.message, message);
      if (status === 200) {
        assert.equal(answer.status, 'success');
        assert.equal(answer.peer.state, 'connecting');
      }
    });
  }

  for (const [body, status, answer] of [
    ['{"service":"blog","address":"alice.home"}', 200, 'blog alice.home'],
    ['{"service":"blog","address":null}', 200, 'blog undefined'],
    ['{}', 200, 'undefined undefined'],
    ['', 200, 'undefined undefined'],
    ['nonsense', 400, 'Invalid JSON'],
    ['{"service":""}', 400, 'invalid service: '],
    ['{"address":5}', 400, 'invalid address: 5'],
  ] as const) {
    it(`answers ${status} to circuits/reset with ${body}`, async () => {
      const node = fakeNode('main');
      const asked: string[] = [];
      const circuits = {
        reset: (service?: string, address?: string) => asked.push(`${service} ${address}`),
      };
      await using client = await serve({ ...node, ports: { ...node.ports, circuits } });
      const reply = await client.send('POST', '/federation/circuits/reset', body);
      assert.equal(reply.status, status);
      if (status === 200) {
        assert.equal(reply.body, '{"status":"success","reset":1}\n');
        assert.deepEqual(asked, [answer]);
      } else {
        assert.equal(JSON.parse(reply.body).error.message, answer);
        assert.deepEqual(asked, []);
      }
    });
  }

  it('shows circuits that are not closed, and instances that are left out', async () => {
    const node = fakeNode('main');
    node.instances.push(
      instance('blog', 'alice.home', {
        circuit: 'open',
        circuits: [{ method: 'get', state: 'open', retryAfterMs: 1200 }],
        ejectedForMs: 30_000,
      }),
      instance('shop', 'alice.home', { circuits: [] }),
    );
    await using client = await serve(node);
    const { local } = JSON.parse((await client.get('/federation/registry')).body);
    assert.deepEqual(
      [local[0].circuit, local[0].circuits, local[0].ejected_for_ms],
      ['open', [{ method: 'get', state: 'open', retry_after_ms: 1200 }], 30_000],
    );
    assert.deepEqual(['circuits' in local[1], 'ejected_for_ms' in local[1]], [false, false]);
  });

  it('removes a peer by id or encoded URL', async () => {
    await using client = await serve(mainWithServices());
    const byId = await client.send('DELETE', '/federation/peers/relay-b.com');
    assert.equal(byId.body, '{"status":"success","message":"Peer relay-b.com removed"}\n');
    const url = encodeURIComponent(`ws://nowhere:8081/ws/peers`);
    assert.equal((await client.send('DELETE', `/federation/peers/${url}`)).status, 200);
    const gone = await client.send('DELETE', '/federation/peers/relay-b.com');
    assert.equal(gone.status, 404);
    assert.equal(gone.body, '{"error":{"code":"not_found","message":"no such peer: relay-b.com"}}\n');
  });

  it('tells its health with six fixed members first', async () => {
    const node = mainWithServices();
    node.stats = { total: 4821, failed: 17, inFlight: 3, averageLatencyMs: 44.6 };
    node.openCircuits = 1;
    node.clock.advanceSync(90_000);
    await using client = await serve(node);
    const { body } = await client.get('/federation/health');
    assert.ok(
      body.startsWith(
        '{"status":"degraded","connected_homes":1,"connected_peers":2,"total_services":5,"failed_services":2,"average_latency":"45ms",' +
          '"node_id":"relay-a.com","node_type":"main","relay_version":"0.3.0-dev","uptime_seconds":90,"configured_peers":2,"p2p_peers":0,' +
          '"local_services":3,"federated_services":2,"open_circuits":1,"calls":{"total":4821,"failed":17,"in_flight":3},"peers":[{"id":null,',
      ),
      body,
    );
  });

  it('is healthy, degraded or unhealthy', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    const status = async (): Promise<unknown> => (await client.json('/federation/health'))['status'];
    const reasons = async (): Promise<unknown> => (await client.json('/federation/health'))['reasons'];
    assert.equal(await status(), 'healthy');
    assert.deepEqual(await reasons(), []);
    node.peers = [
      peer('relay-b.com'),
      peer('me', { state: 'self' }),
      peer('x', { state: 'down', source: 'inbound' }),
    ];
    assert.equal(await status(), 'healthy');
    node.peers.push(peer('relay-c.com', { state: 'down', lastError: 'connection refused' }));
    assert.equal(await status(), 'degraded');
    assert.deepEqual(await reasons(), ['peer relay-c.com is down: connection refused']);
    node.peers = [];
    node.instances = [instance('a', 'x', { isHealthy: false }), instance('b', 'x')];
    assert.equal(await status(), 'degraded');
    assert.deepEqual(await reasons(), ['1 of 2 services failed']);
    node.instances.push(instance('c', 'x'));
    assert.equal(await status(), 'healthy');
    node.reasons = ['overloaded'];
    assert.equal(await status(), 'unhealthy');
    node.reasons = [];
    node.state = 'draining';
    assert.equal(await status(), 'unhealthy');
    assert.deepEqual(await reasons(), ['this node is shutting down']);
  });
});

describe('a Home', () => {
  const uplink: UplinkView = {
    id: 'relay-a.com',
    url: 'ws://relay-a.com:8080/ws/federation',
    connectedSince: AT,
    lastHeartbeat: AT,
    latencyMs: 0.8,
    reconnectAttempts: 0,
    nextRetryMs: null,
    lastError: null,
  };
  const link: MainLinkSource = {
    status: () => 'connected',
    uplinks: () => [uplink],
    fallbacks: () => ['ws://relay-b.com:8081/ws/federation'],
    services: () => [
      { name: 'blog', methods: ['get'], registered: true, inFlight: 0, calls: 120, errors: 1 },
    ],
  };

  it('tells its services and the state of its link', async () => {
    await using client = await serve(fakeNode('home', link));
    assert.equal(
      (await client.get('/services')).body,
      `{"node_id":"alice.home","main_relay":"relay-a.com","services":[{"service_name":"blog","methods":["get"],"registered":true,"in_flight":0,"calls":120,"errors":1}],"timestamp":"${CLOCK_TIME}"}\n`,
    );
    assert.equal(
      (await client.get('/status')).body,
      '{"node_id":"alice.home","node_type":"home","status":"connected","main_relay":{"id":"relay-a.com","url":"ws://relay-a.com:8080/ws/federation","connected_since":"2026-11-22T10:50:00.120Z","last_heartbeat":"2026-11-22T10:50:00.120Z","latency_ms":0.8,"reconnect_attempts":0,"next_retry_ms":null,"last_error":null},"fallbacks":["ws://relay-b.com:8081/ws/federation"],"services":1,' +
        `"uptime_seconds":0,"timestamp":"${CLOCK_TIME}"}\n`,
    );
  });

  it('with two uplinks lists both', async () => {
    await using client = await serve(
      fakeNode('home', { ...link, uplinks: () => [uplink, { ...uplink, id: 'b' }] }),
    );
    const status = (await client.json('/status')) as {
      main_relay: { id: string };
      uplinks: { id: string }[];
    };
    assert.equal(status.main_relay.id, 'relay-a.com');
    assert.deepEqual(
      status.uplinks.map(({ id }) => id),
      ['relay-a.com', 'b'],
    );
  });
});
