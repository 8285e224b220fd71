// Reading what a peer wrote as JSON, field by field. Every function returns a checked value or throws `MalformedMessage` with the
// path of the field; `null` in place of an optional field counts as absent, as some JSON writers cannot leave fields out.

import type { NodeAddress } from './address.ts';
import { isName, isNodeId, NodeTypeHome, NodeTypeMain } from './address.ts';
import { MalformedMessage } from './codec.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export const U32_MAX = 0xffff_ffff;

export function malformed(field: string, why: string): never {
  throw new MalformedMessage(`${field}: ${why}`);
}

export function isPresent(object: JsonObject, key: string): boolean {
  return object[key] !== undefined && object[key] !== null;
}

export function asObject(value: unknown, field: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    malformed(field, 'must be an object');
  return value as JsonObject;
}

export function asArray(value: unknown, field: string, max: number): readonly unknown[] {
  if (!Array.isArray(value)) malformed(field, 'must be an array');
  if (value.length > max) malformed(field, `must have at most ${max} items`);
  return value;
}

export function asText(value: unknown, field: string, max: number, min = 0): string {
  if (typeof value !== 'string') malformed(field, 'must be a text');
  if (value.length < min || value.length > max) malformed(field, `must have ${min} to ${max} characters`);
  return value;
}

export function asInteger(value: unknown, field: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    malformed(field, `must be a whole number from ${min} to ${max}`);
  }
  return value === 0 ? 0 : value;
}

/** A number that may only grow, up to 2^53−1: `seq` and the like. */
export function asCount(value: unknown, field: string): number {
  return asInteger(value, field, 0, Number.MAX_SAFE_INTEGER);
}

export function asBoolean(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') malformed(field, 'must be true or false');
  return value;
}

export function asOneOf<const T extends string>(value: unknown, field: string, choices: readonly T[]): T {
  if (!choices.includes(value as T)) malformed(field, `must be one of ${choices.join(', ')}`);
  return value as T;
}

/** A service or method name. */
export function asName(value: unknown, field: string): string {
  if (typeof value !== 'string' || !isName(value)) malformed(field, 'is no name');
  return value;
}

export function asNodeId(value: unknown, field: string): string {
  if (typeof value !== 'string' || !isNodeId(value)) malformed(field, 'is no node id');
  return value;
}

/** `instance`: 16 bytes as base64url where a session made it; any short text of that alphabet is an instance. */
export function asInstance(value: unknown, field: string): string {
  const text = asText(value, field, 64, 1);
  if (!/^[A-Za-z0-9_-]+$/.test(text)) malformed(field, 'must be base64url');
  return text;
}

export function asTexts(
  value: unknown,
  field: string,
  maxItems: number,
  maxChars: number,
  min = 0,
): string[] {
  return asArray(value, field, maxItems).map((item, i) => asText(item, `${field}[${i}]`, maxChars, min));
}

export function asAddress(value: unknown, field: string): NodeAddress {
  const object = asObject(value, field);
  const type = asOneOf(object['type'], `${field}.type`, [NodeTypeMain, NodeTypeHome]);
  const id = asNodeId(object['id'], `${field}.id`);
  if (!isPresent(object, 'main_relay')) return { type, id };
  if (type === NodeTypeMain) malformed(`${field}.main_relay`, 'is for homes only');
  return { type, id, mainRelay: asNodeId(object['main_relay'], `${field}.main_relay`) };
}

export function addressToJson(address: NodeAddress): JsonObject {
  const { type, id, mainRelay } = address;
  return mainRelay === undefined ? { type, id } : { type, id, main_relay: mainRelay };
}
