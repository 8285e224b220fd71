import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, it } from 'node:test';
import {
  type Call,
  type Cancel,
  CHUNK_BYTES,
  CLOSE_CODES,
  codecFor,
  createBinaryCodec,
  encodeBase64url,
  homeAddress,
  LINK_LIMITS,
  type Link,
  OUTBOX_LIMITS,
  Session,
  type Settle,
  SUBPROTOCOL_BINARY,
  UNASKED_BYTES,
} from '@relay/protocol';
import { waitFor } from '@relay/testkit';
import { WebSocket } from 'ws';
import { systemClock, systemRandom } from '../clock.ts';
import { Admission } from '../identity/admission.ts';
import { createMemoryAdmissionStore } from '../identity/admission-store.ts';
import { createIdentity } from '../identity/keys.ts';
import { acceptUpgrades } from '../link/accept.ts';
import { dialHandshake } from '../link/handshake.ts';
import { WebSocketLink } from '../link/websocket-link.ts';
import { MainRelayConnectionManager } from './main-relay-connection-manager.ts';
import { call, Owner, send } from './scene.test.ts';

const COMMON = { clock: systemClock, random: systemRandom };

/** Passes every call on to the slow Home; bodies part by part, or when they are whole. */
class PassingOwner extends Owner {
  readonly takesParts: boolean;
  onwards: () => Session | undefined = () => undefined;

  constructor(takesParts: boolean) {
    super();
    this.takesParts = takesParts;
  }

  override onCall(session: Session, request: Call, settle: Settle): Cancel {
    return this.onwards()?.call(request, settle) ?? super.onCall(session, request, settle);
  }
}

