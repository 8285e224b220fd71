// Opens WebSocket links. Whatever goes wrong becomes one short sentence for people.

import type { IncomingMessage } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import { type Clock, HANDSHAKE_LIMITS, type Link, SUBPROTOCOLS } from '@relay/protocol';
import { type ClientOptions, WebSocket } from 'ws';
import { systemClock } from '../clock.ts';
import { type Dial, DialError } from './dial.ts';
import { type Lookup, outboundRefusal, restrictedLookup } from './outbound-address.ts';
import { SOCKET_OPTIONS, WebSocketLink } from './websocket-link.ts';

export interface DialOptions {
  /** An IP address to use for this host name instead of asking DNS (`RELAY_RESOLVE`). */
  readonly resolve?: (host: string) => string | undefined;
  readonly clock?: Clock;
  /** That of the system by default. */
  readonly lookup?: Lookup;
}

export function dialWebSocket({ resolve, clock = systemClock, lookup }: DialOptions = {}): Dial {
  return (url, { isRestricted } = { isRestricted: false }) =>
    new Promise<Link>((succeed, fail) => {
      const { hostname } = new URL(url);
      const address = resolve?.(hostname);
      const refusal = isRestricted ? outboundRefusal(hostname) : undefined;
      if (refusal !== undefined) {
        fail(new DialError(refusal));
        return;
      }
      const options: ClientOptions & { lookup?: LookupFunction } = {
        ...SOCKET_OPTIONS,
        followRedirects: false,
        // What the operator maps to an address is meant to be dialled there.
        ...(address !== undefined
          ? { lookup: fixedLookup(address) }
          : isRestricted && { lookup: restrictedLookup(lookup) }),
      };
      const socket = new WebSocket(url, [...SUBPROTOCOLS], options);
      let response: IncomingMessage | undefined;
      const timer = clock.after(HANDSHAKE_LIMITS.totalMs, () => refuse(new DialError('timed out')));
      const onError = (error: Error): void => refuse(describe(error, hostname));
      const onResponse = (_request: unknown, answer: IncomingMessage): void => {
        answer.resume();
        const seconds = answer.headers['retry-after'];
        refuse(new DialError(`HTTP ${answer.statusCode}`, retryAfterMs(seconds, clock.wallNow())));
      };
      const onUpgrade = (answer: IncomingMessage): void => {
        response = answer;
      };
      const onOpen = (): void => {
        leave();
        if (response === undefined) return;
        // Nothing may be lost between now and `listen`.
        const link = new WebSocketLink(socket, response.socket, clock, {
          isServer: false,
          remoteAddress: response.socket.remoteAddress ?? '',
        });
        succeed(link);
      };
      const leave = (): void => {
        timer[Symbol.dispose]();
        socket.off('error', onError).off('unexpected-response', onResponse);
        socket.off('upgrade', onUpgrade).off('open', onOpen);
      };
      const refuse = (error: DialError): void => {
        leave();
        // Ending a socket that is still connecting is told as one more error, which nobody needs.
        socket.on('error', () => {});
        socket.terminate();
        fail(error);
      };
      socket.on('error', onError).on('unexpected-response', onResponse);
      socket.on('upgrade', onUpgrade).on('open', onOpen);
    });
}

function fixedLookup(address: string): LookupFunction {
  const family = isIP(address) === 6 ? 6 : 4;
  return (_host, options, settle) => {
    if (options.all === true) settle(null, [{ address, family }]);
    else settle(null, address, family);
  };
}

function retryAfterMs(header: string | undefined, wallNow: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - wallNow;
  return Number.isFinite(ms) ? Math.max(0, Math.min(ms, 3_600_000)) : undefined;
}

function describe(error: Error, host: string): DialError {
  // Several addresses of one name failed; the first says enough.
  const cause = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  return new DialError(reasonOf(cause, host), undefined, { cause: error });
}

function reasonOf(error: Error & { code?: string }, host: string): string {
  const { code = '' } = error;
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
      return `no such host ${host}`;
    case 'EAI_AGAIN':
      return `cannot look up ${host}`;
    case 'ETIMEDOUT':
      return 'timed out';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'connection reset';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return 'host unreachable';
    case 'EPROTO':
      return 'no TLS at this port';
    default:
      if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) return `certificate not accepted (${code})`;
      if (error.message === 'socket hang up') return 'connection reset';
      return error.message;
  }
}
