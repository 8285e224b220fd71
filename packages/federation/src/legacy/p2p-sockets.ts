// `/ws/p2p` over real sockets: who may open a link, and how this node opens one. Source: legacy-p2p.md §2.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, isNodeId, type Link, P2P_LIMITS, RESERVED_IDS } from '@relay/protocol';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import { refuse } from '../link/accept.ts';
import { type Lookup, restrictedLookup } from '../link/outbound-address.ts';
import { SOCKET_OPTIONS, WebSocketLink } from '../link/websocket-link.ts';
import { askNodeId } from './ask-node-id.ts';
import { hostOf, type P2pAddress } from './p2p-address.ts';
import { type P2pDial, P2pUnauthorized } from './p2p-dialler.ts';

export const P2P_PATH = '/ws/p2p';

export interface P2pUpgradeOptions {
  readonly self: string;
  readonly clock: Clock;
  /** Shown and required. */
  readonly token?: string;
  /** Callers or joining nodes must show something here: without a token nobody gets in this way either. */
  readonly isClosed: () => boolean;
  readonly isDraining: () => boolean;
  /** A web page must not open links; existing nodes did not look. */
  readonly refusesPages: boolean;
  readonly accept: (link: Link, id: string, address: string) => void;
  /** An upgrade was refused, with this code. */
  readonly onRefused?: (code: string) => void;
}

/** Takes every upgrade that no other path wants. */
export function p2pUpgrades(
  options: P2pUpgradeOptions,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const sockets = new WebSocketServer({
    ...SOCKET_OPTIONS,
    noServer: true,
    clientTracking: false,
    handleProtocols: () => false,
  });
  sockets.on('wsClientError', (error, socket) => refuse(socket, 400, 'bad_request', error.message));
  return (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const url = new URL(request.url ?? '/', 'http://node');
    if (url.pathname !== P2P_PATH) {
      refuse(socket, 404, 'not_found', `no WebSocket at ${url.pathname.slice(0, 100)}`);
      return;
    }
    const refusal = check(request, url, options);
    if (refusal !== undefined) {
      options.onRefused?.(refusal[1]);
      refuse(socket, ...refusal);
      return;
    }
    const id = url.searchParams.get('node_id') ?? '';
    const { remoteAddress = '', remotePort = 0 } = socket as Socket;
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const link = new WebSocketLink(webSocket, socket, options.clock, { isServer: true, remoteAddress });
      const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress;
      options.accept(link, id, `${host}:${remotePort}`);
    });
  };
}

type Refusal = [status: number, code: string, message: string, headers?: readonly string[]];

function check(
  { headers }: IncomingMessage,
  url: URL,
  { self, token, isClosed, isDraining, refusesPages }: P2pUpgradeOptions,
): Refusal | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket') {
    return [426, 'upgrade_required', 'this path speaks WebSocket', ['Upgrade: websocket']];
  }
  if (refusesPages && headers.origin !== undefined) {
    return [403, 'forbidden', 'web pages open no P2P links'];
  }
  const id = url.searchParams.get('node_id');
  if (id === null || id === '') return [400, 'bad_request', 'node_id parameter required'];
  if (!isNodeId(id) || RESERVED_IDS.includes(id) || id === self) {
    return [400, 'bad_request', `invalid node_id: ${id.slice(0, 200)}`];
  }
  if (token !== undefined) {
    const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    const shown = bearer ?? url.searchParams.get('token') ?? '';
    if (!sameText(shown, token)) {
      return [401, 'unauthorized', 'a token is required', ['WWW-Authenticate: Bearer']];
    }
  } else if (isClosed()) {
    return [401, 'unauthorized', 'P2P links need RELAY_P2P_TOKEN on this node', ['WWW-Authenticate: Bearer']];
  }
  if (isDraining()) return [503, 'unavailable', 'shutting down', ['Retry-After: 1']];
  return undefined;
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

export interface P2pSocketOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly token?: string;
  /** An IP address for a host name, instead of DNS. */
  readonly resolve?: (host: string) => string | undefined;
  /** That of the system by default. */
  readonly lookup?: Lookup;
}

export function p2pSockets(options: P2pSocketOptions): P2pDial {
  const { token, resolve } = options;
  return {
    async nodeId(address) {
      const ip = resolve?.(hostOf(address));
      const lookup = ip === undefined ? undefined : fixedLookup(ip);
      try {
        return await askNodeId(address, { token, lookup });
      } catch (error) {
        throw error instanceof P2pUnauthorized ? error : new Error(reasonOf(error));
      }
    },
    link: (address) => openLink(address, options),
  };
}

function openLink(
  { address, isSecure, isRestricted }: P2pAddress,
  { self, clock, token, resolve, lookup }: P2pSocketOptions,
): Promise<Link> {
  const { promise, resolve: succeed, reject } = Promise.withResolvers<Link>();
  const url = new URL(`${isSecure ? 'wss' : 'ws'}://${address}${P2P_PATH}`);
  url.searchParams.set('node_id', self);
  const ip = resolve?.(url.hostname);
  // What the operator maps to an address is meant to be dialled there.
  const find =
    ip !== undefined ? fixedLookup(ip) : isRestricted === true ? restrictedLookup(lookup) : undefined;
  const socketOptions: ClientOptions & { lookup?: LookupFunction } = {
    ...SOCKET_OPTIONS,
    followRedirects: false,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(find === undefined ? {} : { lookup: find }),
  };
  const socket = new WebSocket(url, socketOptions);
  let response: IncomingMessage | undefined;
  const fail = (error: Error): void => {
    timer[Symbol.dispose]();
    socket.removeAllListeners();
    socket.on('error', () => {});
    socket.terminate();
    reject(error);
  };
  const timer = clock.after(P2P_LIMITS.dialMs, () => fail(new Error('timed out')));
  socket.on('error', (error) => fail(new Error(reasonOf(error))));
  socket.on('unexpected-response', (_request, answer) => {
    answer.resume();
    const text = `HTTP ${answer.statusCode}`;
    fail(answer.statusCode === 401 ? new P2pUnauthorized(text) : new Error(text));
  });
  socket.on('upgrade', (answer) => {
    response = answer;
  });
  socket.on('open', () => {
    timer[Symbol.dispose]();
    socket.removeAllListeners();
    if (response === undefined) return;
    succeed(
      new WebSocketLink(socket, response.socket, clock, {
        isServer: false,
        remoteAddress: response.socket.remoteAddress ?? '',
      }),
    );
  });
  return promise;
}

function fixedLookup(address: string): LookupFunction {
  const family = isIP(address) === 6 ? 6 : 4;
  return (_host, options, settle) => {
    if (options.all === true) settle(null, [{ address, family }]);
    else settle(null, address, family);
  };
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause instanceof Error ? thrown.cause : thrown;
  const first = cause instanceof AggregateError && cause.errors[0] instanceof Error ? cause.errors[0] : cause;
  const { code } = first as Error & { readonly code?: string };
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (first.name === 'TimeoutError') return 'timed out';
  return first.message;
}
