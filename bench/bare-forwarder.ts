// The limit for this runtime: a WebSocket forwarder that reads nothing and writes once per socket and turn of the event loop.
// bare-forwarder.ts [URL]: with a URL every message goes there and back, without one it is echoed.

import type { AddressInfo, Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { corkedSender } from './corked.ts';
import { answerProbes } from './probe.ts';
import { sayReady } from './processes.ts';

const upstream = process.argv[2];
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });

server.on('connection', (client: WebSocket, request: { socket: Socket }) => {
  const back = corkedSender(client, request.socket);
  if (upstream === undefined) {
    client.on('message', (data: Buffer) => back(data));
    return;
  }
  const out = new WebSocket(upstream, { perMessageDeflate: false });
  out.once('upgrade', (response) => {
    const forward = corkedSender(out, response.socket);
    out.once('open', () => {
      client.on('message', (data: Buffer) => forward(data));
      client.resume();
    });
    out.on('message', (data: Buffer) => back(data));
  });
  // What comes before the way on is open waits.
  client.pause();
  client.once('close', () => out.close());
});
server.once('listening', () => sayReady({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }));
answerProbes();
