import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, it } from 'node:test';
import { encodeUtf8 } from '@relay/protocol';
import { waitFor } from '@relay/testkit';
import { systemClock } from '../clock.ts';
import { type Client, type FakeNode, fakeNode, result, serve as serveByClock } from './fake-ports.test.ts';
import type { HttpServerOptions } from './options.ts';

const call = (id: number): string => {
  const body = `{"jsonrpc":"2.0","method":"counter.get","id":${id}}`;
  return `POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};
const calls = (count: number): string => Array.from({ length: count }, (_, id) => call(id)).join('');
const LIVE = 'GET /live HTTP/1.1\r\nHost: x\r\n\r\n';
const NO_LIMIT = 1_000_000;
const OPEN = () => undefined;

/** With real turns of the event loop, by which the next requests of a connection begin. */
function serve(node: FakeNode, options: HttpServerOptions = {}): Promise<Client> {
  return serveByClock({ ...node, ports: { ...node.ports, clock: systemClock } }, options);
}

describe('a connection that does not wait for answers', () => {
  for (const { why, options, begun } of [
    { why: 'is worked on a few requests at a time', options: {}, begun: 8 },
    { why: '(without the limit: all at once)', options: { socketUnanswered: NO_LIMIT }, begun: 20 },
  ]) {
    it(why, async () => {
      const node = fakeNode('main');
      node.answer = OPEN;
      await using client = await serve(node, options);
      await using socket = await connectTo(client);
      socket.write(calls(20));
      await waitFor(() => node.calls.length >= begun, { what: 'the first calls' });
      // Everything was read in one go; what another connection is answered after it, it had time for.
      await client.get('/live');
      assert.equal(node.calls.length, begun);
      for (let at = 0; at < 20; at++) {
        await waitFor(() => node.calls.length > at, { what: `call ${at}` });
        node.calls[at]!.settle({ kind: 'result', body: encodeUtf8(String(at)) });
      }
      await waitFor(() => results(socket).length === 20, { what: 'all answers' });
      assert.deepEqual(
        results(socket),
        Array.from({ length: 20 }, (_, at) => `"result":${at},"id":${at}`),
      );
    });
  }

  it('is read on when its requests have been answered, bodies of many reads included', async () => {
    const node = fakeNode('main');
    await using client = await serve(node);
    await using socket = await connectTo(client);
    const body = '{"jsonrpc":"2.0","method":"counter.get","id":7}'.padEnd(200_000);
    const large = `POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    socket.write(calls(300) + large.repeat(20) + calls(10));
    await waitFor(() => results(socket).length === 330, { what: 'all answers' });
    assert.equal(node.calls.length, 330);
  });

  it('leaves others their turn', async () => {
    const node = fakeNode('main');
    // Nothing leaves before the first answer; then everything could, in one go.
    node.answer = () => (node.calls.length === 1 ? undefined : result('0'));
    await using client = await serve(node);
    await using socket = await connectTo(client);
    const first = once(socket, 'data');
    socket.write(calls(200));
    await waitFor(() => node.calls.length === 8, { what: 'the first calls' });
    node.calls[0]!.settle(result('0'));
    await first;
    assert.ok(node.calls.length < 100, `${node.calls.length} calls in one turn`);
    await waitFor(() => results(socket).length === 200, { what: 'all answers' });
  });

  const LONG = `"${'x'.repeat(500_000)}"`;
  for (const { why, options, isBounded } of [
    { why: 'and reads nothing gets a few answers made', options: {}, isBounded: true },
    { why: '(without the limit: all)', options: { socketUnanswered: NO_LIMIT }, isBounded: false },
  ]) {
    it(why, async () => {
      const node = fakeNode('main');
      node.answer = () => result(LONG);
      await using client = await serve(node, options);
      await using socket = await connectTo(client);
      socket.pause();
      socket.write(calls(200));
      // What the operating system takes for a client that does not read is some megabytes.
      let before = -1;
      await waitFor(
        async () => {
          await client.get('/live');
          const isSettled = node.calls.length === before;
          before = node.calls.length;
          return isSettled && before > 0;
        },
        { what: 'the node to stop' },
      );
      assert.equal(before < 60, isBounded, `${before} calls were made`);
      // Whoever reads again gets the rest.
      socket.resume();
      await waitFor(() => results(socket).length === 200, { what: 'all answers', limitMs: 20_000 });
    });
  }

  it('and goes away leaves nothing running', async () => {
    const node = fakeNode('main');
    node.answer = OPEN;
    await using client = await serve(node);
    const socket = await connectTo(client);
    socket.write(calls(20));
    await waitFor(() => node.calls.length === 8, { what: 'the first calls' });
    await socket[Symbol.asyncDispose]();
    // Who is not read from is found to be gone by what is written.
    for (const at of [0, 1, 2]) {
      node.calls[at]!.settle({ kind: 'result', body: encodeUtf8('0') });
      await client.get('/live');
    }
    await waitFor(async () => (await openConnections(client)) === 0, { what: 'the connection to end' });
    const begun = node.calls.length;
    for (const { settle } of node.calls.slice(3)) settle({ kind: 'result', body: encodeUtf8('0') });
    await client.get('/live');
    assert.equal(node.calls.length, begun);
    assert.ok(begun <= 11, `${begun} calls were made`);
  });
});

