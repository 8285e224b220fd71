import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  authTranscript,
  type CloseReason,
  challengeTranscript,
  encodeAuthBody,
  encodeBase64url,
  encodeChallengeBody,
  encodeHello,
  encodeSigned,
  type Hello,
  LINK_LIMITS,
  type Link,
  linkedPair,
  type Welcome,
} from '@relay/protocol';
import { ManualClock, seededRandom } from '@relay/testkit';
import { createIdentity } from '../identity/keys.ts';
import { acceptHandshake, type Claimant, dialHandshake, HandshakeError } from './handshake.ts';
import { HandshakeLine } from './handshake-line.ts';

const random = seededRandom('handshake');
const ALICE = createIdentity(random);
const MAIN = createIdentity(random);
const THIEF = createIdentity(random);
const INSTANCE = encodeBase64url(random.bytes(16));

const WELCOME: Welcome = {
  session: 's1',
  epoch: 7,
  name: 'alice.home@relay-a',
  heartbeatMs: 20_000,
  limits: LINK_LIMITS,
  resume: false,
  alternatives: [],
};

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

interface Acceptor {
  readonly claimants: Claimant[];
  readonly failures: HandshakeError[];
  readonly data: (string | Uint8Array)[];
}

function accept(
  link: Link,
  clock: ManualClock,
  decide: () => Welcome | CloseReason = () => WELCOME,
): Acceptor {
  const acceptor: Acceptor = { claimants: [], failures: [], data: [] };
  acceptHandshake(link, MAIN, {
    clock,
    line: new HandshakeLine(clock),
    random,
    self: 'relay-a',
    software: 'test',
    onHello: () => undefined,
    decide,
    accepted: (released, claimant) => {
      acceptor.claimants.push(claimant);
      released.listen({ onData: (data) => acceptor.data.push(data), onClose: () => {} });
    },
    failed: (error) => acceptor.failures.push(error),
  });
  return acceptor;
}

const DIAL = {
  random,
  role: 'home',
  nodeId: 'alice.home',
  target: 'relay-a:8080',
  instance: INSTANCE,
  software: 'test',
} as const;

/** A dialler made by hand: sends what `play` says for each text it gets. */
function play(
  link: Link,
  answers: (text: string, index: number) => string | Uint8Array | undefined,
): CloseReason[] {
  const closed: CloseReason[] = [];
  let index = 0;
  link.listen({
    onData(data) {
      const answer = answers(data as string, index++);
      if (answer !== undefined) link.send(answer);
    },
    onClose: (reason) => closed.push(reason),
  });
  return closed;
}

const hello = (more: Partial<Hello> = {}): string =>
  encodeHello({
    role: 'home',
    nodeId: 'alice.home',
    publicKey: ALICE.publicKey,
    nonce: random.bytes(32),
    versions: [1],
    target: 'relay-a:8080',
    software: 'test',
    ...more,
  });

