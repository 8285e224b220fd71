import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFailure, type TraceRecord } from '@relay/protocol';
import { fakeNode, result, serve, TRACE_ID } from './fake-ports.test.ts';

const TARGET = '"node_id":"bob.home@relay-b.com","server_name":"shop","method":"list"';

function remoteCall(params: string): string {
  return `{"jsonrpc":"2.0","method":"remote_call","params":${params},"id":1}`;
}

const TIMEOUT = 'timeout must be a number greater than 0 and at most 3600';
const ARGS = 'invalid args: expected an array or an object';

describe('remote_call', () => {
  for (const [params, message] of [
    ['null', 'remote_call requires object parameters'],
    ['[1]', 'remote_call requires object parameters'],
    ['"x"', 'remote_call requires object parameters'],
    ['{}', 'node_id is required'],
    ['{"node_id":"","server_name":"s","method":"m"}', 'node_id is required'],
    ['{"node_id":null,"service_name":"","server_name":"s","method":"m"}', 'node_id is required'],
    ['{"node_id":"-","timeout":0}', 'server_name is required'],
    ['{"node_id":"-","server_name":"","method":"m"}', 'server_name is required'],
    ['{"node_id":"-","server_name":"s"}', 'method is required'],
    ['{"node_id":"-","service_name":"s","method":""}', 'method is required'],
    ['{"node_id":"-","server_name":"s","service_name":"t","method":"m"}', 'invalid node_id: -'],
    ['{"node_id":"a@b@c","server_name":"s","method":"m"}', 'invalid node_id: a@b@c'],
    ['{"node_id":5,"server_name":"s","method":"m"}', 'invalid node_id: 5'],
    [
      '{"node_id":"a","server_name":"s","service_name":"t","method":"m","args":1}',
      'service_name and server_name differ',
    ],
    [`{${TARGET},"args":"x","timeout":0}`, ARGS],
    [`{${TARGET},"args":false}`, ARGS],
    [`{${TARGET},"timeout":0,"trace":1}`, TIMEOUT],
    [`{${TARGET},"timeout":-1}`, TIMEOUT],
    [`{${TARGET},"timeout":3600.1}`, TIMEOUT],
    [`{${TARGET},"timeout":"5"}`, TIMEOUT],
    [`{${TARGET},"trace":"true","idempotency_key":""}`, 'trace must be a boolean'],
    [`{${TARGET},"idempotency_key":""}`, 'invalid idempotency_key'],
    [`{${TARGET},"idempotency_key":"ä"}`, 'invalid idempotency_key'],
    [`{${TARGET},"idempotency_key":"${'x'.repeat(129)}"}`, 'invalid idempotency_key'],
    [`{${TARGET},"idempotency_key":7}`, 'invalid idempotency_key'],
  ] as const) {
    it(`refuses ${params.slice(0, 90)}`, async () => {
      const node = fakeNode('main');
      await using client = await serve(node);
      const reply = await client.rpc(remoteCall(params));
      const { error, id } = JSON.parse(reply.body);
      assert.equal(reply.status, 200);
      assert.equal(error.code, -32602);
      assert.equal(error.message, 'Invalid params');
      assert.equal(error.data.code, 'invalid_params');
      assert.equal(error.data.message, message);
      assert.equal(error.data.executed, 'no');
      assert.equal(error.data.trace_id, reply.headers['relay-trace-id']);
      assert.equal(id, 1);
      assert.equal(node.calls.length, 0);
    });
  }

  for (const [params, expected, args] of [
    [`{${TARGET}}`, { node: 'bob.home@relay-b.com', service: 'shop', method: 'list' }, ''],
    ['{"service_name":"shop","method":"m","args":null}', { service: 'shop', method: 'm' }, ''],
    ['{"service_name":"shop","server_name":"shop","method":"m"}', { service: 'shop', method: 'm' }, ''],
    [
      '{"node_id":"local","service_name":"shop","method":"no name!"}',
      { node: 'local', service: 'shop', method: 'no name!' },
      '',
    ],
    [
      '{"service_name":"s","method":"m","args":[1.0, {"args":2}] ,"timeout":0.25,"trace":false,"idempotency_key":"a b","more":{"args":1}}',
      { service: 's', method: 'm', timeoutMs: 250, trace: false, idempotencyKey: 'a b' },
      '[1.0, {"args":2}]',
    ],
    [
      '{"args":{"n":1e1},"service_name":"s","method":"m","timeout":3600}',
      { service: 's', method: 'm', timeoutMs: 3_600_000 },
      '{"n":1e1}',
    ],
  ] as const) {
    it(`calls with ${params.slice(0, 90)}`, async () => {
      const node = fakeNode('main');
      await using client = await serve(node);
      assert.equal((await client.rpc(remoteCall(params))).body, '{"jsonrpc":"2.0","result":0,"id":1}\n');
      const { request, params: seen } = node.calls[0]!;
      const { params: _, ...rest } = request;
      assert.deepEqual(rest, { ...expected, direct: false });
      assert.equal(seen, args);
    });
  }

  it('is not found with the registry disabled', async () => {
    await using client = await serve(fakeNode('main'), { disableRegistry: true });
    const { error } = JSON.parse((await client.rpc(remoteCall('{}'))).body);
    assert.equal(error.code, -32601);
    assert.equal(error.data.message, 'WebSocket P2P not enabled');
  });
});

describe('a traced call', () => {
  const trace: TraceRecord = {
    path: ['client', 'relay-a.com', 'bob.home'],
    spans: [
      { node: 'relay-a.com', event: 'received', us: 0 },
      { node: 'bob.home', event: 'executed', us: 3_100.4567 },
    ],
  };
  const shown = `{"trace_id":"${TRACE_ID}","path":["client","relay-a.com","bob.home"],"hops":2,"total_ms":0,"spans":[{"node":"relay-a.com","event":"received","ms":0},{"node":"bob.home","event":"executed","ms":3.1}]}`;

  it('returns the value and the way, also for nil', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    for (const value of ['[1.0]', 'null', '']) {
      node.answer = () => ({ ...result(value), trace });
      assert.equal(
        (await client.rpc(remoteCall(`{${TARGET},"trace":true}`))).body,
        `{"jsonrpc":"2.0","result":{"result":${value || 'null'},"trace":${shown}},"id":1}\n`,
      );
    }
  });

  it('that fails says the way too', async () => {
    const node = fakeNode('main');
    node.answer = () => ({ kind: 'failure', failure: createFailure('timeout', 'late', 'x'), trace });
    await using client = await serve(node);
    const { body } = await client.rpc('{"jsonrpc":"2.0","method":"a.b","id":1}', { 'relay-trace': 'true' });
    assert.ok(body.endsWith(`"trace_id":"${TRACE_ID}","trace":${shown}}},"id":1}\n`), body);
  });

  it('measures the time itself, with three decimals at most', async () => {
    const node = fakeNode('main');
    node.answer = () => undefined;
    await using client = await serve(node);
    const reply = client.rpc(remoteCall(`{${TARGET},"trace":true}`));
    while (node.calls.length < 1) await new Promise((resolve) => setImmediate(resolve));
    node.clock.advanceSync(11.80049);
    node.calls[0]!.settle({ ...result('1'), trace });
    assert.match((await reply).body, /"total_ms":11.8,/);
  });
});
