// How a node asks a P2P peer for its id and opens a link to it, over real sockets.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { systemClock } from '../clock.ts';
import { P2pUnauthorized } from './p2p-dialler.ts';
import { p2pSockets, p2pUpgrades } from './p2p-sockets.ts';

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

async function listen(answer: RequestListener, { host = '127.0.0.1', port = 0 } = {}): Promise<number> {
  const server = createServer(answer);
  servers.push(server);
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const at = (port: number, host = '127.0.0.1') => ({
  id: undefined,
  address: `${host}:${port}`,
  isSecure: false,
});
const dial = (more = {}) => p2pSockets({ self: 'n', clock: systemClock, ...more });

describe('asking a peer for its id', () => {
  it('shows the token, and takes the id of /registry/health', async () => {
    const seen: (string | undefined)[] = [];
    const port = await listen((request, response) => {
      seen.push(request.url, request.headers.authorization);
      response.end('{"status":"healthy","node_id":"node2"}');
    });
    assert.equal(await dial({ token: 'secret' }).nodeId(at(port)), 'node2');
    assert.deepEqual(seen, ['/registry/health', 'Bearer secret']);
  });

  it('asks at the address that the operator gives for a name', async () => {
    const port = await listen((_request, response) => response.end('{"node_id":"node2"}'));
    const resolve = (host: string): string | undefined => (host === 'h1.test' ? '127.0.0.1' : undefined);
    assert.equal(await dial({ resolve }).nodeId(at(port, 'h1.test')), 'node2');
  });

  it('works on ports that browsers refuse', async () => {
    // An address of its own, so that the port is free.
    const host = `127.${20 + (process.pid % 200)}.${(process.pid >> 7) % 250}.9`;
    await listen((_request, response) => response.end('{"node_id":"node2"}'), { host, port: 6_000 });
    assert.equal(await dial().nodeId(at(6_000, host)), 'node2');
  });

  for (const { why, answer, message } of [
    { why: 'is no node', answer: { status: 404 }, message: 'HTTP 404 from /registry/health' },
    {
      why: 'sends elsewhere',
      answer: { status: 302, location: 'http://127.0.0.1/' },
      message: /^HTTP 302 from/,
    },
    { why: 'answers no JSON', answer: { body: '<html>' }, message: '/registry/health names no node_id' },
    { why: 'answers null', answer: { body: 'null' }, message: '/registry/health names no node_id' },
    {
      why: 'names no id',
      answer: { body: '{"node_id":"a b"}' },
      message: '/registry/health names no node_id',
    },
    {
      why: 'does not come to an end',
      answer: { body: 'x'.repeat(100_000) },
      message: 'the answer of /registry/health is too long',
    },
  ]) {
    it(`says so if it ${why}`, async () => {
      const {
        status = 200,
        location,
        body = '',
      } = answer as { status?: number; location?: string; body?: string };
      const port = await listen((_request, response) => {
        response.writeHead(status, location === undefined ? {} : { location });
        response.end(body);
      });
      await assert.rejects(dial().nodeId(at(port)), { message });
    });
  }

  it('says so if nobody is there, or a credential is missing', async () => {
    const port = await listen((_request, response) => {
      response.statusCode = 401;
      response.end();
    });
    await assert.rejects(dial().nodeId(at(port)), P2pUnauthorized);
    await assert.rejects(dial().nodeId(at(1)), { message: 'connection refused' });
  });
});

describe('opening a link', () => {
  it('says why it failed', async () => {
    const server = createServer();
    servers.push(server);
    server.on(
      'upgrade',
      p2pUpgrades({
        self: 'other',
        clock: systemClock,
        token: 'secret',
        isClosed: () => false,
        isDraining: () => false,
        refusesPages: true,
        accept: (link) => link.terminate(),
      }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await assert.rejects(dial().link(at(port)), P2pUnauthorized);
    (await dial({ token: 'secret' }).link(at(port))).terminate();
    await assert.rejects(dial().link(at(1)), { message: 'connection refused' });
    // The id of the acceptor itself.
    const own = p2pSockets({ self: 'other', clock: systemClock, token: 'secret' });
    await assert.rejects(own.link(at(port)), { message: 'HTTP 400' });
  });

  it('does not dial what a name of an outsider leads to, and follows no redirect', async () => {
    const lookup = (_host: string, _options: object, settle: (error: null, found: object[]) => void): void =>
      settle(null, [{ address: '169.254.169.254', family: 4 }]);
    const restricted = { ...at(80, 'peer.test'), isRestricted: true };
    await assert.rejects(dial({ lookup }).link(restricted), {
      message: 'peer.test is not dialled: 169.254.169.254 is a link-local address, which is not dialled',
    });
    const reached: string[] = [];
    const target = await listen((request) => reached.push(request.url ?? ''));
    const redirecting = createServer();
    servers.push(redirecting);
    redirecting.on('upgrade', (_request, socket) =>
      socket.end(
        `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${target}/ws/p2p\r\nConnection: close\r\n\r\n`,
      ),
    );
    redirecting.listen(0, '127.0.0.1');
    await once(redirecting, 'listening');
    await assert.rejects(dial().link(at((redirecting.address() as AddressInfo).port)), {
      message: 'HTTP 302',
    });
    assert.deepEqual(reached, []);
  });
});
