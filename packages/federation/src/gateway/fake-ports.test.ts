// A node for tests of the gateway: calls are written down and answered as the test says.

import assert from 'node:assert/strict';
import http from 'node:http';
import {
  type Body,
  createFailure,
  encodeUtf8,
  type MethodDescription,
  type Outcome,
  type Settle,
} from '@relay/protocol';
import { ManualClock, seededRandom } from '@relay/testkit';
import { createLog } from '../observe/log.ts';
import { createHttpServer, type HttpServer } from './http-server.ts';
import type { HttpServerOptions } from './options.ts';
import type {
  CallRequest,
  CallStats,
  GatewayPorts,
  HomeView,
  HttpCaller,
  InstanceView,
  MainLinkSource,
  PeerView,
} from './ports.ts';

/** Where the manual clock stands at first. */
export const CLOCK_TIME = '2026-01-01T00:00:00.000Z';
export const TRACE_ID = '5f2c8e0b9d6a4f1e8c7b3a2d1e0f9c8b';

export interface Seen {
  readonly request: CallRequest;
  readonly caller: HttpCaller;
  readonly settle: Settle;
  readonly params: string;
  cancelled?: string;
}

export function result(text: string): Outcome {
  return { kind: 'result', body: encodeUtf8(text) };
}

export function method(name: string, more: Partial<MethodDescription> = {}): MethodDescription {
  return { name, params: [], returns: 'any', effect: 'writes', ...more };
}

export function instance(service: string, nodeId: string, more: Partial<InstanceView> = {}): InstanceView {
  return {
    service,
    nodeId,
    origin: 'home',
    methods: [method('get')],
    isHealthy: true,
    lastSeen: Date.parse('2026-11-22T10:58:50.368Z'),
    inFlight: 0,
    calls: 0,
    failures: 0,
    averageLatencyMs: 0,
    circuit: 'closed',
    strategy: 'round_robin',
    ...more,
  };
}

export function peer(id: string | null, more: Partial<PeerView> = {}): PeerView {
  return {
    id,
    url: `ws://${id ?? 'nowhere'}:8081/ws/peers`,
    state: 'connected',
    isHealthy: true,
    direction: 'outbound',
    source: 'flag',
    connectedSince: null,
    lastSeen: null,
    latencyMs: null,
    services: 0,
    reconnectAttempts: 0,
    nextRetryMs: null,
    lastError: null,
    calls: { forwarded: 0, failed: 0 },
    bytes: { sent: 0, received: 0 },
    ...more,
  };
}

/** What a test may change while the server runs. */
export interface FakeNode {
  readonly ports: GatewayPorts;
  readonly clock: ManualClock;
  readonly calls: Seen[];
  readonly lines: string[];
  /** Undefined leaves the call open. */
  answer: (request: CallRequest, params: string) => Outcome | undefined;
  instances: InstanceView[];
  homes: HomeView[];
  peers: PeerView[];
  openCircuits: number;
  state: 'starting' | 'running' | 'draining';
  reasons: string[];
  address: string | undefined;
  stats: CallStats;
}

