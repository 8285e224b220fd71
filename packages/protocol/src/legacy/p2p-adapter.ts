// Messages of the former peer-to-peer protocol as messages of the federation, and back: one pure function each way, over the JSON
// forms of both. For whoever holds a whole message; a federation link refuses the old style. A node that speaks both hands calls over,
// not messages, and never writes one form to read the other: it is made of the same parts (p2p-call.ts), and a test of the bridge holds
// its calls and answers against these two functions. Source: legacy-p2p.md §8.1.

import { homeAddress, isNodeId, mainAddress, type NodeAddress } from '../address.ts';
import { MalformedMessage } from '../codec.ts';
import { failureToJson } from '../failure-json.ts';
import { addressToJson, asAddress, isPresent } from '../json-fields.ts';
import { CALL_LIMITS } from '../limits.ts';
import {
  argsFromParams,
  callData,
  failureData,
  failureOfAnswer,
  resultData,
  timeoutMsOf,
} from './p2p-call.ts';
import { isObject, P2P_LIMITS, type P2pMessage, type P2pObject, p2pToJson, readP2p } from './p2p-message.ts';

export interface AdapterOptions {
  readonly self: string;
  /** Of a bridging Main: other nodes are below this one, and everything it says it says under its own id. */
  readonly isBridge: boolean;
  /** For what the other form requires and this one left out. */
  readonly newId: () => string;
  /** RFC 3339. */
  readonly now: () => string;
}

export type MessageStyle = 'federation' | 'p2p' | 'unknown';

export function styleOf(value: unknown): MessageStyle {
  if (!isObject(value)) return 'unknown';
  if (isPresent(value, 'message_id') || isPresent(value, 'source_node')) return 'federation';
  return typeof value['type'] === 'string' && typeof value['from'] === 'string' ? 'p2p' : 'unknown';
}

/** Throws `MalformedMessage` with the name of the field. */
export function p2pToFederation(value: unknown, options: AdapterOptions): P2pObject {
  if (styleOf(value) !== 'p2p') throw new MalformedMessage('from: not a P2P message');
  const message = readP2p(value);
  if (message.type === 'route_message') {
    return p2pToFederation(message.data?.['original_message'], options);
  }
  const frame = federationFrame(message, options);
  const data = message.data ?? {};
  switch (message.type) {
    case 'ping':
      return frame('heartbeat', idOf(message, options), {
        data: { kind: 'ping', timestamp: data['timestamp'] ?? null },
      });
    case 'pong':
      return frame('heartbeat', idOf(message, options), {
        data: { kind: 'pong', timestamp: data['timestamp'] ?? null, pong_time: data['pong_time'] ?? null },
      });
    case 'server_call':
      return callToRequest(message, frame, options);
    case 'server_response': {
      const nodeId = data['node_id'];
      if (isPresent(data, 'node_id') && nodeId !== message.from) {
        throw new MalformedMessage('data.node_id: must equal from');
      }
      const correlation = { correlation_id: answeredId(message) };
      return data['success'] === true
        ? frame('response', idOf(message, options), { ...correlation, data: data['result'] ?? null })
        : frame('error', idOf(message, options), {
            ...correlation,
            failure: failureToJson(failureOfAnswer(data, message.from)),
          });
    }
    case 'error':
      return frame('error', idOf(message, options), {
        correlation_id: answeredId(message),
        failure: failureToJson(failureOfAnswer(data, message.from)),
      });
    case 'registry_sync': {
      const servers = Array.isArray(data['servers']) ? data['servers'].filter(isObject) : [];
      return frame('service_discovery', idOf(message, options), {
        data: { add: servers.map(serverToEntry) },
      });
    }
    default:
      throw new MalformedMessage(`unsupported P2P message type '${message.type.slice(0, 64)}'`);
  }
}

type Frame = (type: string, id: string, more: P2pObject) => P2pObject;

function federationFrame(message: P2pMessage, options: AdapterOptions): Frame {
  const source = addressOf(message.from, 'from', options);
  const destination = message.to === '' ? mainAddress(options.self) : addressOf(message.to, 'to', options);
  return (type, id, more) => ({
    type,
    message_id: id,
    timestamp: message.timestamp === '' ? options.now() : message.timestamp,
    source_node: addressToJson(source),
    destination_node: addressToJson(destination),
    routing_path: message.route,
    ttl: message.ttl === 0 ? P2P_LIMITS.ttl : message.ttl,
    priority: CALL_LIMITS.defaultPriority,
    ...more,
  });
}

function addressOf(id: string, field: string, { self, isBridge }: AdapterOptions): NodeAddress {
  if (!isNodeId(id)) throw new MalformedMessage(`${field}: is no node id`);
  if (id === self || !isBridge) return mainAddress(id);
  return homeAddress(id, self);
}

