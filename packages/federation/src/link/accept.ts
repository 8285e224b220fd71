// WebSocket upgrades of a node: checked before the upgrade (http-api.md §12), then handed over as links.

import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, HANDSHAKE_LIMITS, SUBPROTOCOLS } from '@relay/protocol';
import { WebSocketServer } from 'ws';
import type { HandshakeLine } from './handshake-line.ts';
import { SOCKET_OPTIONS, WebSocketLink } from './websocket-link.ts';

export interface UpgradeInfo {
  readonly remoteAddress: string;
  readonly origin: string | undefined;
}

export interface UpgradePath {
  /** `none`: any Origin header is refused. `allowed`: this host, and `corsOrigins` one by one. */
  readonly origins: 'none' | 'allowed';
  accept(link: WebSocketLink, info: UpgradeInfo): void;
}

export interface UpgradeOptions {
  /** By exact path, `/ws/federation` say. */
  readonly paths: Readonly<Record<string, UpgradePath>>;
  readonly clock: Clock;
  /** While true, upgrades are answered 503. */
  readonly isDraining: () => boolean;
  /** Origins named one by one; `*` does not count here. */
  readonly corsOrigins?: readonly string[];
  /** Against DNS rebinding; false answers 403. */
  readonly isHostAllowed?: (host: string | undefined) => boolean;
  /** Links whose handshake is under way. */
  readonly pendingHandshakes: () => number;
  /** Where they wait for their turn. */
  readonly line?: Pick<HandshakeLine, 'isLate' | 'perSecond'>;
  /** Upgrades per second; above it 503 with a Retry-After that spaces them out. Default 1,000. */
  readonly perSecond?: number;
  /** An upgrade was refused because there are too many. */
  readonly onLimited?: () => void;
  /** An upgrade was refused for what it was, with this code. */
  readonly onRefused?: (code: string) => void;
  /** Another handler for paths that are not ours; without it they are answered 404. */
  readonly otherwise?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** However slow it was a moment ago: nobody is told to stay away for longer than the longest wait of a redial. */
const SLOWEST_PER_SECOND = 10;
const LONGEST_WAIT_S = 60;

/** Disposing stops taking upgrades; links that were handed over live on. */
export function acceptUpgrades(server: Server, options: UpgradeOptions): Disposable {
  const { clock, paths } = options;
  const sockets = new WebSocketServer({
    ...SOCKET_OPTIONS,
    noServer: true,
    clientTracking: false,
    handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
  });
  sockets.on('wsClientError', (error, socket) => refuse(socket, 400, 'bad_request', error.message));
  const perSecond = options.perSecond ?? 1_000;
  const rate = createRate(clock, perSecond, () => Math.min(perSecond, options.line?.perSecond ?? perSecond));

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // The HTTP server has let go of the socket: without a listener an error here would end the process.
    socket.on('error', () => socket.destroy());
    const path = pathOf(request.url ?? '');
    const target = Object.hasOwn(paths, path) ? paths[path] : undefined;
    if (target === undefined) {
      if (options.otherwise !== undefined) options.otherwise(request, socket, head);
      else refuse(socket, 404, 'not_found', `no WebSocket at ${path.slice(0, 100)}`);
      return;
    }
    const refusal = check(request, target, options);
    if (refusal !== undefined) {
      options.onRefused?.(refusal[1]);
      refuse(socket, ...refusal);
      return;
    }
    const isDraining = options.isDraining();
    const isFull = options.pendingHandshakes() >= HANDSHAKE_LIMITS.pending || options.line?.isLate === true;
    const waitSeconds = isDraining ? 1 : isFull ? rate.promise() : rate.take();
    if (waitSeconds > 0) {
      if (!isDraining) options.onLimited?.();
      const message = isDraining ? 'shutting down' : 'too many connections at once';
      refuse(socket, 503, 'unavailable', message, [`Retry-After: ${waitSeconds}`]);
      return;
    }
    const remoteAddress = (socket as Socket).remoteAddress ?? '';
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const link = new WebSocketLink(webSocket, socket, clock, { isServer: true, remoteAddress });
      target.accept(link, { remoteAddress, origin: request.headers.origin });
    });
  };
  server.on('upgrade', onUpgrade);
  return { [Symbol.dispose]: () => void server.off('upgrade', onUpgrade) };
}

type Refusal = [status: number, code: string, message: string, headers?: readonly string[]];

function check(request: IncomingMessage, target: UpgradePath, options: UpgradeOptions): Refusal | undefined {
  const { headers } = request;
  if (headers.upgrade?.toLowerCase() !== 'websocket') {
    return [426, 'upgrade_required', 'this path speaks WebSocket', ['Upgrade: websocket']];
  }
  if (options.isHostAllowed?.(headers.host) === false) {
    return [403, 'forbidden', `host ${headers.host ?? ''} is not a name of this node`];
  }
  const { origin } = headers;
  if (origin !== undefined && !isOriginAllowed(origin, headers.host, target, options.corsOrigins ?? [])) {
    return [403, 'forbidden', `origin ${origin.slice(0, 100)} is not allowed`];
  }
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (!SUBPROTOCOLS.some((name) => offered.includes(name))) {
    return [400, 'bad_request', `offer a subprotocol: ${SUBPROTOCOLS.join(' or ')}`];
  }
  return undefined;
}

function isOriginAllowed(
  origin: string,
  host: string | undefined,
  target: UpgradePath,
  corsOrigins: readonly string[],
): boolean {
  if (target.origins === 'none') return false;
  if (origin !== '*' && corsOrigins.includes(origin)) return true;
  if (!URL.canParse(origin) || host === undefined) return false;
  const url = new URL(origin);
  // No browser writes a user or a path into an origin.
  return url.origin === origin.toLowerCase() && url.host === host.toLowerCase();
}

function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

export function refuse(
  socket: Duplex,
  status: number,
  code: string,
  message: string,
  headers: readonly string[] = [],
): void {
  if (socket.destroyed) return;
  const body = `${JSON.stringify({ error: { code, message } })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/**
 * Lets `perSecond` through; whom it refuses it tells a second in which there is room, so that they come back spread out, as fast as
 * `pace` says that they can be served.
 */
function createRate(
  clock: Clock,
  perSecond: number,
  pace: () => number,
): { take(): number; promise(): number } {
  let free = perSecond;
  let promised = 0;
  let at = clock.now();
  const pass = (): number => {
    const now = clock.now();
    const seconds = (now - at) / 1_000;
    const servedPerSecond = Math.max(SLOWEST_PER_SECOND, pace());
    at = now;
    free = Math.min(perSecond, free + seconds * perSecond);
    promised = Math.max(0, promised - seconds * servedPerSecond);
    return servedPerSecond;
  };
  const promise = (): number => {
    const servedPerSecond = pass();
    promised += 1;
    return Math.min(LONGEST_WAIT_S, Math.max(1, Math.ceil(promised / servedPerSecond)));
  };
  return {
    take() {
      pass();
      if (free < 1) return promise();
      free -= 1;
      return 0;
    },
    promise,
  };
}
