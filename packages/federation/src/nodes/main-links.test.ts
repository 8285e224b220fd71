import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CLOSE_CODES,
  type CloseReason,
  createBinaryCodec,
  encodeBase64url,
  type FederationMessage,
  homeAddress,
  LINK_LIMITS,
  type Link,
  type Role,
  SUBPROTOCOL_JSON,
} from '@relay/protocol';
import { withSeeds } from '@relay/testkit';
import { type DialHandshakeOptions, dialHandshake, HandshakeError } from '../link/handshake.ts';
import type { MainRelayConnectionManager } from './main-relay-connection-manager.ts';
import { call, failureOf, offer, Scene, send, type TestMain } from './scene.test.ts';

/** Dials and shakes hands by hand; `closed` is filled when the link ends after WELCOME. */
async function join(
  scene: Scene,
  from: string,
  url: string,
  options: Partial<DialHandshakeOptions> & {
    readonly role: Role;
    readonly nodeId: string;
    readonly key?: string | null;
  },
  subprotocols?: readonly string[],
): Promise<{ link: Link; name: string; closed: CloseReason[]; texts: unknown[] }> {
  const host = scene.network.host(from);
  const link = await host.dial(url, subprotocols === undefined ? {} : { subprotocols });
  const { key = options.nodeId, ...rest } = options;
  const result = await dialHandshake(link, key === null ? undefined : scene.identity(key), {
    clock: host.clock,
    random: host.random,
    target: 'relay-a:8080',
    instance: encodeBase64url(host.random.bytes(16)),
    software: 'test',
    ...rest,
  });
  const closed: CloseReason[] = [];
  const texts: unknown[] = [];
  result.link.listen({ onData: (data) => texts.push(data), onClose: (reason) => closed.push(reason) });
  return { link: result.link, name: result.welcome.name, closed, texts };
}

/** Lets virtual time pass until a promise of the scene has settled. */
async function settled<T>(scene: Scene, promise: Promise<T>, ms = 10_000): Promise<T> {
  promise.catch(() => {});
  await scene.clock.advance(ms);
  return promise;
}

const refusal = (code: number, reason: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HandshakeError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, reason);
  return true;
};

/** Handshakes that have ended, by role and result. */
function ended({ handshakes }: MainRelayConnectionManager): readonly string[] {
  return handshakes
    .ended()
    .filter(({ count }) => count > 0)
    .map(({ role, result, count }) => `${role} ${result} ${count}`);
}

