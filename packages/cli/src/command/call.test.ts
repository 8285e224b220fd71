import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { asObject } from '../json.ts';
import { type RunResult, runInProcess } from '../testing.ts';

let server: Server;
let port = 0;
let answer: unknown;
let seen: { body: unknown; authorization: string | undefined } | undefined;

before(async () => {
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      seen = { body: JSON.parse(text), authorization: request.headers.authorization };
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
after(() => server.close());

const call = (...argv: string[]): Promise<RunResult> =>
  runInProcess(['call', ...argv], { RELAY_MAIN: `127.0.0.1:${port}` });
const params = (): unknown => asObject(seen?.body)['params'];

describe('relay call', () => {
  it('calls a service by name and prints the bare result', async () => {
    answer = { jsonrpc: '2.0', result: [1, { a: null }], id: 1 };
    assert.deepEqual(await call('blog_service.get_posts'), { code: 0, out: '[1,{"a":null}]\n', err: '' });
    assert.deepEqual(params(), { service_name: 'blog_service', method: 'get_posts', timeout: 60 });
  });

  it('sends arguments, address, time limit, key and credential', async () => {
    answer = { jsonrpc: '2.0', result: null, id: 1 };
    const { code, out } = await runInProcess(
      [
        'call',
        'shop_service.buy',
        '{"sku":"lamp"}',
        '--node=bob.home@relay-a.com',
        '--timeout',
        '2.5',
        '--idempotency-key',
        'k1',
        '--main',
        `http://relay-a.com:${port}`,
      ],
      { RELAY_API_TOKEN: 'secret', RELAY_RESOLVE: 'relay-a.com=127.0.0.1' },
    );
    assert.deepEqual({ code, out }, { code: 0, out: 'null\n' });
    assert.equal(seen?.authorization, 'Bearer secret');
    assert.deepEqual(params(), {
      node_id: 'bob.home@relay-a.com',
      server_name: 'shop_service',
      method: 'buy',
      args: { sku: 'lamp' },
      timeout: 2.5,
      idempotency_key: 'k1',
    });
  });

  it('reads the arguments from stdin for -', async () => {
    answer = { jsonrpc: '2.0', result: 1, id: 1 };
    await runInProcess(['call', 's.m', '-', '--main', `127.0.0.1:${port}`], {}, { stdin: '[1, 2]' });
    assert.deepEqual(asObject(params())['args'], [1, 2]);
  });

  it('prints the route on stderr with --trace', async () => {
    const trace = {
      path: ['alice.home', 'relay-a.com', 'bob.home'],
      hops: 2,
      total_ms: 11.8,
      spans: [{ node: 'bob.home', event: 'executed', ms: 3.1 }],
    };
    answer = { jsonrpc: '2.0', result: { result: 'x', trace }, id: 1 };
    assert.deepEqual(await call('--trace', 's.m'), {
      code: 0,
      out: '"x"\n',
      err: 'alice.home → relay-a.com → bob.home  2 hops  11.8 ms\n  bob.home  executed  3.1 ms\n',
    });
  });

  it('says what failed, where, and whether the method ran', async () => {
    const data = {
      code: 'timeout',
      message: 'no answer',
      executed: 'unknown',
      at: 'relay-a.com',
      trace_id: '5f2c',
    };
    answer = { jsonrpc: '2.0', error: { code: -32006, message: 'Timeout', data }, id: 1 };
    assert.deepEqual(await call('s.m'), {
      code: 1,
      out: '',
      err: 'Error -32006 timeout: no answer (executed: unknown, at relay-a.com, trace 5f2c)\n',
    });
  });

  it('prints the whole answer with --json, also of a failed call', async () => {
    answer = { jsonrpc: '2.0', error: { code: 1, message: 'x' }, id: 1 };
    assert.deepEqual(await call('s.m', '--json'), { code: 1, out: `${JSON.stringify(answer)}\n`, err: '' });
  });

  it('exits with 4 when nobody answers', async () => {
    const { code, err } = await runInProcess(['call', 's.m', '--main', '127.0.0.1:1']);
    assert.deepEqual(
      { code, err },
      { code: 4, err: 'Error: cannot reach http://127.0.0.1:1: connection refused\n' },
    );
  });

  for (const argv of [['s.m', '{'], ['s.m', '1'], ['s'], [], ['s.m', '--timeout', '0'], ['s.m', '[]', 'x']]) {
    it(`exits with 2 for ${JSON.stringify(argv)}`, async () => assert.equal((await call(...argv)).code, 2));
  }
});
