// Every message in every state of a link: it is taken, or the link closes with a code that says why; nobody else notices.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CLOSE_CODES,
  type CloseReason,
  createBinaryCodec,
  createFailure,
  encodeBase64url,
  encodeHello,
  encodeUtf8,
  type FederationMessage,
  homeAddress,
  LINK_LIMITS,
  type Link,
  type Role,
} from '@relay/protocol';
import { withSeeds } from '@relay/testkit';
import { dialHandshake } from '../link/handshake.ts';
import { Scene, type TestMain } from './scene.test.ts';

const BODY = encodeUtf8('[1]');
const INSTANCE = 'A'.repeat(22);
const SELF = homeAddress('one', 'relay-a');

type Type = FederationMessage['type'];

/** One of each. The compiler asks for a row when there is a new type. */
const MESSAGES: { readonly [T in Type]: Extract<FederationMessage, { readonly type: T }> } = {
  request: {
    type: 'request',
    id: 1,
    sourceNode: SELF,
    serverName: 'shop',
    method: 'echo',
    timeoutMs: 1_000,
    body: BODY,
    routingPath: [],
    ttl: 9,
    priority: 5,
    trace: false,
    traceparent: '',
    caller: { kind: 'program', node: 'one' },
    callPath: [],
  },
  response: { type: 'response', correlationId: 1, body: BODY },
  error: { type: 'error', correlationId: 1, failure: createFailure('application_error', 'no', 'one') },
  cancel: { type: 'cancel', correlationId: 1, mode: 'kill' },
  registration: { type: 'registration', id: 2, seq: 1, base: 0, services: [], removed: [], complete: true },
  heartbeat: { type: 'heartbeat', kind: 'ping', seq: 1 },
  service_discovery: { type: 'service_discovery', discovery: { kind: 'want', instance: INSTANCE, since: 0 } },
  drain: { type: 'drain', reconnectInMs: 10, alternatives: [] },
  body: { type: 'body', of: 'request', id: 1, body: BODY, continues: false },
  credit: { type: 'credit', id: 1, bytes: 10, fromOpener: true },
  unknown: { type: 'unknown', name: '200' },
};

/** From whom each may come; from others it closes the session with 4400. */
const MAY_SEND: Readonly<Record<Type, readonly Role[]>> = {
  request: ['home', 'main', 'client'],
  response: ['home', 'main'],
  error: ['home', 'main'],
  cancel: ['home', 'main', 'client'],
  registration: ['home'],
  heartbeat: ['home', 'main', 'client'],
  service_discovery: ['main'],
  drain: ['main'],
  body: ['home', 'main', 'client'],
  credit: ['home', 'main', 'client'],
  unknown: ['home', 'main', 'client'],
};

/** What stands in a session before the message comes. */
const BEFORE: Readonly<Record<string, readonly Type[]>> = {
  'in a new session': [],
  'after a request': ['request'],
  'after that request was cancelled': ['request', 'cancel'],
  'after a message of another time': ['body', 'credit', 'heartbeat'],
};

function encoded(message: FederationMessage): readonly (string | Uint8Array)[] {
  // A frame of a type that nobody has defined: length, type, flags, call.
  if (message.type === 'unknown') return [new Uint8Array([0, 0, 0, 6, 200, 0, 0, 0, 0, 0])];
  const { encoder } = createBinaryCodec({ self: SELF, wallNow: () => 0 }, LINK_LIMITS);
  encoder.add(message);
  return [...encoder.take()];
}

async function join(scene: Scene, main: TestMain, role: Role, id: string) {
  const host = scene.network.host(id);
  const closed: CloseReason[] = [];
  let link: Link | undefined;
  void host
    .dial(role === 'main' ? main.peerUrl : main.url)
    .then((dialled) =>
      dialHandshake(dialled, scene.identity(id), {
        clock: host.clock,
        random: host.random,
        role,
        nodeId: id,
        target: 'relay-a:8080',
        instance: INSTANCE,
        software: 'test',
      }),
    )
    .then((result) => {
      link = result.link;
      link.listen({ onData: () => {}, onClose: (reason) => closed.push(reason) });
    });
  await scene.clock.advance(100);
  assert.ok(link !== undefined, `${role} ${id} is welcomed`);
  return { link, closed };
}

