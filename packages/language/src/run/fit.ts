// Does a value fit a type, and what does it become? language.md §13.

import { unreachable } from '../unreachable.ts';
import { parseIso } from './datetime.ts';
import { owe } from './debt.ts';
import { MAX_NESTING, tooDeep } from './inspect.ts';
import { Lineage } from './lineage.ts';
import { codePointLength } from './text.ts';
import {
  fitKey,
  type RuntimeType,
  type RuntimeValidator,
  type StructDefinition,
  type Structs,
} from './type.ts';
import { ArrayValue, DatetimeValue, kindOf, ObjectValue, StructValue, type Value } from './value.ts';

/** What does not fit, and where in the value: `tags[2]`, `address.city`, or nothing for all of it. */
export interface Misfit {
  readonly ok: false;
  readonly reason: string;
  readonly path: string;
}

export type Fit = { readonly ok: true; readonly value: Value } | Misfit;

const EMAIL = /^[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)+$/;
const URL_TEXT = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^\s/?#]+(?:[/?#]\S*)?$/;

export function fit(value: Value, type: RuntimeType, structs: Structs, depth = 0): Fit {
  if (depth > MAX_NESTING) throw tooDeep();
  const found = fitBase(value, type, structs, depth);
  if (!found.ok) return found;
  for (const validator of type.validators) {
    const reason = breach(found.value, validator);
    if (reason !== undefined) return misfit(reason);
  }
  return found;
}

/** `'F': REASON`, or `'F.path': REASON` if only a part is wrong. */
export function misfitText(name: string, { path, reason }: Misfit): string {
  return `'${join(name, path)}': ${reason}`;
}

function join(name: string, path: string): string {
  return path === '' || path.startsWith('[') ? name + path : `${name}.${path}`;
}

function misfit(reason: string, path = ''): Misfit {
  return { ok: false, reason, path };
}

function expected(type: RuntimeType, value: Value): Misfit {
  return misfit(`expected ${type.text}, got ${kindOf(value)}`);
}

function fitBase(value: Value, type: RuntimeType, structs: Structs, depth: number): Fit {
  switch (type.kind) {
    case 'any':
      return { ok: true, value };
    case 'plain':
      return kindOf(value) === type.name ? { ok: true, value } : expected(type, value);
    case 'object':
      return value instanceof ObjectValue || value instanceof StructValue
        ? { ok: true, value }
        : expected(type, value);
    case 'datetime': {
      if (value instanceof DatetimeValue) return { ok: true, value };
      const read = typeof value === 'string' ? parseIso(value) : undefined;
      return read === undefined ? expected(type, value) : { ok: true, value: read };
    }
    case 'optional': {
      if (value === null) return { ok: true, value };
      const inner = fit(value, type.inner, structs, depth);
      const isWhole = !inner.ok && inner.path === '' && inner.reason.startsWith('expected ');
      return isWhole ? expected(type, value) : inner;
    }
    case 'list':
      return value instanceof ArrayValue
        ? fitList(value, type.element, structs, depth)
        : expected(type, value);
    case 'map':
      return value instanceof ObjectValue ? fitMap(value, type.value, structs, depth) : expected(type, value);
    case 'named': {
      const definition = structs.get(type.name);
      if (definition === undefined) return { ok: true, value };
      if (value instanceof StructValue && value.name === type.name) return { ok: true, value };
      return value instanceof ObjectValue
        ? buildStruct(value, definition, structs, depth)
        : expected(type, value);
    }
    default:
      return unreachable(type);
  }
}

/**
 * An array all of whose elements fit as they are is kept, so that it stays identical. It remembers that, and what is made of it
 * remembers it for the elements that are the same.
 */
