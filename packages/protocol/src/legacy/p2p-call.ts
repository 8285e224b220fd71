// Calls and answers of the former protocol beside those of the federation: arguments, texts of failures, numbers.
// Source: legacy-p2p.md §4.2, §4.3, §7.

import { createFailure, type Executed, FAILURES, type Failure, type FailureName } from '../failure.ts';
import { CALL_LIMITS } from '../limits.ts';
import { isObject, P2P_LIMITS, type P2pMessage, type P2pObject } from './p2p-message.ts';

/** What a `server_call` asks for. */
export interface P2pCall {
  readonly server: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly timeoutMs: number;
  readonly responseId: string;
}

export type P2pCallRead =
  | { readonly kind: 'call'; readonly call: P2pCall }
  /** Answered with a failure if there is a `responseId` to answer to. */
  | { readonly kind: 'malformed'; readonly why: string; readonly responseId: string | undefined };

export function readP2pCall({ data, id }: P2pMessage): P2pCallRead {
  const given = data?.['response_id'];
  const responseId = typeof given === 'string' && given !== '' ? given : undefined;
  const call = data?.['call'];
  const bad = (why: string): P2pCallRead => ({ kind: 'malformed', why, responseId });
  if (!isObject(call)) return bad('malformed call: call must be an object');
  const { server_name: server, method, args, timeout } = call;
  if (typeof server !== 'string') return bad('malformed call: server_name must be a text');
  if (typeof method !== 'string') return bad('malformed call: method must be a text');
  const answerTo = responseId ?? (id === '' ? undefined : id);
  if (answerTo === undefined) return bad('malformed call: response_id is missing');
  return {
    kind: 'call',
    call: {
      server,
      method,
      args: Array.isArray(args) ? args : [],
      timeoutMs: timeoutMsOf(timeout),
      responseId: answerTo,
    },
  };
}

export function timeoutMsOf(seconds: unknown): number {
  return typeof seconds === 'number' && seconds > 0
    ? Math.min(seconds * 1000, CALL_LIMITS.maxTimeoutMs)
    : P2P_LIMITS.defaultTimeoutMs;
}

/** By position as they are; named ones travel as an array with the one object. */
export function argsFromParams(params: unknown): readonly unknown[] {
  if (Array.isArray(params)) return params;
  return isObject(params) ? [params] : [];
}

export function callData(call: Omit<P2pCall, 'timeoutMs'>, timeoutSeconds: number): P2pObject {
  const { args, method, server, responseId } = call;
  return { call: { args, method, server_name: server, timeout: timeoutSeconds }, response_id: responseId };
}

export function resultData(nodeId: string, responseId: string, result: unknown): P2pObject {
  return { node_id: nodeId, response_id: responseId, result: result ?? null, success: true };
}

export function failureData(nodeId: string, responseId: string, text: string, code: string): P2pObject {
  return { error: text, node_id: nodeId, response_id: responseId, success: false, code };
}

/** The name under which an answer without a code is known, by its text. */
const BY_TEXT: readonly { readonly text: RegExp; readonly name: FailureName }[] = [
  { text: /^server .* not found$/i, name: 'service_not_found' },
  { text: /^no route found/, name: 'node_not_found' },
  { text: /^message TTL exceeded/, name: 'too_many_hops' },
  { text: /^routing loop detected/, name: 'loop_detected' },
  { text: /^timeout waiting for reply/, name: 'timeout' },
  { text: /channel full$/, name: 'overloaded' },
  { text: /^server '.*' has no method/i, name: 'method_not_found' },
];

/** What an answer with `success:false` says. `at` is the node that answered. */
export function failureOfAnswer(data: P2pObject, at: string): Failure {
  const text = typeof data['error'] === 'string' ? data['error'] : 'no reason given';
  const code = data['code'];
  const stated =
    typeof code === 'string' && Object.hasOwn(FAILURES, code) ? (code as FailureName) : undefined;
  const name = stated ?? BY_TEXT.find((row) => row.text.test(text))?.name ?? 'internal_error';
  return createFailure(name, text, at, { executed: executedBy(name) });
}

/** An answer tells the name alone; nodes give these also for calls that had left or run. */
const MAY_HAVE_RUN: ReadonlySet<FailureName> = new Set([
  'home_disconnected',
  'peer_unreachable',
  'shutting_down',
  'payload_too_large',
]);

/** `no` is a promise, so what may have run says so. */
function executedBy(name: FailureName): Executed {
  return FAILURES[name].executed === 'no' && !MAY_HAVE_RUN.has(name) ? 'no' : 'unknown';
}

/** Why a message could not be sent on, in the words of existing nodes. */
export type Undeliverable =
  | 'node_not_found'
  | 'too_many_hops'
  | 'loop_detected'
  | 'overloaded'
  | 'payload_too_large';

export function undeliverableText(name: Undeliverable, target: string): string {
  switch (name) {
    case 'node_not_found':
      return `no route found to destination ${target}`;
    case 'too_many_hops':
      return 'message TTL exceeded';
    case 'loop_detected':
      return 'routing loop detected';
    case 'overloaded':
      return `failed to send message to ${target}: send channel full`;
    case 'payload_too_large':
      return `message to ${target} is larger than ${P2P_LIMITS.messageBytes} bytes`;
  }
}

/** How a call over P2P links failed: it never left, nobody answered, the link went, or the answer says so. */
export type FailedStage = 'send' | 'timeout' | 'lost' | 'answer';

/** What `remote_call` tells its caller. Routing failures of a node on the way keep the words of a failed send. */
export function remoteFailureText(stage: FailedStage, text: string): string {
  if (stage === 'timeout') return 'remote server call timed out';
  const isRouting = ROUTING_TEXT.test(text);
  return stage === 'send' || (stage === 'answer' && isRouting)
    ? `failed to send remote server call: ${text}`
    : `remote server call failed: ${text}`;
}

const ROUTING_TEXT = /^(?:no route found to|message TTL exceeded$|routing loop detected$)|channel full$/;