describe('admission', () => {
  it('gives an id to the first key that claims it, over restarts', async () => {
    const scene = new Scene();
    const records = new Map();
    const { url, events } = scene.main('relay-a', { records });
    const first = await settled(scene, join(scene, 'one', url, { role: 'home', nodeId: 'alice.home' }), 50);
    assert.equal(first.name, 'alice.home@relay-a');
    const thief = (): Promise<unknown> =>
      settled(scene, join(scene, 'two', url, { role: 'home', nodeId: 'alice.home', key: 'thief' }), 50);
    await assert.rejects(thief(), refusal(4403, /not admitted: alice\.home belongs to another key/));
    assert.deepEqual(
      events.filter(({ kind }) => kind === 'turned-away'),
      [
        {
          ...{ kind: 'turned-away', role: 'home', id: 'alice.home', remoteAddress: 'two', code: 4403 },
          reason: 'not admitted: alice.home belongs to another key',
        },
      ],
    );
    scene.network.restart('relay-a');
    scene.main('relay-a', { records });
    await assert.rejects(thief(), refusal(4403, /belongs to another key/));
  });

  for (const { why, nodeId } of [
    { why: 'the id of this Main', nodeId: 'relay-a' },
    { why: 'the id of a configured peer', nodeId: 'relay-b' },
    { why: 'local', nodeId: 'local' },
    { why: 'client', nodeId: 'client' },
  ]) {
    it(`refuses a Home that claims ${why}`, async () => {
      const scene = new Scene();
      const main = scene.main('relay-a');
      main.manager.addPeer('ws://relay-b:8080/ws/peers', 'flag', 'relay-b');
      const attempt = join(scene, 'one', main.url, { role: 'home', nodeId });
      await assert.rejects(settled(scene, attempt, 50), refusal(4403, /not admitted: /));
    });
  }

  it('refuses strangers in the modes invite and closed', async () => {
    for (const mode of ['invite', 'closed'] as const) {
      const scene = new Scene();
      const { url } = scene.main('relay-a', { mode });
      const attempt = join(scene, 'one', url, { role: 'home', nodeId: 'alice.home' });
      await assert.rejects(settled(scene, attempt, 50), refusal(4403, /not admitted/));
    }
  });

  it('refuses roles on the wrong path, and other roles than client to a web page', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const at = (url: string, role: Role) =>
      settled(scene, join(scene, 'one', url, { role, nodeId: 'x' }), 50);
    await assert.rejects(at(main.url, 'main'), refusal(4400, /role/));
    await assert.rejects(at(main.peerUrl, 'home'), refusal(4400, /role/));
    await assert.rejects(at(main.peerUrl, 'client'), refusal(4400, /role/));
    scene.network
      .host('relay-a')
      .listen('relay-a:8081', (link) =>
        main.manager.accept(link, 'federation', { remoteAddress: 'x', origin: 'http://page' }),
      );
    await assert.rejects(at('ws://relay-a:8081/ws/federation', 'home'), refusal(4403, /web page/));
    await at('ws://relay-a:8081/ws/federation', 'client');
  });

  it('refuses a handshake that was meant for another Main', async () => {
    const scene = new Scene();
    const { url, manager } = scene.main('relay-a', { publicNames: ['relay-a:8080'] });
    const attempt = join(scene, 'one', url, { role: 'home', nodeId: 'x', target: 'relay-b:8080' });
    await assert.rejects(settled(scene, attempt, 50), refusal(4401, /relay-b:8080/));
    assert.deepEqual(ended(manager), ['home authentication 1']);
    assert.deepEqual([...manager.handshakes.duration.buckets].filter(Boolean), [], 'of sessions only');
  });

  it('lets clients in without a key, with a token where one is needed', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    await settled(scene, join(scene, 'one', main.url, { role: 'client', nodeId: '', key: null }), 50);
    assert.equal([...main.manager.clients()].length, 1);
    main.owner.tokens = ['secret'];
    const attempt = join(scene, 'two', main.url, { role: 'client', nodeId: '', key: null });
    await assert.rejects(settled(scene, attempt, 50), refusal(4401, /token/));
    await settled(
      scene,
      join(scene, 'two', main.url, { role: 'client', nodeId: '', key: null, token: 'secret' }),
      50,
    );
    assert.equal([...main.manager.clients()].length, 2);
  });
});

describe('one session per id', () => {
  it('T9 half-open sockets: replaces a half-open session, and ends the calls on it', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const older = await settled(
      scene,
      join(scene, 'one', main.url, { role: 'home', nodeId: 'alice.home' }),
      50,
    );
    const { outcomes } = send(main.manager.home('alice.home')!, call('silent', { deadline: 60_000 }));
    scene.network.cut('one', 'relay-a', { silent: true });
    await settled(scene, join(scene, 'one', main.url, { role: 'home', nodeId: 'alice.home' }), 50);
    assert.equal(failureOf(outcomes[0])?.name, 'home_disconnected');
    const [first, second] = main.owner.opened.map(({ session }) => session);
    assert.equal(main.manager.home('alice.home'), second);
    assert.ok(first!.epoch < second!.epoch);
    assert.equal(main.owner.closed[0]?.reason.code, 4409);
    assert.deepEqual(older.closed, []);
  });

  it('refuses more than three takeovers by other instances in a minute', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const take = () =>
      settled(scene, join(scene, 'one', main.url, { role: 'home', nodeId: 'alice.home' }), 50);
    const first = await take();
    for (let index = 0; index < 3; index += 1) await take();
    assert.equal(first.closed[0]?.code, 4409);
    await assert.rejects(take(), refusal(4429, /several nodes/));
    assert.equal(main.manager.limited.takeovers, 1);
    assert.deepEqual(ended(main.manager), ['home ok 4', 'home too_many 1']);
    await scene.clock.advance(60_000);
    await take();
  });

  it('makes a node that was superseded wait a minute', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const home = scene.home('alice.home', [main.url]);
    home.manager.start();
    await scene.clock.advance(100);
    await settled(scene, join(scene, 'two', main.url, { role: 'home', nodeId: 'alice.home' }), 50);
    assert.equal(home.events.find(({ kind }) => kind === 'lost') !== undefined, true);
    assert.ok((home.manager.status().nextRetryMs ?? 0) > 59_000);
  });
});

