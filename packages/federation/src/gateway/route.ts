// An endpoint is data: where it is served, who may call it, and a function from request to answer. The server registers the ones
// of its role; the list of all of them tells an unknown path from one that another role serves.

import type { HttpLimits } from '@relay/protocol';
import type { FastifyRequest } from 'fastify';
import type { GatewayPorts, NodeRole } from './ports.ts';

/** `error.code` of an answer outside JSON-RPC, and its HTTP status. */
export const ERROR_STATUS = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  upgrade_required: 426,
  internal: 500,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export type Answer =
  | { readonly kind: 'value'; readonly status: number; readonly value: unknown }
  /** What is not JSON. */
  | { readonly kind: 'text'; readonly type: string; readonly text: string }
  | { readonly kind: 'error'; readonly code: ErrorCode; readonly message: string };

export function ok(value: unknown, status = 200): Answer {
  return { kind: 'value', status, value };
}

export function refuse(code: ErrorCode, message: string): Answer {
  return { kind: 'error', code, message };
}

/** What every endpoint may look at. */
export interface Context {
  readonly ports: GatewayPorts;
  readonly limits: HttpLimits;
  readonly isRegistryDisabled: boolean;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** A segment that begins with a colon is a parameter. */
  readonly path: string;
  readonly servedBy: readonly NodeRole[];
  /** Needs no credential: probes and the first look at a node. */
  readonly isPublic?: boolean;
  /** Changes the node: see `mayAdminister`. */
  readonly isAdmin?: boolean;
  /** Not served with the registry disabled. */
  readonly needsRegistry?: boolean;
  readonly answer: (context: Context, request: FastifyRequest) => Answer | Promise<Answer>;
}

/** Methods served at a path by one role; empty if there is no such path. */
export function methodsAt(routes: readonly Route[], path: string, role: NodeRole): string[] {
  const found = routes.filter((route) => route.servedBy.includes(role) && matches(route.path, path));
  return [...new Set(found.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))];
}

/** The first role that serves a path. */
export function roleAt(routes: readonly Route[], path: string): NodeRole | undefined {
  return routes.find((route) => matches(route.path, path))?.servedBy[0];
}

function matches(pattern: string, path: string): boolean {
  if (!pattern.includes(':')) return pattern === path;
  const expected = pattern.split('/');
  const given = path.split('/');
  return (
    expected.length === given.length &&
    expected.every((part, index) => (part.startsWith(':') ? given[index] !== '' : part === given[index]))
  );
}

/** The path of a request as it was written, without the query, which must not get into logs. */
export function pathOf(request: FastifyRequest): string {
  const url = request.raw.url ?? '/';
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** A query parameter given once; `null` if it is given several times. */
export function queryText(request: FastifyRequest, name: string): string | null | undefined {
  const value = (request.query as Record<string, unknown>)[name];
  return value === undefined || typeof value === 'string' ? value : null;
}

/** The JSON object in the body; undefined for anything else. Its members have not been looked at. */
export function bodyObject(request: FastifyRequest): Readonly<Record<string, unknown>> | undefined {
  if (!(request.body instanceof Uint8Array)) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(request.body));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 3339 in UTC with milliseconds; null stays null. */
export function isoTime(wallMs: number): string;
export function isoTime(wallMs: number | null): string | null;
export function isoTime(wallMs: number | null): string | null {
  return wallMs === null ? null : new Date(wallMs).toISOString();
}

/** At most three decimals, and never `-0` or an exponent. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 + 0 : 0;
}
