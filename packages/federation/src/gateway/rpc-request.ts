// The body of a POST as JSON-RPC requests.

import { decodeUtf8, encodeUtf8, type HttpLimits } from '@relay/protocol';

export interface RpcRequest {
  readonly kind: 'request';
  /** JSON text, as the client wrote it. Absent: a notification. */
  readonly id?: string;
  readonly method: string;
  readonly params: unknown;
}

export type RpcItem = RpcRequest | { readonly kind: 'invalid'; readonly message: string };

export type RpcRead =
  | { readonly kind: 'single'; readonly item: RpcItem }
  | { readonly kind: 'batch'; readonly items: readonly RpcItem[] }
  | { readonly kind: 'failure'; readonly name: 'parse_error' | 'invalid_request'; readonly message: string };

export function readRpc(body: Uint8Array | undefined, limits: HttpLimits): RpcRead {
  const text = body === undefined ? '' : decodeUtf8(body);
  if (text === undefined) return { kind: 'failure', name: 'parse_error', message: 'the body is not UTF-8' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'failure', name: 'parse_error', message: 'the body is not JSON' };
  }
  if (!Array.isArray(value)) return { kind: 'single', item: item(value) };
  if (value.length === 0 || value.length > limits.batch) {
    return { kind: 'failure', name: 'invalid_request', message: `a batch has 1 to ${limits.batch} requests` };
  }
  return { kind: 'batch', items: value.map(item) };
}

function item(value: unknown): RpcItem {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { kind: 'invalid', message: 'a request must be an object' };
  }
  const { jsonrpc, method, id, params } = value as Record<string, unknown>;
  if (jsonrpc !== '2.0') return { kind: 'invalid', message: 'jsonrpc must be "2.0"' };
  if (typeof method !== 'string' || method === '') return { kind: 'invalid', message: 'method is required' };
  const isId =
    id === null ||
    (typeof id === 'string' && id.length <= 64) ||
    (typeof id === 'number' && Number.isSafeInteger(id));
  if (!Object.hasOwn(value, 'id')) return { kind: 'request', method, params };
  if (!isId) return { kind: 'invalid', message: 'id must be a text, an integer or null' };
  return { kind: 'request', id: JSON.stringify(id), method, params };
}

export function paramsValue({ params }: RpcRequest): unknown {
  return params;
}

const NONE = new Uint8Array(0);

export function paramsBody({ params }: RpcRequest): Uint8Array {
  if (params === undefined || params === null) return NONE;
  return encodeUtf8(typeof params === 'object' ? JSON.stringify(params) : `[${JSON.stringify(params)}]`);
}

export function argsBody({ params }: RpcRequest): Uint8Array {
  const { args } = params as { args?: unknown };
  return args === undefined || args === null ? NONE : encodeUtf8(JSON.stringify(args));
}
