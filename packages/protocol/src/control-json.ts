// What control messages add, as JSON: the member `data` of the JSON form and the body of the binary form.

import { failureFromJson, failureToJson } from './failure-json.ts';
import type { JsonObject } from './json-fields.ts';
import {
  asArray,
  asBoolean,
  asCount,
  asInstance,
  asInteger,
  asName,
  asNodeId,
  asObject,
  asOneOf,
  asTexts,
  isPresent,
  malformed,
  U32_MAX,
} from './json-fields.ts';
import { REGISTRY_LIMITS } from './limits.ts';
import type {
  Discovery,
  DrainMessage,
  HeartbeatMessage,
  RegistrationAnswer,
  RegistrationMessage,
  RegistryEntry,
  RegistryState,
} from './message.ts';
import {
  DESCRIPTION_LIMITS,
  entryFromJson,
  entryToJson,
  serviceFromJson,
  serviceToJson,
} from './service-json.ts';
import { unreachable } from './unreachable.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

const DIGEST = /^[0-9a-f]{16}$/;
/** Entries, or pairs to remove, in one message: far more than 64 KiB can hold. */
const MAX_CHANGES = 65_536;
const MAX_ALTERNATIVES = 64;
const MAX_URL_CHARS = 2_048;

export type RegistrationFields = Pick<
  RegistrationMessage,
  'seq' | 'base' | 'services' | 'removed' | 'complete'
>;
export type HeartbeatFields = Pick<HeartbeatMessage, 'kind' | 'seq' | 'load' | 'registry'>;
export type DrainFields = Pick<DrainMessage, 'reconnectInMs' | 'alternatives'>;

export function registrationToJson(message: RegistrationFields): JsonObject {
  const { seq, base, services, removed, complete } = message;
  return { seq, base, services: services.map(serviceToJson), removed, complete };
}

export function registrationFromJson(json: unknown, field: string): RegistrationFields {
  const object = asObject(json, field);
  const services = isPresent(object, 'services') ? object['services'] : [];
  const removed = isPresent(object, 'removed') ? object['removed'] : [];
  return {
    seq: asCount(object['seq'], `${field}.seq`),
    base: asCount(object['base'], `${field}.base`),
    services: asArray(services, `${field}.services`, DESCRIPTION_LIMITS.services).map((service, i) =>
      serviceFromJson(service, `${field}.services[${i}]`),
    ),
    removed: asArray(removed, `${field}.removed`, MAX_CHANGES).map((name, i) =>
      asName(name, `${field}.removed[${i}]`),
    ),
    complete: asBoolean(object['complete'], `${field}.complete`),
  };
}

/** The body of the `response` to a registration. */
export function encodeRegistrationAnswer(answer: RegistrationAnswer): Uint8Array {
  const { seq, refused, want } = answer;
  const json = {
    seq,
    ...(refused === undefined
      ? {}
      : {
          refused: refused.map(({ service_name, failure }) => ({
            service_name,
            failure: failureToJson(failure),
          })),
        }),
    ...(want === undefined ? {} : { want }),
  };
  return encodeUtf8(JSON.stringify(json));
}

/** Reads the answer to a registration; throws `MalformedMessage`. */
export function decodeRegistrationAnswer(body: Uint8Array): RegistrationAnswer {
  const object = asObject(parseJson(decodeUtf8(body), 'data'), 'data');
  return {
    seq: asCount(object['seq'], 'data.seq'),
    ...(isPresent(object, 'refused')
      ? {
          refused: asArray(object['refused'], 'data.refused', DESCRIPTION_LIMITS.services).map((item, i) => {
            const field = `data.refused[${i}]`;
            const refusal = asObject(item, field);
            return {
              service_name: asName(refusal['service_name'], `${field}.service_name`),
              failure: failureFromJson(refusal['failure'], `${field}.failure`),
            };
          }),
        }
      : {}),
    ...(isPresent(object, 'want') ? { want: asInteger(object['want'], 'data.want', 0, 0) as 0 } : {}),
  };
}

/** The value of a JSON text; throws `MalformedMessage` for undefined (bytes that are not UTF-8) and for what is no JSON. */
export function parseJson(text: string | undefined, field: string): unknown {
  if (text === undefined) malformed(field, 'is not UTF-8');
  try {
    return JSON.parse(text);
  } catch {
    malformed(field, 'is not JSON');
  }
}

function stateToJson({ instance, seq, digest }: RegistryState): JsonObject {
  return { instance, seq, digest };
}

function stateFromJson(json: unknown, field: string): RegistryState {
  const object = asObject(json, field);
  const digest = asTexts(object['digest'], `${field}.digest`, REGISTRY_LIMITS.digestBuckets, 16);
  if (digest.length !== REGISTRY_LIMITS.digestBuckets || !digest.every((text) => DIGEST.test(text))) {
    malformed(`${field}.digest`, `must be ${REGISTRY_LIMITS.digestBuckets} texts of 16 hex digits`);
  }
  return {
    instance: asInstance(object['instance'], `${field}.instance`),
    seq: asCount(object['seq'], `${field}.seq`),
    digest,
  };
}

