// Load for the bare forwarder: N messages in flight, each answered by itself. load-bare.ts URL

import { WebSocket } from 'ws';
import { corkedSender } from './corked.ts';
import { serveLoad } from './load.ts';

const socket = new WebSocket(process.argv[2] ?? '', { perMessageDeflate: false });
socket.once('upgrade', (response) => {
  const send = corkedSender(socket, response.socket);
  socket.once('open', () => {
    let arrived: (id: number) => void = () => {};
    socket.on('message', (data: Buffer) => arrived(data.readUInt32LE(0)));
    serveLoad((order) => {
      const waiting = new Map<number, () => void>();
      arrived = (id) => {
        const settle = waiting.get(id);
        waiting.delete(id);
        settle?.();
      };
      let id = 0;
      return (settle) => {
        id = (id + 1) >>> 0;
        const message = Buffer.alloc(4 + order.bodyBytes, 97);
        message.writeUInt32LE(id, 0);
        waiting.set(id, () => settle(true));
        send(message);
      };
    });
  });
});
