import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { describe, it } from 'node:test';
import { fakeNode, serve } from './fake-ports.test.ts';
import { createHttpServer } from './http-server.ts';

const CALL = '{"jsonrpc":"2.0","method":"counter.get","id":1}';

describe('rules for every endpoint', () => {
  const main = fakeNode('main');

  for (const { verb = 'GET', path, status, allow } of [
    { path: '/health', status: 200 },
    { path: '/health/', status: 404 },
    { path: '/Health', status: 404 },
    { path: '/nothing', status: 404 },
    { path: '/metrics', status: 404 },
    { path: '/federation/traces', status: 200 },
    { verb: 'GET', path: '/federation/circuits/reset', status: 405, allow: 'POST' },
    { verb: 'HEAD', path: '/health', status: 200 },
    { verb: 'POST', path: '/health', status: 405, allow: 'GET, HEAD' },
    { verb: 'PUT', path: '/registry', status: 405, allow: 'GET, HEAD' },
    { verb: 'PATCH', path: '/federation/peers', status: 405, allow: 'GET, HEAD' },
    { verb: 'GET', path: '/federation/peers/add', status: 405, allow: 'POST, DELETE' },
    { verb: 'GET', path: '/federation/peers/relay-b.com', status: 405, allow: 'DELETE' },
    { verb: 'PROPFIND', path: '/health', status: 405, allow: 'GET, HEAD' },
    { verb: 'GET', path: '/rpc', status: 405, allow: 'POST' },
    { verb: 'HEAD', path: '/rpc', status: 405, allow: 'POST' },
    { verb: 'GET', path: '/', status: 405, allow: 'POST' },
    { verb: 'OPTIONS', path: '/rpc', status: 200 },
    { verb: 'OPTIONS', path: '/nothing', status: 200 },
    { path: '/ws/federation', status: 426 },
    { path: '/ws/peers', status: 426 },
    { path: '/ws/p2p', status: 426 },
    { path: '/services', status: 404 },
  ]) {
    it(`answers ${verb} ${path} with ${status}`, async () => {
      await using client = await serve(main);
      const reply = await client.send(verb, path);
      assert.equal(reply.status, status);
      assert.equal(reply.headers.allow, allow);
      if (verb === 'OPTIONS' || verb === 'HEAD') assert.equal(reply.body, '');
      else {
        assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8');
        assert.ok(reply.body.endsWith('}\n'));
      }
      if (status === 426) assert.equal(reply.headers.upgrade, 'websocket');
    });
  }

  it('writes errors in one shape', async () => {
    await using client = await serve(main);
    assert.equal(
      (await client.send('POST', '/health')).body,
      '{"error":{"code":"method_not_allowed","message":"Method not allowed"}}\n',
    );
    assert.equal(
      (await client.get('/status')).body,
      '{"error":{"code":"not_found","message":"/status is served by Home Relays; this node is a Main Relay"}}\n',
    );
    assert.equal(
      (await client.send('GET', '/rpc')).body,
      '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":{"code":"invalid_request","message":"Only POST method is allowed","executed":"no","at":"relay-a.com"}},"id":null}\n',
    );
  });

  it('says on a Home which role serves a path', async () => {
    const uplink = {
      id: 'relay-a.com',
      url: 'ws://relay-a.com:8080/ws/federation',
      connectedSince: 1,
      lastHeartbeat: null,
      latencyMs: null,
      reconnectAttempts: 0,
      nextRetryMs: null,
      lastError: null,
    };
    await using client = await serve(
      fakeNode('home', {
        status: () => 'connected',
        uplinks: () => [uplink],
        fallbacks: () => [],
        services: () => [],
      }),
    );
    for (const path of ['/federation/health', '/ws/federation', '/ws/peers', '/registry/peers']) {
      const reply = await client.get(path);
      assert.equal(reply.status, 404);
      assert.equal(
        reply.body,
        `{"error":{"code":"not_found","message":"${path} is served by Main Relays; this Home is connected to relay-a.com"}}\n`,
      );
    }
    assert.equal((await client.get('/status')).status, 200);
  });

  it('serves neither registry nor federation nor links when the registry is disabled', async () => {
    await using client = await serve(main, { disableRegistry: true });
    for (const path of [
      '/registry',
      '/registry/servers',
      '/federation/health',
      '/ws/federation',
      '/ws/peers',
    ]) {
      assert.equal((await client.get(path)).status, 404, path);
    }
    assert.equal((await client.get('/health')).status, 200);
  });
});

