import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { linkContract } from '@relay/testkit';
import { systemClock } from '../clock.ts';
import { acceptUpgrades, type UpgradeOptions } from './accept.ts';
import { DialError } from './dial.ts';
import { dialWebSocket } from './dial-websocket.ts';
import type { WebSocketLink } from './websocket-link.ts';

interface Server extends AsyncDisposable {
  readonly port: number;
  readonly accepted: WebSocketLink[];
}

async function serve(more: Partial<UpgradeOptions> = {}): Promise<Server> {
  const server = createServer();
  const accepted: WebSocketLink[] = [];
  acceptUpgrades(server, {
    clock: systemClock,
    isDraining: () => false,
    pendingHandshakes: () => 0,
    paths: {
      '/ws/federation': { origins: 'allowed', accept: (link) => accepted.push(link) },
      '/ws/peers': { origins: 'none', accept: (link) => accepted.push(link) },
    },
    ...more,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    accepted,
    async [Symbol.asyncDispose]() {
      for (const link of accepted) link.terminate();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

let server: Server | undefined;
linkContract(
  'WebSocketLink over loopback',
  async () => {
    server = await serve();
    const dialled = await dialWebSocket()(`ws://127.0.0.1:${server.port}/ws/federation`);
    const accepted = server.accepted[0];
    assert.ok(accepted);
    return [dialled, accepted];
  },
  {
    cleanUp: async () => {
      await server?.[Symbol.asyncDispose]();
    },
  },
);

describe('dialWebSocket', () => {
  it('says in a few words why it failed', async () => {
    await using up = await serve({ isDraining: () => true });
    const dial = dialWebSocket();
    const reasonOf = (url: string): Promise<DialError> =>
      dial(url).then(
        () => assert.fail('connected'),
        (error: DialError) => error,
      );
    const draining = await reasonOf(`ws://127.0.0.1:${up.port}/ws/federation`);
    assert.ok(draining instanceof DialError);
    assert.deepEqual([draining.message, draining.retryAfterMs], ['HTTP 503', 1_000]);
    assert.equal((await reasonOf(`ws://127.0.0.1:${up.port}/elsewhere`)).message, 'HTTP 404');
    assert.equal((await reasonOf('ws://127.0.0.1:1/ws/federation')).message, 'connection refused');
    assert.equal(
      (await reasonOf('ws://no-such-host.invalid/')).message.includes('no-such-host.invalid'),
      true,
    );
  });

  it('uses the address it is told for a name', async () => {
    await using up = await serve();
    const asked: string[] = [];
    const dial = dialWebSocket({
      resolve(host) {
        asked.push(host);
        return '127.0.0.1';
      },
    });
    const link = await dial(`ws://relay-a.example:${up.port}/ws/peers`);
    link.terminate();
    assert.deepEqual(asked, ['relay-a.example']);
    assert.equal(up.accepted.length, 1);
  });
});

describe('acceptUpgrades', () => {
  const UPGRADE = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': 'relay.v1.json',
  };
  for (const { why, path = '/ws/federation', headers = {}, options = {}, status, code } of [
    { why: 'an unknown path', path: '/ws/elsewhere', status: 404, code: 'not_found' },
    {
      why: 'no subprotocol of ours',
      headers: { 'Sec-WebSocket-Protocol': 'chat' },
      status: 400,
      code: 'bad_request',
    },
    { why: 'a bad key', headers: { 'Sec-WebSocket-Key': 'x' }, status: 400, code: 'bad_request' },
    {
      why: 'another protocol than WebSocket',
      headers: { Upgrade: 'h2c' },
      status: 426,
      code: 'upgrade_required',
    },
    { why: 'a foreign origin', headers: { Origin: 'https://evil.example' }, status: 403, code: 'forbidden' },
    {
      why: 'an origin that only ends in this host',
      headers: { Host: '127.0.0.1', Origin: 'https://evil.example@127.0.0.1' },
      status: 403,
      code: 'forbidden',
    },
    {
      why: 'a foreign origin although CORS allows all',
      headers: { Origin: 'https://evil.example' },
      options: { corsOrigins: ['*'] },
      status: 403,
      code: 'forbidden',
    },
    {
      why: 'any origin among peers',
      path: '/ws/peers',
      headers: { Origin: 'http://127.0.0.1' },
      status: 403,
      code: 'forbidden',
    },
    { why: 'a foreign host', options: { isHostAllowed: () => false }, status: 403, code: 'forbidden' },
    {
      why: 'too many handshakes',
      options: { pendingHandshakes: () => 1_000 },
      status: 503,
      code: 'unavailable',
    },
    { why: 'more upgrades than the rate', options: { perSecond: 0.5 }, status: 503, code: 'unavailable' },
  ]) {
    it(`refuses ${why} with ${status}`, async () => {
      await using up = await serve(options);
      const asked = request({ port: up.port, host: '127.0.0.1', path, headers: { ...UPGRADE, ...headers } });
      asked.end();
      const [answer] = await once(asked, 'response');
      let body = '';
      for await (const chunk of answer) body += chunk;
      assert.equal(answer.statusCode, status);
      assert.equal(JSON.parse(body).error.code, code);
      if (status === 503) assert.match(answer.headers['retry-after'], /^\d+$/);
    });
  }

  it('tells those that come while handshakes are late a time at which they can be served', async () => {
    const line = { isLate: true, perSecond: 2 };
    await using up = await serve({ line });
    const waits: number[] = [];
    const ask = async (): Promise<void> => {
      const thrown = await dialWebSocket()(`ws://127.0.0.1:${up.port}/ws/federation`).catch((error) => error);
      waits.push(thrown.retryAfterMs);
    };
    // At least ten a second are promised, however slow the last second was.
    for (let index = 0; index < 25; index += 1) await ask();
    assert.equal(waits[0], 1_000);
    assert.ok((waits.at(-1) ?? 0) >= 2_000, `the last waits ${waits.at(-1)} ms`);
    line.isLate = false;
    const link = await dialWebSocket()(`ws://127.0.0.1:${up.port}/ws/federation`);
    link.terminate();
  });

  it('takes the origin of this host, and one that is named', async () => {
    await using up = await serve({ corsOrigins: ['https://dashboard.example'] });
    for (const Origin of [`http://127.0.0.1:${up.port}`, 'https://dashboard.example']) {
      const asked = request({
        port: up.port,
        host: '127.0.0.1',
        path: '/ws/federation',
        headers: { ...UPGRADE, Origin },
      });
      asked.end();
      const [answer, socket] = await once(asked, 'upgrade');
      assert.equal(answer.headers['sec-websocket-protocol'], 'relay.v1.json');
      assert.equal(answer.headers['sec-websocket-extensions'], undefined);
      socket.destroy();
    }
  });
});