describe('messages', () => {
  const reject = async (role: Role, message: FederationMessage | string | Uint8Array): Promise<string> => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const other = await settled(
      scene,
      join(scene, 'two', main.url, { role: 'home', nodeId: 'bob.home' }),
      50,
    );
    const url = role === 'main' ? main.peerUrl : main.url;
    const joined = await settled(scene, join(scene, 'one', url, { role, nodeId: 'one' }), 50);
    if (typeof message === 'string' || message instanceof Uint8Array) {
      joined.link.send(message);
    } else {
      const defaults = { self: homeAddress('one', 'relay-a'), wallNow: () => 0 };
      const { encoder } = createBinaryCodec(defaults, LINK_LIMITS);
      encoder.add(message);
      for (const data of encoder.take()) joined.link.send(data);
    }
    await scene.clock.advance(50);
    assert.deepEqual(other.closed, []);
    assert.equal(joined.closed[0]?.code, CLOSE_CODES.malformed);
    return joined.closed[0]?.reason ?? '';
  };
  const RESPONSE: FederationMessage = { type: 'response', correlationId: 1, body: new Uint8Array() };

  it('close only their session when they are malformed', async () => {
    await reject('home', new Uint8Array([0, 0, 0, 9, 77]));
    await reject('home', '{"type":"drain"}');
  });

  it('close the session when they come from the wrong side', async () => {
    assert.match(await reject('client', RESPONSE), /client does not send response/);
    assert.match(
      await reject('home', { type: 'drain', reconnectInMs: 1, alternatives: [] }),
      /home does not send drain/,
    );
    const registration: FederationMessage = {
      type: 'registration',
      id: 1,
      seq: 1,
      base: 0,
      services: [],
      removed: [],
      complete: true,
    };
    assert.match(await reject('main', registration), /main does not send registration/);
    const want: FederationMessage = {
      type: 'service_discovery',
      discovery: { kind: 'want', instance: 'A'.repeat(22), since: 0 },
    };
    assert.match(await reject('home', want), /home does not send service_discovery/);
  });

  it('are accepted in the JSON form too', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const joining = join(scene, 'one', main.url, { role: 'home', nodeId: 'one' }, [SUBPROTOCOL_JSON]);
    const { link, texts } = await settled(scene, joining, 50);
    link.send(
      '{"type":"request","message_id":"q1","source_node":{"type":"home","id":"one"},"server_name":"shop","method":"echo","timeout_ms":1000,"data":[1]}',
    );
    await scene.clock.advance(50);
    const answer = JSON.parse(texts[0] as string);
    assert.deepEqual([answer.type, answer.correlation_id, answer.data], ['response', 'q1', [1]]);
  });

  it('of calls over the limit are answered overloaded', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    await settled(scene, join(scene, 'one', main.url, { role: 'home', nodeId: 'one' }), 50);
    const session = main.manager.home('one')!;
    const deadline = scene.clock.now() + 60_000;
    for (let index = 0; index < 1_024; index += 1) send(session, call('silent', { deadline }));
    assert.equal(session.inFlight, 1_024);
    const { outcomes } = send(session, call('silent', { deadline }));
    assert.deepEqual(failureOf(outcomes[0]), { name: 'overloaded', executed: 'no', at: 'relay-a' });
  });
});

