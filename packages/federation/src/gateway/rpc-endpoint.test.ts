import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { describe, it } from 'node:test';
import { createFailure, type Outcome } from '@relay/protocol';
import { fakeNode, instance, method, NOT_FOUND, result, serve, TRACE_ID } from './fake-ports.test.ts';

const CALL = '{"jsonrpc":"2.0","method":"counter.get","id":1}';

function failure(name: Parameters<typeof createFailure>[0], message: string, more = {}): Outcome {
  return { kind: 'failure', failure: createFailure(name, message, 'bob.home', more) };
}

describe('a request', () => {
  for (const { why, body, answer, status = 200 } of [
    { why: 'a number as id', body: CALL, answer: '{"jsonrpc":"2.0","result":0,"id":1}' },
    {
      why: 'a text as id',
      body: '{"jsonrpc":"2.0","method":"a.b","id":"ä\\"1"}',
      answer: '{"jsonrpc":"2.0","result":0,"id":"ä\\"1"}',
    },
    {
      why: 'null as id',
      body: '{"jsonrpc":"2.0","method":"a.b","id":null}',
      answer: '{"jsonrpc":"2.0","result":0,"id":null}',
    },
    {
      why: 'the largest id',
      body: '{"jsonrpc":"2.0","method":"a.b","id":-9007199254740991,"more":[1]}',
      answer: '{"jsonrpc":"2.0","result":0,"id":-9007199254740991}',
    },
  ]) {
    it(`is answered: ${why}`, async () => {
      await using client = await serve(fakeNode('main'));
      for (const path of ['/rpc', '/']) {
        const reply = await client.send('POST', path, body);
        assert.equal(reply.status, status);
        assert.equal(reply.body, `${answer}\n`);
        assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8');
        assert.equal(reply.headers['relay-trace-id'], TRACE_ID);
      }
    });
  }

  for (const { why, body, code, id = null } of [
    { why: 'nothing', body: '', code: -32700 },
    { why: 'half an object', body: '{"jsonrpc":', code: -32700 },
    { why: 'two values', body: '{} {}', code: -32700 },
    { why: 'a byte order mark', body: '\ufeff{}', code: -32700 },
    { why: 'bytes that are no UTF-8', body: Buffer.from([0x22, 0xff, 0x22]), code: -32700 },
    { why: 'a text', body: '"x"', code: -32600 },
    { why: 'null', body: 'null', code: -32600 },
    { why: 'no version', body: '{"method":"a.b","id":1}', code: -32600, id: 1 },
    { why: 'another version', body: '{"jsonrpc":"1.0","method":"a.b","id":1}', code: -32600, id: 1 },
    { why: 'no method', body: '{"jsonrpc":"2.0","id":1}', code: -32600, id: 1 },
    { why: 'an empty method', body: '{"jsonrpc":"2.0","method":"","id":1}', code: -32600, id: 1 },
    { why: 'a method that is no text', body: '{"jsonrpc":"2.0","method":5,"id":1}', code: -32600, id: 1 },
    { why: 'a fraction as id', body: '{"jsonrpc":"2.0","method":"a.b","id":1.5}', code: -32600 },
    { why: 'too large an id', body: '{"jsonrpc":"2.0","method":"a.b","id":9007199254740993}', code: -32600 },
    { why: 'an object as id', body: '{"jsonrpc":"2.0","method":"a.b","id":{}}', code: -32600 },
    { why: 'true as id', body: '{"jsonrpc":"2.0","method":"a.b","id":true}', code: -32600 },
    {
      why: 'too long an id',
      body: `{"jsonrpc":"2.0","method":"a.b","id":"${'x'.repeat(65)}"}`,
      code: -32600,
    },
    { why: 'an empty batch', body: '[]', code: -32600 },
    { why: '21 in a batch', body: `[${Array(21).fill(CALL).join()}]`, code: -32600 },
  ]) {
    it(`is refused with 400: ${why}`, async () => {
      const node = fakeNode('main');
      await using client = await serve(node);
      const reply = await client.send('POST', '/rpc', body);
      assert.equal(reply.status, 400);
      const answer = JSON.parse(reply.body);
      assert.equal(answer.error.code, code);
      assert.equal(answer.error.data.executed, 'no');
      assert.equal(answer.error.data.at, 'relay-a.com');
      assert.equal(answer.error.data.trace_id, undefined);
      assert.equal(answer.id, id);
      assert.equal(node.calls.length, 0);
    });
  }

  for (const { why, body } of [
    {
      why: 'depth',
      body: `{"jsonrpc":"2.0","method":"a.b","params":${'['.repeat(40)}${']'.repeat(40)},"id":1}`,
    },
    { why: 'values', body: `{"jsonrpc":"2.0","method":"a.b","params":[${'0,'.repeat(10_000)}0],"id":1}` },
  ]) {
    it(`is refused for its ${why}`, async () => {
      const node = fakeNode('main');
      await using client = await serve(node);
      const reply = await client.send('POST', '/rpc', body);
      assert.equal(reply.status, 413);
      assert.equal(JSON.parse(reply.body).error.data.limit.name, why);
      assert.equal(node.calls.length, 0);
    });
  }

  it('reaches the ingress with the text of its params', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    for (const [params, body] of [
      ['[1, 2.50,1e400]', '[1, 2.50,1e400]'],
      [
        '{"a":{"__proto__":1},"a b":12345678901234567890}',
        '{"a":{"__proto__":1},"a b":12345678901234567890}',
      ],
      ['"one"', '["one"]'],
      ['5.0', '[5.0]'],
      ['null', ''],
      ['[]', '[]'],
    ]) {
      await client.rpc(`{"jsonrpc":"2.0", "params": ${params} ,"method":"a.b.c","id":1}`);
      const { request, params: seen, caller } = node.calls.at(-1)!;
      assert.equal(seen, body);
      assert.equal(request.service, 'a');
      assert.equal(request.method, 'b.c');
      assert.equal(request.direct, true);
      assert.deepEqual(caller, { kind: 'http', remoteAddress: '127.0.0.1' });
    }
    await client.rpc(CALL);
    assert.equal(node.calls.at(-1)!.params, '');
  });

  it('may hide its params behind an escape', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    await client.rpc('{"jsonrpc":"2.0","method":"a.b","params":[1],"p\\u0061rams":[2.0],"id":1}');
    assert.equal(node.calls[0]!.params, '[2]');
  });

  it('in a batch has its own params', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    const direct = (params: string): string => `{"jsonrpc":"2.0","method":"a.b",${params}"id":1}`;
    const remote =
      '{"jsonrpc":"2.0","method":"remote_call","id":"params","params":{"x":{"args":[0]},"service_name":"a","method":"args","args": {"args":1.0} }}';
    await client.rpc(
      `\n[ 7 , ${direct('"params":["]}",\n"params", 1.0],')},[{"params":[0]}],${direct('')}, ${remote} ,${direct('"params":{"params":[3.0]},')}]`,
    );
    assert.deepEqual(
      node.calls.map(({ params }) => params),
      ['["]}",\n"params", 1.0]', '', '{"args":1.0}', '{"params":[3.0]}'],
    );
  });

  it('is told when the result of the method is not JSON', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    for (const text of ['nul', '1,"id":2', '[}', '1},{"jsonrpc":"2.0","result":2,"id":2']) {
      node.answer = () => result(text);
      const { error } = JSON.parse((await client.rpc(CALL)).body);
      assert.equal(error.data.code, 'internal_error');
      assert.equal(JSON.parse((await client.rpc(`[${CALL},${CALL}]`)).body).length, 2);
    }
  });

  it('gets the bytes of the result as they are', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    for (const text of ['{"z":1.0,"a":[ 1 ],"ü":1e+2}', '"\\u00e4"', '12345678901234567890', 'null', '']) {
      node.answer = () => result(text);
      assert.equal((await client.rpc(CALL)).body, `{"jsonrpc":"2.0","result":${text || 'null'},"id":1}\n`);
    }
  });

  it('is refused while the node drains', async () => {
    const node = fakeNode('main');
    node.state = 'draining';
    await using client = await serve(node);
    const reply = await client.rpc(CALL);
    assert.equal(reply.status, 503);
    assert.equal(reply.headers['retry-after'], '1');
    assert.match(
      reply.body,
      /"code":-32017,"message":"Shutting down".*"retry_after_ms":1000}},"id":null}\n$/,
    );
    assert.equal(node.calls.length, 0);
  });

  it('is a notification without an id: executed, and 204 whatever happens', async () => {
    const node = fakeNode('main');
    node.answer = () => ({ kind: 'failure', failure: NOT_FOUND });
    await using client = await serve(node);
    for (const name of ['a.b', 'x.', 'remote_call', 'rpc.none']) {
      const reply = await client.rpc({ jsonrpc: '2.0', method: name });
      assert.equal(reply.status, 204, name);
      assert.equal(reply.body, '');
      assert.match(String(reply.headers['relay-trace-id']), /^[0-9a-f]{32}$/);
    }
    assert.equal(node.calls.length, 1);
    assert.equal(node.calls[0]!.cancelled, undefined);
  });
});

