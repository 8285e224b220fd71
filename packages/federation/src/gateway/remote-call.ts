// The parameters of `remote_call`, checked in the order and with the texts of http-api.md §5. Also the three headers that give a
// direct call the same options.

import { CALL_LIMITS, parseAddress } from '@relay/protocol';
import type { CallRequest } from './ports.ts';

/** What a caller may say beside service, method and arguments. */
export type CallOptions = Pick<CallRequest, 'timeoutMs' | 'trace' | 'idempotencyKey'>;

export type RemoteCall =
  | { readonly kind: 'call'; readonly target: Omit<CallRequest, 'params' | 'direct'> }
  | { readonly kind: 'invalid'; readonly message: string };

const MAX_TIMEOUT_S = CALL_LIMITS.maxTimeoutMs / 1000;
const BAD_TIMEOUT = `timeout must be a number greater than 0 and at most ${MAX_TIMEOUT_S}`;
const BAD_TRACE = 'trace must be a boolean';
const BAD_KEY = 'invalid idempotency_key';
const KEY = /^[\x20-\x7e]{1,128}$/;

/** `params` is the parsed value; the caller takes the text of `args` itself, so that numbers stay as they were written. */
export function readRemoteCall(params: unknown): RemoteCall {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    return invalid('remote_call requires object parameters');
  }
  const given = params as Readonly<Record<string, unknown>>;
  const node = present(given['node_id']);
  const serviceName = text(given['service_name']);
  const serverName = text(given['server_name']);
  const method = text(given['method']);
  const { args, timeout, trace, idempotency_key: key } = given;

  if (node === undefined && serviceName === undefined) return invalid('node_id is required');
  const service = serverName ?? serviceName;
  if (service === undefined) return invalid('server_name is required');
  if (method === undefined) return invalid('method is required');
  if (node !== undefined && !(typeof node === 'string' && parseAddress(node) !== undefined)) {
    return invalid(`invalid node_id: ${shortened(typeof node === 'string' ? node : JSON.stringify(node))}`);
  }
  if (serviceName !== undefined && serverName !== undefined && serviceName !== serverName) {
    return invalid('service_name and server_name differ');
  }
  if (args !== undefined && typeof args !== 'object') {
    return invalid('invalid args: expected an array or an object');
  }
  if (timeout !== undefined && !isTimeout(timeout)) return invalid(BAD_TIMEOUT);
  if (trace !== undefined && typeof trace !== 'boolean') return invalid(BAD_TRACE);
  if (key !== undefined && !(typeof key === 'string' && KEY.test(key))) return invalid(BAD_KEY);
  return {
    kind: 'call',
    target: {
      ...(node !== undefined && { node: node as string }),
      service,
      method,
      ...(timeout !== undefined && { timeoutMs: (timeout as number) * 1000 }),
      ...(trace !== undefined && { trace }),
      ...(key !== undefined && { idempotencyKey: key }),
    },
  };
}

const NO_OPTIONS: CallOptions = Object.freeze({});

/** `Relay-Timeout`, `Relay-Trace` and `Idempotency-Key`; a text is what is wrong with them. */
export function readCallHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): CallOptions | string {
  const timeout = headers['relay-timeout'];
  const trace = headers['relay-trace'];
  const key = headers['idempotency-key'];
  if (timeout === undefined && trace === undefined && key === undefined) return NO_OPTIONS;
  const seconds = typeof timeout === 'string' && /^\d+(?:\.\d+)?$/.test(timeout) ? Number(timeout) : timeout;
  if (seconds !== undefined && !isTimeout(seconds)) return BAD_TIMEOUT;
  if (trace !== undefined && trace !== 'true' && trace !== 'false') return BAD_TRACE;
  if (key !== undefined && !(typeof key === 'string' && KEY.test(key))) return BAD_KEY;
  return {
    ...(seconds !== undefined && { timeoutMs: seconds * 1000 }),
    ...(trace !== undefined && { trace: trace === 'true' }),
    ...(key !== undefined && { idempotencyKey: key }),
  };
}

function isTimeout(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= MAX_TIMEOUT_S;
}

/** Empty text counts as missing, and so does null. */
function present(value: unknown): unknown {
  return value === null || value === '' ? undefined : value;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function invalid(message: string): RemoteCall {
  return { kind: 'invalid', message };
}

/** Of what a caller wrote, no more than a person would read comes back. */
export function shortened(given: string): string {
  return given.length <= 200 ? given : `${given.slice(0, 200)}…`;
}