describe('a handshake', () => {
  it('ends in a session at both sides, and loses nothing that follows at once', async () => {
    const clock = new ManualClock();
    const [a, b] = linkedPair(clock);
    const acceptor = accept(b, clock);
    const dialled = dialHandshake(a, ALICE, { ...DIAL, clock, token: 't', resume: 3 });
    await clock.advance(10);
    const { link, welcome, challenge } = await dialled;
    assert.deepEqual([welcome.epoch, challenge.nodeId], [7, 'relay-a']);
    assert.deepEqual(acceptor.claimants[0]?.auth, { instance: INSTANCE, token: 't', resume: 3 });
    b.send('first');
    await clock.advance(10);
    const got: unknown[] = [];
    link.listen({ onData: (data) => got.push(data), onClose: () => {} });
    b.send(new Uint8Array(100_000));
    link.send('up');
    await clock.advance(10);
    assert.equal(got[0], 'first');
    assert.equal((got[1] as Uint8Array).length, 100_000);
    assert.deepEqual(acceptor.data, ['up']);
    assert.equal(clock.pendingTimers, 0);
  });

  it('passes on the reason of who refuses', async () => {
    const clock = new ManualClock();
    const [a, b] = linkedPair(clock);
    const acceptor = accept(b, clock, () => ({ code: 4403, reason: 'not admitted: because' }));
    const dialled = dialHandshake(a, ALICE, { ...DIAL, clock });
    dialled.catch(() => {});
    await clock.advance(10);
    await assert.rejects(dialled, { code: 4403, message: 'not admitted: because', isOurs: false });
    assert.equal(acceptor.failures[0]?.isOurs, true);
  });

  for (const { why, first, code, reason } of [
    { why: 'text that is no JSON', first: '{', code: 4400, reason: /./ },
    {
      why: 'another message first',
      first: '{"type":"auth","body":"{}","signature":""}',
      code: 4400,
      reason: /type/,
    },
    { why: 'bytes', first: new Uint8Array([1]), code: 4400, reason: /text/ },
    { why: 'no common version', first: hello({ versions: [2] }), code: 4400, reason: /version/ },
    { why: 'a short key', first: hello({ publicKey: new Uint8Array(31) }), code: 4400, reason: /public_key/ },
    {
      why: 'a Home without a key',
      first: hello({ publicKey: new Uint8Array() }),
      code: 4400,
      reason: /public_key/,
    },
    { why: 'a short nonce', first: hello({ nonce: new Uint8Array(8) }), code: 4400, reason: /nonce/ },
    { why: 'a bad id', first: hello({ nodeId: '-x' }), code: 4400, reason: /node_id/ },
    { why: 'more than 4 KiB', first: 'x'.repeat(4_097), code: 1009, reason: /./ },
  ]) {
    it(`refuses ${why}`, async () => {
      const clock = new ManualClock();
      const [a, b] = linkedPair(clock);
      const acceptor = accept(b, clock);
      const closed = play(a, () => undefined);
      a.send(first);
      await clock.advance(100);
      assert.equal(closed[0]?.code, code);
      assert.match(closed[0]?.reason ?? '', reason);
      assert.equal(acceptor.failures.length, 1);
    });
  }

  it('is over after 5 s, at both sides', async () => {
    const clock = new ManualClock();
    const [a, b] = linkedPair(clock);
    const acceptor = accept(b, clock);
    const closed = play(a, () => undefined);
    await clock.advance(5_100);
    assert.equal(closed[0]?.code, 4408);
    assert.equal(acceptor.failures[0]?.code, 4408);
    const [c, d] = linkedPair(clock);
    const other = play(d, () => undefined);
    const dialled = dialHandshake(c, ALICE, { ...DIAL, clock });
    dialled.catch(() => {});
    await clock.advance(5_100);
    await assert.rejects(dialled, { code: 4408 });
    assert.equal(other[0]?.code, 4408);
  });

  const authBy =
    (make: (hello: string, challenge: string, body: string) => { signature: Uint8Array; body?: string }) =>
    async () => {
      const clock = new ManualClock();
      const [a, b] = linkedPair(clock);
      const acceptor = accept(b, clock);
      const first = hello();
      const closed = play(a, (challenge) => {
        const body = encodeAuthBody({ instance: INSTANCE });
        return encodeSigned('auth', { body, ...make(first, challenge, body) });
      });
      a.send(first);
      await clock.advance(100);
      assert.equal(closed[0]?.code, 4401);
      assert.equal(acceptor.claimants.length, 0);
    };
  const sign = (h: string, c: string, body: string, by = ALICE, role: 'home' | 'main' = 'home') => ({
    signature: by.sign(authTranscript(role, h, c, body, sha256)),
  });

  it(
    'refuses a signature by another key',
    authBy((h, c, body) => sign(h, c, body, THIEF)),
  );
  it(
    'refuses a signature for another role',
    authBy((h, c, body) => sign(h, c, body, ALICE, 'main')),
  );
  it(
    'refuses a body that was not signed',
    authBy((h, c, body) => ({
      ...sign(h, c, body),
      body: encodeAuthBody({ instance: INSTANCE, token: 'x' }),
    })),
  );
  it(
    'refuses what was signed for another challenge',
    authBy((h, _c, body) => sign(h, '{"type":"challenge","body":"{}","signature":""}', body)),
  );
  it(
    'refuses zeros',
    authBy(() => ({ signature: new Uint8Array(64) })),
  );

  it('refuses a Main that cannot sign for its key, before anything is told to it', async () => {
    const clock = new ManualClock();
    for (const signer of [THIEF, ALICE]) {
      const [a, b] = linkedPair(clock);
      const texts: string[] = [];
      const closed = play(b, (text) => {
        texts.push(text);
        const body = encodeChallengeBody({
          nodeId: 'relay-a',
          publicKey: MAIN.publicKey,
          nonce: random.bytes(32),
          version: 1,
          software: 'test',
        });
        return encodeSigned('challenge', {
          body,
          signature: signer.sign(challengeTranscript('home', text, body, sha256)),
        });
      });
      const dialled = dialHandshake(a, ALICE, { ...DIAL, clock, token: 'secret' });
      dialled.catch(() => {});
      await clock.advance(100);
      await assert.rejects(dialled, { code: 4401, isOurs: true });
      assert.equal(texts.length, 1);
      assert.equal(closed[0]?.code, 4401);
    }
  });

  it('refuses who speaks before it was answered', async () => {
    const clock = new ManualClock();
    const [a, b] = linkedPair(clock);
    const acceptor = accept(b, clock);
    const closed = play(a, () => undefined);
    a.send(hello());
    a.send(hello());
    await clock.advance(100);
    assert.deepEqual(closed[0], { code: 4400, reason: 'out of order: wait for the answer' });
    assert.equal(acceptor.failures.length, 1);
    assert.equal(clock.pendingTimers, 0);
  });

  it('refuses a client that shows a key and does not sign', async () => {
    const clock = new ManualClock();
    const [a, b] = linkedPair(clock);
    accept(b, clock);
    const closed = play(a, () =>
      encodeSigned('auth', { body: encodeAuthBody({ instance: INSTANCE }), signature: new Uint8Array() }),
    );
    a.send(hello({ role: 'client' }));
    await clock.advance(100);
    assert.equal(closed[0]?.code, 4401);
  });

  it('says what it is when the link ends meanwhile', async () => {
    const clock = new ManualClock();
    const [a, b] = linkedPair(clock);
    const acceptor = accept(b, clock);
    a.listen({ onData: () => {}, onClose: () => {} });
    a.terminate();
    await clock.advance(10);
    assert.ok(acceptor.failures[0] instanceof HandshakeError);
    assert.equal(acceptor.failures[0].isOurs, false);
    assert.equal(clock.pendingTimers, 0);
  });
});
