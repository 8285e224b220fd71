// Services and registry entries as JSON, the same in both forms of the protocol (protocol.md §4 and §8).

import type { JsonObject } from './json-fields.ts';
import {
  addressToJson,
  asAddress,
  asArray,
  asBoolean,
  asCount,
  asInstance,
  asInteger,
  asName,
  asObject,
  asOneOf,
  asText,
  isPresent,
  malformed,
} from './json-fields.ts';
import { CALL_LIMITS } from './limits.ts';
import type { RegistryEntry, ServiceDescription } from './message.ts';
import type { Effect, MethodDescription, ParameterDescription } from './service.ts';

const EFFECTS: readonly Effect[] = ['pure', 'reads', 'writes', 'calls'];

/** Bounds of one description; its size in bytes is for the registry to judge, which can refuse one service and keep the rest. */
export const DESCRIPTION_LIMITS = Object.freeze({
  methods: 1_024,
  params: 256,
  textChars: 65_536,
  versionChars: 64,
  strategyChars: 64,
  weight: 1_000_000,
  services: 1_024,
});

function methodToJson(method: MethodDescription): JsonObject {
  const { name, params, returns, effect, doc } = method;
  return {
    name,
    params: params.map(({ name: param, type, optional }) => ({ name: param, type, optional })),
    returns,
    effect,
    ...(doc === undefined ? {} : { doc }),
  };
}

function parameterFromJson(json: unknown, field: string): ParameterDescription {
  const object = asObject(json, field);
  return {
    name: asText(object['name'], `${field}.name`, 128, 1),
    type: isPresent(object, 'type')
      ? asText(object['type'], `${field}.type`, DESCRIPTION_LIMITS.textChars)
      : 'any',
    optional: isPresent(object, 'optional') ? asBoolean(object['optional'], `${field}.optional`) : false,
  };
}

function methodFromJson(json: unknown, field: string): MethodDescription {
  const object = asObject(json, field);
  const params = isPresent(object, 'params') ? object['params'] : [];
  return {
    name: asName(object['name'], `${field}.name`),
    params: asArray(params, `${field}.params`, DESCRIPTION_LIMITS.params).map((param, i) =>
      parameterFromJson(param, `${field}.params[${i}]`),
    ),
    returns: isPresent(object, 'returns')
      ? asText(object['returns'], `${field}.returns`, DESCRIPTION_LIMITS.textChars)
      : 'any',
    effect: asOneOf(object['effect'], `${field}.effect`, EFFECTS),
    ...(isPresent(object, 'doc')
      ? { doc: asText(object['doc'], `${field}.doc`, DESCRIPTION_LIMITS.textChars) }
      : {}),
  };
}

/** `ServiceDescription` with the names of the wire. Its JSON text is what `limits.service_bytes` measures. */
export function serviceToJson(service: ServiceDescription): JsonObject {
  const { healthy } = service;
  return { ...fixedToJson(service), ...(healthy === undefined ? {} : { healthy }) };
}

/** What a description and a registry entry have in common. */
function fixedToJson(service: ServiceDescription): JsonObject {
  return {
    service_name: service.name,
    ...(service.version === undefined ? {} : { version: service.version }),
    methods: service.methods.map(methodToJson),
    visibility: service.visibility,
    weight: service.weight,
    ...(service.strategy === undefined ? {} : { strategy: service.strategy }),
    ...(service.timeoutMs === undefined ? {} : { timeout_ms: service.timeoutMs }),
    instance: service.instance,
  };
}

/** Reads a `ServiceDescription`; throws `MalformedMessage` that names what is wrong below `field`. */
export function serviceFromJson(json: unknown, field: string): ServiceDescription {
  const object = asObject(json, field);
  const weight = isPresent(object, 'weight') ? object['weight'] : 1;
  if (typeof weight !== 'number' || !(weight >= 0 && weight <= DESCRIPTION_LIMITS.weight)) {
    malformed(`${field}.weight`, `must be a number from 0 to ${DESCRIPTION_LIMITS.weight}`);
  }
  return {
    name: asName(object['service_name'], `${field}.service_name`),
    ...(isPresent(object, 'version')
      ? { version: asText(object['version'], `${field}.version`, DESCRIPTION_LIMITS.versionChars) }
      : {}),
    methods: asArray(object['methods'], `${field}.methods`, DESCRIPTION_LIMITS.methods).map((method, i) =>
      methodFromJson(method, `${field}.methods[${i}]`),
    ),
    visibility: isPresent(object, 'visibility')
      ? asOneOf(object['visibility'], `${field}.visibility`, ['federated', 'private'])
      : 'federated',
    weight: weight === 0 ? 0 : weight,
    ...(isPresent(object, 'strategy')
      ? { strategy: asText(object['strategy'], `${field}.strategy`, DESCRIPTION_LIMITS.strategyChars, 1) }
      : {}),
    ...(isPresent(object, 'timeout_ms')
      ? { timeoutMs: asInteger(object['timeout_ms'], `${field}.timeout_ms`, 1, CALL_LIMITS.maxTimeoutMs) }
      : {}),
    instance: asInstance(object['instance'], `${field}.instance`),
    ...(isPresent(object, 'healthy') ? { healthy: asBoolean(object['healthy'], `${field}.healthy`) } : {}),
  };
}

/** A registry entry with the names of the wire. */
export function entryToJson(entry: RegistryEntry): JsonObject {
  return {
    ...fixedToJson(entry),
    node: addressToJson(entry.node),
    healthy: entry.healthy,
    capacity: entry.capacity,
    seq: entry.seq,
  };
}

/** Reads a registry entry; throws `MalformedMessage` that names what is wrong below `field`. */
export function entryFromJson(json: unknown, field: string): RegistryEntry {
  const object = asObject(json, field);
  return {
    ...serviceFromJson(object, field),
    node: asAddress(object['node'], `${field}.node`),
    healthy: asBoolean(object['healthy'], `${field}.healthy`),
    capacity: asCount(object['capacity'], `${field}.capacity`),
    seq: asCount(object['seq'], `${field}.seq`),
  };
}
