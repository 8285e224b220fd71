// The four texts before a session and what of them is signed (protocol.md §3). Pure: keys, randomness and hashing come in as arguments.
// CHALLENGE and AUTH carry their fields in a text of their own, so that what is signed is what was sent.

import { isNodeId, parseAddress } from './address.ts';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { parseJson } from './control-json.ts';
import type { JsonObject } from './json-fields.ts';
import {
  asArray,
  asBoolean,
  asCount,
  asInteger,
  asNodeId,
  asObject,
  asOneOf,
  asText,
  asTexts,
  isPresent,
  malformed,
} from './json-fields.ts';
import type { LinkLimits } from './limits.ts';
import { HANDSHAKE_LIMITS } from './limits.ts';
import { encodeUtf8, utf8Length } from './utf8.ts';

export const PROTOCOL_VERSION = 1;

export const KEY_BYTES = 32;
export const NONCE_BYTES = 32;
export const SIGNATURE_BYTES = 64;
export const INSTANCE_BYTES = 16;

/** What a dialler is to the node it dials. */
export type Role = 'home' | 'main' | 'client';

export interface Hello {
  readonly role: Role;
  /** Empty for a client that has none. */
  readonly nodeId: string;
  /** Ed25519, 32 bytes; empty for a client that has none. */
  readonly publicKey: Uint8Array;
  readonly nonce: Uint8Array;
  readonly versions: readonly number[];
  /** `host:port` as dialled. */
  readonly target: string;
  readonly software: string;
  /** Where others reach a Main. */
  readonly advertise?: string;
}

export interface Challenge {
  readonly nodeId: string;
  readonly publicKey: Uint8Array;
  readonly nonce: Uint8Array;
  readonly version: number;
  readonly software: string;
  readonly advertise?: string;
}

export interface Auth {
  /** 16 random bytes as base64url, new at each process start. */
  readonly instance: string;
  readonly token?: string;
  /** Last accepted registration seq. */
  readonly resume?: number;
}

/** CHALLENGE or AUTH as it travels: the text that is signed, and the signature (empty for a client without a key). */
export interface Signed {
  readonly body: string;
  readonly signature: Uint8Array;
}

export interface Welcome {
  readonly session: string;
  /** Higher than that of any earlier session of this id. */
  readonly epoch: number;
  /** Address text under which the dialler is now known; empty for a client without an id. */
  readonly name: string;
  readonly heartbeatMs: number;
  readonly limits: LinkLimits;
  /** The registration of the last session still stands. */
  readonly resume: boolean;
  /** Federation URLs of other Mains. */
  readonly alternatives: readonly string[];
}

const CHARS = Object.freeze({
  target: 261,
  software: 128,
  advertise: 512,
  token: 2_048,
  session: 128,
  url: 512,
});
const MAX_VERSIONS = 16;
const MAX_ALTERNATIVES = 16;
/** No limit of a link is above this. */
const MAX_LIMIT = 0x7fff_ffff;

export function encodeHello(hello: Hello): string {
  const { role, nodeId, publicKey, nonce, versions, target, software, advertise } = hello;
  return JSON.stringify({
    type: 'hello',
    role,
    node_id: nodeId,
    public_key: encodeBase64url(publicKey),
    nonce: encodeBase64url(nonce),
    versions,
    target,
    software,
    ...(advertise === undefined ? {} : { advertise }),
  });
}

