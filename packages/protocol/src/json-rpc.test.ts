import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createFailure,
  decodeUtf8,
  encodeRpcBatch,
  encodeRpcError,
  encodeRpcResult,
  encodeUtf8,
  isWithinJsonLimits,
  measureJson,
  readJsonRpc,
  rpcErrorFromFailure,
} from './index.ts';

const call = (more: object) => ({ jsonrpc: '2.0', method: 's.m', ...more });

describe('a request', () => {
  for (const { why, request, item } of [
    {
      why: 'with an id',
      request: call({ id: 1 }),
      item: { kind: 'request', method: 's.m', params: null, id: 1 },
    },
    {
      why: 'with id null',
      request: call({ id: null }),
      item: { kind: 'request', method: 's.m', params: null, id: null },
    },
    { why: 'without an id', request: call({}), item: { kind: 'request', method: 's.m', params: null } },
    {
      why: 'with params null',
      request: call({ id: '', params: null }),
      item: { kind: 'request', method: 's.m', params: null, id: '' },
    },
    {
      why: 'with an array',
      request: call({ id: -1, params: [1] }),
      item: { kind: 'request', method: 's.m', params: [1], id: -1 },
    },
    {
      why: 'with an object',
      request: call({ id: 1, params: { a: 1 } }),
      item: { kind: 'request', method: 's.m', params: { a: 1 }, id: 1 },
    },
    {
      why: 'with a scalar',
      request: call({ id: 1, params: false }),
      item: { kind: 'request', method: 's.m', params: [false], id: 1 },
    },
  ]) {
    it(`${why} is read`, () => assert.deepEqual(readJsonRpc(request), { kind: 'single', item }));
  }

  for (const { why, request, id } of [
    { why: 'a number', request: 7, id: null },
    { why: 'null', request: null, id: null },
    { why: 'another version', request: { jsonrpc: '1.0', method: 'm', id: 3 }, id: 3 },
    { why: 'an empty method', request: call({ method: '', id: 'x' }), id: 'x' },
    { why: 'a fractional id', request: call({ id: 1.5 }), id: null },
    { why: 'an id beyond 2^53', request: call({ id: 2 ** 53 }), id: null },
    { why: 'a long id', request: call({ id: 'x'.repeat(65) }), id: null },
    { why: 'an object as id', request: call({ id: {} }), id: null },
    { why: 'an empty batch', request: [], id: null },
    { why: 'a batch of 21', request: Array(21).fill(call({ id: 1 })), id: null },
  ]) {
    it(`${why} is invalid`, () => {
      const read = readJsonRpc(request);
      assert.ok(read.kind === 'single' && read.item.kind === 'invalid');
      assert.equal(read.item.id, id);
    });
  }

  it('that is invalid in a batch loses its id and stays in its place', () => {
    const read = readJsonRpc([call({ id: 1 }), { id: 2 }, 7]);
    assert.ok(read.kind === 'batch');
    assert.deepEqual(
      read.items.map((item) => [item.kind, item.id]),
      [
        ['request', 1],
        ['invalid', null],
        ['invalid', null],
      ],
    );
  });
});

describe('an answer', () => {
  it('has its members in order, and the result as it came', () => {
    const result = encodeRpcResult('a"', encodeUtf8('{"b":1.0, "a":2}'));
    assert.equal(result && decodeUtf8(result), '{"jsonrpc":"2.0","result":{"b":1.0, "a":2},"id":"a\\""}');
    const empty = encodeRpcResult(null, new Uint8Array(0));
    assert.equal(empty && decodeUtf8(empty), '{"jsonrpc":"2.0","result":null,"id":null}');
    assert.equal(encodeRpcResult(1, encodeUtf8('1,"id":2},{"id":3')), undefined);
  });

  it('that fails says what the failure says', () => {
    const failure = createFailure('node_not_found', "node 'x' is not known to relay-a.com", 'relay-a.com');
    const text = decodeUtf8(encodeRpcError(3, rpcErrorFromFailure(failure, { traceId: '5f' })));
    assert.equal(
      text,
      `{"jsonrpc":"2.0","error":{"code":-32001,"message":"Service not found: unknown node","data":{"code":"node_not_found","message":"node 'x' is not known to relay-a.com","executed":"no","at":"relay-a.com","trace_id":"5f"}},"id":3}`,
    );
  });

  it('to a direct call calls an unknown service an unknown method', () => {
    const failure = createFailure('service_not_found', 'no such thing', 'b');
    assert.deepEqual(rpcErrorFromFailure(failure, { directService: 'shop' }), {
      code: -32601,
      message: 'Method not found',
      data: { code: 'service_not_found', message: "Server 'shop' not found", executed: 'no', at: 'b' },
    });
    assert.equal(rpcErrorFromFailure(failure).code, -32002);
  });

  it('to a batch stands in brackets', () => {
    assert.equal(decodeUtf8(encodeRpcBatch([encodeUtf8('1'), encodeUtf8('2')])), '[1,2]');
    assert.equal(encodeRpcBatch([]).length, 0);
  });
});

describe('depth and values are counted before parsing', () => {
  for (const [text, depth, values] of [
    ['1', 0, 1],
    ['[]', 1, 1],
    ['[ ]', 1, 1],
    ['[1,[2,3]]', 2, 5],
    ['{"a":{"b":"}],"},"c":[]}', 2, 4],
    ['"\\",["', 0, 1],
  ] as const) {
    it(text, () => assert.deepEqual(measureJson(text, { depth: 9, values: 99 }), { depth, values }));
  }

  it('and stop at the limit', () => {
    const limits = { depth: 32, values: 10_000 };
    assert.equal(isWithinJsonLimits('['.repeat(1_000_000), limits), false);
    assert.equal(isWithinJsonLimits(`[${'1,'.repeat(10_000)}1]`, limits), false);
    assert.equal(isWithinJsonLimits('['.repeat(32) + ']'.repeat(32), limits), true);
  });
});