describe('a connection that takes nothing', () => {
  const unread = async (socketStallMs: number) => {
    const node = fakeNode('main');
    node.answer = () => result(`"${'x'.repeat(900_000)}"`);
    const client = await serve(node, { socketStallMs });
    const socket = await connectTo(client);
    socket.pause();
    socket.write(calls(50));
    await waitFor(() => node.calls.length >= 8, { what: 'the first calls' });
    return { client, socket };
  };

  it('is ended', async () => {
    const { client, socket } = await unread(200);
    await using _client = client;
    await using _socket = socket;
    await waitFor(async () => (await openConnections(client)) === 0, { what: 'the end of the connection' });
  });

  it('(without the limit: stays)', async () => {
    const { client, socket } = await unread(3_600_000);
    await using _client = client;
    await using _socket = socket;
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(await openConnections(client), 1);
  });

  it('since its call takes its time, is left alone', async () => {
    const node = fakeNode('main');
    node.answer = OPEN;
    await using client = await serve(node, { socketStallMs: 50 });
    await using socket = await connectTo(client);
    socket.write(call(1));
    await waitFor(() => node.calls.length === 1, { what: 'the call' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    node.calls[0]!.settle({ kind: 'result', body: encodeUtf8('1') });
    await waitFor(() => results(socket).length === 1, { what: 'the answer' });
  });
});

describe('the end of the server', () => {
  it('waits for answers for seconds, not for ever', async () => {
    const node = fakeNode('main');
    node.answer = OPEN;
    const client = await serve(node);
    await using socket = await connectTo(client);
    socket.write(call(1));
    await waitFor(() => node.calls.length === 1, { what: 'the call' });
    let hasEnded = false;
    void client.server.close().then(() => {
      hasEnded = true;
    });
    await client.get('/live').catch(() => {});
    assert.equal(hasEnded, false);
    await waitFor(() => hasEnded, { what: 'the end of the server' });
    await waitFor(() => socket.isClosed, { what: 'the end of the connection' });
  });
});

describe('a connection with all its requests made', () => {
  for (const { why, sent } of [
    { why: 'in one write', sent: [LIVE.repeat(50)] },
    { why: 'one by one', sent: Array.from({ length: 50 }, () => LIVE) },
  ]) {
    it(`ends with the last answer, whatever its client makes of "Connection: close": ${why}`, async () => {
      await using client = await serve(fakeNode('main'), { socketRequests: 12 });
      await using socket = await connectTo(client);
      for (const text of sent) socket.write(text);
      await waitFor(() => socket.isClosed, { what: 'the end of the connection' });
      const statuses = [...socket.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
      assert.deepEqual(
        statuses,
        Array.from({ length: 12 }, () => '200'),
      );
      assert.match(socket.received, /connection: close(?!.*connection: keep-alive)/is);
    });
  }

  it('ends as well for expectations that nobody meets, which Node answers itself', async () => {
    await using client = await serve(fakeNode('main'));
    await using socket = await connectTo(client);
    socket.write('GET /live HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\n\r\n'.repeat(100));
    await waitFor(() => socket.isClosed, { what: 'the end of the connection' });
    assert.equal(socket.received.split('HTTP/1.1 417').length - 1, 1);
  });
});

interface RawSocket extends net.Socket {
  received: string;
  isClosed: boolean;
  [Symbol.asyncDispose](): Promise<void>;
}

async function connectTo(client: Client): Promise<RawSocket> {
  const socket = net.connect(client.port, '127.0.0.1');
  const raw = Object.assign(socket, { received: '', isClosed: false }) as RawSocket;
  socket.on('data', (data) => {
    raw.received += data.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    raw.isClosed = true;
  });
  raw[Symbol.asyncDispose] = async () => {
    if (raw.isClosed) return;
    socket.destroy();
    await once(socket, 'close');
  };
  await once(socket, 'connect');
  return raw;
}

function results({ received }: RawSocket): string[] {
  return [...received.matchAll(/"result":[^,]{0,20}[^,]*,"id":\d+/g)].map(([text]) => text);
}

function openConnections({ server }: Client): Promise<number> {
  return new Promise((resolve, reject) => {
    server.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}