describe('a method name', () => {
  const node = fakeNode('main');
  node.instances = [
    instance('own', 'relay-a.com', { origin: 'self', methods: [method('only'), method('both')] }),
    instance('two', 'relay-a.com', { origin: 'self', methods: [method('both')] }),
    instance('far', 'bob.home', { methods: [method('elsewhere')] }),
  ];

  for (const { name, message, candidates } of [
    { name: '.x', message: 'invalid method format: .x' },
    { name: 'x.', message: 'invalid method format: x.' },
    { name: '.', message: 'invalid method format: .' },
    { name: 'elsewhere', message: "method must be in format 'server_name.method_name': elsewhere" },
    {
      name: 'both',
      message: "method must be in format 'server_name.method_name': both",
      candidates: ['own.both', 'two.both'],
    },
    { name: 'rpc.none', message: 'no such method: rpc.none' },
  ]) {
    it(`${name} is not found`, async () => {
      await using client = await serve(node);
      const reply = await client.rpc({ jsonrpc: '2.0', method: name, id: 1 });
      const { error } = JSON.parse(reply.body);
      assert.equal(reply.status, 200);
      assert.equal(error.code, -32601);
      assert.equal(error.data.code, 'method_not_found');
      assert.equal(error.data.message, message);
      assert.deepEqual(error.data.candidates, candidates);
      assert.equal(error.data.trace_id, reply.headers['relay-trace-id']);
    });
  }

  it('without a dot names the one method of the own program', async () => {
    await using client = await serve(node);
    await client.rpc({ jsonrpc: '2.0', method: 'only', id: 1 });
    assert.equal(node.calls.at(-1)!.request.service, 'own');
    assert.equal(node.calls.at(-1)!.request.method, 'only');
  });
});

