// Writes messages as frames of `relay.v1.bin` (docs/protocol.md, "Binary form"). The hot path of a router: nothing is allocated per message.

import { FLAG, FRAME_TYPE, IN_OTHERS, IN_REQUEST } from './binary-layout.ts';
import type { CancelMode, TraceRecord } from './call.ts';
import { callIdToNumber } from './call-id.ts';
import { REQUEST_LIMITS } from './call-json.ts';
import type { Encoder } from './codec.ts';
import { discoveryToJson, drainToJson, heartbeatToJson, registrationToJson } from './control-json.ts';
import { EXECUTED, FAILURE_LIMITS, failureDataToJson, SPAN_EVENTS, wholeMs } from './failure-json.ts';
import { FrameWriter } from './frame-writer.ts';
import { InterningWriter } from './interning-writer.ts';
import type { JsonObject } from './json-fields.ts';
import { asInteger, malformed } from './json-fields.ts';
import { CALL_LIMITS } from './limits.ts';
import type {
  CallId,
  Envelope,
  ErrorMessage,
  FederationMessage,
  RequestMessage,
  ResponseMessage,
} from './message.ts';
import { unreachable } from './unreachable.ts';
import { encodeUtf8 } from './utf8.ts';

const LAST_MS = 253_402_300_799_999;

const CANCEL_BODY: Readonly<Record<CancelMode, Uint8Array>> = {
  kill: encodeUtf8('{"mode":"kill"}'),
  abandon: encodeUtf8('{"mode":"abandon"}'),
};

export class BinaryEncoder implements Encoder {
  readonly #writer: FrameWriter;
  readonly #interned: InterningWriter;

  constructor(messageBytes: number) {
    this.#writer = new FrameWriter(messageBytes);
    this.#interned = new InterningWriter(this.#writer);
  }

  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  add(message: FederationMessage): number {
    this.#interned.begin();
    this.#writer.begin();
    try {
      return this.#encode(message);
    } catch (error) {
      this.#writer.rollback();
      this.#interned.rollback();
      throw error;
    }
  }

  take(): readonly Uint8Array[] {
    return this.#writer.take();
  }