export function fakeNode(nodeType: 'main' | 'home', mainLink?: MainLinkSource): FakeNode {
  const clock = new ManualClock();
  const lines: string[] = [];
  const nodeId = nodeType === 'main' ? 'relay-a.com' : 'alice.home';
  const node: FakeNode = {
    clock,
    calls: [],
    lines,
    answer: () => result('0'),
    instances: [],
    homes: [],
    peers: [],
    openCircuits: 0,
    state: 'running',
    reasons: [],
    address: '10.0.0.5:8080',
    stats: { total: 0, failed: 0, inFlight: 0, averageLatencyMs: 0 },
    ports: {
      identity: {
        nodeId,
        nodeType,
        version: '0.3.0-dev',
        startedAt: clock.wallNow(),
        address: () => node.address,
      },
      ingress: {
        submit(request, caller, settle) {
          const params = text(request.params);
          const seen: Seen = { request, caller, settle, params };
          node.calls.push(seen);
          const outcome = node.answer(request, params);
          if (outcome !== undefined) settle(outcome);
          return {
            traceId: TRACE_ID,
            cancel: (mode) => {
              seen.cancelled = mode;
            },
          };
        },
      },
      registry: {
        instances: (filter) =>
          node.instances.filter(
            ({ service, origin }) =>
              (filter?.service ?? service) === service && (filter?.origin ?? origin) === origin,
          ),
        homes: () => node.homes,
        ownCount: () => node.instances.filter(({ origin }) => origin === 'self').length,
        counts: () => {
          const count = (keep: (view: InstanceView) => boolean): number => node.instances.filter(keep).length;
          return {
            connectedHomes: node.homes.filter(({ connected }) => connected).length,
            local: count(({ origin }) => origin !== 'peer'),
            federated: count(({ origin }) => origin === 'peer'),
            failed: count(({ isHealthy, circuit }) => !isHealthy || circuit === 'open'),
            openCircuits: node.openCircuits,
          };
        },
      },
      lifecycle: { state: () => node.state, readiness: () => node.reasons },
      callStats: () => node.stats,
      ...(nodeType === 'main' && {
        peers: {
          peers: () => node.peers,
          addPeer(url: string, id?: string) {
            if (url === 'nonsense') return { kind: 'invalid-url' as const, reason: 'expected ws://HOST' };
            if (url.includes('169.254')) return { kind: 'forbidden' as const, reason: 'address not allowed' };
            if (id === 'relay-b.com' && !url.includes('relay-b')) return { kind: 'other-url' as const, id };
            const added = peer(id ?? null, { url, source: 'api', state: 'connecting', isHealthy: false });
            node.peers.push(added);
            return { kind: 'added' as const, peer: added };
          },
          removePeer(idOrUrl: string) {
            const found = node.peers.find(({ id, url }) => id === idOrUrl || url === idOrUrl);
            if (found === undefined) return { kind: 'unknown' as const };
            node.peers.splice(node.peers.indexOf(found), 1);
            return { kind: 'removed' as const, id: found.id ?? found.url };
          },
        },
      }),
      ...(mainLink !== undefined && { mainLink }),
      clock,
      random: seededRandom(1),
      log: createLog({ level: 'debug', format: 'text', write: (line) => lines.push(line), clock }),
    },
  };
  return node;
}

function text(body: Body): string {
  return new TextDecoder().decode(body);
}

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Client extends AsyncDisposable {
  readonly server: HttpServer;
  readonly port: number;
  send(
    verb: string,
    path: string,
    body?: string | Uint8Array,
    headers?: http.OutgoingHttpHeaders,
  ): Promise<Reply>;
  /** POST /rpc; what comes back is one line of text. */
  rpc(body: unknown, headers?: http.OutgoingHttpHeaders): Promise<Reply>;
  get(path: string, headers?: http.OutgoingHttpHeaders): Promise<Reply>;
  /** The parsed body of GET, which must be 200. */
  json(path: string): Promise<Record<string, unknown>>;
}

export async function serve(node: FakeNode, options: HttpServerOptions = {}): Promise<Client> {
  const server = createHttpServer(node.ports, options);
  const { port } = await server.listen();
  const send: Client['send'] = (verb, path, body, headers) =>
    new Promise((resolve, reject) => {
      const request = http.request({
        host: '127.0.0.1',
        port,
        method: verb,
        path,
        agent: false,
        headers: headers ?? {},
      });
      request.once('error', reject).once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject).once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      });
      request.end(body);
    });
  return {
    server,
    port,
    send,
    rpc: (body, headers) =>
      send('POST', '/rpc', typeof body === 'string' ? body : JSON.stringify(body), headers),
    get: (path, headers) => send('GET', path, undefined, headers),
    async json(path) {
      const reply = await send('GET', path);
      assert.equal(reply.status, 200, reply.body);
      return JSON.parse(reply.body) as Record<string, unknown>;
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

export const NOT_FOUND = createFailure('service_not_found', 'no such service', 'relay-a.com');
