import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  authTranscript,
  challengeTranscript,
  decodeAuthBody,
  decodeBase64url,
  decodeChallengeBody,
  decodeHello,
  decodeSigned,
  decodeWelcome,
  encodeAuthBody,
  encodeBase64url,
  encodeChallengeBody,
  encodeHello,
  encodeSigned,
  encodeWelcome,
  LINK_LIMITS,
  MalformedMessage,
} from './index.ts';

const key = new Uint8Array(32).fill(7);
const nonce = new Uint8Array(32).fill(9);
const signature = new Uint8Array(64).fill(1);
const hello = {
  role: 'home',
  nodeId: 'alice.home',
  publicKey: key,
  nonce,
  versions: [1],
  target: 'relay-a.com:8080',
  software: 'relay/1',
} as const;
const welcome = {
  session: 's1',
  epoch: 5,
  name: 'alice.home@relay-a.com',
  heartbeatMs: 20_000,
  limits: LINK_LIMITS,
  resume: false,
  alternatives: ['wss://relay-b.com/ws/federation'],
};

it('base64url is that of Node, and nothing else is accepted', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = encodeBase64url(bytes);
      assert.equal(text, Buffer.from(bytes).toString('base64url'));
      assert.deepEqual(decodeBase64url(text), bytes);
    }),
  );
  for (const text of ['A', 'AB', 'AA==', 'A+AA', 'AA A', 'é'])
    assert.equal(decodeBase64url(text), undefined, text);
});

describe('the handshake', () => {
  it('gives back what was said', () => {
    assert.deepEqual(decodeHello(encodeHello(hello)), hello);
    const challenge = {
      nodeId: 'relay-a.com',
      publicKey: key,
      nonce,
      version: 1,
      software: 'x',
      advertise: 'wss://a',
    };
    assert.deepEqual(decodeChallengeBody(encodeChallengeBody(challenge)), challenge);
    const auth = { instance: encodeBase64url(key.subarray(16)), token: 'rlj_1', resume: 3 };
    assert.deepEqual(decodeAuthBody(encodeAuthBody(auth)), auth);
    const signed = { body: '{}', signature };
    assert.deepEqual(decodeSigned('auth', encodeSigned('auth', signed), 'home'), signed);
    assert.deepEqual(decodeWelcome(encodeWelcome(welcome)), welcome);
  });

  it('lets a client do without id, key and signature, and nobody else', () => {
    const client = { ...hello, role: 'client', nodeId: '', publicKey: new Uint8Array(0) } as const;
    assert.deepEqual(decodeHello(encodeHello(client)), client);
    assert.throws(() => decodeHello(encodeHello({ ...client, role: 'main' })), MalformedMessage);
    const unsigned = { body: '{}', signature: new Uint8Array(0) };
    assert.deepEqual(decodeSigned('auth', encodeSigned('auth', unsigned), 'client'), unsigned);
    assert.throws(() => decodeSigned('auth', encodeSigned('auth', unsigned), 'home'), MalformedMessage);
    assert.throws(
      () => decodeSigned('challenge', encodeSigned('challenge', unsigned), 'client'),
      MalformedMessage,
    );
  });

  for (const [field, change] of Object.entries({
    role: 'king',
    node_id: '-',
    public_key: encodeBase64url(key.subarray(1)),
    nonce: `${encodeBase64url(nonce)}=`,
    versions: [0.5],
    target: 'a\nb',
    software: 'x'.repeat(129),
    type: 'challenge',
  })) {
    it(`refuses a HELLO with a wrong ${field}`, () => {
      const text = JSON.stringify({ ...JSON.parse(encodeHello(hello)), [field]: change });
      assert.throws(
        () => decodeHello(text),
        (error) => error instanceof MalformedMessage && error.message.startsWith(field),
      );
    });
  }

  it('refuses anything over 4 KiB, and leaves out alternatives rather than say more', () => {
    assert.throws(() => decodeHello(`${encodeHello(hello)}${' '.repeat(4_096)}`), MalformedMessage);
    const many = { ...welcome, alternatives: Array.from({ length: 16 }, () => 'w'.repeat(500)) };
    const text = encodeWelcome(many);
    assert.ok(text.length <= 4_096);
    assert.ok(decodeWelcome(text).alternatives.length > 3);
  });

  it('throws nothing but MalformedMessage', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        for (const decode of [decodeHello, decodeWelcome, decodeAuthBody, decodeChallengeBody]) {
          assert.throws(() => decode(text), MalformedMessage);
        }
      }),
    );
  });

  it('signs role, step and a hash of all that was sent before', () => {
    const sha256 = (bytes: Uint8Array): Uint8Array =>
      new Uint8Array(createHash('sha256').update(bytes).digest());
    const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
    const prefix = (text: string): string => Buffer.from(text).toString('hex');
    assert.equal(
      hex(challengeTranscript('main', 'H', 'B', sha256)),
      `${prefix('relay.v1/main/challenge\0')}${hash('H\0B')}`,
    );
    assert.equal(
      hex(authTranscript('home', 'H', 'C', 'é', sha256)),
      `${prefix('relay.v1/home/auth\0')}${hash('H\0C\0é')}`,
    );
  });
});