describe('a batch', () => {
  it('is answered in request order without the notifications', async () => {
    const node = fakeNode('main');
    node.answer = () => undefined;
    await using client = await serve(node);
    const items = [
      '{"jsonrpc":"2.0","method":"a.one","id":"a"}',
      '{"jsonrpc":"2.0","method":"log.note","params":["x"]}',
      '7',
      '{"jsonrpc":"2.0","method":"x.","id":3}',
      '{"jsonrpc":"2.0","method":"a.two","id":2}',
    ];
    const reply = client.rpc(`[${items.join()}]`);
    while (node.calls.length < 3) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      node.calls.map(({ request }) => request.method),
      ['one', 'note', 'two'],
    );
    node.calls[2]!.settle(result('2'));
    node.calls[0]!.settle(result('1'));
    const { status, body, headers } = await reply;
    assert.equal(status, 200);
    const [one, bad, wrong, two, ...rest] = JSON.parse(body);
    assert.deepEqual(one, { jsonrpc: '2.0', result: 1, id: 'a' });
    assert.equal(
      JSON.stringify(bad),
      '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":{"code":"invalid_request","message":"a request must be an object","executed":"no","at":"relay-a.com"}},"id":null}',
    );
    assert.equal(wrong.error.code, -32601);
    assert.deepEqual(two, { jsonrpc: '2.0', result: 2, id: 2 });
    assert.deepEqual(rest, []);
    assert.match(body, /^\[{.*}\]\n$/);
    assert.equal(headers['relay-trace-id'], undefined);
  });

  it('of notifications is 204', async () => {
    await using client = await serve(fakeNode('main'));
    const reply = await client.rpc('[{"jsonrpc":"2.0","method":"a.b"},{"jsonrpc":"2.0","method":"a.b"}]');
    assert.equal(reply.status, 204);
    assert.equal(reply.body, '');
  });

  it('of one answers with an array, and 20 are not too many', async () => {
    await using client = await serve(fakeNode('main'));
    assert.equal((await client.rpc(`[${CALL}]`)).body, '[{"jsonrpc":"2.0","result":0,"id":1}]\n');
    assert.equal(JSON.parse((await client.rpc(`[${Array(20).fill(CALL).join()}]`)).body).length, 20);
  });

  it('of bad items is still 200', async () => {
    await using client = await serve(fakeNode('main'));
    assert.equal((await client.rpc('[1,[]]')).status, 200);
  });

  it('takes no Idempotency-Key, and the other headers are not for it', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    const reply = await client.rpc(`[${CALL}]`, { 'idempotency-key': 'k' });
    assert.equal(reply.status, 400);
    assert.match(reply.body, /^{"jsonrpc":"2.0","error":{"code":-32600,.*"id":null}\n$/);
    await client.rpc(`[${CALL}]`, { 'relay-timeout': '5' });
    assert.equal(node.calls.at(-1)!.request.timeoutMs, undefined);
  });
});