/** Reads HELLO; throws `MalformedMessage`, as all functions here that read. */
export function decodeHello(text: string): Hello {
  const object = read(text, 'hello');
  const role = asOneOf(object['role'], 'role', ['home', 'main', 'client']);
  const isClient = role === 'client';
  const nodeId = asText(object['node_id'], 'node_id', 128);
  if (!(isClient && nodeId === '') && !isNodeId(nodeId)) malformed('node_id', 'is no node id');
  const versions = asArray(object['versions'], 'versions', MAX_VERSIONS);
  return {
    role,
    nodeId,
    publicKey: asBytes(object['public_key'], 'public_key', KEY_BYTES, isClient),
    nonce: asBytes(object['nonce'], 'nonce', NONCE_BYTES),
    versions: versions.map((version, i) => asInteger(version, `versions[${i}]`, 1, 0xffff)),
    target: asPrintable(object['target'], 'target', CHARS.target, 1),
    software: asPrintable(object['software'], 'software', CHARS.software),
    ...readAdvertise(object),
  };
}

/** The `body` of CHALLENGE. */
export function encodeChallengeBody(challenge: Challenge): string {
  const { nodeId, publicKey, nonce, version, software, advertise } = challenge;
  return JSON.stringify({
    node_id: nodeId,
    public_key: encodeBase64url(publicKey),
    nonce: encodeBase64url(nonce),
    version,
    software,
    ...(advertise === undefined ? {} : { advertise }),
  });
}

export function decodeChallengeBody(body: string): Challenge {
  const object = asObject(parseJson(body, 'body'), 'body');
  return {
    nodeId: asNodeId(object['node_id'], 'node_id'),
    publicKey: asBytes(object['public_key'], 'public_key', KEY_BYTES),
    nonce: asBytes(object['nonce'], 'nonce', NONCE_BYTES),
    version: asInteger(object['version'], 'version', 1, 0xffff),
    software: asPrintable(object['software'], 'software', CHARS.software),
    ...readAdvertise(object),
  };
}

/** The `body` of AUTH. */
export function encodeAuthBody({ instance, token, resume }: Auth): string {
  return JSON.stringify({
    instance,
    ...(token === undefined ? {} : { token }),
    ...(resume === undefined ? {} : { resume }),
  });
}

export function decodeAuthBody(body: string): Auth {
  const object = asObject(parseJson(body, 'body'), 'body');
  const instance = asText(object['instance'], 'instance', 22, 22);
  asBytes(instance, 'instance', INSTANCE_BYTES);
  return {
    instance,
    ...(isPresent(object, 'token') ? { token: asPrintable(object['token'], 'token', CHARS.token) } : {}),
    ...(isPresent(object, 'resume') ? { resume: asCount(object['resume'], 'resume') } : {}),
  };
}

/** CHALLENGE or AUTH around its body. */
export function encodeSigned(type: 'challenge' | 'auth', { body, signature }: Signed): string {
  return JSON.stringify({ type, body, signature: encodeBase64url(signature) });
}

/** Reads CHALLENGE or AUTH without looking into `body`. Whether an empty signature is allowed depends on the role: clients only. */
export function decodeSigned(type: 'challenge' | 'auth', text: string, role: Role): Signed {
  const object = read(text, type);
  const mayBeEmpty = type === 'auth' && role === 'client';
  return {
    body: asText(object['body'], 'body', HANDSHAKE_LIMITS.messageBytes, 2),
    signature: asBytes(object['signature'], 'signature', SIGNATURE_BYTES, mayBeEmpty),
  };
}

/** WELCOME, without the last of its alternatives if it would be too long with them. */
export function encodeWelcome(welcome: Welcome): string {
  for (let count = Math.min(welcome.alternatives.length, MAX_ALTERNATIVES); ; count--) {
    const text = welcomeText(welcome, welcome.alternatives.slice(0, count));
    if (count === 0 || utf8Length(text) <= HANDSHAKE_LIMITS.messageBytes) return text;
  }
}

function welcomeText(welcome: Welcome, alternatives: readonly string[]): string {
  const { session, epoch, name, heartbeatMs, limits, resume } = welcome;
  return JSON.stringify({
    type: 'welcome',
    session,
    epoch,
    name,
    heartbeat_ms: heartbeatMs,
    limits: {
      message_bytes: limits.messageBytes,
      body_bytes: limits.bodyBytes,
      in_flight: limits.inFlight,
      services: limits.services,
      service_bytes: limits.serviceBytes,
    },
    resume,
    alternatives,
  });
}

