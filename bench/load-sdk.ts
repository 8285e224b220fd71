// Load through the client SDK: load-sdk.ts URL calls the service echo; load-sdk.ts URL HOMES SERVICES calls the services of a crowd
// of Homes at random.

import { connect, type WebSocketConstructor } from '@relay/client';
import { WebSocket } from 'ws';
import { serveLoad } from './load.ts';

const [url = '', homes = '0', services = '1'] = process.argv.slice(2);
const client = connect(url, {
  ...(process.env['RELAY_BENCH_WEBSOCKET'] === 'global'
    ? {}
    : { webSocket: WebSocket as unknown as WebSocketConstructor }),
});

serveLoad(({ bodyBytes }) => {
  const text = 'a'.repeat(bodyBytes);
  if (homes === '0') {
    return (settle) => {
      client.call('echo', 'echo', [text]).then(
        (result) => settle(result === text),
        () => settle(false),
      );
    };
  }
  return (settle) => {
    const home = Math.floor(Math.random() * Number(homes));
    const index = Math.floor(Math.random() * Number(services));
    client.call(`service_home_${home}${index === 0 ? '' : `_${index}`}`, 'who', []).then(
      (result) => settle(result === `home-${home}`),
      () => settle(false),
    );
  };
});