export function heartbeatToJson({ kind, seq, load, registry }: HeartbeatFields): JsonObject {
  return {
    kind,
    seq,
    ...(load === undefined ? {} : { load: { in_flight: load.inFlight, capacity: load.capacity } }),
    ...(registry === undefined ? {} : { registry: stateToJson(registry) }),
  };
}

export function heartbeatFromJson(json: unknown, field: string): HeartbeatFields {
  const object = asObject(json, field);
  const fields = {
    kind: asOneOf(object['kind'], `${field}.kind`, ['ping', 'pong']),
    seq: asCount(object['seq'], `${field}.seq`),
  };
  const more: { load?: { inFlight: number; capacity: number }; registry?: RegistryState } = {};
  if (isPresent(object, 'load')) {
    const load = asObject(object['load'], `${field}.load`);
    more.load = {
      inFlight: asCount(load['in_flight'], `${field}.load.in_flight`),
      capacity: asCount(load['capacity'], `${field}.load.capacity`),
    };
  }
  if (isPresent(object, 'registry')) more.registry = stateFromJson(object['registry'], `${field}.registry`);
  return { ...fields, ...more };
}

export function discoveryToJson(discovery: Discovery): JsonObject {
  switch (discovery.kind) {
    case 'state':
      return stateToJson(discovery.state);
    case 'delta': {
      const { instance, from, to, add, remove } = discovery;
      return { instance, from, to, add: add.map(entryToJson), remove };
    }
    case 'want': {
      const { instance, since, bucket } = discovery;
      return {
        want: {
          instance,
          ...(since === undefined ? {} : { since }),
          ...(bucket === undefined ? {} : { bucket }),
        },
      };
    }
    case 'snapshot': {
      const { instance, seq, add, complete, bucket } = discovery;
      return {
        instance,
        snapshot: seq,
        ...(bucket === undefined ? {} : { bucket }),
        add: add.map(entryToJson),
        complete,
      };
    }
    default:
      return unreachable(discovery);
  }
}

function bucketFromJson(object: JsonObject, field: string): { bucket?: number } {
  if (!isPresent(object, 'bucket')) return {};
  return { bucket: asInteger(object['bucket'], `${field}.bucket`, 0, REGISTRY_LIMITS.digestBuckets - 1) };
}

function entriesFromJson(object: JsonObject, field: string): RegistryEntry[] {
  const add = isPresent(object, 'add') ? object['add'] : [];
  return asArray(add, `${field}.add`, MAX_CHANGES).map((entry, i) =>
    entryFromJson(entry, `${field}.add[${i}]`),
  );
}

/** Which of its four forms a registry message has is decided by the member only that form has. */
export function discoveryFromJson(json: unknown, field: string): Discovery {
  const object = asObject(json, field);
  if (isPresent(object, 'want')) {
    const want = asObject(object['want'], `${field}.want`);
    return {
      kind: 'want',
      instance: asInstance(want['instance'], `${field}.want.instance`),
      ...(isPresent(want, 'since') ? { since: asCount(want['since'], `${field}.want.since`) } : {}),
      ...bucketFromJson(want, `${field}.want`),
    };
  }
  if (isPresent(object, 'snapshot')) {
    return {
      kind: 'snapshot',
      instance: asInstance(object['instance'], `${field}.instance`),
      seq: asCount(object['snapshot'], `${field}.snapshot`),
      add: entriesFromJson(object, field),
      complete: asBoolean(object['complete'], `${field}.complete`),
      ...bucketFromJson(object, field),
    };
  }
  if (isPresent(object, 'digest')) return { kind: 'state', state: stateFromJson(object, field) };
  const remove = isPresent(object, 'remove') ? object['remove'] : [];
  return {
    kind: 'delta',
    instance: asInstance(object['instance'], `${field}.instance`),
    from: asCount(object['from'], `${field}.from`),
    to: asCount(object['to'], `${field}.to`),
    add: entriesFromJson(object, field),
    remove: asArray(remove, `${field}.remove`, MAX_CHANGES).map((item, i) => {
      const at = `${field}.remove[${i}]`;
      const pair = asArray(item, at, 2);
      return [asName(pair[0], `${at}[0]`), asNodeId(pair[1], `${at}[1]`)] as const;
    }),
  };
}

export function drainToJson({ reconnectInMs, alternatives }: DrainFields): JsonObject {
  return { reconnect_in_ms: reconnectInMs, alternatives };
}

export function drainFromJson(object: JsonObject, field: string): DrainFields {
  const alternatives = isPresent(object, 'alternatives') ? object['alternatives'] : [];
  return {
    reconnectInMs: asInteger(object['reconnect_in_ms'], `${field}reconnect_in_ms`, 0, U32_MAX),
    alternatives: asTexts(alternatives, `${field}alternatives`, MAX_ALTERNATIVES, MAX_URL_CHARS, 1),
  };
}