export function decodeWelcome(text: string): Welcome {
  const object = read(text, 'welcome');
  const name = asText(object['name'], 'name', 257);
  if (name !== '' && parseAddress(name) === undefined) malformed('name', 'is no address');
  const limits = asObject(object['limits'], 'limits');
  const limit = (key: string): number => asInteger(limits[key], `limits.${key}`, 1, MAX_LIMIT);
  return {
    session: asPrintable(object['session'], 'session', CHARS.session, 1),
    epoch: asCount(object['epoch'], 'epoch'),
    name,
    heartbeatMs: asInteger(object['heartbeat_ms'], 'heartbeat_ms', 1, 3_600_000),
    limits: {
      messageBytes: limit('message_bytes'),
      bodyBytes: limit('body_bytes'),
      inFlight: limit('in_flight'),
      services: limit('services'),
      serviceBytes: limit('service_bytes'),
    },
    resume: asBoolean(object['resume'], 'resume'),
    alternatives: isPresent(object, 'alternatives')
      ? asTexts(object['alternatives'], 'alternatives', MAX_ALTERNATIVES, CHARS.url, 1)
      : [],
  };
}

export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** What the acceptor signs: HELLO as received and the `body` of its CHALLENGE. */
export function challengeTranscript(
  role: Role,
  hello: string,
  challengeBody: string,
  sha256: Sha256,
): Uint8Array {
  return transcript(role, 'challenge', [hello, challengeBody], sha256);
}

/** What the dialler signs: HELLO as sent, the whole CHALLENGE as received, and the `body` of its AUTH. */
export function authTranscript(
  role: Role,
  hello: string,
  challenge: string,
  authBody: string,
  sha256: Sha256,
): Uint8Array {
  return transcript(role, 'auth', [hello, challenge, authBody], sha256);
}

/** `relay.v1/ROLE/STEP`, 0x00, SHA-256 of the parts with 0x00 between them. The role is the dialler's in both steps. */
function transcript(
  role: Role,
  step: 'challenge' | 'auth',
  parts: readonly string[],
  sha256: Sha256,
): Uint8Array {
  const prefix = encodeUtf8(`relay.v1/${role}/${step}\0`);
  const hash = sha256(encodeUtf8(parts.join('\0')));
  const bytes = new Uint8Array(prefix.length + hash.length);
  bytes.set(prefix);
  bytes.set(hash, prefix.length);
  return bytes;
}

function read(text: string, type: string): JsonObject {
  if (utf8Length(text) > HANDSHAKE_LIMITS.messageBytes) {
    malformed(type, `takes more than ${HANDSHAKE_LIMITS.messageBytes} bytes`);
  }
  const object = asObject(parseJson(text, 'message'), 'message');
  if (object['type'] !== type) malformed('type', `must be ${type}`);
  return object;
}

function readAdvertise(object: JsonObject): { advertise?: string } {
  if (!isPresent(object, 'advertise')) return {};
  return { advertise: asPrintable(object['advertise'], 'advertise', CHARS.advertise, 1) };
}

function asBytes(value: unknown, field: string, length: number, mayBeEmpty = false): Uint8Array {
  const bytes = decodeBase64url(asText(value, field, Math.ceil((length * 4) / 3)));
  if (bytes === undefined) malformed(field, 'must be base64url without padding');
  if (bytes.length !== length && !(mayBeEmpty && bytes.length === 0))
    malformed(field, `must be ${length} bytes`);
  return bytes;
}

/** Printable ASCII: it is shown in logs and close reasons. */
function asPrintable(value: unknown, field: string, max: number, min = 0): string {
  const text = asText(value, field, max, min);
  if (!/^[\x20-\x7e]*$/.test(text)) malformed(field, 'must be printable ASCII');
  return text;
}
