// The body of a POST as JSON-RPC requests, each with the bytes of its arguments.

import {
  type Body,
  decodeUtf8,
  encodeUtf8,
  type HttpLimits,
  type RpcRequest as ParsedRequest,
  type RpcId,
  readJsonRpc,
} from '@relay/protocol';
import { type ArgumentSpans, scanRpc } from './rpc-scan.ts';

export interface RpcRequest {
  readonly kind: 'request';
  /** JSON text. Absent: a notification. */
  readonly id: string | undefined;
  readonly method: string;
  /** The parsed value; a scalar is an array of one. */
  readonly params: ParsedRequest['params'];
  readonly body: Uint8Array;
  /** Undefined if they could not be told. */
  readonly spans: ArgumentSpans | undefined;
}

export type RpcItem =
  | RpcRequest
  | { readonly kind: 'invalid'; readonly message: string /** JSON text. */; readonly id: string };

export type RpcRead =
  | { readonly kind: 'requests'; readonly isBatch: boolean; readonly items: readonly RpcItem[] }
  | { readonly kind: 'not-json'; readonly message: string }
  | { readonly kind: 'too-large'; readonly limit: 'depth' | 'values' };

/** Total: any bytes. */
export function readRpc(body: Uint8Array | undefined, limits: HttpLimits): RpcRead {
  const text = body === undefined ? '' : decodeUtf8(body);
  if (body === undefined || text === undefined || text === '') {
    return { kind: 'not-json', message: text === '' ? 'the body is empty' : 'the body is not UTF-8' };
  }
  // Before it is parsed, since the limits are there to bound the work of parsing.
  const scan = scanRpc(body, limits);
  if (scan.kind === 'too-large') return scan;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'not-json', message: 'the body is not JSON' };
  }
  const read = readJsonRpc(value, limits.batch);
  const isBatch = read.kind === 'batch';
  const items = isBatch ? read.items : [read.item];
  return {
    kind: 'requests',
    isBatch,
    items: items.map((item, place): RpcItem => {
      if (item.kind === 'invalid') return { kind: 'invalid', message: item.message, id: idText(item.id) };
      const id = item.id === undefined ? undefined : idText(item.id);
      return {
        kind: 'request',
        id,
        method: item.method,
        params: item.params,
        body,
        spans: scan.items[place],
      };
    }),
  };
}

function idText(id: RpcId): string {
  return typeof id === 'number' ? String(id) : JSON.stringify(id);
}

const NONE: Body = new Uint8Array(0);

/** The arguments of a direct call. */
export function paramsBody({ params, body, spans }: RpcRequest): Body {
  if (params === null) return NONE;
  const raw = spans && slice(body, spans.paramsStart, spans.paramsEnd);
  return raw === undefined ? encodeUtf8(JSON.stringify(params)) : asArguments(raw);
}

/** The arguments of a `remote_call`: its member `args`. */
export function argsBody({ params, body, spans }: RpcRequest): Body {
  const args = (params as Readonly<Record<string, unknown>> | null)?.['args'];
  if (args === undefined || args === null) return NONE;
  return (spans && slice(body, spans.argsStart, spans.argsEnd)) ?? encodeUtf8(JSON.stringify(args));
}

function slice(body: Uint8Array, start: number, end: number): Uint8Array | undefined {
  // False also for an end that is not a number.
  return start >= 0 && end > start ? body.subarray(start, end) : undefined;
}

/** A scalar is one positional argument. */
function asArguments(raw: Uint8Array): Body {
  const first = raw[0];
  return first === 0x5b || first === 0x7b ? raw : Buffer.concat([Buffer.from('['), raw, Buffer.from(']')]);
}
