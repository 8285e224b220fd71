// The bare ends of the suite payload. bare-payload.ts hub: a forwarder that the source dials, as a Home dials its Main.
// bare-payload.ts source URL: answers with as many bytes as it is asked for. bare-payload.ts load URL: asks.

import type { AddressInfo, Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { corkedSender } from './corked.ts';
import { serveLoad } from './load.ts';
import { sayReady } from './processes.ts';

const [role = '', url = ''] = process.argv.slice(2);
const OPTIONS = { perMessageDeflate: false, maxPayload: 32 * 1_048_576 };
const HEADER_BYTES = 8;

function serveHub(): void {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...OPTIONS });
  let toSource: (data: Buffer) => void = () => {};
  let toClient: (data: Buffer) => void = () => {};
  server.on('connection', (peer: WebSocket, request: { url?: string; socket: Socket }) => {
    const send = corkedSender(peer, request.socket);
    const isSource = request.url === '/source';
    if (isSource) toSource = send;
    else toClient = send;
    peer.on('message', (data: Buffer) => (isSource ? toClient(data) : toSource(data)));
  });
  server.once('listening', () =>
    sayReady({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  );
}

function dial(path: string, ready: (socket: WebSocket, send: (data: Buffer) => void) => void): void {
  const socket = new WebSocket(`${url}${path}`, OPTIONS);
  socket.once('upgrade', (response) => {
    const send = corkedSender(socket, response.socket);
    socket.once('open', () => ready(socket, send));
  });
}

function serveSource(): void {
  dial('/source', (socket, send) => {
    socket.on('message', (data: Buffer) => {
      const answer = Buffer.alloc(HEADER_BYTES + data.readUInt32LE(4), 120);
      data.copy(answer, 0, 0, HEADER_BYTES);
      send(answer);
    });
    sayReady({});
  });
}

function load(): void {
  dial('', (socket, send) => {
    let arrived: (id: number, bytes: number) => void = () => {};
    socket.on('message', (data: Buffer) => arrived(data.readUInt32LE(0), data.length - HEADER_BYTES));
    serveLoad(({ bodyBytes }) => {
      const waiting = new Map<number, (isRight: boolean) => void>();
      arrived = (id, bytes) => {
        const settle = waiting.get(id);
        waiting.delete(id);
        settle?.(bytes === bodyBytes);
      };
      let id = 0;
      return (settle) => {
        id = (id + 1) >>> 0;
        const message = Buffer.alloc(HEADER_BYTES);
        message.writeUInt32LE(id, 0);
        message.writeUInt32LE(bodyBytes, 4);
        waiting.set(id, settle);
        send(message);
      };
    });
  });
}

if (role === 'hub') serveHub();
else if (role === 'source') serveSource();
else load();
