// What looks through whole values: display form, equality, measure. Depth is bounded, so none of it can exhaust the stack.

import { isoText } from './datetime.ts';
import { BudgetExceeded, RuntimeFailure } from './failure.ts';
import { utf8Length } from './text.ts';
import {
  ArrayValue,
  DatetimeValue,
  FunctionValue,
  type Measure,
  ObjectValue,
  ServerValue,
  StructValue,
  type Value,
} from './value.ts';

/** Levels of nesting a value, or the text of one, may have. */
export const MAX_NESTING = 256;

export function tooDeep(): RuntimeFailure {
  return new RuntimeFailure('value nested too deeply');
}

const WORD = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The form of language.md §5. `note` is called with the length of each piece, so that the caller can stop it. */
export function display(value: Value, note?: (units: number) => void): string {
  const pieces: string[] = [];
  const put = (piece: string): void => {
    note?.(piece.length);
    pieces.push(piece);
  };
  write(value, put, 0);
  return pieces.join('');
}

/** `string(v)`: a string as it is, anything else in its display form. */
export function textOf(value: Value, note?: (units: number) => void): string {
  return typeof value === 'string' ? value : display(value, note);
}

function write(value: Value, put: (piece: string) => void, depth: number): void {
  if (value === null) put('nil');
  else if (typeof value === 'string') put(`"${value}"`);
  else if (typeof value === 'number') put(value === 0 ? '0' : String(value));
  else if (typeof value === 'boolean') put(String(value));
  else if (value instanceof DatetimeValue) put(isoText(value));
  else if (value instanceof ArrayValue) {
    if (depth >= MAX_NESTING) throw tooDeep();
    put('[');
    for (let at = 0; at < value.length; at += 1) {
      if (at > 0) put(', ');
      write(value.items[at]!, put, depth + 1);
    }
    put(']');
  } else if (value instanceof ObjectValue) {
    const keys = value.keys().map((key) => (WORD.test(key) ? key : `"${key}"`));
    writeEntries(keys, value.values(), put, depth);
  } else if (value instanceof StructValue) {
    put(value.name);
    const keys = value.definition.fields.map((field) => field.name);
    writeEntries(keys, value.values, put, depth);
  } else if (value instanceof FunctionValue) {
    put(`<${value.isBuiltin ? 'builtin function' : 'function'}: ${value.name}>`);
  } else put(`<server ${value.name}: ${value.status.running ? 'running' : 'stopped'}>`);
}

function writeEntries(
  keys: readonly string[],
  values: readonly Value[],
  put: (piece: string) => void,
  depth: number,
): void {
  if (depth >= MAX_NESTING) throw tooDeep();
  put('{');
  for (let at = 0; at < keys.length; at += 1) {
    put(at > 0 ? `, ${keys[at]}: ` : `${keys[at]}: `);
    write(values[at]!, put, depth + 1);
  }
  put('}');
}

/** Deep equality. `visit` is called once for each pair of containers with the number of their parts. */
export function isEqual(a: Value, b: Value, visit?: (parts: number) => void, depth = 0): boolean {
  if (typeof a === 'string') {
    if (typeof b !== 'string' || a.length !== b.length) return false;
    visit?.(a.length >>> 6);
    return a === b;
  }
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (depth >= MAX_NESTING) throw tooDeep();
  if (a instanceof DatetimeValue) return b instanceof DatetimeValue && a.ms === b.ms;
  if (a instanceof ArrayValue) {
    if (!(b instanceof ArrayValue) || a.length !== b.length) return false;
    if (a.items === b.items) return true;
    visit?.(a.length);
    for (let at = 0; at < a.length; at += 1) {
      if (!isEqual(a.items[at]!, b.items[at]!, visit, depth + 1)) return false;
    }
    return true;
  }
  if (a instanceof ObjectValue) {
    if (!(b instanceof ObjectValue) || a.size !== b.size) return false;
    visit?.(a.size);
    for (const [key, value] of a.entries()) {
      const other = b.get(key);
      if (other === undefined || !isEqual(value, other, visit, depth + 1)) return false;
    }
    return true;
  }
  if (a instanceof StructValue) {
    if (!(b instanceof StructValue) || a.name !== b.name || a.values.length !== b.values.length) return false;
    visit?.(a.values.length);
    return a.definition.fields.every((field, at) => {
      const other = b.get(field.name);
      return other !== undefined && isEqual(a.values[at]!, other, visit, depth + 1);
    });
  }
  return false;
}

const NUMBER_BYTES = (value: number): number => (value === 0 ? 1 : String(value).length);

const PLAIN: Measure = { bytes: 4, height: 0, foreign: undefined };
const FALSE: Measure = { bytes: 5, height: 0, foreign: undefined };
const FUNCTION: Measure = { bytes: 16, height: 0, foreign: 'function' };
const SERVER: Measure = { bytes: 16, height: 0, foreign: 'server' };

