// Reads frames of `relay.v1.bin` (docs/protocol.md, "Binary form"). Total: any bytes become messages or `MalformedMessage`, and no length is
// believed before it is compared with what is there.

import {
  COUNTED_HEADER_BYTES,
  FLAG,
  FRAME_TYPE,
  HEADER_BYTES,
  IN_OTHERS,
  IN_REQUEST,
} from './binary-layout.ts';
import type { Span, TraceRecord } from './call.ts';
import { REQUEST_LIMITS } from './call-json.ts';
import type { Decoder } from './codec.ts';
import {
  discoveryFromJson,
  drainFromJson,
  heartbeatFromJson,
  parseJson,
  registrationFromJson,
} from './control-json.ts';
import type { Failure } from './failure.ts';
import { EXECUTED, FAILURE_LIMITS, failureDataFromJson, SPAN_EVENTS } from './failure-json.ts';
import { FrameReader } from './frame-reader.ts';
import { InterningReader } from './interning-reader.ts';
import type { JsonObject } from './json-fields.ts';
import { asObject, asOneOf, asText, isPresent, malformed } from './json-fields.ts';
import { CALL_LIMITS } from './limits.ts';
import type {
  Envelope,
  ErrorMessage,
  FederationMessage,
  RequestMessage,
  ResponseMessage,
} from './message.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const LAST_MS = 253_402_300_799_999;
const IN_ENVELOPE = IN_OTHERS.timestamp | IN_OTHERS.source;

export class BinaryDecoder implements Decoder {
  readonly #reader = new FrameReader();
  readonly #interned = new InterningReader();
  #lastPath: readonly string[] = NO_PATH;

