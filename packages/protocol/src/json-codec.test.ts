import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RequestMessage } from './index.ts';
import { createJsonCodec, decodeUtf8, encodeUtf8, MalformedMessage, mainAddress } from './index.ts';

const codec = () =>
  createJsonCodec({ self: mainAddress('relay-a.com'), wallNow: () => 5_000 }, { messageBytes: 100_000 });

const LEAST = {
  type: 'request',
  source_node: { type: 'home', id: 'alice.home', main_relay: 'relay-a.com' },
  server_name: 'shop',
  method: 'list',
  timeout_seconds: 1.5,
};

const read = (object: unknown): RequestMessage =>
  codec().decoder.decode(JSON.stringify(object))[0] as RequestMessage;

describe('a request in the JSON form', () => {
  it('gets defaults for what the plan leaves out', () => {
    const { id, body, ...rest } = read(LEAST);
    assert.equal(typeof id, 'string');
    assert.equal(decodeUtf8(body), 'null');
    assert.deepEqual(rest, {
      type: 'request',
      timestampMs: 5_000,
      sourceNode: { type: 'home', id: 'alice.home', mainRelay: 'relay-a.com' },
      serverName: 'shop',
      method: 'list',
      timeoutMs: 1_500,
      routingPath: [],
      ttl: 10,
      priority: 5,
      trace: false,
      traceparent: '',
      caller: { kind: 'program', node: 'alice.home' },
      callPath: [],
    });
  });

  it('takes timeout_ms before timeout_seconds, and ignores unknown fields', () => {
    assert.equal(read({ ...LEAST, timeout_ms: 7, colour: 'red' }).timeoutMs, 7);
  });

  for (const [written, id] of [
    ['7', 7],
    ['4294967295', 4_294_967_295],
    ['4294967296', '4294967296'],
    ['07', '07'],
    ['x-1', 'x-1'],
  ] as const) {
    it(`reads the id ${written}`, () => assert.equal(read({ ...LEAST, message_id: written }).id, id));
  }

  it('keeps the body as it was written', () => {
    const text = `${JSON.stringify(LEAST).slice(0, -1)}, "d\\u0061ta" : [1.0, 12345678901234567890, {"__proto__":"}"}] }`;
    const [message] = codec().decoder.decode(text) as [RequestMessage];
    assert.equal(decodeUtf8(message.body), '[1.0, 12345678901234567890, {"__proto__":"}"}]');
  });

  for (const { field, change } of [
    { field: 'type', change: { type: 7 } },
    { field: 'source_node', change: { source_node: undefined } },
    { field: 'source_node.id', change: { source_node: { type: 'main', id: '../x' } } },
    { field: 'source_node.main_relay', change: { source_node: { type: 'main', id: 'x', main_relay: 'y' } } },
    { field: 'destination_node', change: { destination_node: 'bob' } },
    { field: 'destination_node.type', change: { destination_node: { type: 'moon', id: 'x' } } },
    { field: 'server_name', change: { server_name: 'a.b' } },
    { field: 'method', change: { method: '' } },
    { field: 'timeout_ms', change: { timeout_seconds: undefined } },
    { field: 'message_id', change: { message_id: 7 } },
    { field: 'message_id', change: { message_id: '0' } },
    { field: 'message_id', change: { message_id: 'x'.repeat(65) } },
    { field: 'timestamp', change: { timestamp: 'yesterday' } },
    { field: 'priority', change: { priority: 10 } },
    { field: 'caller.kind', change: { caller: { kind: 'root', node: 'x' } } },
    { field: 'colour.constructor', change: { colour: { constructor: 1 } } },
  ]) {
    it(`is malformed by ${JSON.stringify(change)}, and says that it is ${field}`, () => {
      assert.throws(
        () => read({ ...LEAST, ...change }),
        (error) => error instanceof MalformedMessage && error.message.startsWith(`${field}:`),
      );
    });
  }
});

it('an unknown type is no error', () => {
  assert.deepEqual(codec().decoder.decode('{"type":"gossip"}'), [{ type: 'unknown', name: 'gossip' }]);
});

it('a body that is not one JSON value is not sent', () => {
  for (const body of ['1,"ttl":0', '[', '{}{}', '\ufeff1']) {
    const { encoder } = codec();
    const message = { type: 'response', correlationId: 1, body: encodeUtf8(body) } as const;
    assert.throws(() => encoder.add(message), MalformedMessage);
    assert.deepEqual(encoder.take(), []);
  }
});

it('a thrown value may have any keys', () => {
  const failure = JSON.parse(
    '{"code":-32000,"name":"application_error","message":"","executed":"yes","at":"b","data":{"value":{"__proto__":1,"constructor":2}}}',
  );
  const { encoder, decoder } = codec();
  encoder.add({ type: 'error', correlationId: 1, failure });
  const [message] = decoder.decode(encoder.take()[0] ?? '');
  assert.deepEqual(message?.type === 'error' && message.failure, failure);
});
