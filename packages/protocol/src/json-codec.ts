// `relay.v1.json`: one JSON object per text message, with the names of the plan (protocol.md §5).

import type { Body } from './call.ts';
import { callIdFromText, callIdToText, openCallIdFromText } from './call-id.ts';
import {
  callerFromJson,
  callerToJson,
  REQUEST_LIMITS,
  timeoutFromJson,
  timestampFromText,
  timestampToText,
} from './call-json.ts';
import type { CodecFactory, Decoder, Encoder, EncoderDefaults } from './codec.ts';
import {
  discoveryFromJson,
  discoveryToJson,
  drainFromJson,
  drainToJson,
  heartbeatFromJson,
  heartbeatToJson,
  parseJson,
  registrationFromJson,
  registrationToJson,
} from './control-json.ts';
import { failureFromJson, failureToJson, traceFromJson, traceToJson, wholeMs } from './failure-json.ts';
import type { JsonObject } from './json-fields.ts';
import {
  addressToJson,
  asAddress,
  asArray,
  asBoolean,
  asInteger,
  asName,
  asNodeId,
  asObject,
  asOneOf,
  asText,
  asTexts,
  isPresent,
  malformed,
} from './json-fields.ts';
import { forbiddenKey, memberText } from './json-text.ts';
import { CALL_LIMITS } from './limits.ts';
import type { CallId, FederationMessage, RequestMessage } from './message.ts';
import { unreachable } from './unreachable.ts';
import { decodeUtf8, encodeUtf8, utf8Length } from './utf8.ts';

/** Members whose content is the sender's own: a program may send any keys there, and may throw them. */
const OPAQUE = new Set(['data', 'failure.data']);

const NULL_BODY = encodeUtf8('null');

/** Creates both ends of `relay.v1.json`. A request without `message_id` gets one that no sender uses twice. */
export const createJsonCodec: CodecFactory = (defaults, limits) => ({
  encoder: createEncoder(defaults, limits.messageBytes),
  decoder: createDecoder(defaults),
});

function createEncoder(defaults: EncoderDefaults, messageBytes: number): Encoder {
  let texts: string[] = [];
  let pendingBytes = 0;
  return {
    add(message) {
      const text = encodeMessage(message, defaults);
      const bytes = utf8Length(text);
      if (bytes > messageBytes) malformed(message.type, `takes ${bytes} bytes, more than ${messageBytes}`);
      texts.push(text);
      pendingBytes += bytes;
      return bytes;
    },
    get pendingBytes() {
      return pendingBytes;
    },
    take() {
      const taken = texts;
      texts = [];
      pendingBytes = 0;
      return taken;
    },
  };
}

function encodeMessage(message: FederationMessage, defaults: EncoderDefaults): string {
  switch (message.type) {
    case 'request':
      refuseParts(message.continues);
      return splice({ ...envelope(message, defaults, message), ...requestFields(message) }, message.body);
    case 'response':
      refuseParts(message.continues);
      return splice(
        { ...envelope(message, defaults), ...(message.trace && { trace: traceToJson(message.trace) }) },
        message.body,
      );
    case 'error':
      return stringify({
        ...envelope(message, defaults),
        failure: failureToJson(message.failure),
        ...(message.trace && { trace: traceToJson(message.trace) }),
      });
    case 'cancel':
      return stringify({ ...envelope(message, defaults), mode: message.mode });
    case 'registration':
      return stringify({ ...envelope(message, defaults), data: registrationToJson(message) });
    case 'heartbeat':
      return stringify({ ...envelope(message, defaults), data: heartbeatToJson(message) });
    case 'service_discovery':
      return stringify({ ...envelope(message, defaults), data: discoveryToJson(message.discovery) });
    case 'drain':
      return stringify({ ...envelope(message, defaults), ...drainToJson(message) });
    case 'body':
    case 'credit':
      return malformed(message.type, 'exists in the binary form only');
    case 'unknown':
      return malformed('type', 'is unknown');
    default:
      return unreachable(message);
  }
}

function refuseParts(continues: boolean | undefined): void {
  if (continues === true) malformed('data', 'cannot be sent in parts in the JSON form');
}

type Known = Exclude<FederationMessage, { readonly type: 'body' | 'credit' | 'unknown' }>;

