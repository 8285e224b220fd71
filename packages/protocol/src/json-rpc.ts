// JSON-RPC 2.0 as it stands on `/rpc` (http-api.md §3 and §7.1), without HTTP: what a parsed text asks for, and the texts of the answers.
// Ids of callers go back unchanged and are used for nothing else.

import type { Body, TraceRecord } from './call.ts';
import type { Failure } from './failure.ts';
import { FAILURES, failureRow } from './failure.ts';
import { failureDataToJson, traceToJson } from './failure-json.ts';
import { HTTP_LIMITS } from './limits.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

export type RpcId = string | number | null;

export interface RpcRequest {
  readonly kind: 'request';
  readonly method: string;
  /** An array by position, an object by name, null for none; a scalar has become an array of one. */
  readonly params: RpcParams;
  /** Absent in a notification, which is executed and not answered. */
  readonly id?: RpcId;
}

export type RpcParams = readonly unknown[] | Readonly<Record<string, unknown>> | null;

/** To be answered with `invalid_request` and this text for people. */
export interface InvalidRpcRequest {
  readonly kind: 'invalid';
  readonly message: string;
  readonly id: RpcId;
}

export type RpcItem = RpcRequest | InvalidRpcRequest;

/** A batch that may not be executed at all is a single invalid request. */
export type RpcRead =
  | { readonly kind: 'single'; readonly item: RpcItem }
  | { readonly kind: 'batch'; readonly items: readonly RpcItem[] };

const ID_CHARS = 64;

/** What the parsed body of a POST asks for. Total. */
export function readJsonRpc(value: unknown, maxBatch: number = HTTP_LIMITS.batch): RpcRead {
  if (!Array.isArray(value)) return { kind: 'single', item: readItem(value) };
  if (value.length === 0) return { kind: 'single', item: invalid('a batch must not be empty') };
  if (value.length > maxBatch) {
    return { kind: 'single', item: invalid(`a batch must have at most ${maxBatch} requests`) };
  }
  // An invalid item of a batch is answered with `id: null`, as its id may belong to another one.
  return {
    kind: 'batch',
    items: value.map((one) => {
      const item = readItem(one);
      return item.kind === 'invalid' ? { ...item, id: null } : item;
    }),
  };
}

function readItem(value: unknown): RpcItem {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return invalid('a request must be an object');
  }
  const request = value as Readonly<Record<string, unknown>>;
  const isNotification = !Object.hasOwn(request, 'id');
  const id = isNotification ? null : request['id'];
  if (!isRpcId(id)) return invalid('id must be a text of at most 64 characters, a whole number or null');
  if (request['jsonrpc'] !== '2.0') return invalid('jsonrpc must be "2.0"', id);
  const { method } = request;
  if (typeof method !== 'string' || method === '')
    return invalid('method must be a text that is not empty', id);
  const params = readParams(Object.hasOwn(request, 'params') ? request['params'] : null);
  return isNotification ? { kind: 'request', method, params } : { kind: 'request', method, params, id };
}

function invalid(message: string, id: RpcId = null): InvalidRpcRequest {
  return { kind: 'invalid', message, id };
}

function isRpcId(id: unknown): id is RpcId {
  if (typeof id === 'string') return id.length <= ID_CHARS;
  return id === null || Number.isSafeInteger(id);
}

function readParams(params: unknown): RpcParams {
  if (params === null || params === undefined) return null;
  return typeof params === 'object' ? (params as RpcParams) : [params];
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface RpcErrorContext {
  /** Absent only if the failure came before a call existed. */
  readonly traceId?: string;
  /** For `trace: true`. */
  readonly trace?: TraceRecord;
  /** The service that a direct call (`SERVICE.METHOD`) named: there an unknown service is an unknown method. */
  readonly directService?: string;
}

/** The `error` member that tells a failure. */
export function rpcErrorFromFailure(failure: Failure, context: RpcErrorContext = {}): RpcError {
  const { traceId, trace, directService } = context;
  const isMissingMethod = directService !== undefined && failure.name === 'service_not_found';
  const { code, title } = isMissingMethod
    ? FAILURES.method_not_found
    : { code: failure.code, title: failureRow(failure.name)?.title ?? 'Server error' };
  return {
    code,
    message: title,
    data: {
      code: failure.name,
      message: isMissingMethod ? `Server '${directService}' not found` : failure.message,
      executed: failure.executed,
      at: failure.at,
      ...(traceId === undefined ? {} : { trace_id: traceId }),
      ...(failure.retryAfterMs === undefined ? {} : { retry_after_ms: failure.retryAfterMs }),
      ...(failure.data === undefined ? {} : failureDataToJson(failure.data)),
      ...(trace === undefined ? {} : { trace: traceToJson(trace) }),
    },
  };
}

/** Whether these bytes are exactly one JSON value: only then may they stand inside a text of ours. */
export function isJsonBody(body: Body): boolean {
  const text = decodeUtf8(body);
  if (text === undefined) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The response of a call that succeeded, with the result as it came. Undefined if the result is not exactly one JSON value: it comes from
 * another node, and could add members or, in a batch, answers of its own.
 */
export function encodeRpcResult(id: RpcId, result: Body): Uint8Array | undefined {
  if (result.length === 0) return encodeUtf8(`{"jsonrpc":"2.0","result":null,"id":${JSON.stringify(id)}}`);
  if (!isJsonBody(result)) return undefined;
  return joinBytes([RESULT, result, encodeUtf8(`,"id":${JSON.stringify(id)}}`)]);
}

/** The response of a call that failed. */
export function encodeRpcError(id: RpcId, error: RpcError): Uint8Array {
  return encodeUtf8(JSON.stringify({ jsonrpc: '2.0', error, id }));
}

/** The answer to a batch from the answers to its requests; empty if all were notifications. */
export function encodeRpcBatch(answers: readonly Uint8Array[]): Uint8Array {
  if (answers.length === 0) return new Uint8Array(0);
  return joinBytes([OPEN, ...answers.flatMap((answer, i) => (i === 0 ? [answer] : [COMMA, answer])), CLOSE]);
}

const RESULT = encodeUtf8('{"jsonrpc":"2.0","result":');
const OPEN = encodeUtf8('[');
const COMMA = encodeUtf8(',');
const CLOSE = encodeUtf8(']');

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
