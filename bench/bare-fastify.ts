// What `/rpc` is held against: a Fastify route that parses a JSON-RPC request and answers with the same text. bare-fastify.ts [URL]: with
// a URL the text goes there and back over one WebSocket, as bytes.

import type { AddressInfo, Socket } from 'node:net';
import fastify from 'fastify';
import { WebSocket } from 'ws';
import { corkedSender } from './corked.ts';
import { sayReady } from './processes.ts';

const upstream = process.argv[2];
const answer = upstream === undefined ? (text: string) => text : await openLink(upstream);
const app = fastify({ logger: false });
app.post('/rpc', async (request) => {
  const { id, params } = request.body as { id: number; params: readonly [string] };
  return { jsonrpc: '2.0', result: await answer(params[0]), id };
});
await app.listen({ port: 0, host: '127.0.0.1' });
sayReady({ http: `127.0.0.1:${(app.server.address() as AddressInfo).port}` });

async function openLink(url: string): Promise<(text: string) => Promise<string>> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const raw = new Promise<Socket>((resolve) =>
    socket.once('upgrade', (response) => resolve(response.socket)),
  );
  await new Promise((resolve) => socket.once('open', resolve));
  const send = corkedSender(socket, await raw);
  const waiting = new Map<number, (text: string) => void>();
  socket.on('message', (data: Buffer) => {
    const id = data.readUInt32LE(0);
    waiting.get(id)?.(data.toString('utf8', 4));
    waiting.delete(id);
  });
  let last = 0;
  return (text) =>
    new Promise((resolve) => {
      last = (last + 1) >>> 0;
      const message = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
      message.writeUInt32LE(last, 0);
      message.write(text, 4);
      waiting.set(last, resolve);
      send(message);
    });
}
