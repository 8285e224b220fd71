// Load through the client SDK: load-sdk.ts URL

import { connect, type WebSocketConstructor } from '@relay/client';
import { WebSocket } from 'ws';
import { serveLoad } from './load.ts';

const client = connect(process.argv[2] ?? '', {
  ...(process.env['RELAY_BENCH_WEBSOCKET'] === 'global'
    ? {}
    : { webSocket: WebSocket as unknown as WebSocketConstructor }),
});

serveLoad((order) => {
  const text = 'a'.repeat(order.bodyBytes);
  return (settle) => {
    client.call('echo', 'echo', [text]).then(
      (result) => settle(result === text),
      () => settle(false),
    );
  };
});