describe('headers of a direct call', () => {
  it('give it the options of remote_call', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    await client.rpc(CALL, { 'relay-timeout': '2.5', 'relay-trace': 'false', 'idempotency-key': 'order 1' });
    const { request } = node.calls[0]!;
    assert.equal(request.timeoutMs, 2_500);
    assert.equal(request.trace, false);
    assert.equal(request.idempotencyKey, 'order 1');
  });

  it('link it to the trace that the caller says it is in, unless that makes no sense', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await client.rpc(CALL, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    await client.rpc(CALL, { traceparent: 'mine' });
    assert.deepEqual(
      node.calls.map(({ caller }) => caller.linked),
      [{ traceId, spanId: '00f067aa0ba902b7' }, undefined],
    );
  });

  for (const [headers, message] of [
    [{ 'relay-timeout': '0' }, 'timeout must be a number greater than 0 and at most 3600'],
    [{ 'relay-timeout': '3601' }, 'timeout must be a number greater than 0 and at most 3600'],
    [{ 'relay-timeout': 'soon' }, 'timeout must be a number greater than 0 and at most 3600'],
    [{ 'relay-trace': 'yes' }, 'trace must be a boolean'],
    [{ 'idempotency-key': 'x'.repeat(129) }, 'invalid idempotency_key'],
  ] as const) {
    it(`are checked: ${JSON.stringify(headers).slice(0, 50)}`, async () => {
      const node = fakeNode('main');
      await using client = await serve(node);
      const reply = await client.rpc(CALL, headers);
      assert.equal(reply.status, 200);
      assert.equal(JSON.parse(reply.body).error.data.message, message);
      assert.equal(JSON.parse(reply.body).error.code, -32602);
      assert.equal(node.calls.length, 0);
    });
  }
});