function envelope(message: Known, defaults: EncoderDefaults, request?: RequestMessage): JsonObject {
  return {
    type: message.type,
    message_id: callIdToText(message.id ?? 0, 'message_id'),
    ...('correlationId' in message && {
      correlation_id: callIdToText(message.correlationId, 'correlation_id'),
    }),
    timestamp: timestampToText(message.timestampMs ?? defaults.wallNow(), 'timestamp'),
    source_node: addressToJson(message.sourceNode ?? defaults.self),
    ...(request?.destinationNode && { destination_node: addressToJson(request.destinationNode) }),
    routing_path: request?.routingPath ?? [],
    ttl: request?.ttl ?? CALL_LIMITS.ttl,
  };
}

function requestFields(message: RequestMessage): JsonObject {
  const timeoutMs = wholeMs(message.timeoutMs);
  return {
    priority: message.priority,
    server_name: asName(message.serverName, 'server_name'),
    method: asName(message.method, 'method'),
    timeout_ms: timeoutMs,
    timeout_seconds: timeoutMs / 1_000,
    ...(message.hasDefaultTimeout === true && { default_timeout: true }),
    ...(message.trace && { trace: true }),
    ...(message.traceparent !== '' && { traceparent: message.traceparent }),
    caller: callerToJson(message.caller),
    ...(message.callPath.length > 0 && { call_path: message.callPath }),
    ...(message.idempotencyKey !== undefined && { idempotency_key: message.idempotencyKey }),
  };
}

function stringify(object: JsonObject): string {
  try {
    return JSON.stringify(object);
  } catch {
    // A value that refers to itself, is too deep or has a BigInt: only `failure.data.value` can.
    return malformed('failure.data', 'is no JSON');
  }
}

/**
 * Adds the body as the member `data`. It is parsed once and thrown away: a body is the bytes of a stranger, and one that is not exactly
 * one JSON value could add members of its own to this message.
 */
function splice(head: JsonObject, body: Body): string {
  const text = decodeUtf8(body.length === 0 ? NULL_BODY : body);
  parseJson(text, 'data');
  return `${stringify(head).slice(0, -1)},"data":${text}}`;
}

function createDecoder(defaults: EncoderDefaults): Decoder {
  let made = 0;
  const makeId = (): CallId => `missing-${++made}`;
  return {
    decode(data) {
      if (typeof data !== 'string') malformed('message', 'must be a text');
      return [decodeMessage(data, makeId, defaults)];
    },
  };
}

function decodeMessage(text: string, makeId: () => CallId, defaults: EncoderDefaults): FederationMessage {
  const object = asObject(parseJson(text, 'message'), 'message');
  const key = forbiddenKey(object, text, OPAQUE);
  if (key !== undefined) malformed(key.slice(0, 200), 'is a forbidden key');
  const type = asText(object['type'], 'type', 64, 1);
  const read = READERS.get(type);
  if (read === undefined) return { type: 'unknown', name: type };
  return read(object, text, makeId, readEnvelope(object, defaults));
}

type ReadEnvelope = ReturnType<typeof readEnvelope>;

function readEnvelope(object: JsonObject, defaults: EncoderDefaults) {
  const id = isPresent(object, 'message_id') ? callIdFromText(object['message_id'], 'message_id') : 0;
  if (isPresent(object, 'destination_node')) asAddress(object['destination_node'], 'destination_node');
  return {
    ...(id !== 0 && { id }),
    timestampMs: isPresent(object, 'timestamp')
      ? timestampFromText(object['timestamp'], 'timestamp')
      : defaults.wallNow(),
    sourceNode: asAddress(object['source_node'], 'source_node'),
  };
}

type Reader = (
  object: JsonObject,
  text: string,
  makeId: () => CallId,
  envelope: ReadEnvelope,
) => FederationMessage;

