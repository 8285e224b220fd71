import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** Sends on a WebSocket so that everything of one turn of the event loop leaves in one write. */
export function corkedSender(webSocket: WebSocket, socket: Socket): (data: Buffer) => void {
  let isCorked = false;
  const uncork = (): void => {
    isCorked = false;
    socket.uncork();
  };
  return (data) => {
    if (!isCorked) {
      isCorked = true;
      socket.cork();
      setImmediate(uncork);
    }
    webSocket.send(data, { binary: true, compress: false });
  };
}
