// Arbitrary messages of every type, for the tests of both codecs.

import fc from 'fast-check';
import type { Envelope, FederationMessage, NodeAddress, ServiceDescription } from './index.ts';
import { encodeUtf8, homeAddress, mainAddress } from './index.ts';

/** Records as decoders make them. */
const record = ((model: Record<string, fc.Arbitrary<unknown>>, constraints?: object) =>
  fc.record(model, { ...constraints, noNullPrototype: true })) as typeof fc.record;

const nodeId = fc.stringMatching(/^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,10}[A-Za-z0-9_])?$/);
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,12}$/);
const words = (maxLength: number) => fc.string({ unit: 'grapheme', maxLength: Math.min(maxLength, 40) });
const count = fc.maxSafeNat();
const u32 = fc.nat(0xffff_ffff);
const callNumber = fc.integer({ min: 1, max: 0xffff_ffff });
const address: fc.Arbitrary<NodeAddress> = fc.oneof(
  nodeId.map(mainAddress),
  nodeId.map((id) => homeAddress(id)),
  fc.tuple(nodeId, nodeId).map(([id, main]) => homeAddress(id, main)),
);
const jsonValue = fc.jsonValue({ maxDepth: 3 });
const body = jsonValue.map((value) => encodeUtf8(JSON.stringify(value)));
const opt = { requiredKeys: [] as never[] };

const envelope: fc.Arbitrary<Envelope> = record(
  { timestampMs: fc.integer({ min: 0, max: 253_402_300_799_999 }), sourceNode: address },
  opt,
);

const traceRecord = record({
  path: fc.array(nodeId, { maxLength: 5 }),
  spans: fc.array(
    record({
      node: nodeId,
      event: fc.constantFrom('received', 'queued', 'forwarded', 'retried', 'executed', 'answered', 'failed'),
      us: u32,
    }),
    { maxLength: 6 },
  ),
});

const traceparent = fc.oneof(
  fc.constant(''),
  fc.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/),
  fc.stringMatching(/^[0-9A-F]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/),
  words(40),
);

const request = fc.tuple(
  envelope,
  record({
    type: fc.constant('request'),
    id: callNumber,
    sourceNode: address,
    serverName: name,
    method: name,
    timeoutMs: u32,
    body,
    routingPath: fc.array(nodeId, { maxLength: 4 }),
    ttl: fc.nat(255),
    priority: fc.nat(9),
    trace: fc.boolean(),
    traceparent,
    caller: record(
      { kind: fc.constantFrom('program', 'http', 'client', 'p2p'), node: nodeId, subject: words(256) },
      { requiredKeys: ['kind', 'node'] },
    ),
    callPath: fc.array(
      words(40).filter((text) => text !== ''),
      { maxLength: 3 },
    ),
  }),
  record(
    {
      destinationNode: address,
      hasDefaultTimeout: fc.constant(true),
      idempotencyKey: fc.stringMatching(/^[!-~]{1,128}$/),
    },
    opt,
  ),
);

const failure = record(
  {
    code: fc.integer({ min: -40_000, max: 0 }),
    name: fc.stringMatching(/^[a-z_]{1,20}$/),
    message: words(40),
    executed: fc.constantFrom('no', 'yes', 'unknown'),
    at: nodeId,
    retryAfterMs: u32,
    data: record(
      {
        value: jsonValue.map((value) => JSON.parse(JSON.stringify(value))),
        candidates: fc.array(words(20), { maxLength: 3 }),
        limit: record({ name, max: count }),
      },
      opt,
    ),
  },
  { requiredKeys: ['code', 'name', 'message', 'executed', 'at'] },
);

