// The members of a request in the JSON form that are more than one value.

import type { Caller } from './call.ts';
import type { JsonObject } from './json-fields.ts';
import { asNodeId, asObject, asOneOf, asText, isPresent, malformed, U32_MAX } from './json-fields.ts';

export const CALLER_KINDS: readonly Caller['kind'][] = ['program', 'http', 'client', 'p2p'];

/** Bounds of the texts of a request. */
export const REQUEST_LIMITS = Object.freeze({
  subjectChars: 256,
  /** Ids in `routing_path`, servers in `call_path`; the rules for both stop a call long before. */
  pathItems: 255,
  callPathItemChars: 512,
  traceparentChars: 256,
  idempotencyKeyChars: 128,
  ttl: 255,
  priority: 9,
});

export function callerToJson({ kind, node, subject }: Caller): JsonObject {
  return subject === undefined ? { kind, node } : { kind, node, subject };
}

export function callerFromJson(value: unknown, field: string): Caller {
  const object = asObject(value, field);
  const kind = asOneOf(object['kind'], `${field}.kind`, CALLER_KINDS);
  const node = asNodeId(object['node'], `${field}.node`);
  if (!isPresent(object, 'subject')) return { kind, node };
  return { kind, node, subject: asText(object['subject'], `${field}.subject`, REQUEST_LIMITS.subjectChars) };
}

/** `timeout_ms`, else `timeout_seconds`; what is longer than any limit of ours is as good as the limit. */
export function timeoutFromJson(object: JsonObject): number {
  const [field, factor] = isPresent(object, 'timeout_ms')
    ? (['timeout_ms', 1] as const)
    : (['timeout_seconds', 1_000] as const);
  const value = object[field];
  if (typeof value !== 'number' || !(value >= 0)) malformed('timeout_ms', 'must be a number, 0 or more');
  return Math.min(U32_MAX, Math.floor(value * factor));
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;
/** 0001-01-01 and 9999-12-31T23:59:59.999Z. */
const FIRST_MS = -62_135_596_800_000;
const LAST_MS = 253_402_300_799_999;

export function timestampFromText(value: unknown, field: string): number {
  const ms = typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : Number.NaN;
  if (!(ms >= FIRST_MS && ms <= LAST_MS)) malformed(field, 'must be a time of RFC 3339');
  return ms;
}

export function timestampToText(ms: number, field: string): string {
  if (!(ms >= FIRST_MS && ms <= LAST_MS)) malformed(field, 'is no time');
  return new Date(ms).toISOString();
}
