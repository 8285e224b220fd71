import { CALL_LIMITS } from '@relay/protocol';
import type { WebSocketConstructor } from './websocket-link.ts';

/** What a caller may say. */
export interface ConnectOptions {
  /** The bearer that HTTP callers of this Main show. */
  readonly token?: string;
  /** Time for one call, waiting for the connection included, in ms. Default 60 000, or less where the service says less. */
  readonly timeoutMs?: number;
  /** Longest wait between two attempts to connect, in ms. Default 60 000. */
  readonly maxRetryMs?: number;
  /** Default `globalThis.WebSocket`. The class of the package `ws` is faster in Node. */
  readonly webSocket?: WebSocketConstructor;
  /** Told of every change: `connected`, or `disconnected` with the reason. */
  readonly onState?: (state: ConnectionState) => void;
}

export type ConnectionState =
  | { readonly kind: 'connected'; readonly node: string }
  | { readonly kind: 'disconnected'; readonly reason: string; readonly retryMs: number }
  /** The Main refuses this client, or `close` was called: no further attempts. */
  | { readonly kind: 'closed'; readonly reason: string };

export interface CallOptions {
  /** Address of a node, `id` or `id@main`. Default: any instance of the service. */
  readonly node?: string;
  /** In ms, at most an hour. Default that of `connect`. */
  readonly timeoutMs?: number;
  /** Aborting ends the wait; the Main tells the service. */
  readonly signal?: AbortSignal;
  /**
   * 1 to 128 printable ASCII characters, chosen anew for each thing to be done: asked again with the same key, method and arguments,
   * the method does not run again, and its first outcome is returned.
   */
  readonly idempotencyKey?: string;
}

/** For all calls of a proxy, so without what belongs to one call. */
export type ServiceOptions = Omit<CallOptions, 'idempotencyKey'>;

export type ClientConfig = Readonly<
  Required<Omit<ConnectOptions, 'token' | 'onState'>> &
    Pick<ConnectOptions, 'token' | 'onState'> & {
      /** This program named no `timeoutMs`, so services may. */
      readonly hasDefaultTimeout: boolean;
    }
>;

export function resolveConnectOptions(options: ConnectOptions): ClientConfig {
  const webSocket = options.webSocket ?? (globalThis.WebSocket as WebSocketConstructor | undefined);
  if (webSocket === undefined) {
    throw new RangeError(
      'this runtime has no WebSocket: pass one as option webSocket, the class of the package ws for instance',
    );
  }
  const config = {
    timeoutMs: CALL_LIMITS.defaultTimeoutMs,
    maxRetryMs: 60_000,
    ...options,
    hasDefaultTimeout: options.timeoutMs === undefined,
    webSocket,
  };
  checkMs('timeoutMs', config.timeoutMs, CALL_LIMITS.maxTimeoutMs);
  checkMs('maxRetryMs', config.maxRetryMs, CALL_LIMITS.maxTimeoutMs);
  return Object.freeze(config);
}

export function checkMs(name: string, value: number, max: number): void {
  if (!(value > 0 && value <= max))
    throw new RangeError(`${name} must be more than 0 and at most ${max}, got ${value}`);
}

export function checkIdempotencyKey(key: string | undefined): void {
  if (key !== undefined && !/^[\x20-\x7e]{1,128}$/.test(key))
    throw new RangeError('idempotencyKey must be 1 to 128 printable ASCII characters');
}

/** `ws://h:8080`, `http://h:8080` and `h:8080` mean the federation path of that Main; a URL with a path is kept. */
export function federationUrl(text: string): string {
  const url = text.includes('://') ? text : `ws://${text}`;
  if (!URL.canParse(url)) throw new RangeError(`not the address of a Main Relay: ${JSON.stringify(text)}`);
  const parsed = new URL(url);
  const protocol = { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' }[parsed.protocol];
  if (protocol === undefined || parsed.username !== '' || parsed.search !== '' || parsed.hash !== '') {
    throw new RangeError(`not the address of a Main Relay: ${JSON.stringify(text)} (use ws://HOST:PORT)`);
  }
  const port =
    parsed.port === '' && !text.includes('://') ? ':8080' : parsed.port === '' ? '' : `:${parsed.port}`;
  return `${protocol}//${parsed.hostname}${port}${parsed.pathname === '/' ? '/ws/federation' : parsed.pathname}`;
}