function callToRequest(message: P2pMessage, frame: Frame, options: AdapterOptions): P2pObject {
  const call = message.data?.['call'];
  if (!isObject(call)) throw new MalformedMessage('data.call: must be an object');
  const { server_name: serverName, method, args, timeout } = call;
  if (typeof serverName !== 'string') throw new MalformedMessage('server_name: must be a text');
  if (typeof method !== 'string') throw new MalformedMessage('method: must be a text');
  const responseId = message.data?.['response_id'];
  const id = typeof responseId === 'string' && responseId !== '' ? responseId : idOf(message, options);
  const timeoutMs = timeoutMsOf(timeout);
  return frame('request', id, {
    server_name: serverName,
    method,
    data: Array.isArray(args) ? args : [],
    timeout_ms: timeoutMs,
    timeout_seconds: timeoutMs / 1000,
    ...(options.isBridge && { caller: { kind: 'p2p', node: message.from } }),
  });
}

function idOf(message: P2pMessage, options: AdapterOptions): string {
  return message.id === '' ? options.newId() : message.id;
}

function answeredId({ data, replyTo, id }: P2pMessage): string {
  const responseId = data?.['response_id'];
  if (typeof responseId === 'string' && responseId !== '') return responseId;
  const found = replyTo === '' ? id : replyTo;
  if (found === '') throw new MalformedMessage('data.response_id: is missing');
  return found;
}

function serverToEntry(server: P2pObject): P2pObject {
  const methods = Array.isArray(server['methods']) ? server['methods'] : [];
  return { service_name: server['name'], methods: methods.map((name: unknown) => ({ name })) };
}

/** Throws `MalformedMessage` with the name of the field, and for messages that the old protocol has no word for. */
export function federationToP2p(value: unknown, options: AdapterOptions): P2pObject {
  if (styleOf(value) !== 'federation' || !isObject(value)) {
    throw new MalformedMessage('message_id: not a federation message');
  }
  const { type, message_id: messageId } = value;
  if (typeof type !== 'string') throw new MalformedMessage('type: must be a text');
  const source = asAddress(value['source_node'], 'source_node');
  const destination = isPresent(value, 'destination_node')
    ? asAddress(value['destination_node'], 'destination_node').id
    : '';
  const from = options.isBridge ? options.self : source.id;
  const id = typeof messageId === 'string' && messageId !== '' ? messageId : options.newId();
  const { timestamp, routing_path: path, ttl } = value;
  const message = (p2pType: string, data: P2pObject, replyTo = ''): P2pObject =>
    p2pToJson({
      type: p2pType,
      id,
      from,
      to: destination,
      data,
      timestamp: typeof timestamp === 'string' ? timestamp : options.now(),
      route: options.isBridge ? [options.self] : asTextList(path),
      ttl: options.isBridge ? P2P_LIMITS.ttl - 1 : hops(ttl),
      replyTo,
    });
  const data = isObject(value['data']) ? value['data'] : {};
  switch (type) {
    case 'heartbeat':
      return data['kind'] === 'pong'
        ? message('pong', { pong_time: data['pong_time'] ?? null, timestamp: data['timestamp'] ?? null })
        : message('ping', { timestamp: data['timestamp'] ?? null });
    case 'request': {
      const { server_name: serverName, method, timeout_ms: timeoutMs } = value;
      if (typeof serverName !== 'string') throw new MalformedMessage('server_name: must be a text');
      if (typeof method !== 'string') throw new MalformedMessage('method: must be a text');
      const ms = typeof timeoutMs === 'number' && timeoutMs > 0 ? timeoutMs : P2P_LIMITS.defaultTimeoutMs;
      const call = { server: serverName, method, args: argsFromParams(value['data']), responseId: id };
      return message('server_call', callData(call, Math.ceil(ms / 1000)));
    }
    case 'response': {
      const correlation = correlationId(value);
      return message('server_response', resultData(from, correlation, value['data']), correlation);
    }
    case 'error': {
      const correlation = correlationId(value);
      const failure = isObject(value['failure']) ? value['failure'] : {};
      const text = textOr(failure['message'], 'no reason given');
      const name = textOr(failure['name'], 'internal_error');
      return message('server_response', failureData(from, correlation, text, name), correlation);
    }
    case 'service_discovery': {
      const add = Array.isArray(data['add']) ? data['add'].filter(isObject) : [];
      return message('registry_sync', { node_id: from, servers: add.map(entryToServer) });
    }
    default:
      throw new MalformedMessage(`unsupported federation message type '${type.slice(0, 64)}'`);
  }
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function correlationId(value: P2pObject): string {
  const id = value['correlation_id'];
  if (typeof id !== 'string' || id === '') throw new MalformedMessage('correlation_id: must be a text');
  return id;
}

function entryToServer(entry: P2pObject): P2pObject {
  const methods = Array.isArray(entry['methods']) ? entry['methods'].filter(isObject) : [];
  return { name: entry['service_name'], methods: methods.map(({ name }) => name) };
}

function asTextList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function hops(ttl: unknown): number {
  return typeof ttl === 'number' && ttl > 0 ? Math.min(ttl, P2P_LIMITS.ttl) : P2P_LIMITS.ttl;
}