  decode(data: string | Uint8Array): readonly FederationMessage[] {
    if (typeof data === 'string') malformed('message', 'must be binary');
    if (data.length === 0) malformed('length', 'is cut off');
    const messages: FederationMessage[] = [];
    for (let at = 0; at < data.length; ) {
      const left = data.length - at;
      if (left < HEADER_BYTES) malformed('length', 'is cut off');
      const length = u32(data, at);
      if (length < COUNTED_HEADER_BYTES || length > left - 4) malformed('length', 'does not fit the message');
      const end = at + 4 + length;
      this.#reader.open(data, at + HEADER_BYTES, end);
      messages.push(this.#frame(data[at + 4]!, data[at + 5]!, u32(data, at + 6)));
      at = end;
    }
    this.#reader.close();
    return messages;
  }

  #frame(type: number, flags: number, call: number): FederationMessage {
    const isPart = (flags & FLAG.cont) !== 0;
    const continues = (flags & FLAG.more) !== 0;
    switch (type) {
      case FRAME_TYPE.request:
        if (isPart)
          return { type: 'body', of: 'request', id: open(call), body: this.#reader.rest(), continues };
        return this.#request(open(call), continues, (flags & FLAG.defaultTimeout) !== 0);
      case FRAME_TYPE.response:
        if (isPart)
          return { type: 'body', of: 'response', id: open(call), body: this.#reader.rest(), continues };
        return this.#response(open(call), continues);
      case FRAME_TYPE.credit:
        return {
          type: 'credit',
          id: open(call),
          bytes: this.#reader.u32('bytes'),
          fromOpener: (flags & FLAG.opener) !== 0,
        };
      default:
        if (isPart || continues) {
          if (type > FRAME_TYPE.credit || type === 0) return { type: 'unknown', name: `frame ${type}` };
          malformed('flags', 'only requests and responses have parts');
        }
        return this.#whole(type, call);
    }
  }

  /** Types that come in one frame. */
  #whole(type: number, call: number): FederationMessage {
    switch (type) {
      case FRAME_TYPE.error:
        return this.#error(open(call));
      case FRAME_TYPE.cancel: {
        const envelope = this.#envelope();
        const mode = asOneOf(this.#json()['mode'], 'mode', ['kill', 'abandon']);
        return { type: 'cancel', ...envelope, correlationId: open(call), mode };
      }
      case FRAME_TYPE.registration: {
        const envelope = this.#envelope();
        return {
          type: 'registration',
          ...envelope,
          id: open(call),
          ...registrationFromJson(this.#json(), 'data'),
        };
      }
      case FRAME_TYPE.heartbeat: {
        const envelope = this.#envelope(call);
        return { type: 'heartbeat', ...envelope, ...heartbeatFromJson(this.#json(), 'data') };
      }
      case FRAME_TYPE.serviceDiscovery: {
        const envelope = this.#envelope(call);
        return { type: 'service_discovery', ...envelope, discovery: discoveryFromJson(this.#json(), 'data') };
      }
      case FRAME_TYPE.drain: {
        const envelope = this.#envelope(call);
        return { type: 'drain', ...envelope, ...drainFromJson(this.#json(), '') };
      }
      default:
        return { type: 'unknown', name: `frame ${type}` };
    }
  }

  #request(id: number, continues: boolean, hasDefaultTimeout: boolean): RequestMessage {
    const reader = this.#reader;
    const interned = this.#interned;
    const present = reader.u8('present');
    const timeoutMs = reader.u32('timeout_ms');
    const ttl = reader.u8('ttl');
    const sourceNode = interned.address(reader, 'source_node');
    const destinationNode =
      (present & IN_REQUEST.destination) === 0 ? undefined : interned.address(reader, 'destination_node');
    const serverName = interned.name(reader, 'server_name');
    const method = interned.name(reader, 'method');
    const caller = interned.caller(reader, 'caller');
    const routingPath = this.#path('routing_path');
    let priority: number = CALL_LIMITS.defaultPriority;
    if ((present & IN_REQUEST.priority) !== 0) {
      priority = reader.u8('priority');
      if (priority > REQUEST_LIMITS.priority) malformed('priority', 'must be 0 to 9');
    }
    const timestampMs = (present & IN_REQUEST.timestamp) === 0 ? undefined : this.#timestamp();
    const traceparent = this.#traceparent(present);
    const callPath = (present & IN_REQUEST.callPath) === 0 ? NO_PATH : this.#callPath();
    const idempotencyKey = (present & IN_REQUEST.idempotencyKey) === 0 ? undefined : this.#idempotencyKey();
    const message: Mutable<RequestMessage> = {
      type: 'request',
      id,
      sourceNode,
      serverName,
      method,
      timeoutMs,
      body: reader.rest(),
      routingPath,
      ttl,
      priority,
      trace: (present & IN_REQUEST.trace) !== 0,
      traceparent,
      caller,
      callPath,
    };
    if (destinationNode !== undefined) message.destinationNode = destinationNode;
    if (timestampMs !== undefined) message.timestampMs = timestampMs;
    if (idempotencyKey !== undefined) message.idempotencyKey = idempotencyKey;
    if (continues) message.continues = true;
    if (hasDefaultTimeout) message.hasDefaultTimeout = true;
    return message;
  }

  #response(correlationId: number, continues: boolean): ResponseMessage {
    const present = this.#present(IN_ENVELOPE | IN_OTHERS.trace);
    // The bare result, which is nearly every one, gets its shape at once.
    if (present === 0 && !continues) return { type: 'response', correlationId, body: this.#reader.rest() };
    const envelope = this.#rest(present);
    const trace = (present & IN_OTHERS.trace) === 0 ? undefined : this.#trace();
    const message: Mutable<ResponseMessage> = {
      type: 'response',
      ...envelope,
      correlationId,
      body: this.#reader.rest(),
    };
    if (trace !== undefined) message.trace = trace;
    if (continues) message.continues = true;
    return message;
  }

  #error(correlationId: number): ErrorMessage {
    const reader = this.#reader;
    const present = this.#present(IN_ENVELOPE | IN_OTHERS.trace | IN_OTHERS.retryAfter);
    const envelope = this.#rest(present);
    const trace = (present & IN_OTHERS.trace) === 0 ? undefined : this.#trace();
    const code = reader.i32('failure.code');
    const executed =
      EXECUTED[reader.u8('failure.executed')] ?? malformed('failure.executed', 'must be 0, 1 or 2');
    const name = asText(
      this.#interned.text(reader, 'failure.name'),
      'failure.name',
      FAILURE_LIMITS.nameChars,
      1,
    );
    const at = asText(this.#interned.text(reader, 'failure.at'), 'failure.at', FAILURE_LIMITS.atChars);
    const retryAfterMs =
      (present & IN_OTHERS.retryAfter) === 0 ? undefined : reader.u32('failure.retry_after_ms');
    const body = this.#json();
    const text = asText(body['message'], 'failure.message', FAILURE_LIMITS.messageChars);
    const failure: Mutable<Failure> = { code, name, message: text, executed, at };
    if (retryAfterMs !== undefined) failure.retryAfterMs = retryAfterMs;
    if (isPresent(body, 'data')) failure.data = failureDataFromJson(body['data'], 'failure.data');
    const message: Mutable<ErrorMessage> = { type: 'error', ...envelope, correlationId, failure };
    if (trace !== undefined) message.trace = trace;
    return message;
  }

  #envelope(call = 0): Envelope {
    const envelope: Mutable<Envelope> = this.#rest(this.#present(IN_ENVELOPE));
    if (call !== 0) envelope.id = call;
    return envelope;
  }

  #present(allowed: number): number {
    const present = this.#reader.u8('present');
    // What is there has no length of its own: a bit of a later version cannot be skipped.
    if ((present & ~allowed) !== 0) malformed('present', 'has unknown bits');
    return present;
  }

  #rest(present: number): Envelope {
    const envelope: Mutable<Envelope> = {};
    if ((present & IN_OTHERS.timestamp) !== 0) envelope.timestampMs = this.#timestamp();
    if ((present & IN_OTHERS.source) !== 0)
      envelope.sourceNode = this.#interned.address(this.#reader, 'source_node');
    return envelope;
  }

  #timestamp(): number {
    const ms = this.#reader.u48('timestamp');
    if (ms > LAST_MS) malformed('timestamp', 'is no time');
    return ms;
  }

  /** Calls of one link mostly come the same way: then all share one list. */
  #path(field: string): readonly string[] {
    const last = this.#lastPath;
    const length = this.#reader.u8(field);
    let path: string[] | undefined;
    for (let index = 0; index < length; index += 1) {
      const id = this.#interned.nodeId(this.#reader, field);
      if (path === undefined && (length !== last.length || id !== last[index])) path = last.slice(0, index);
      path?.push(id);
    }
    if (path === undefined) return length === 0 ? NO_PATH : last;
    this.#lastPath = path;
    return path;
  }

  #callPath(): string[] {
    const path: string[] = [];
    for (let left = this.#reader.u8('call_path'); left > 0; left--) {
      const item = this.#interned.text(this.#reader, 'call_path');
      path.push(asText(item, 'call_path', REQUEST_LIMITS.callPathItemChars, 1));
    }
    return path;
  }

  #traceparent(present: number): string {
    const reader = this.#reader;
    if ((present & IN_REQUEST.traceparent) !== 0) {
      if ((present & IN_REQUEST.traceparentText) !== 0) malformed('present', 'has two forms of traceparent');
      return reader.traceparent();
    }
    if ((present & IN_REQUEST.traceparentText) === 0) return '';
    const text = reader.text('traceparent', 3 * REQUEST_LIMITS.traceparentChars);
    return asText(text, 'traceparent', REQUEST_LIMITS.traceparentChars);
  }

  #idempotencyKey(): string {
    const text = this.#reader.text('idempotency_key', 3 * REQUEST_LIMITS.idempotencyKeyChars);
    return asText(text, 'idempotency_key', REQUEST_LIMITS.idempotencyKeyChars, 1);
  }

  #trace(): TraceRecord {
    const path = this.#path('trace.path');
    const spans: Span[] = [];
    for (let left = this.#reader.u16('trace.spans'); left > 0; left--) {
      const node = this.#interned.nodeId(this.#reader, 'trace.spans.node');
      const event = SPAN_EVENTS[this.#reader.u8('trace.spans.event') - 1];
      const us = this.#reader.u32('trace.spans.us');
      // Events of newer nodes are left out, not refused.
      if (event !== undefined) spans.push({ node, event, us });
    }
    return { path, spans };
  }

  #json(): JsonObject {
    return asObject(parseJson(this.#reader.restText('body'), 'body'), 'body');
  }
}

const NO_PATH: readonly string[] = Object.freeze([]);

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** The number of an exchange, which is never 0. */
function open(call: number): number {
  if (call === 0) malformed('call', 'must not be 0');
  return call;
}
