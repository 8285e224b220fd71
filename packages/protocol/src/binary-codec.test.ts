import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FederationMessage, RequestMessage } from './index.ts';
import { createBinaryCodec, encodeUtf8, homeAddress, MalformedMessage, mainAddress } from './index.ts';

const DEFAULTS = { self: mainAddress('relay-a.com'), wallNow: () => 0 };

function request(more: Partial<RequestMessage> = {}): RequestMessage {
  return {
    type: 'request',
    id: 1,
    sourceNode: homeAddress('alice.home', 'relay-a.com'),
    serverName: 'shop',
    method: 'list',
    timeoutMs: 1_000,
    body: encodeUtf8('[]'),
    routingPath: ['alice.home'],
    ttl: 10,
    priority: 5,
    trace: false,
    traceparent: '',
    caller: { kind: 'program', node: 'alice.home' },
    callPath: [],
    ...more,
  };
}

function link(messageBytes = 1_048_576) {
  const { encoder, decoder } = createBinaryCodec(DEFAULTS, { messageBytes });
  return {
    encoder,
    decoder,
    carry: (...messages: FederationMessage[]): FederationMessage[] => {
      for (const message of messages) encoder.add(message);
      return encoder.take().flatMap((data) => decoder.decode(data));
    },
  };
}

describe('interning', () => {
  it('sends a text once and gives the same object again', () => {
    const { encoder, carry } = link();
    const first = encoder.add(request());
    const second = encoder.add(request({ id: 2 }));
    assert.ok(second < first - 50, `${second} is not much less than ${first}`);
    const [a, b] = carry(request({ id: 3 })).slice(-2) as [RequestMessage, RequestMessage];
    assert.equal(a.sourceNode, b.sourceNode);
    assert.equal(a.caller, b.caller);
  });

  it('goes on when there are more texts than ids', () => {
    const { carry } = link();
    for (let i = 0; i < 10_000; i += 100) {
      const messages = Array.from({ length: 100 }, (_, k) =>
        request({ id: k + 1, destinationNode: homeAddress(`home${(i + k) % 6_000}`, 'relay-b.com') }),
      );
      assert.deepEqual(carry(...messages), messages);
    }
  });

  it('forgets what a refused message would have defined', () => {
    const { encoder, carry } = link(300);
    const long = request({ serverName: 'other', body: new Uint8Array(300) });
    assert.throws(() => encoder.add(long), MalformedMessage);
    assert.equal(encoder.pendingBytes, 0);
    const short = request({ serverName: 'other' });
    assert.deepEqual(carry(short, short), [short, short]);
  });

  for (const { why, reference } of [
    { why: 'an id that was never defined', reference: [0x0f, 0xff] },
    { why: 'id 0 without a text', reference: [0, 0] },
    { why: 'an id above 4096', reference: [0x90, 0x01, 0, 1, 0x78] },
  ]) {
    it(`refuses ${why}`, () => {
      const frame = [
        0,
        0,
        0,
        14 + reference.length,
        1,
        0,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        3,
        0xe8,
        10,
        ...reference,
        0,
        0,
      ];
      assert.throws(() => link().decoder.decode(Uint8Array.from(frame)), MalformedMessage);
    });
  }
});

describe('the binary encoder', () => {
  it('packs frames into link messages that are not too long', () => {
    const { encoder, decoder } = link(1_000);
    const messages = Array.from({ length: 50 }, (_, i) =>
      request({ id: i + 1, body: new Uint8Array(i * 10) }),
    );
    for (const message of messages) encoder.add(message);
    const taken = encoder.take();
    assert.ok(taken.every(({ length }) => length <= 1_000));
    assert.ok(taken.length < 25, `${taken.length} link messages`);
    assert.deepEqual(
      taken.flatMap((data) => decoder.decode(data)),
      messages,
    );
  });

  it('never writes again what it handed out', () => {
    const { encoder } = link();
    encoder.add(request());
    const [taken] = encoder.take() as [Uint8Array];
    const copy = Uint8Array.from(taken);
    for (let i = 1; i < 200; i++) {
      encoder.add(request({ id: i, body: new Uint8Array(500).fill(255) }));
      if (i % 7 === 0) encoder.take();
    }
    assert.deepEqual(taken, copy);
  });

  for (const { why, message } of [
    { why: 'a name that is none', message: request({ method: 'a b' }) },
    { why: 'an address that is none', message: request({ sourceNode: mainAddress('-') }) },
    { why: 'a call that is no number', message: request({ id: 'x' }) },
    { why: 'call 0', message: request({ id: 0 }) },
    { why: 'a ttl above 255', message: request({ ttl: 256 }) },
    { why: 'a message of unknown type', message: { type: 'unknown', name: 'x' } as const },
  ]) {
    it(`refuses ${why} and goes on`, () => {
      const { encoder, carry } = link();
      assert.throws(() => encoder.add(message), MalformedMessage);
      assert.deepEqual(carry(request()), [request()]);
    });
  }
});

it('a frame of a later version is passed over', () => {
  const { decoder } = link();
  const frame = Uint8Array.of(0, 0, 0, 7, 200, 3, 0, 0, 0, 0, 9);
  assert.deepEqual(decoder.decode(frame), [{ type: 'unknown', name: 'frame 200' }]);
});