const READERS: ReadonlyMap<string, Reader> = new Map<FederationMessage['type'], Reader>([
  ['request', readRequest],
  [
    'response',
    (object, text, _makeId, envelope) => ({
      type: 'response',
      ...envelope,
      correlationId: openCallIdFromText(object['correlation_id'], 'correlation_id'),
      body: readBody(text) ?? malformed('data', 'is missing'),
      ...readTrace(object),
    }),
  ],
  [
    'error',
    (object, _text, _makeId, envelope) => ({
      type: 'error',
      ...envelope,
      correlationId: openCallIdFromText(object['correlation_id'], 'correlation_id'),
      failure: failureFromJson(object['failure'], 'failure'),
      ...readTrace(object),
    }),
  ],
  [
    'cancel',
    (object, _text, _makeId, envelope) => ({
      type: 'cancel',
      ...envelope,
      correlationId: openCallIdFromText(object['correlation_id'], 'correlation_id'),
      mode: asOneOf(object['mode'], 'mode', ['kill', 'abandon']),
    }),
  ],
  [
    'registration',
    (object, _text, makeId, envelope) => ({
      type: 'registration',
      ...envelope,
      id: envelope.id ?? exchangeId(object, makeId),
      ...registrationFromJson(object['data'], 'data'),
    }),
  ],
  [
    'heartbeat',
    (object, _text, _makeId, envelope) => ({
      type: 'heartbeat',
      ...envelope,
      ...heartbeatFromJson(object['data'], 'data'),
    }),
  ],
  [
    'service_discovery',
    (object, _text, _makeId, envelope) => ({
      type: 'service_discovery',
      ...envelope,
      discovery: discoveryFromJson(object['data'], 'data'),
    }),
  ],
  [
    'drain',
    (object, _text, _makeId, envelope) => ({ type: 'drain', ...envelope, ...drainFromJson(object, '') }),
  ],
]);

/** The id of an exchange that did not get one. A written 0 is no id. */
function exchangeId(object: JsonObject, makeId: () => CallId): CallId {
  if (isPresent(object, 'message_id')) malformed('message_id', 'must not be 0');
  return makeId();
}

function readBody(text: string): Body | undefined {
  const data = memberText(text, 'data');
  return data === undefined ? undefined : encodeUtf8(data);
}

function readTrace(object: JsonObject) {
  return isPresent(object, 'trace') ? { trace: traceFromJson(object['trace'], 'trace') } : {};
}

function readRequest(
  object: JsonObject,
  text: string,
  makeId: () => CallId,
  envelope: ReadEnvelope,
): RequestMessage {
  const path = isPresent(object, 'routing_path') ? object['routing_path'] : [];
  return {
    type: 'request',
    ...envelope,
    id: envelope.id ?? exchangeId(object, makeId),
    ...(isPresent(object, 'destination_node') && {
      destinationNode: asAddress(object['destination_node'], 'destination_node'),
    }),
    serverName: asName(object['server_name'], 'server_name'),
    method: asName(object['method'], 'method'),
    timeoutMs: timeoutFromJson(object),
    ...(isPresent(object, 'default_timeout') &&
      asBoolean(object['default_timeout'], 'default_timeout') && { hasDefaultTimeout: true }),
    body: readBody(text) ?? NULL_BODY,
    routingPath: asArray(path, 'routing_path', REQUEST_LIMITS.pathItems).map((id, i) =>
      asNodeId(id, `routing_path[${i}]`),
    ),
    ttl: isPresent(object, 'ttl') ? asInteger(object['ttl'], 'ttl', 0, REQUEST_LIMITS.ttl) : CALL_LIMITS.ttl,
    priority: isPresent(object, 'priority')
      ? asInteger(object['priority'], 'priority', 0, REQUEST_LIMITS.priority)
      : CALL_LIMITS.defaultPriority,
    trace: isPresent(object, 'trace') ? asBoolean(object['trace'], 'trace') : false,
    traceparent: isPresent(object, 'traceparent')
      ? asText(object['traceparent'], 'traceparent', REQUEST_LIMITS.traceparentChars)
      : '',
    // The ingress sets the caller itself; a message from before there were callers is one of its source.
    caller: isPresent(object, 'caller')
      ? callerFromJson(object['caller'], 'caller')
      : { kind: 'program', node: envelope.sourceNode.id },
    callPath: isPresent(object, 'call_path')
      ? asTexts(
          object['call_path'],
          'call_path',
          REQUEST_LIMITS.pathItems,
          REQUEST_LIMITS.callPathItemChars,
          1,
        )
      : [],
    ...(isPresent(object, 'idempotency_key') && {
      idempotencyKey: asText(
        object['idempotency_key'],
        'idempotency_key',
        REQUEST_LIMITS.idempotencyKeyChars,
        1,
      ),
    }),
  };
}
