// JSON-RPC answers. The body of a result is put between two short texts as it is: what the service wrote is what the client reads.
// Source: http-api.md §3, §5.3, §7.1.

import {
  type Body,
  createFailure,
  decodeUtf8,
  encodeUtf8,
  FAILURES,
  type Failure,
  failureRow,
  isJsonBody,
  type TraceRecord,
} from '@relay/protocol';
import type { Decision } from '../observe/decision.ts';
import { rounded } from './route.ts';
import { decisionEntry } from './trace-endpoints.ts';

/** What belongs to one answer beside its outcome. */
export interface AnswerFrame {
  /** JSON text of the id, as the client wrote it; `null` when unknown. */
  readonly id: string;
  readonly traceId?: string;
  /** JSON text of the trace object; only if asked for. */
  readonly trace?: string;
}

/** One answer, without the newline. Short ones are text, which Node writes together with the headers; long results stay bytes. */
export type RpcAnswer = string | Uint8Array;

/** Up to this size a result is checked always, which then costs less than anybody can measure. */
const SHORT_BYTES = 4_096;

/**
 * Undefined if the result is not JSON. It comes from another node: in a batch (`hasNeighbours`) it could break or forge the answers
 * beside it. Alone it can only spoil its own, so there a long one, which the client parses anyway, is not parsed here.
 */
export function resultAnswer(body: Body, frame: AnswerFrame, hasNeighbours: boolean): RpcAnswer | undefined {
  const { id, trace } = frame;
  const before = trace === undefined ? RESULT : TRACED_RESULT;
  const after = trace === undefined ? `,"id":${id}}` : `,"trace":${trace}},"id":${id}}`;
  if (body.length <= SHORT_BYTES) {
    const text = body.length === 0 ? 'null' : jsonText(body);
    return text === undefined ? undefined : before + text + after;
  }
  return hasNeighbours && !isJsonBody(body) ? undefined : spliced(before, body, after);
}

const RESULT = '{"jsonrpc":"2.0","result":';
const TRACED_RESULT = '{"jsonrpc":"2.0","result":{"result":';

function jsonText(body: Body): string | undefined {
  const text = decodeUtf8(body);
  try {
    if (text !== undefined) JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

function spliced(before: string, body: Uint8Array, after: string): Buffer {
  // `before` is ASCII; an id may hold any character.
  const head = before.length;
  const buffer = Buffer.allocUnsafe(head + body.length + Buffer.byteLength(after));
  buffer.write(before, 0, 'latin1');
  buffer.set(body, head);
  buffer.write(after, head + body.length, 'utf8');
  return buffer;
}

const INTERNAL = FAILURES.internal_error;

export function failureAnswer(failure: Failure, frame: AnswerFrame): string {
  // A P2P node keeps one number for every failed remote call, whatever its name.
  const row = failureRow(failure.name);
  const title =
    failure.code === row?.code ? row.title : failure.code === INTERNAL.code ? INTERNAL.title : 'Server error';
  return errorAnswer(failure.code, title, failure, frame);
}

/**
 * In a direct call the service is part of the method name, so an unknown one is an unknown method. A failure that says the same
 * after something ran is not about the called name and stays as it is.
 */
export function directFailureAnswer(failure: Failure, service: string, frame: AnswerFrame): string {
  if (failure.name !== 'service_not_found' || failure.executed !== 'no') return failureAnswer(failure, frame);
  const { code, title } = FAILURES.method_not_found;
  return errorAnswer(code, title, { ...failure, message: `Server '${service}' not found` }, frame);
}

function errorAnswer(
  code: number,
  title: string,
  failure: Failure,
  { id, traceId, trace }: AnswerFrame,
): string {
  const { data, retryAfterMs } = failure;
  const members = JSON.stringify({
    code: failure.name,
    message: failure.message,
    executed: failure.executed,
    at: failure.at,
    ...(traceId !== undefined && { trace_id: traceId }),
    ...(retryAfterMs !== undefined && { retry_after_ms: Math.max(0, Math.round(retryAfterMs)) }),
    ...(data?.value !== undefined && { value: data.value }),
    ...(data?.candidates !== undefined && { candidates: data.candidates }),
    ...(data?.limit !== undefined && { limit: { name: data.limit.name, max: data.limit.max } }),
  });
  const withTrace = trace === undefined ? members : `${members.slice(0, -1)},"trace":${trace}}`;
  return `{"jsonrpc":"2.0","error":{"code":${code},"message":${JSON.stringify(title)},"data":${withTrace}},"id":${id}}`;
}

export function tooLargeAnswer(maxBytes: number, at: string, frame: AnswerFrame): string {
  const failure = createFailure('payload_too_large', `the result is larger than ${maxBytes} bytes`, at, {
    executed: 'yes',
    data: { limit: { name: 'answer', max: maxBytes } },
  });
  return failureAnswer(failure, frame);
}

/** The trace object of an answer; `totalMs` is this node's own measure. */
export function traceText(
  trace: TraceRecord | undefined,
  traceId: string,
  totalMs: number,
  decisions: readonly Decision[] = [],
): string {
  const path = trace?.path ?? [];
  return JSON.stringify({
    trace_id: traceId,
    path,
    hops: Math.max(0, path.length - 1),
    total_ms: rounded(totalMs),
    spans: (trace?.spans ?? []).map(({ node, event, us }) => ({ node, event, ms: rounded(us / 1000) })),
    ...(decisions.length > 0 && { decisions: decisions.map(decisionEntry) }),
  });
}

export function singleBody(answer: RpcAnswer): string | Buffer {
  return typeof answer === 'string' ? `${answer}\n` : Buffer.concat([answer, NEWLINE]);
}

/** Answers in request order; notifications have left no entry. */
export function batchBody(answers: readonly RpcAnswer[]): string | Buffer {
  if (answers.every((answer) => typeof answer === 'string')) return `[${answers.join()}]\n`;
  const parts: Uint8Array[] = [];
  for (const answer of answers) {
    parts.push(parts.length === 0 ? OPEN : COMMA, typeof answer === 'string' ? encodeUtf8(answer) : answer);
  }
  parts.push(CLOSE);
  return Buffer.concat(parts);
}

const OPEN = Buffer.from('[');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from(']\n');
const NEWLINE = Buffer.from('\n');
