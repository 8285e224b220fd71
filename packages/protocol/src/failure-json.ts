// Failures and traces as JSON on a link: the same members in both forms (protocol.md §4).

import type { Span, TraceRecord } from './call.ts';
import type { Executed, Failure, FailureData } from './failure.ts';
import type { JsonObject } from './json-fields.ts';
import {
  asArray,
  asCount,
  asInteger,
  asNodeId,
  asObject,
  asOneOf,
  asText,
  asTexts,
  isPresent,
  U32_MAX,
} from './json-fields.ts';

export const EXECUTED: readonly Executed[] = ['no', 'yes', 'unknown'];
export const SPAN_EVENTS: readonly Span['event'][] = [
  'received',
  'queued',
  'forwarded',
  'retried',
  'executed',
  'answered',
  'failed',
];

/** Bounds of what a failure or a trace may hold. */
export const FAILURE_LIMITS = Object.freeze({
  nameChars: 64,
  messageChars: 65_536,
  atChars: 256,
  candidates: 1_024,
  path: 255,
  spans: 1_024,
});

export function failureDataToJson(data: FailureData): JsonObject {
  const json: Record<string, unknown> = {};
  if (data.value !== undefined) json['value'] = data.value;
  if (data.candidates !== undefined) json['candidates'] = data.candidates;
  if (data.limit !== undefined) json['limit'] = { name: data.limit.name, max: data.limit.max };
  return json;
}

export function failureDataFromJson(json: unknown, field: string): FailureData {
  const object = asObject(json, field);
  const data: { value?: unknown; candidates?: readonly string[]; limit?: { name: string; max: number } } = {};
  // NOTE: `null` is a thrown value like any other.
  if (object['value'] !== undefined) data.value = object['value'];
  if (isPresent(object, 'candidates')) {
    data.candidates = asTexts(object['candidates'], `${field}.candidates`, FAILURE_LIMITS.candidates, 512);
  }
  if (isPresent(object, 'limit')) {
    const limit = asObject(object['limit'], `${field}.limit`);
    data.limit = {
      name: asText(limit['name'], `${field}.limit.name`, 64),
      max: asCount(limit['max'], `${field}.limit.max`),
    };
  }
  return data;
}

export function failureToJson(failure: Failure): JsonObject {
  return {
    code: failure.code,
    name: failure.name,
    message: failure.message,
    ...(failure.data === undefined ? {} : { data: failureDataToJson(failure.data) }),
    executed: failure.executed,
    at: failure.at,
    ...(failure.retryAfterMs === undefined ? {} : { retry_after_ms: wholeMs(failure.retryAfterMs) }),
  };
}

export function failureFromJson(json: unknown, field: string): Failure {
  const object = asObject(json, field);
  const failure: Failure = {
    code: asInteger(object['code'], `${field}.code`, -0x8000_0000, 0x7fff_ffff),
    name: asText(object['name'], `${field}.name`, FAILURE_LIMITS.nameChars, 1),
    message: asText(object['message'], `${field}.message`, FAILURE_LIMITS.messageChars),
    executed: asOneOf(object['executed'], `${field}.executed`, EXECUTED),
    at: asText(object['at'], `${field}.at`, FAILURE_LIMITS.atChars),
  };
  return {
    ...failure,
    ...(isPresent(object, 'retry_after_ms')
      ? { retryAfterMs: asInteger(object['retry_after_ms'], `${field}.retry_after_ms`, 0, U32_MAX) }
      : {}),
    ...(isPresent(object, 'data') ? { data: failureDataFromJson(object['data'], `${field}.data`) } : {}),
  };
}

/** What the wire carries for a duration: whole, never negative, at most 2^32−1. */
export function wholeMs(value: number): number {
  return value > 0 ? Math.min(U32_MAX, Math.round(value)) : 0;
}

export function traceToJson(trace: TraceRecord): JsonObject {
  return {
    path: trace.path,
    spans: trace.spans.map(({ node, event, us }) => ({ node, event, us: wholeMs(us) })),
  };
}

export function traceFromJson(json: unknown, field: string): TraceRecord {
  const object = asObject(json, field);
  const path = asArray(object['path'], `${field}.path`, FAILURE_LIMITS.path);
  const spans: Span[] = [];
  asArray(object['spans'], `${field}.spans`, FAILURE_LIMITS.spans).forEach((item, i) => {
    const at = `${field}.spans[${i}]`;
    const span = asObject(item, at);
    const event = asText(span['event'], `${at}.event`, 32) as Span['event'];
    const node = asNodeId(span['node'], `${at}.node`);
    const us = asInteger(span['us'], `${at}.us`, 0, U32_MAX);
    // Events of newer nodes are left out, not refused.
    if (SPAN_EVENTS.includes(event)) spans.push({ node, event, us });
  });
  return { path: path.map((id, i) => asNodeId(id, `${field}.path[${i}]`)), spans };
}