function fitList(value: ArrayValue, element: RuntimeType, structs: Structs, depth: number): Fit {
  if (element.kind === 'any') return { ok: true, value };
  const key = fitKey(element);
  let fitted: Value[] | undefined;
  for (const at of unseen(value.fitted, key, value.length)) {
    const part = fit(value.items[at]!, element, structs, depth + 1);
    if (!part.ok) return misfit(part.reason, join(`[${at}]`, part.path));
    if (part.value !== value.items[at]) {
      fitted ??= value.toArray();
      fitted[at] = part.value;
    }
  }
  const result = fitted === undefined ? value : new ArrayValue(fitted);
  result.fitted = new Lineage(key, result.length);
  return { ok: true, value: result };
}

function fitMap(value: ObjectValue, type: RuntimeType, structs: Structs, depth: number): Fit {
  if (type.kind === 'any') return { ok: true, value };
  const key = fitKey(type);
  let fitted: Map<number, Value> | undefined;
  for (const at of unseen(value.fitted, key, value.size)) {
    const item = value.valueAt(at);
    const part = fit(item, type, structs, depth + 1);
    if (!part.ok) return misfit(part.reason, join(value.keyAt(at), part.path));
    if (part.value !== item) {
      fitted ??= new Map();
      fitted.set(at, part.value);
    }
  }
  const changes = fitted;
  const result =
    changes === undefined
      ? value
      : ObjectValue.from([...value.entries()].map(([name, item], at) => [name, changes.get(at) ?? item]));
  result.fitted = new Lineage(key, result.size);
  return { ok: true, value: result };
}

/** Places that nobody has found to fit yet, in order: the first misfit is the one that is named. */
function* unseen(known: Lineage | undefined, key: object, length: number): IterableIterator<number> {
  let from = 0;
  if (known !== undefined && known.key === key && known.length <= length) {
    yield* [...known.changes()].sort((a, b) => a - b);
    from = known.length;
  }
  for (let at = from; at < length; at += 1) yield at;
}

/** An object as a struct. Undeclared fields are found before missing ones. */
export function buildStruct(
  object: ObjectValue,
  definition: StructDefinition,
  structs: Structs,
  depth = 0,
): { readonly ok: true; readonly value: StructValue } | Misfit {
  owe(definition.fields.length + 2);
  for (const key of object.keys()) {
    if (!definition.index.has(key)) return misfit(`struct ${definition.name} has no field '${key}'`);
  }
  const values: Value[] = [];
  for (const { name, type } of definition.fields) {
    const given = object.get(name);
    if (given === undefined) {
      if (type.kind !== 'optional') {
        return misfit(`missing required field '${name}' for struct ${definition.name}`);
      }
      values.push(null);
      continue;
    }
    const part = fit(given, type, structs, depth + 1);
    if (!part.ok) return misfit(part.reason, join(name, part.path));
    values.push(part.value);
  }
  return { ok: true, value: new StructValue(definition, values) };
}

/** Why a value breaks a validator; undefined if it does not. */
export function breach(value: Value, validator: RuntimeValidator): string | undefined {
  switch (validator.kind) {
    case 'min':
      if (typeof value === 'number')
        return value < validator.limit ? `less than ${validator.limit}` : undefined;
      return lengthOf(value) < validator.limit ? `shorter than ${validator.limit}` : undefined;
    case 'max':
      if (typeof value === 'number') {
        return value > validator.limit ? `greater than ${validator.limit}` : undefined;
      }
      return lengthOf(value) > validator.limit ? `longer than ${validator.limit}` : undefined;
    case 'email':
      return typeof value !== 'string' || EMAIL.test(value) ? undefined : 'not an email address';
    case 'url':
      return typeof value !== 'string' || URL_TEXT.test(value) ? undefined : 'not a URL';
    case 'regex':
      if (typeof value !== 'string' || validator.pattern.matches(value)) return undefined;
      return `does not match ${validator.pattern.source}`;
    default:
      return unreachable(validator);
  }
}

/** NaN for what has no length: it breaks no bound. */
function lengthOf(value: Value): number {
  if (typeof value === 'string') return codePointLength(value);
  return value instanceof ArrayValue ? value.length : Number.NaN;
}
