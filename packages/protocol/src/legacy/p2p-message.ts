// One message of the former peer-to-peer protocol, as it stands on `/ws/p2p`. Reading is lenient, as existing nodes leave fields
// out; writing always gives the same members in the same order. Source: legacy-p2p.md §3, §4.

import { MalformedMessage } from '../codec.ts';

export type P2pObject = Readonly<Record<string, unknown>>;

export interface P2pMessage {
  readonly type: string;
  readonly id: string;
  /** Id of the original sender. */
  readonly from: string;
  /** Empty: this neighbour. */
  readonly to: string;
  readonly data: P2pObject | null;
  /** As it was written; empty if missing. */
  readonly timestamp: string;
  /** Nodes passed, sender first. */
  readonly route: readonly string[];
  /** Hops left; 0 if missing. */
  readonly ttl: number;
  readonly replyTo: string;
}

/** Numbers of the protocol that a peer could otherwise grow without bound. Source: legacy-p2p.md §6. */
export const P2P_LIMITS = Object.freeze({
  ttl: 10,
  maxCost: 9,
  messageBytes: 1_048_576,
  queue: 100,
  queueFullMs: 1_000,
  inFlight: 64,
  linksPerId: 4,
  /** Ids and services one neighbour may tell of, and nodes a message may have passed. */
  routes: 10_000,
  services: 1_000,
  routeLength: 64,
  /** Forwarded calls whose way back is remembered, and for how long beyond their timeout. */
  returnPaths: 10_000,
  returnGraceMs: 10_000,
  malformedPerMinute: 10,
  dialMs: 5_000,
  syncDelayMs: 100,
  pingMs: 30_000,
  unhealthyMs: 60_000,
  silentMs: 90_000,
  /** A node that has said no hello by then is one of the existing ones. */
  helloMs: 5_000,
  defaultTimeoutMs: 60_000,
});

/** Throws `MalformedMessage` for what is no JSON object, has no type, or has a timestamp that is no date. */
export function decodeP2p(text: string): P2pMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MalformedMessage('not JSON');
  }
  return readP2p(value);
}

export function readP2p(value: unknown): P2pMessage {
  if (!isObject(value)) throw new MalformedMessage('not an object');
  const { type, id, from, to, data, timestamp, route, ttl, reply_to: replyTo } = value;
  if (typeof type !== 'string' || type === '') throw new MalformedMessage('type: must be a text');
  if (timestamp !== undefined && timestamp !== null && !isTimestamp(timestamp)) {
    throw new MalformedMessage('timestamp: must be a date');
  }
  return {
    type,
    id: textOr(id),
    from: textOr(from),
    to: textOr(to),
    data: isObject(data) ? data : null,
    timestamp: textOr(timestamp),
    route: isRoute(route) ? route : [],
    ttl: typeof ttl === 'number' && Number.isInteger(ttl) && ttl > 0 ? Math.min(ttl, P2P_LIMITS.ttl) : 0,
    replyTo: textOr(replyTo),
  };
}

export function encodeP2p(message: P2pMessage): string {
  return JSON.stringify(p2pToJson(message));
}

/** With its members in the order in which existing nodes write them. */
export function p2pToJson(message: P2pMessage): P2pObject {
  const { type, id, from, to, data, timestamp, route, ttl, replyTo } = message;
  return {
    type,
    ...(id !== '' && { id }),
    from,
    to,
    data,
    ...(timestamp !== '' && { timestamp }),
    ...(route.length > 0 && { route }),
    ...(ttl > 0 && { ttl }),
    ...(replyTo !== '' && { reply_to: replyTo }),
  };
}

export function isObject(value: unknown): value is P2pObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

export function isTimestamp(value: unknown): value is string {
  // Existing nodes write nanoseconds, which no Date reads past the ninth digit everywhere; the fraction decides nothing.
  return (
    typeof value === 'string' &&
    RFC_3339.test(value) &&
    !Number.isNaN(Date.parse(value.replace(/\.\d+/, '').replace(' ', 'T').toUpperCase()))
  );
}

function isRoute(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= P2P_LIMITS.routeLength &&
    value.every((id) => typeof id === 'string')
  );
}

function textOr(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
