// One HTTP request with a JSON answer, for the commands that ask a node. Plain node:http instead of fetch, because names may have
// to be resolved by RELAY_RESOLVE.

import { lookup as dnsLookup } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';

export interface JsonAnswer {
  readonly status: number;
  /** Undefined if the answer is no JSON. */
  readonly body: unknown;
}

export interface JsonRequest {
  readonly url: string;
  /** Present: a POST with this JSON. */
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly timeoutMs: number;
  readonly resolve: ReadonlyMap<string, string>;
}

/** No answer came: nobody listens there, or it took too long. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

export function requestJson(request: JsonRequest): Promise<JsonAnswer> {
  const url = new URL(request.url);
  const text = request.body === undefined ? undefined : JSON.stringify(request.body);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (text !== undefined) headers['content-type'] = 'application/json';
  if (request.token !== undefined) headers['authorization'] = `Bearer ${request.token}`;
  const { promise, resolve, reject } = Promise.withResolvers<JsonAnswer>();
  const send = url.protocol === 'https:' ? https.request : http.request;
  const outgoing = send(
    url,
    {
      method: text === undefined ? 'GET' : 'POST',
      headers,
      agent: false,
      lookup: lookupWith(request.resolve),
      signal: AbortSignal.timeout(request.timeoutMs),
    },
    (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', (error) => reject(new Unreachable(reasonOf(error, request.timeoutMs))));
      incoming.on('end', () => {
        resolve({
          status: incoming.statusCode ?? 0,
          body: parseJson(Buffer.concat(chunks).toString('utf8')),
        });
      });
    },
  );
  outgoing.on('error', (error) => reject(new Unreachable(reasonOf(error, request.timeoutMs))));
  outgoing.end(text);
  return promise;
}

/** DNS, except for the names that RELAY_RESOLVE fixes. */
export function lookupWith(resolve: ReadonlyMap<string, string>): LookupFunction {
  return (hostname, options, callback) => {
    const address = resolve.get(hostname.toLowerCase());
    if (address === undefined) {
      dnsLookup(hostname, options, callback);
      return;
    }
    const family = isIP(address);
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection lost',
  ENOTFOUND: 'name not found',
  EAI_AGAIN: 'name not found',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'no answer',
};

function reasonOf(error: Error, timeoutMs: number): string {
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return `no answer within ${timeoutMs / 1000} s`;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return REASONS[code] ?? error.message;
}