/** Far above what a value may have anywhere. */
const MAX_MEASURED_BYTES = 64 * 1024 * 1024;

/**
 * Size of the JSON text, height, and whether the value is data. Containers keep their measure, so measuring a changed value costs
 * about as much as the change did. Stops with a failure at 256 levels.
 */
export function measure(value: Value, depth = 0): Measure {
  if (value === null || value === true) return PLAIN;
  if (value === false) return FALSE;
  if (typeof value === 'number') return { bytes: NUMBER_BYTES(value), height: 0, foreign: undefined };
  if (typeof value === 'string') return { bytes: jsonStringBytes(value), height: 0, foreign: undefined };
  if (value instanceof DatetimeValue) return { bytes: 26, height: 0, foreign: undefined };
  if (value instanceof FunctionValue) return FUNCTION;
  if (value instanceof ServerValue) return SERVER;
  const found = value.measured ?? measureParts(value, depth);
  if (depth + found.height > MAX_NESTING) throw tooDeep();
  return found;
}

function measureParts(value: ArrayValue | ObjectValue | StructValue, depth: number): Measure {
  if (depth >= MAX_NESTING) throw tooDeep();
  let bytes = 2;
  let height = 0;
  let foreign: Measure['foreign'];
  const add = (part: Value, keyBytes: number): void => {
    const found = measure(part, depth + 1);
    bytes += found.bytes + keyBytes + 1;
    // Parts may be shared, so that walking a small value takes for ever.
    if (bytes > MAX_MEASURED_BYTES) throw new BudgetExceeded('value size');
    if (found.height > height) height = found.height;
    foreign ??= found.foreign;
  };
  if (value instanceof ArrayValue) {
    for (let at = 0; at < value.length; at += 1) add(value.items[at]!, 0);
  } else if (value instanceof ObjectValue) {
    for (const [key, part] of value.entries()) add(part, jsonStringBytes(key) + 1);
  } else {
    bytes += jsonStringBytes(value.name) + 8;
    value.definition.fields.forEach((field, at) => {
      add(value.values[at]!, jsonStringBytes(field.name) + 1);
    });
  }
  // A comma stands between parts only.
  if (bytes > 2 && !(value instanceof StructValue)) bytes -= 1;
  value.measured = { bytes, height: height + 1, foreign };
  return value.measured;
}

/** The array with a value at its end, measured by what was added if the old one had been. */
export function pushMeasured(array: ArrayValue, value: Value): ArrayValue {
  const next = array.push(value);
  const old = array.measured;
  if (old !== undefined && old.height < MAX_NESTING) {
    const part = measure(value);
    next.measured = {
      bytes: old.bytes + part.bytes + (array.length > 0 ? 1 : 0),
      height: Math.max(old.height, part.height + 1),
      foreign: old.foreign ?? part.foreign,
    };
  }
  return next;
}

/** The array with another value at a place, measured by what was changed if the old one had been. */
export function replaceMeasured(array: ArrayValue, at: number, value: Value): ArrayValue {
  const next = array.with(at, value);
  if (next !== array) next.measured = remeasured(array.measured, array.items[at]!, value);
  return next;
}

/** The object with a key set or added, measured by what was changed if the old one had been. */
export function setMeasured(object: ObjectValue, key: string, value: Value): ObjectValue {
  const next = object.set(key, value);
  const { measured: old } = object;
  if (next === object || old === undefined || old.height >= MAX_NESTING) return next;
  const replaced = object.get(key);
  if (replaced !== undefined) next.measured = remeasured(old, replaced, value);
  else {
    const part = measure(value);
    next.measured = {
      bytes: old.bytes + jsonStringBytes(key) + 1 + part.bytes + (object.size > 0 ? 1 : 0),
      height: Math.max(old.height, part.height + 1),
      foreign: old.foreign ?? part.foreign,
    };
  }
  return next;
}

/** Undefined where the change may have taken away what made the old value as high, or foreign, as it was. */
function remeasured(old: Measure | undefined, before: Value, after: Value): Measure | undefined {
  if (old === undefined || old.foreign !== undefined || old.height >= MAX_NESTING) return undefined;
  const was = measure(before);
  const is = measure(after);
  if (was.height + 1 === old.height && is.height < was.height) return undefined;
  return {
    bytes: old.bytes - was.bytes + is.bytes,
    height: Math.max(old.height, is.height + 1),
    foreign: is.foreign,
  };
}

/** ASCII that JSON does not escape. */
const UNESCAPED = /^[ !#-[\]-~]*$/;

function jsonStringBytes(text: string): number {
  if (UNESCAPED.test(text)) return text.length + 2;
  return utf8Length(JSON.stringify(text));
}
