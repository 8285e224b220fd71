// GET /metrics, on the HTTP port or on an address of its own (http-api.md §11).

import http from 'node:http';
import { NodeTypeHome, NodeTypeMain } from '@relay/protocol';
import type { Metrics } from '../observe/metrics.ts';
import { type Answer, type Context, type Route, refuse } from './route.ts';

const METRICS_PATH = '/metrics';

export const METRICS_ROUTES: readonly Route[] = [
  { method: 'GET', path: METRICS_PATH, servedBy: [NodeTypeMain, NodeTypeHome, 'p2p'], answer: metrics },
];

async function metrics({ ports }: Context): Promise<Answer> {
  if (ports.metrics === undefined) {
    return refuse('not_found', 'the figures of this node are served at the address of metrics_listen');
  }
  return { kind: 'text', ...(await ports.metrics.scrape()) };
}

export interface MetricsServer {
  /** `http://127.0.0.1:9090/metrics` */
  readonly url: string;
  close(): Promise<void>;
}

/** Nothing can be served at the address of `metrics_listen`. */
export class MetricsAddress extends Error {
  override readonly name = 'MetricsAddress';
}

/** A scraper sends a line and some headers, nothing else. */
const HEADER_BYTES = 8_192;
const REQUEST_MS = 5_000;

/** Serves `/metrics` and nothing else, without a credential: the address is what protects it. Rejects with `MetricsAddress` if it cannot. */
export async function listenForMetrics(
  metrics: Metrics,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const options = { maxHeaderSize: HEADER_BYTES, headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS };
  const server = http.createServer(options, (request, response) => {
    void serve(metrics, request, response);
  });
  const listening = Promise.withResolvers<void>();
  server.once('error', (error) => {
    const code = 'code' in error ? String(error.code) : error.message;
    const why = code === 'EADDRINUSE' ? 'address already in use' : code;
    listening.reject(
      new MetricsAddress(`cannot serve metrics on ${host}:${port}: ${why} (config metrics_listen)`),
    );
  });
  server.listen(port, host, () => listening.resolve());
  await listening.promise;
  const address = server.address();
  const bound = typeof address === 'object' ? (address?.port ?? port) : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}${METRICS_PATH}`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function serve(
  metrics: Metrics,
  { url, method }: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  if (url?.split('?', 1)[0] !== METRICS_PATH) response.writeHead(404).end();
  else if (method !== 'GET' && method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end();
  else {
    try {
      const { type, text } = await metrics.scrape();
      response.writeHead(200, { 'content-type': type }).end(method === 'HEAD' ? undefined : text);
    } catch {
      response.writeHead(500).end();
    }
  }
}