describe('in a session', () => {
  for (const role of ['home', 'main', 'client'] as const) {
    for (const [state, before] of Object.entries(BEFORE)) {
      it(`of a ${role}, ${state}, every message is taken or closes it with 4400`, async () => {
        for (const type of Object.keys(MESSAGES) as Type[]) {
          const scene = new Scene();
          const main = scene.main('relay-a');
          const other = await join(scene, main, 'home', 'bob.home');
          const { link, closed } = await join(scene, main, role, 'one');
          for (const earlier of before) for (const data of encoded(MESSAGES[earlier])) link.send(data);
          for (const data of encoded(MESSAGES[type])) link.send(data);
          await scene.clock.advance(100);
          // A number that is open already may not be opened again.
          const isTwice = type === 'request' && before.includes('request') && !before.includes('cancel');
          const isTaken = MAY_SEND[type].includes(role);
          const codes = closed.map(({ code }) => code);
          if (!isTaken) assert.deepEqual(codes, [CLOSE_CODES.malformed], `${type} from a ${role}`);
          else if (!isTwice) assert.deepEqual(codes, [], `${type} from a ${role}`);
          assert.deepEqual(other.closed, []);
        }
      });
    }
  }
});

describe('before WELCOME', () => {
  const CODES = new Set<number>([
    CLOSE_CODES.malformed,
    CLOSE_CODES.authenticationFailed,
    CLOSE_CODES.notAdmitted,
    CLOSE_CODES.handshakeTimeout,
    CLOSE_CODES.tooBig,
  ]);

  async function strangerSends(
    scene: Scene,
    main: TestMain,
    path: 'url' | 'peerUrl',
    sent: readonly (string | Uint8Array)[],
  ) {
    const closed: CloseReason[] = [];
    void scene.network
      .host('stranger')
      .dial(main[path])
      .then((link) => {
        link.listen({ onData: () => {}, onClose: (reason) => closed.push(reason) });
        for (const data of sent) link.send(data);
      });
    await scene.clock.advance(12_000);
    assert.equal(closed.length, 1, 'the link is closed');
    assert.ok(CODES.has(closed[0]!.code), `with a code of the protocol, not ${closed[0]?.code}`);
    assert.equal(main.manager.pendingHandshakes, 0);
  }

  const hello = (scene: Scene) =>
    encodeHello({
      role: 'home',
      nodeId: 'eve',
      publicKey: scene.identity('eve').publicKey,
      nonce: new Uint8Array(32),
      versions: [1],
      target: 'relay-a:8080',
      software: 'x',
    });

  for (const type of Object.keys(MESSAGES) as Type[]) {
    it(`a ${type} closes the link, before HELLO and after it`, async () => {
      const scene = new Scene();
      const main = scene.main('relay-a');
      await strangerSends(scene, main, 'url', encoded(MESSAGES[type]));
      await strangerSends(scene, main, 'peerUrl', [hello(scene), ...encoded(MESSAGES[type])]);
    });
  }

  it('whatever is sent, the link closes in time and the next is welcome', async () => {
    await withSeeds(40, async (random) => {
      const scene = new Scene(random.integer(1, 1_000_000));
      const main = scene.main('relay-a');
      const good = hello(scene);
      const texts = [
        () => encodeBase64url(random.bytes(random.integer(0, 4_000))),
        () => random.bytes(random.integer(0, 4_000)),
        () => 'x'.repeat(random.integer(4_000, 9_000)),
        () => '['.repeat(random.integer(1, 4_000)),
        () => good,
        // One character of a good HELLO is another.
        () => {
          const at = random.integer(0, good.length - 1);
          return good.slice(0, at) + String.fromCharCode(random.integer(1, 0xd7ff)) + good.slice(at + 1);
        },
        () => good.slice(0, random.integer(0, good.length)),
        () => good.replace(/"(role|node_id|nonce|versions|target)":[^,}]*/, '"$1":{"__proto__":[1]}'),
        () => JSON.stringify({ type: random.pick(['auth', 'challenge', 'welcome']), body: 1, signature: '' }),
        () => JSON.stringify({ type: 'auth', body: '{}', signature: encodeBase64url(random.bytes(64)) }),
      ];
      const sent = Array.from({ length: random.integer(1, 3) }, () => random.pick(texts)());
      await strangerSends(scene, main, random.chance(0.5) ? 'url' : 'peerUrl', sent);
      const { closed } = await join(scene, main, 'home', 'bob.home');
      assert.deepEqual(closed, []);
    });
  });
});
