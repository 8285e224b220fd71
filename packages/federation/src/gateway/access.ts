// Who may do what over HTTP: bearer tokens, endpoints that change the node, and what web pages of other origins may do.
// Pure decisions over headers; http-server.ts turns them into answers. Source: http-api.md §2.2, §2.5, §2.7, §2.8.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { HttpServerConfig } from './options.ts';

export type Verdict =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'unauthorized'; readonly message: string }
  | { readonly kind: 'forbidden'; readonly message: string };

const ALLOWED: Verdict = Object.freeze({ kind: 'allowed' });

export interface Access {
  /** Undefined if every caller may call: then there is nothing to ask. */
  readonly mayCall: ((request: IncomingMessage) => Verdict) | undefined;
  mayAdminister(request: IncomingMessage): Verdict;
}

export function createAccess(
  config: Pick<HttpServerConfig, 'apiToken' | 'adminToken' | 'allowRemoteAdmin'>,
): Access {
  const isApi = tokenCheck(config.apiToken);
  const isAdmin = tokenCheck(config.adminToken);
  const mayCall = (request: IncomingMessage): Verdict => {
    const token = bearer(request);
    if (token === undefined) return { kind: 'unauthorized', message: 'a bearer token is required' };
    // Both are compared always, so that the time says nothing.
    const isKnown = [isApi(token), isAdmin(token)].includes(true);
    return isKnown ? ALLOWED : { kind: 'unauthorized', message: 'the bearer token is not valid' };
  };
  return {
    mayCall: config.apiToken === undefined ? undefined : mayCall,
    mayAdminister(request) {
      if (config.adminToken !== undefined) {
        const token = bearer(request);
        if (token === undefined) return { kind: 'unauthorized', message: 'the admin token is required' };
        if (isAdmin(token)) return ALLOWED;
        return isApi(token)
          ? { kind: 'forbidden', message: 'this needs the admin token' }
          : { kind: 'unauthorized', message: 'the bearer token is not valid' };
      }
      if (!config.allowRemoteAdmin && !isFromThisMachine(request)) {
        return {
          kind: 'forbidden',
          message: 'without an admin token this is accepted only from a loopback address',
        };
      }
      const { origin } = request.headers;
      if (origin !== undefined && !isOwnPage(request, origin)) {
        return {
          kind: 'forbidden',
          message: 'without an admin token this is not accepted from pages of other sites',
        };
      }
      return ALLOWED;
    },
  };
}

function bearer(request: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}

/** Digests have one length, which timingSafeEqual needs and which hides that of the token. */
function tokenCheck(expected: string | undefined): (token: string) => boolean {
  if (expected === undefined) return () => false;
  const digest = sha256(expected);
  return (token) => timingSafeEqual(sha256(token), digest);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A proxy on this machine also connects from loopback, but what it forwards may come from anywhere. */
function isFromThisMachine({ headers, socket }: IncomingMessage): boolean {
  if (headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined) return false;
  const address = socket.remoteAddress ?? '';
  return address === '::1' || /^(?:::ffff:)?127\./.test(address);
}

/**
 * A page of this node: its origin is the host the request went to. A name that an attacker's DNS points here would pass that too,
 * so without a token only IP addresses and `localhost` count.
 */
function isOwnPage(request: IncomingMessage, origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  return (
    url.origin === origin.toLowerCase() &&
    url.host === request.headers.host?.toLowerCase() &&
    /^(?:localhost|[\d.]+|\[[\da-f:.]+\])$/.test(url.hostname)
  );
}

/** Headers of an answer to a page of another origin; undefined if it may not call. */
export function createCors(
  config: Pick<HttpServerConfig, 'cors' | 'corsOrigins'>,
): ((origin: string | undefined) => Readonly<Record<string, string>> | undefined) | undefined {
  if (!config.cors || config.corsOrigins.length === 0) return undefined;
  const common = {
    'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
    'access-control-allow-headers':
      'Content-Type, Authorization, Idempotency-Key, Relay-Timeout, Relay-Trace',
  };
  if (config.corsOrigins.includes('*')) {
    const headers = Object.freeze({ 'access-control-allow-origin': '*', ...common });
    return () => headers;
  }
  const origins = new Set(config.corsOrigins.map((origin) => origin.replace(/\/$/, '').toLowerCase()));
  // Caches must not give the answer for one origin to another, nor the answer without headers.
  const others = Object.freeze({ vary: 'Origin' });
  return (origin) =>
    origin !== undefined && origins.has(origin.toLowerCase())
      ? { 'access-control-allow-origin': origin, ...common, vary: 'Origin' }
      : others;
}

/** What a request with an `Origin` must be, so that a page can send it only after a CORS preflight. */
export function isPageRequestAllowed({ method, headers }: IncomingMessage): boolean {
  if (headers.origin === undefined || (method !== 'POST' && method !== 'DELETE')) return true;
  const type = headers['content-type'] ?? '';
  return /^application\/json\s*(?:;|$)/i.test(type);
}
