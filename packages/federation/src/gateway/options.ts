// Settings of the HTTP side: loose outside, complete inside.

import { HTTP_LIMITS, type HttpLimits } from '@relay/protocol';
import type { ProgramPages } from './pages-port.ts';

export interface HttpServerOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0, which picks a free port. */
  readonly port?: number;
  /** False: no CORS header is ever sent. Default true. */
  readonly cors?: boolean;
  /** Origins of web pages that may call this node, or `*`. Default none. */
  readonly corsOrigins?: readonly string[];
  /** Added to every answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** With it, every caller must send it as bearer. */
  readonly apiToken?: string;
  /** Bearer for endpoints that change the node. */
  readonly adminToken?: string;
  /** Without `adminToken`, endpoints that change the node are for loopback addresses only, unless this is true. */
  readonly allowRemoteAdmin?: boolean;
  /** No `/registry…`, `/federation/…` and `/ws/…`, and no `remote_call`. */
  readonly disableRegistry?: boolean;
  readonly limits?: Partial<HttpLimits>;
  /** Pages, static files and forms of the own program. */
  readonly pages?: ProgramPages;
  /** Bytes of all header lines together. Default 8 KiB. */
  readonly headerBytes?: number;
  /** Default 64. */
  readonly headerLines?: number;
  /** Time for the headers of a request. Default 5 s. */
  readonly headersTimeoutMs?: number;
  /** Time for a whole request to arrive. Default 15 s. */
  readonly requestTimeoutMs?: number;
  /** Requests of one connection; with the last answer it is closed. Default 1,000. */
  readonly socketRequests?: number;
  /** Requests of one connection that are worked on before their answers are taken; the next ones wait. Default 8. */
  readonly socketUnanswered?: number;
  /** How long a client may take nothing of its answer; it is noticed after twice as long at the latest. Default 15 s. */
  readonly socketStallMs?: number;
}

export interface HttpServerConfig {
  readonly host: string;
  readonly port: number;
  readonly cors: boolean;
  readonly corsOrigins: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly apiToken: string | undefined;
  readonly adminToken: string | undefined;
  readonly allowRemoteAdmin: boolean;
  readonly disableRegistry: boolean;
  readonly limits: HttpLimits;
  readonly pages: ProgramPages | undefined;
  readonly headerBytes: number;
  readonly headerLines: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly socketRequests: number;
  readonly socketUnanswered: number;
  readonly socketStallMs: number;
}

export const HTTP_DEFAULTS = Object.freeze({
  host: '127.0.0.1',
  port: 0,
  cors: true,
  corsOrigins: [] as readonly string[],
  headers: {} as Readonly<Record<string, string>>,
  allowRemoteAdmin: false,
  disableRegistry: false,
  headerBytes: 8_192,
  headerLines: 64,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  socketRequests: 1_000,
  socketUnanswered: 8,
  socketStallMs: 15_000,
});

export function resolveHttpOptions(options: HttpServerOptions = {}): HttpServerConfig {
  const limits = Object.freeze({ ...HTTP_LIMITS, ...options.limits });
  for (const [name, limit] of Object.entries(limits)) check(`limits.${name}`, limit, 1, 2 ** 31 - 1);
  const config = {
    ...HTTP_DEFAULTS,
    apiToken: undefined,
    adminToken: undefined,
    pages: undefined,
    ...options,
    limits,
  };
  check('port', config.port, 0, 65_535);
  check('headerBytes', config.headerBytes, 256, 2 ** 20);
  check('headerLines', config.headerLines, 1, 10_000);
  check('headersTimeoutMs', config.headersTimeoutMs, 1, 3_600_000);
  check('requestTimeoutMs', config.requestTimeoutMs, 1, 3_600_000);
  check('socketRequests', config.socketRequests, 1, 2 ** 31 - 1);
  check('socketUnanswered', config.socketUnanswered, 1, 2 ** 31 - 1);
  check('socketStallMs', config.socketStallMs, 1, 3_600_000);
  // An empty token would be matched by an empty credential.
  if (config.apiToken === '' || config.adminToken === '') throw new RangeError('a token must not be empty');
  return Object.freeze(config);
}

function check(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be a whole number from ${min} to ${max}, got ${value}`);
  }
}