describe('requests', () => {
  it('does not look at the Content-Type', async () => {
    await using client = await serve(fakeNode('main'));
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'nonsense', 'a/b; =', undefined]) {
      const reply = await client.rpc(
        CALL,
        (type === undefined ? {} : { 'content-type': type }) as Record<string, string>,
      );
      assert.equal(reply.body, '{"jsonrpc":"2.0","result":0,"id":1}\n', String(type));
    }
  });

  it('takes JSON only from a web page', async () => {
    await using client = await serve(fakeNode('main'));
    const origin = 'https://example.org';
    const refused = await client.rpc(CALL, { origin, 'content-type': 'text/plain' });
    assert.equal(refused.status, 415);
    assert.match(refused.body, /"code":-32600,.*"id":null}\n$/);
    assert.equal((await client.rpc(CALL, { origin })).status, 415);
    assert.equal((await client.send('DELETE', '/federation/peers/x', undefined, { origin })).status, 415);
    assert.equal((await client.rpc(CALL, { origin, 'content-type': 'application/jsonx' })).status, 415);
    const type = 'application/json; charset=utf-8';
    assert.equal((await client.rpc(CALL, { origin, 'content-type': type })).status, 200);
  });

  it('refuses a Content-Encoding', async () => {
    await using client = await serve(fakeNode('main'));
    assert.equal((await client.rpc(CALL, { 'content-encoding': 'gzip' })).status, 415);
    const plain = await client.send('POST', '/federation/peers/add', '{}', { 'content-encoding': 'br' });
    assert.match(plain.body, /^{"error":{"code":"unsupported_media_type"/);
  });

  it('refuses a body above the limit, in the shape of the path', async () => {
    await using client = await serve(fakeNode('main'));
    const rpc = await client.rpc(`"${'x'.repeat(262_144)}"`);
    assert.equal(rpc.status, 413);
    assert.match(
      rpc.body,
      /^{"jsonrpc":"2.0","error":{"code":-32010,"message":"Payload too large",.*"limit":{"name":"body","max":262144}}},"id":null}\n$/,
    );
    const chunked = await client.rpc(`"${'x'.repeat(262_144)}"`, { 'transfer-encoding': 'chunked' });
    assert.equal(chunked.status, 413);
    const other = await client.send('POST', '/federation/peers/add', 'x'.repeat(300_000));
    assert.equal(other.status, 413);
    assert.match(other.body, /^{"error":{"code":"payload_too_large"/);
    assert.equal((await client.rpc(CALL.padEnd(262_144))).status, 200);
  });

  it('refuses too many or too long headers', async () => {
    await using client = await serve(fakeNode('main'));
    const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`x-${i}`, '1']));
    assert.equal((await client.get('/health', many)).status, 431);
    const some = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x-${i}`, '1']));
    assert.equal((await client.get('/health', some)).status, 200);
    assert.equal((await client.get('/health', { 'x-long': 'x'.repeat(9_000) })).status, 431);
  });

  it('ends a request that is no HTTP, and one whose headers never end', async () => {
    await using client = await serve(fakeNode('main'), { headersTimeoutMs: 50, requestTimeoutMs: 50 });
    assert.match(await raw(client.port, 'hello\r\n\r\n'), /^HTTP\/1.1 400 .*"code":"bad_request"/s);
    assert.match(await raw(client.port, 'GET /health HTTP/1.1\r\nHost: x\r\n'), /^HTTP\/1.1 408 /);
  });
});

describe('a connection', () => {
  it('is closed with the last answer that it may carry', async () => {
    await using client = await serve(fakeNode('main'), { socketRequests: 2 });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const kept: (string | undefined)[] = [];
    for (let n = 0; n < 3; n++) {
      const request = http.get({ host: '127.0.0.1', port: client.port, path: '/live', agent });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      response.resume();
      await once(response, 'end');
      assert.equal(response.statusCode, 200);
      kept.push(response.headers.connection);
    }
    agent.destroy();
    assert.deepEqual(kept, ['keep-alive', 'close', 'keep-alive']);
  });
});

describe('web pages of other origins', () => {
  const origin = 'https://example.org';

  it('get no CORS header unless they are named', async () => {
    await using client = await serve(fakeNode('main'));
    const reply = await client.send('OPTIONS', '/rpc', undefined, { origin });
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['access-control-allow-origin'], undefined);
  });

  it('get them when they are', async () => {
    await using client = await serve(fakeNode('main'), { corsOrigins: [origin] });
    const { headers } = await client.send('OPTIONS', '/rpc', undefined, { origin });
    assert.equal(headers['access-control-allow-origin'], origin);
    assert.equal(headers['access-control-allow-methods'], 'GET, POST, DELETE, OPTIONS');
    assert.equal(
      headers['access-control-allow-headers'],
      'Content-Type, Authorization, Idempotency-Key, Relay-Timeout, Relay-Trace',
    );
    assert.equal(headers.vary, 'Origin');
    const other = await client.get('/health', { origin: 'https://example.com' });
    assert.equal(other.headers['access-control-allow-origin'], undefined);
    assert.equal(other.headers.vary, 'Origin');
  });

  it('get them all with a star, and none when CORS is off', async () => {
    await using open = await serve(fakeNode('main'), { corsOrigins: ['*'] });
    assert.equal((await open.get('/health')).headers['access-control-allow-origin'], '*');
    await using off = await serve(fakeNode('main'), { corsOrigins: ['*'], cors: false });
    assert.equal((await off.get('/health', { origin })).headers['access-control-allow-origin'], undefined);
  });

  it('never prevent the headers of the settings', async () => {
    await using client = await serve(fakeNode('main'), { headers: { 'X-Frame-Options': 'DENY' } });
    assert.equal((await client.get('/nothing')).headers['x-frame-options'], 'DENY');
    assert.equal((await client.rpc(CALL)).headers['x-frame-options'], 'DENY');
  });
});

describe('credentials', () => {
  const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

  it('are asked for everywhere but at the probes', async () => {
    await using client = await serve(fakeNode('main'), { apiToken: 'one' });
    for (const path of ['/health', '/live', '/ready', '/.well-known/relay']) {
      assert.equal((await client.get(path)).status, 200, path);
    }
    assert.equal((await client.send('OPTIONS', '/rpc')).status, 200);
    for (const path of ['/info', '/registry', '/federation/health', '/ws/peers', '/nothing']) {
      const reply = await client.get(path);
      assert.equal(reply.status, 401, path);
      assert.equal(reply.headers['www-authenticate'], 'Bearer');
      assert.match(reply.body, /^{"error":{"code":"unauthorized"/);
    }
    assert.equal((await client.get('/info', bearer('one'))).status, 200);
    assert.equal((await client.get('/info', bearer('two'))).status, 401);
    assert.equal((await client.get('/info?token=one')).status, 401);
  });

  it('are a JSON-RPC failure on /rpc', async () => {
    const node = fakeNode('main');
    await using client = await serve(node, { apiToken: 'one' });
    const reply = await client.rpc(CALL);
    assert.equal(reply.status, 401);
    assert.equal(reply.headers['www-authenticate'], 'Bearer');
    assert.match(
      reply.body,
      /^{"jsonrpc":"2.0","error":{"code":-32012,"message":"Unauthorized",.*"id":null}\n$/,
    );
    assert.equal(node.calls.length, 0);
    assert.equal((await client.rpc(CALL, bearer('one'))).status, 200);
  });

  it('never get into the log', async () => {
    const node = fakeNode('main');
    await using client = await serve(node, { apiToken: 'one' });
    await client.get('/info?api=topsecret', bearer('topsecret'));
    await client.rpc(CALL, bearer('one'));
    assert.match(node.lines.join(''), / info request method=GET path=\/info status=401 ms=/);
    assert.match(node.lines.join(''), / debug request method=POST path=\/rpc status=200 ms=\S+ trace=5f2c/);
    assert.doesNotMatch(node.lines.join(''), /topsecret|Bearer|counter/);
  });

  for (const { why, options, headers, status } of [
    { why: 'from loopback without a token', options: {}, headers: {}, status: 200 },
    { why: 'through a proxy', options: {}, headers: { 'x-forwarded-for': '9.9.9.9' }, status: 403 },
    {
      why: 'through a proxy when remote administration is allowed',
      options: { allowRemoteAdmin: true },
      headers: { 'x-forwarded-for': '9.9.9.9' },
      status: 200,
    },
    {
      why: 'from a page of another site',
      options: {},
      headers: { origin: 'https://example.org', 'content-type': 'application/json' },
      status: 403,
    },
    {
      why: 'from a page of a name that was pointed here',
      options: {},
      headers: { host: 'evil.example', origin: 'http://evil.example', 'content-type': 'application/json' },
      status: 403,
    },
    {
      why: 'from a page of this node',
      options: {},
      headers: { host: 'localhost:1', origin: 'http://localhost:1', 'content-type': 'application/json' },
      status: 200,
    },
    { why: 'without the admin token', options: { adminToken: 'a' }, headers: {}, status: 401 },
    { why: 'with the admin token', options: { adminToken: 'a' }, headers: bearer('a'), status: 200 },
    {
      why: 'with the api token only',
      options: { adminToken: 'a', apiToken: 'b' },
      headers: bearer('b'),
      status: 403,
    },
    {
      why: 'with the admin token where callers need one too',
      options: { adminToken: 'a', apiToken: 'b' },
      headers: bearer('a'),
      status: 200,
    },
  ]) {
    it(`let change peers or not: ${why}`, async () => {
      await using client = await serve(fakeNode('main'), options);
      const body = '{"url":"ws://relay-b.com"}';
      const reply = await client.send(
        'POST',
        '/federation/peers/add',
        body,
        headers as Record<string, string>,
      );
      assert.equal(reply.status, status, reply.body);
    });
  }
});

describe('the server', () => {
  it('takes over a port that was opened earlier, and gives it back', async () => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as net.AddressInfo;
    const server = createHttpServer(fakeNode('main').ports);
    const bound = await server.listen({
      handOver: async (http) => {
        http.listen(holder);
        await once(http, 'listening');
      },
    });
    assert.equal(bound.port, port);
    assert.match(await raw(port, 'GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /"alive"/);
    await Promise.all([server.close(), server.close()]);
    assert.equal(server.server.listening, false);
    const again = net.createServer().listen(port, '127.0.0.1');
    await once(again, 'listening');
    again.close();
  });

  it('answers what has begun before it ends', async () => {
    const node = fakeNode('main');
    node.answer = () => undefined;
    const client = await serve(node);
    const reply = client.rpc(CALL);
    while (node.calls.length < 1) await new Promise((resolve) => setImmediate(resolve));
    const closed = client.server.close();
    node.calls[0]!.settle({ kind: 'result', body: new TextEncoder().encode('1') });
    assert.equal((await reply).body, '{"jsonrpc":"2.0","result":1,"id":1}\n');
    await closed;
  });

  it('answers 500 without internals when something of ours is broken', async () => {
    const node = fakeNode('main');
    node.answer = () => {
      throw new Error('secret detail');
    };
    await using client = await serve(node);
    const reply = await client.rpc(CALL);
    assert.equal(reply.status, 500);
    assert.match(reply.body, /"code":-32603,.*"executed":"unknown"/);
    assert.doesNotMatch(reply.body, /secret detail/);
    assert.match(node.lines.join(''), / error request failed .*secret detail/);
  });
});

/** Writes bytes and reads until the end. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    net
      .connect(port, '127.0.0.1')
      .on('data', (data) => {
        answer += data.toString();
      })
      .on('error', reject)
      .on('close', () => resolve(answer))
      .write(bytes);
  });
}