const instance = fc.stringMatching(/^[A-Za-z0-9_-]{22}$/);
const service: fc.Arbitrary<ServiceDescription> = record(
  {
    name,
    version: words(20),
    methods: fc.array(
      record(
        {
          name,
          params: fc.array(record({ name: name, type: words(10), optional: fc.boolean() }), {
            maxLength: 2,
          }),
          returns: words(10),
          effect: fc.constantFrom('pure', 'reads', 'writes', 'calls'),
          doc: words(20),
        },
        { requiredKeys: ['name', 'params', 'returns', 'effect'] },
      ),
      { maxLength: 2 },
    ),
    visibility: fc.constantFrom('federated', 'private'),
    weight: fc.integer({ min: 0, max: 100 }),
    strategy: fc.stringMatching(/^[a-z_]{1,64}$/),
    timeoutMs: fc.integer({ min: 1, max: 3_600_000 }),
    healthy: fc.boolean(),
    instance,
  },
  { requiredKeys: ['name', 'methods', 'visibility', 'weight', 'instance'] },
);
const entry = fc
  .tuple(service, record({ node: address, healthy: fc.boolean(), capacity: count, seq: count }))
  .map(([one, more]) => ({ ...one, ...more }));
const state = record({
  instance,
  seq: count,
  digest: fc.array(fc.stringMatching(/^[0-9a-f]{16}$/), { minLength: 16, maxLength: 16 }),
});
const discovery = fc.oneof(
  record({ kind: fc.constant('state' as const), state }),
  record({
    kind: fc.constant('delta' as const),
    instance,
    from: count,
    to: count,
    add: fc.array(entry, { maxLength: 2 }),
    remove: fc.array(fc.tuple(name, nodeId), { maxLength: 2 }),
  }),
  record(
    { kind: fc.constant('want' as const), instance, since: count, bucket: fc.nat(15) },
    { requiredKeys: ['kind', 'instance'] },
  ),
  record(
    {
      kind: fc.constant('snapshot' as const),
      instance,
      seq: count,
      add: fc.array(entry, { maxLength: 2 }),
      complete: fc.boolean(),
      bucket: fc.nat(15),
    },
    { requiredKeys: ['kind', 'instance', 'seq', 'add', 'complete'] },
  ),
);

const merge = (parts: readonly object[]): FederationMessage =>
  Object.assign({}, ...parts) as unknown as FederationMessage;
const merged = (...parts: fc.Arbitrary<object>[]): fc.Arbitrary<FederationMessage> =>
  fc.tuple(...parts).map(merge);
const type = (text: FederationMessage['type']) => fc.constant({ type: text });

/** Messages that both forms carry. */
export const anyMessage: fc.Arbitrary<FederationMessage> = fc.oneof(
  request.map(merge),
  merged(
    type('response'),
    envelope,
    record({ correlationId: callNumber, body }),
    record({ trace: traceRecord }, opt),
  ),
  merged(
    type('error'),
    envelope,
    record({ correlationId: callNumber, failure }),
    record({ trace: traceRecord }, opt),
  ),
  merged(
    type('cancel'),
    envelope,
    record({ correlationId: callNumber, mode: fc.constantFrom('kill', 'abandon') }),
  ),
  merged(
    type('registration'),
    envelope,
    record({
      id: callNumber,
      seq: count,
      base: count,
      services: fc.array(service, { maxLength: 2 }),
      removed: fc.array(name, { maxLength: 2 }),
      complete: fc.boolean(),
    }),
  ),
  merged(
    type('heartbeat'),
    envelope,
    record({ kind: fc.constantFrom('ping', 'pong'), seq: count }),
    record({ id: callNumber, load: record({ inFlight: count, capacity: count }), registry: state }, opt),
  ),
  merged(type('service_discovery'), envelope, record({ discovery })),
  merged(
    type('drain'),
    envelope,
    record({
      reconnectInMs: u32,
      alternatives: fc.array(fc.webUrl(), { maxLength: 3 }),
    }),
  ),
);

/** And those of the binary form only. */
export const anyBinaryMessage: fc.Arbitrary<FederationMessage> = fc.oneof(
  { weight: 6, arbitrary: anyMessage },
  {
    weight: 1,
    arbitrary: merged(
      type('body'),
      record({
        of: fc.constantFrom('request', 'response'),
        id: callNumber,
        body: fc.uint8Array({ maxLength: 100 }),
        continues: fc.boolean(),
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: merged(type('credit'), record({ id: callNumber, bytes: u32, fromOpener: fc.boolean() })),
  },
);