  #encode(message: FederationMessage): number {
    switch (message.type) {
      case 'request':
        return this.#request(message);
      case 'response':
        return this.#response(message);
      case 'error':
        return this.#error(message);
      case 'body': {
        const type = message.of === 'request' ? FRAME_TYPE.request : FRAME_TYPE.response;
        const flags = FLAG.cont | more(message.continues);
        const call = exchange(message.id);
        if (message.mayReuseFrame === true) return this.#writer.reuse(message.body, type, flags, call);
        this.#writer.bytes(message.body);
        return this.#writer.end(type, flags, call);
      }
      case 'credit':
        this.#writer.u32(wholeMs(message.bytes));
        return this.#writer.end(
          FRAME_TYPE.credit,
          message.fromOpener ? FLAG.opener : 0,
          exchange(message.id),
        );
      case 'cancel':
        this.#envelope(message);
        this.#writer.bytes(CANCEL_BODY[message.mode] ?? malformed('mode', 'must be kill or abandon'));
        return this.#writer.end(FRAME_TYPE.cancel, 0, exchange(message.correlationId));
      case 'registration':
        this.#control(message, registrationToJson(message));
        return this.#writer.end(FRAME_TYPE.registration, 0, exchange(message.id));
      case 'heartbeat':
        this.#control(message, heartbeatToJson(message));
        return this.#writer.end(FRAME_TYPE.heartbeat, 0, anyCall(message.id));
      case 'service_discovery':
        this.#control(message, discoveryToJson(message.discovery));
        return this.#writer.end(FRAME_TYPE.serviceDiscovery, 0, anyCall(message.id));
      case 'drain':
        this.#control(message, drainToJson(message));
        return this.#writer.end(FRAME_TYPE.drain, 0, anyCall(message.id));
      case 'unknown':
        return malformed('type', 'is unknown');
      default:
        return unreachable(message);
    }
  }

  #request(message: RequestMessage): number {
    const writer = this.#writer;
    const interned = this.#interned;
    const { destinationNode, timestampMs, traceparent, callPath, routingPath, idempotencyKey, priority } =
      message;
    const present =
      (timestampMs === undefined ? 0 : IN_REQUEST.timestamp) |
      (destinationNode === undefined ? 0 : IN_REQUEST.destination) |
      (message.trace ? IN_REQUEST.trace : 0) |
      (traceparent === '' ? 0 : IN_REQUEST.traceparent) |
      (callPath.length === 0 ? 0 : IN_REQUEST.callPath) |
      (idempotencyKey === undefined ? 0 : IN_REQUEST.idempotencyKey) |
      (priority === CALL_LIMITS.defaultPriority ? 0 : IN_REQUEST.priority);
    writer.u8(present);
    writer.u32(wholeMs(message.timeoutMs));
    writer.u8(asInteger(message.ttl, 'ttl', 0, REQUEST_LIMITS.ttl));
    interned.address(message.sourceNode);
    if (destinationNode !== undefined) interned.address(destinationNode);
    interned.name(message.serverName);
    interned.name(message.method);
    interned.caller(message.caller);
    this.#path(routingPath, 'routing_path');
    if (priority !== CALL_LIMITS.defaultPriority) {
      writer.u8(asInteger(priority, 'priority', 0, REQUEST_LIMITS.priority));
    }
    if (timestampMs !== undefined) this.#timestamp(timestampMs);
    if (traceparent !== '' && !writer.traceparent(traceparent)) {
      writer.setFirst(present ^ IN_REQUEST.traceparent ^ IN_REQUEST.traceparentText);
      writer.text(short(traceparent, 'traceparent', REQUEST_LIMITS.traceparentChars));
    }
    if (callPath.length > 0) {
      writer.u8(itemCount(callPath, 'call_path'));
      for (const item of callPath) interned.text(item, 'call_path', REQUEST_LIMITS.callPathItemChars);
    }
    if (idempotencyKey !== undefined) {
      if (idempotencyKey === '') malformed('idempotency_key', 'is empty');
      writer.text(short(idempotencyKey, 'idempotency_key', REQUEST_LIMITS.idempotencyKeyChars));
    }
    writer.bytes(message.body);
    const flags = more(message.continues) | (message.hasDefaultTimeout === true ? FLAG.defaultTimeout : 0);
    return writer.end(FRAME_TYPE.request, flags, exchange(message.id));
  }

  #response(message: ResponseMessage): number {
    this.#envelope(message, message.trace);
    this.#writer.bytes(message.body);
    return this.#writer.end(FRAME_TYPE.response, more(message.continues), exchange(message.correlationId));
  }

  #error(message: ErrorMessage): number {
    const writer = this.#writer;
    const { failure } = message;
    const { retryAfterMs } = failure;
    this.#envelope(message, message.trace, retryAfterMs === undefined ? 0 : IN_OTHERS.retryAfter);
    writer.u32(asInteger(failure.code, 'failure.code', -0x8000_0000, 0x7fff_ffff));
    const executed = EXECUTED.indexOf(failure.executed);
    if (executed < 0) malformed('failure.executed', 'must be no, yes or unknown');
    writer.u8(executed);
    if (failure.name === '') malformed('failure.name', 'is empty');
    this.#interned.text(failure.name, 'failure.name', FAILURE_LIMITS.nameChars);
    this.#interned.text(failure.at, 'failure.at', FAILURE_LIMITS.atChars);
    if (retryAfterMs !== undefined) writer.u32(wholeMs(retryAfterMs));
    this.#json({
      message: short(failure.message, 'failure.message', FAILURE_LIMITS.messageChars),
      ...(failure.data === undefined ? {} : { data: failureDataToJson(failure.data) }),
    });
    return writer.end(FRAME_TYPE.error, 0, exchange(message.correlationId));
  }

  #control(message: Envelope, body: JsonObject): void {
    this.#envelope(message);
    this.#json(body);
  }

  /** What every type but request begins with. */
  #envelope(message: Envelope, trace?: TraceRecord, more = 0): void {
    const { timestampMs, sourceNode } = message;
    this.#writer.u8(
      (timestampMs === undefined ? 0 : IN_OTHERS.timestamp) |
        (sourceNode === undefined ? 0 : IN_OTHERS.source) |
        (trace === undefined ? 0 : IN_OTHERS.trace) |
        more,
    );
    if (timestampMs !== undefined) this.#timestamp(timestampMs);
    if (sourceNode !== undefined) this.#interned.address(sourceNode);
    if (trace !== undefined) this.#trace(trace);
  }

  #timestamp(ms: number): void {
    this.#writer.u48(asInteger(Math.floor(ms), 'timestamp', 0, LAST_MS));
  }

  #path(path: readonly string[], field: string): void {
    this.#writer.u8(itemCount(path, field));
    for (let i = 0; i < path.length; i++) this.#interned.nodeId(path[i]!);
  }

  #trace(trace: TraceRecord): void {
    this.#path(trace.path, 'trace.path');
    if (trace.spans.length > FAILURE_LIMITS.spans) malformed('trace.spans', 'are too many');
    this.#writer.u16(trace.spans.length);
    for (const { node, event, us } of trace.spans) {
      this.#interned.nodeId(node);
      this.#writer.u8(SPAN_EVENTS.indexOf(event) + 1);
      this.#writer.u32(wholeMs(us));
    }
  }

  #json(body: JsonObject): void {
    let text: string;
    try {
      text = JSON.stringify(body);
    } catch {
      // A value that refers to itself, is too deep or has a BigInt: only `failure.data.value` can.
      malformed('body', 'is no JSON');
    }
    this.#writer.bytes(encodeUtf8(text));
  }
}

function more(continues: boolean | undefined): number {
  return continues === true ? FLAG.more : 0;
}

/** The number of an exchange, which is never 0. */
function exchange(id: CallId): number {
  const call = callIdToNumber(id, 'call');
  if (call === 0) malformed('call', 'must not be 0');
  return call;
}

function anyCall(id: CallId | undefined): number {
  return id === undefined ? 0 : callIdToNumber(id, 'call');
}

function itemCount(items: readonly unknown[], field: string): number {
  if (items.length > REQUEST_LIMITS.pathItems)
    malformed(field, `must have at most ${REQUEST_LIMITS.pathItems} items`);
  return items.length;
}

function short(text: string, field: string, maxChars: number): string {
  if (text.length > maxChars) malformed(field, `must have at most ${maxChars} characters`);
  return text;
}