describe('two Mains', () => {
  const pair = (scene: Scene, how: 'both' | 'one' = 'both'): [TestMain, TestMain] => {
    const a = scene.main('relay-a', { advertise: 'ws://relay-a:8080' });
    const b = scene.main('relay-b', { advertise: 'ws://relay-b:8080' });
    a.manager.addPeer(b.peerUrl, 'flag');
    if (how === 'both') b.manager.addPeer(a.peerUrl, 'flag');
    return [a, b];
  };
  const assertOneLink = (scene: Scene, a: TestMain, b: TestMain): void => {
    const ab = a.manager.peer('relay-b');
    const ba = b.manager.peer('relay-a');
    assert.ok(ab?.isOpen && ba?.isOpen, 'both have a session');
    assert.equal(ab.id, ba.id, 'it is the same one');
    assert.equal(scene.network.linkCount('relay-a', 'relay-b'), 1);
  };

  it('end with one session when both dial at once, whatever the delays', async () => {
    await withSeeds(100, async (random) => {
      const scene = new Scene(random.next(), { delayMs: [0, 80] });
      const [a, b] = pair(scene);
      await scene.clock.advance(30_000);
      assertOneLink(scene, a, b);
    });
  });

  it('find each other again after a crash, a cut and a silent cut', async () => {
    await withSeeds(20, async (random) => {
      const scene = new Scene(random.next(), { delayMs: [0, 30] });
      const [a, b] = pair(scene);
      await scene.clock.advance(10_000);
      scene.network.cut('relay-a', 'relay-b');
      await scene.clock.advance(60_000);
      assertOneLink(scene, a, b);
      scene.network.cut('relay-a', 'relay-b', { silent: true });
      await scene.clock.advance(240_000);
      assertOneLink(scene, a, b);
      scene.network.restart('relay-b');
      const again = scene.main('relay-b');
      again.manager.addPeer(a.peerUrl, 'flag');
      await scene.clock.advance(120_000);
      assertOneLink(scene, a, again);
    });
  });

  it('show every configured peer, with why it is not there', async () => {
    const scene = new Scene();
    const [a, b] = pair(scene, 'one');
    a.manager.addPeer('ws://nobody:1/ws/peers', 'api');
    a.manager.addPeer(a.peerUrl, 'flag');
    await scene.clock.advance(5_000);
    assert.deepEqual(
      a.manager.peers().map(({ id, state, direction, source }) => [id, state, direction, source]),
      [
        ['relay-b', 'connected', 'outbound', 'flag'],
        [undefined, 'down', undefined, 'api'],
        [undefined, 'self', undefined, 'flag'],
      ],
    );
    assert.match(a.manager.peers()[1]?.lastError ?? '', /nobody/);
    assert.deepEqual(
      b.manager.peers().map(({ id, url, state, source }) => [id, url, state, source]),
      [['relay-a', 'ws://relay-a:8080', 'connected', 'inbound']],
    );
    assert.equal(a.events.filter(({ kind }) => kind === 'self-dialled').length, 1);
    assert.equal(a.manager.removePeer('relay-b'), true);
    assert.equal(a.manager.removePeer('relay-b'), false);
    await scene.clock.advance(5_000);
    assert.equal(a.manager.peer('relay-b'), undefined);
  });

  it('refuse another node than the one that was expected, and another key', async () => {
    const scene = new Scene();
    const a = scene.main('relay-a');
    const b = scene.main('relay-b');
    assert.equal(a.manager.addPeer(b.peerUrl, 'flag', 'relay-c').kind, 'added');
    assert.equal(a.manager.addPeer(b.peerUrl, 'flag').kind, 'unchanged');
    assert.equal(a.manager.addPeer('ws://elsewhere:8080/ws/peers', 'flag', 'relay-c').kind, 'conflict');
    await scene.clock.advance(300_000);
    assert.equal(a.manager.peers()[0]?.state, 'refused');
    assert.match(a.manager.peers()[0]?.lastError ?? '', /expected relay-c, found relay-b/);
    const impostor = scene.main('relay-b', { host: 'evil', identity: scene.identity('evil') });
    const c = scene.main('relay-c');
    c.manager.addPeer(b.peerUrl, 'flag');
    await scene.clock.advance(1_000);
    impostor.manager.addPeer(c.peerUrl, 'flag');
    await scene.clock.advance(1_000);
    assert.equal(impostor.manager.peers()[0]?.state, 'refused');
    assert.equal(c.manager.peer('relay-b')?.direction, 'outbound');
  });

  it('tell each other their registry in heartbeats, and Homes where else to go', async () => {
    const scene = new Scene();
    const [a, b] = pair(scene);
    a.owner.state = {
      instance: a.manager.instance,
      seq: 7,
      digest: Array.from({ length: 16 }, () => '0'.repeat(16)),
    };
    await scene.clock.advance(60_000);
    assert.equal(b.owner.states[0]?.seq, 7);
    assert.ok((a.manager.peer('relay-b')?.latencyMs ?? -1) >= 0);
    const home = scene.home('alice.home', [a.url]);
    home.manager.start();
    await scene.clock.advance(1_000);
    scene.network.crash('relay-a');
    await scene.clock.advance(20_000);
    assert.equal(home.manager.status().mainId, 'relay-b');
  });

  it('are forgotten as alternatives after the time a Home keeps them, or not taken at all', async () => {
    for (const [keepAlternativesMs, isFound] of [
      [undefined, true],
      [90_000, true],
      [5_000, false],
      [0, false],
    ] as const) {
      const scene = new Scene();
      const [a, b] = pair(scene);
      await scene.clock.advance(1_000);
      const home = scene.home(
        'alice.home',
        [a.url],
        keepAlternativesMs === undefined ? {} : { keepAlternativesMs },
      );
      home.manager.start();
      await scene.clock.advance(1_000);
      assert.equal(home.manager.status().mainId, 'relay-a');
      // Nobody can be reached for longer than the shortest of those times.
      scene.network.crash('relay-a');
      scene.network.partition('alice.home', 'relay-b');
      await scene.clock.advance(60_000);
      scene.network.heal();
      await scene.clock.advance(120_000);
      const found = home.manager.status().state === 'connected' ? home.manager.status().mainId : undefined;
      assert.equal(found, isFound ? 'relay-b' : undefined, `kept for ${keepAlternativesMs} ms`);
      assert.equal(b.manager.home('alice.home') !== undefined, isFound);
    }
  });

  it('are checked as often as they say themselves', async () => {
    const scene = new Scene();
    const a = scene.main('relay-a', { healthCheckMs: 2_000 });
    const b = scene.main('relay-b');
    a.manager.addPeer(b.peerUrl, 'flag');
    await scene.clock.advance(10_000);
    assert.ok((a.manager.peer('relay-b')?.latencyMs ?? -1) >= 0, 'after a few of its own intervals');
    assert.equal(b.manager.peer('relay-a')?.latencyMs, undefined, 'the other side has the default');
    // Silence is found in 2.25 intervals: at one side long before the other.
    scene.network.partition('relay-a', 'relay-b');
    await scene.clock.advance(5_000);
    assert.deepEqual([a.manager.peer('relay-b'), b.manager.peer('relay-a')?.isOpen], [undefined, true]);
  });

  it('count a peer whose ping is not answered as unhealthy until it is', async () => {
    const scene = new Scene();
    const [a] = pair(scene);
    await scene.clock.advance(1_000);
    const session = a.manager.peer('relay-b')!;
    scene.network.partition('relay-a', 'relay-b');
    await scene.clock.advance(48_000);
    assert.deepEqual([session.isOpen, session.isHealthy], [true, false]);
    scene.network.heal();
    await scene.clock.advance(1_000);
    assert.deepEqual([session.isOpen, session.isHealthy], [true, true]);
  });

  it('come back when a draining peer said', async () => {
    const scene = new Scene();
    const [a, b] = pair(scene, 'one');
    await scene.clock.advance(1_000);
    await settled(scene, b.manager.drain(5_000), 100);
    assert.equal(a.owner.drains.length, 1);
    assert.equal(a.manager.peer('relay-b')?.isOpen, true, 'peers stay until the drainer closes');
    await b.manager.stop();
    await scene.clock.advance(20);
    const lost = a.events.find((event) => event.kind === 'lost');
    assert.ok(lost?.kind === 'lost' && lost.retryMs <= 2);
  });

  it('close with 1012 when they stop', async () => {
    const scene = new Scene();
    const [a, b] = pair(scene);
    const home = scene.home('alice.home', [a.url]);
    home.manager.offer([offer('shop')]);
    home.manager.start();
    await scene.clock.advance(1_000);
    await a.manager.stop();
    await scene.clock.advance(100);
    assert.equal(b.owner.closed[0]?.reason.code, 1012);
    assert.equal(home.owner.closed[0]?.reason.code, 1012);
  });
});