describe('a failure', () => {
  it('is written with all it says', async () => {
    const node = fakeNode('main');
    node.answer = () =>
      failure('application_error', 'thrown', {
        retryAfterMs: 12.4,
        data: { value: { a: [null] }, candidates: ['x@y'], limit: { name: 'body', max: 1 } },
      });
    await using client = await serve(node);
    assert.equal(
      (await client.rpc(CALL)).body,
      `{"jsonrpc":"2.0","error":{"code":-32000,"message":"Application error","data":{"code":"application_error","message":"thrown","executed":"yes","at":"bob.home","trace_id":"${TRACE_ID}","retry_after_ms":12,"value":{"a":[null]},"candidates":["x@y"],"limit":{"name":"body","max":1}}},"id":1}\n`,
    );
  });

  it('of a newer node is passed on', async () => {
    const node = fakeNode('main');
    const unknown = { code: -32040, name: 'too_new', message: 'm', executed: 'unknown' as const, at: 'x' };
    node.answer = () => ({ kind: 'failure', failure: unknown });
    await using client = await serve(node);
    assert.match(
      (await client.rpc(CALL)).body,
      /"code":-32040,.*"code":"too_new","message":"m","executed":"unknown"/,
    );
  });

  it('about an unknown service is an unknown method in a direct call only', async () => {
    const node = fakeNode('main');
    node.answer = () => ({ kind: 'failure', failure: NOT_FOUND });
    await using client = await serve(node);
    assert.equal(
      (await client.rpc(CALL)).body,
      `{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found","data":{"code":"service_not_found","message":"Server 'counter' not found","executed":"no","at":"relay-a.com","trace_id":"${TRACE_ID}"}},"id":1}\n`,
    );
    const params = { service_name: 'counter', method: 'get' };
    const remote = await client.rpc({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 });
    assert.match(
      remote.body,
      /"error":{"code":-32002,"message":"Service not found","data":{"code":"service_not_found","message":"no such service"/,
    );
  });

  it('of an overloaded or draining ingress is still 200', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    for (const name of ['overloaded', 'shutting_down', 'unauthorized', 'payload_too_large'] as const) {
      node.answer = () => failure(name, 'x');
      assert.equal((await client.rpc(CALL)).status, 200);
    }
  });

  it('takes the place of a result above the limit', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    node.answer = () => result(`"${'x'.repeat(1_048_574)}"`);
    assert.equal((await client.rpc(CALL)).body.length, 1_048_576 + 35);
    node.answer = () => result(`"${'x'.repeat(1_048_575)}"`);
    const { error } = JSON.parse((await client.rpc(CALL)).body);
    assert.equal(error.code, -32010);
    assert.deepEqual(error.data.limit, { name: 'answer', max: 1_048_576 });
    assert.equal(error.data.executed, 'yes');
    node.answer = () => failure('application_error', 'x', { data: { value: 'x'.repeat(1_048_576) } });
    assert.equal(JSON.parse((await client.rpc(CALL)).body).error.code, -32010);
    const batch = JSON.parse((await client.rpc(`[${CALL},${CALL}]`)).body);
    assert.equal(batch.length, 2);
  });
});

describe('a client that goes away', () => {
  it('abandons its calls', async () => {
    const node = fakeNode('main');
    node.answer = ({ method }) => (method === 'done' ? result('1') : undefined);
    await using client = await serve(node);
    const request = http.request({
      host: '127.0.0.1',
      port: client.port,
      method: 'POST',
      path: '/rpc',
      agent: false,
    });
    request.on('error', () => {});
    request.end(
      '[{"jsonrpc":"2.0","method":"a.open","id":1},{"jsonrpc":"2.0","method":"a.done","id":2},{"jsonrpc":"2.0","method":"a.note"}]',
    );
    while (node.calls.length < 3) await new Promise((resolve) => setImmediate(resolve));
    request.destroy();
    while (node.calls[0]!.cancelled === undefined) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      node.calls.map(({ cancelled }) => cancelled),
      ['abandon', undefined, undefined],
    );
    assert.match(node.lines.join(''), /status=499/);
    // A late outcome, which the contract forbids, does no harm.
    node.calls[0]!.settle(result('1'));
  });

  it('does not disturb a complete answer', async () => {
    const node = fakeNode('main');
    node.answer = () => undefined;
    await using client = await serve(node);
    const reply = client.rpc(CALL);
    while (node.calls.length < 1) await new Promise((resolve) => setImmediate(resolve));
    node.calls[0]!.settle(result('5'));
    assert.equal((await reply).body, '{"jsonrpc":"2.0","result":5,"id":1}\n');
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(node.calls[0]!.cancelled, undefined);
  });
});

