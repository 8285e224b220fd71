// Dialling for somebody who is not the operator, over real sockets.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { systemClock } from '../clock.ts';
import { acceptUpgrades } from './accept.ts';
import { dialWebSocket } from './dial-websocket.ts';
import type { Lookup } from './outbound-address.ts';

const RESTRICTED = { isRestricted: true };
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function acceptingPort(): Promise<number> {
  const server = createServer();
  acceptUpgrades(server, {
    clock: systemClock,
    isDraining: () => false,
    pendingHandshakes: () => 0,
    paths: { '/ws/peers': { origins: 'none', accept: () => {} } },
  });
  return listen(server);
}

/** A name server that knows one answer, and who asked. */
function names(...addresses: string[]): { readonly lookup: Lookup; readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    lookup: (host, _options, settle) => {
      asked.push(host);
      settle(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    },
  };
}

describe('a dial under the rules for outbound addresses', () => {
  it('refuses an address before it opens a socket', async () => {
    await assert.rejects(dialWebSocket()('ws://169.254.169.254:80/ws/peers', RESTRICTED), {
      message: '169.254.169.254 is a link-local address, which is not dialled',
    });
  });

  it('refuses a name that resolves to such an address', async () => {
    const { lookup } = names('169.254.169.254');
    await assert.rejects(dialWebSocket({ lookup })('ws://peer.test:80/ws/peers', RESTRICTED), {
      message: 'peer.test is not dialled: 169.254.169.254 is a link-local address, which is not dialled',
    });
  });

  it('dials what else a name resolves to', async () => {
    const port = await acceptingPort();
    const { lookup } = names('169.254.169.254', '127.0.0.1');
    const link = await dialWebSocket({ lookup })(`ws://peer.test:${port}/ws/peers`, RESTRICTED);
    link.terminate();
  });

  it('does not ask for what the operator named', async () => {
    const port = await acceptingPort();
    const { lookup, asked } = names('169.254.169.254');
    const link = await dialWebSocket({ lookup })(`ws://localhost:${port}/ws/peers`);
    link.terminate();
    assert.deepEqual(asked, []);
  });

  it('follows no redirect, with rules or without', async () => {
    const reached: string[] = [];
    const target = await listen(createServer((request) => reached.push(request.url ?? '')));
    const redirecting = createServer();
    redirecting.on('upgrade', (_request, socket) =>
      socket.end(
        `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${target}/ws/peers\r\nConnection: close\r\n\r\n`,
      ),
    );
    const port = await listen(redirecting);
    for (const rules of [RESTRICTED, undefined]) {
      const dialled = dialWebSocket()(`ws://127.0.0.1:${port}/ws/peers`, rules);
      await assert.rejects(dialled, { message: 'HTTP 302' });
    }
    assert.deepEqual(reached, []);
  });
});
