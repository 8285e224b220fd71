// A server with one planted defect, as a process of its own: `planted-defects.ts NAME` prints its port. It says 400 to everything but
// `/live`, and what is planted; `none` has nothing wrong.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** True if it has dealt with the request. */
type Plant = (request: IncomingMessage, response: ServerResponse, body: string) => boolean;

const answer = (response: ServerResponse, status: number, body: string): true => {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), connection: 'close' }).end(body);
  return true;
};

/** More than any attack lets a stub work. */
const STANDSTILL_US = 3_000_000;
let standing = false;

export const PLANTS = {
  none: () => false,
  'throws-on-null': ({ url }, response, body) =>
    url === '/planted' && body === 'null' && answer(response, 500, '{"error":{}}'),
  'no-retry-after': ({ url }, response) => url?.includes('limit=-1') === true && answer(response, 503, '{}'),
  'shows-stack': ({ url }, response) =>
    url?.includes('%2f') === true && answer(response, 400, 'Error: x\n    at read (/srv/relay/read.js:10:5)'),
  'stands-still': ({ url }) => {
    if (url?.includes('NaN') !== true || standing) return false;
    standing = true;
    // Its own time, not that in which a busy machine ran others.
    while (process.cpuUsage().user < STANDSTILL_US);
    return false;
  },
  'admin-for-other-sites': ({ url, method }, response) =>
    url === '/federation/log' && method === 'POST' && answer(response, 200, '{}'),
  'asks-no-token': ({ url }, response) => url === '/planted' && answer(response, 200, '{}'),
  'internal-error': (_, response, body) =>
    body.includes('"trace"') &&
    answer(
      response,
      200,
      '{"jsonrpc":"2.0","error":{"code":-32603,"data":{"code":"internal_error"}},"id":1}',
    ),
} satisfies Readonly<Record<string, Plant>>;

export type PlantName = keyof typeof PLANTS;

function serve(plant: Plant): void {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/live') answer(response, 200, '{"status":"alive"}');
      else if (!plant(request, response, Buffer.concat(chunks).toString('latin1')))
        answer(response, 400, '{}');
    });
  });
  server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
}

if (import.meta.main) serve(PLANTS[process.argv[2] as PlantName]);
