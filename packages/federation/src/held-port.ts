// A port that is open before the node behind it is: a node binds its port, then locks its folder, then starts its program, so that
// "kill, start again" hands over port and folder in one order (cli.md §5). Connections that come meanwhile wait.

import type http from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export interface HeldPort {
  /** The address that was bound. */
  readonly host: string;
  readonly port: number;
  /** Lets the HTTP server take over, with the connections that have come. */
  handOver(server: http.Server): Promise<void>;
  /** Gives the port up; only before it was handed over. */
  release(): Promise<void>;
}

/** Connections that may wait for the node. */
const MAX_WAITING = 1_000;
/** Connections that the kernel keeps while a turn of the event loop is under way; the system may allow fewer. */
const BACKLOG = 4_096;

/** Opens the port (0: any free one). Rejects as `net.Server.listen` does, with `EADDRINUSE` for a port in use. */
export async function holdPort({
  host,
  port,
}: {
  readonly host: string;
  readonly port: number;
}): Promise<HeldPort> {
  const holder = createServer();
  const waiting: Socket[] = [];
  const wait = (socket: Socket): void => {
    socket.on('error', () => socket.destroy());
    if (waiting.push(socket) > MAX_WAITING) waiting.shift()?.destroy();
  };
  holder.on('connection', wait);
  await new Promise<void>((resolve, reject) => {
    holder.once('error', reject);
    holder.listen({ host, port, backlog: BACKLOG }, () => {
      holder.off('error', reject);
      resolve();
    });
  });
  const address = holder.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    async handOver(server) {
      holder.off('connection', wait);
      await takeOver(server, holder);
      for (const socket of waiting.splice(0)) if (!socket.destroyed) server.emit('connection', socket);
    },
    async release() {
      for (const socket of waiting.splice(0)) socket.destroy();
      await new Promise<void>((resolve) => holder.close(() => resolve()));
    },
  };
}

/** The HTTP server listens on the handle of the holder, which from then on belongs to it. */
function takeOver(server: http.Server, holder: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Listening again on a handle sets its queue again, to 511 unless told.
    server.listen(holder, BACKLOG, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