async function startMain(takesParts = false) {
  const server = createServer();
  const owner = new PassingOwner(takesParts);
  const manager = new MainRelayConnectionManager({
    ...COMMON,
    self: 'relay-a',
    owner,
    dial: () => Promise.reject(new Error('dials nobody')),
    events: { emit: () => {} },
    software: 'relay/test',
    identity: createIdentity(systemRandom),
    admission: new Admission({ self: 'relay-a', clock: systemClock, store: createMemoryAdmissionStore() }),
  });
  acceptUpgrades(server, {
    clock: systemClock,
    isDraining: () => false,
    pendingHandshakes: () => manager.pendingHandshakes,
    paths: {
      '/ws/federation': {
        origins: 'allowed',
        accept: (link, info) => manager.accept(link, 'federation', info),
      },
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    manager,
    owner,
    port,
    async [Symbol.asyncDispose]() {
      await manager.stop();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** A Home whose socket is in the hands of the test. */
async function join(port: number, nodeId: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/federation`, [SUBPROTOCOL_BINARY]);
  let stream: Socket | undefined;
  socket.on('upgrade', ({ socket: below }) => {
    stream = below;
  });
  await once(socket, 'open');
  const about = { isServer: false, remoteAddress: '127.0.0.1' };
  const { link } = await dialHandshake(
    new WebSocketLink(socket, stream!, systemClock, about),
    createIdentity(systemRandom),
    {
      ...COMMON,
      role: 'home',
      nodeId,
      target: `127.0.0.1:${port}`,
      instance: encodeBase64url(systemRandom.bytes(16)),
      software: 'test',
    },
  );
  return { link, socket, stream: stream! };
}

/** The session of such a Home; `owner` answers. */
function converse(link: Link, nodeId: string, owner: Owner): Session {
  const session = new Session({
    ...COMMON,
    self: nodeId,
    isMain: false,
    link,
    codec: codecFor(link, homeAddress(nodeId, 'relay-a'), systemClock, LINK_LIMITS),
    identity: {
      id: 'x',
      role: 'main',
      nodeId: 'relay-a',
      instance: '',
      epoch: 1,
      direction: 'outbound',
      remoteAddress: 'x',
      limits: LINK_LIMITS,
      heartbeatMs: 20_000,
    },
    owner,
  });
  session.start();
  return session;
}

describe('a Home that reads nothing over a real socket', () => {
  it('is cut with 1013 when 8 MiB wait for it, and others do not notice', async () => {
    await using main = await startMain();
    const slow = await join(main.port, 'slow.home');
    const other = await join(main.port, 'other.home');
    let received = 0;
    other.link.listen({
      onData: () => {
        received += 1;
      },
      onClose: () => {},
    });
    slow.stream.pause();
    const { encoder } = createBinaryCodec(
      { self: homeAddress('slow.home', 'relay-a'), wallNow: () => 0 },
      LINK_LIMITS,
    );
    const before = process.memoryUsage().rss;
    const body = new TextEncoder().encode(JSON.stringify('x'.repeat(60_000)));
    const ask = (id: number): void => {
      encoder.add({
        type: 'request',
        id,
        sourceNode: homeAddress('slow.home'),
        serverName: 'shop',
        method: 'echo',
        timeoutMs: 60_000,
        body,
        routingPath: [],
        ttl: 9,
        priority: 5,
        trace: false,
        traceparent: '',
        caller: { kind: 'program', node: 'slow.home' },
        callPath: [],
      });
      for (const data of encoder.take()) slow.link.send(data);
    };
    let id = 0;
    await waitFor(
      () => {
        for (let count = 0; count < 10 && id < 1_000; count += 1) {
          id += 1;
          ask(id);
        }
        const session = main.manager.home('other.home')!;
        send(session, call('echo', { deadline: systemClock.now() + 5_000 }));
        return main.owner.closed.length > 0;
      },
      { what: 'the slow Home to be cut' },
    );
    const [{ session, reason } = { session: undefined, reason: undefined }] = main.owner.closed;
    assert.equal(session?.nodeId, 'slow.home');
    assert.equal(reason?.code, CLOSE_CODES.overloaded);
    assert.match(reason.reason, /bytes are waiting/);
    assert.ok(process.memoryUsage().rss - before < 200_000_000, 'and its answers do not pile up');
    const seen = received;
    send(main.manager.home('other.home')!, call('echo', { deadline: systemClock.now() + 5_000 }));
    await waitFor(() => received > seen, { what: 'the other Home to be called' });
    slow.socket.terminate();
    other.socket.terminate();
  });

  for (const { why, takesParts } of [
    {
      why: 'holds back the sender of a big body, of which its Main keeps no more than a window',
      takesParts: true,
    },
    { why: 'would fill a Main that waits for bodies to be whole', takesParts: false },
  ]) {
    it(why, async () => {
      await using main = await startMain(takesParts);
      const slow = await join(main.port, 'slow.home');
      const sender = converse((await join(main.port, 'other.home')).link, 'other.home', new Owner());
      const reader = converse(slow.link, 'slow.home', new Owner());
      main.owner.onwards = () => main.manager.home('slow.home');
      const held = (): number =>
        (main.manager.home('slow.home')?.backlogBytes ?? 0) +
        (main.manager.home('other.home')?.backlogBytes ?? 0);
      slow.stream.pause();
      const params = new TextEncoder().encode(`"${'x'.repeat(15_000_000)}"`);
      const deadline = systemClock.now() + 30_000;
      const { outcomes } = send(sender, call('echo', { deadline, params }));
      let most = 0;
      let sent = 0;
      let still = 0;
      // Until nothing moves any more: the pipes between the sockets are full.
      await waitFor(
        () => {
          most = Math.max(most, held());
          still = sender.bytesSent === sent ? still + 1 : 0;
          sent = sender.bytesSent;
          return still === 20;
        },
        { what: 'the sender to be held back' },
      );
      assert.equal(outcomes.length, 0);
      const windowBytes = UNASKED_BYTES + OUTBOX_LIMITS.highWaterBytes / 2 + 2 * CHUNK_BYTES;
      assert.equal(most <= windowBytes, takesParts, `${most} bytes were held`);
      slow.stream.resume();
      await waitFor(
        () => {
          if (takesParts) assert.ok(held() <= 2 * windowBytes, `${held()} bytes are held`);
          return outcomes.length > 0;
        },
        { what: 'the call to end when the Home reads again', limitMs: 20_000 },
      );
      assert.equal(outcomes[0]?.kind, 'result');
      sender.terminate();
      reader.terminate();
    });
  }
});