describe('rpc.discover', () => {
  const node = fakeNode('main');
  const params = [{ name: 'n', type: '[number]', optional: false }];
  node.instances = [
    instance('shop', 'bob.home', {
      mainRelay: 'relay-a.com',
      methods: [method('list', { params, returns: '[[Item]]', effect: 'reads' })],
    }),
    instance('shop', 'far.home', { mainRelay: 'relay-b.com', origin: 'peer', methods: [method('other')] }),
    instance('zoo', 'bob.home', { mainRelay: 'relay-a.com', methods: [method('see', { returns: 'bool' })] }),
  ];

  it('describes what a call would find', async () => {
    await using client = await serve(node);
    const { result: document } = JSON.parse(
      (await client.rpc({ jsonrpc: '2.0', method: 'rpc.discover', id: 1 })).body,
    );
    assert.match(document.openrpc, /^1\.3\./);
    assert.deepEqual(document.servers, [{ name: 'relay-a.com', url: 'http://10.0.0.5:8080/rpc' }]);
    assert.deepEqual(
      document.methods.map(({ name }: { name: string }) => name),
      ['remote_call', 'rpc.discover', 'shop.list', 'zoo.see'],
    );
    assert.deepEqual(document.methods[2], {
      name: 'shop.list',
      params: [{ name: 'n', required: false, schema: { type: 'array', items: { type: 'number' } } }],
      result: { name: 'result', schema: { type: 'array', items: { type: 'array', items: {} } } },
      'x-relay': {
        effect: 'reads',
        instances: [
          { address: 'bob.home@relay-a.com', is_local: true, is_healthy: true },
          { address: 'far.home@relay-b.com', is_local: false, is_healthy: true },
        ],
      },
    });
    assert.deepEqual(document.methods[3].result.schema, { type: 'boolean' });
  });

  it('takes a service, and pages', async () => {
    await using client = await serve(node);
    const ask = async (
      given: unknown,
    ): Promise<{ methods: { name: string }[]; 'x-relay'?: { next: string } }> =>
      JSON.parse((await client.rpc({ jsonrpc: '2.0', method: 'rpc.discover', params: given, id: 1 })).body)
        .result;
    assert.deepEqual(
      (await ask({ service: 'zoo' })).methods.map(({ name }) => name),
      ['remote_call', 'rpc.discover', 'zoo.see'],
    );
    const first = await ask({ limit: 2 });
    assert.deepEqual(first['x-relay'], { next: 'shop' });
    assert.deepEqual(
      (await ask({ after: 'shop' })).methods.map(({ name }) => name),
      ['zoo.see'],
    );
    assert.equal(await ask({ limit: 'x' }), undefined);
  });
});

it('answers requests of one connection in their order', async () => {
  const node = fakeNode('main');
  node.answer = () => undefined;
  await using client = await serve(node);
  const post = `POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: ${CALL.length}\r\n\r\n${CALL}`;
  let text = '';
  const socket = net.connect(client.port, '127.0.0.1').on('data', (data) => {
    text += data.toString();
  });
  socket.write(post + post);
  while (node.calls.length < 2) await new Promise((resolve) => setImmediate(resolve));
  node.calls[1]!.settle(result('2'));
  node.calls[0]!.settle(result('1'));
  while (!text.includes('"result":2')) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(text.indexOf('"result":1') < text.indexOf('"result":2'));
  socket.destroy();
});
