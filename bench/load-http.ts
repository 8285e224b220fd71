// Load over HTTP/1.1 with kept connections, one request at a time on each. Written by hand so that the generator costs little.
// load-http.ts HOST:PORT METHOD PARAMS-JSON

import { connect } from 'node:net';
import { serveLoad } from './load.ts';

const [host = '', port = ''] = (process.argv[2] ?? '').split(':');
const method = process.argv[3] ?? '';
const paramsOf = (text: string): string => (process.argv[4] ?? '').replace('TEXT', text);

interface Connection {
  /** False once the server takes no further request on it. */
  isOpen: boolean;
  post(settle: (ok: boolean) => void): void;
}

function openConnection(request: Buffer): Connection {
  const socket = connect(Number(port), host);
  socket.setNoDelay(true);
  let waiting: ((ok: boolean) => void) | undefined;
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    const end = received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(received)?.[1]);
    if (received.length < end + 4 + length) return;
    if (/^connection: close\r$/im.test(received.slice(0, end + 1))) {
      connection.isOpen = false;
      socket.end();
    }
    const ok = received.startsWith('HTTP/1.1 200') && received.includes('"result":');
    received = received.slice(end + 4 + length);
    const settle = waiting;
    waiting = undefined;
    settle?.(ok);
  });
  socket.on('error', () => {
    connection.isOpen = false;
    waiting?.(false);
    waiting = undefined;
  });
  const connection: Connection = {
    isOpen: true,
    post(settle) {
      waiting = settle;
      socket.write(request);
    },
  };
  return connection;
}

serveLoad((order) => {
  const body = `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${paramsOf('a'.repeat(order.bodyBytes))},"id":1}`;
  const request = Buffer.from(
    `POST /rpc HTTP/1.1\r\nHost: ${host}:${port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const idle: Connection[] = [];
  return (settle) => {
    const connection = idle.pop() ?? openConnection(request);
    connection.post((ok) => {
      if (connection.isOpen) idle.push(connection);
      settle(ok);
    });
  };
});
