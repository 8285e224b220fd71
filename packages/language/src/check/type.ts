// Types as the checker knows them: only as much as helps to find mistakes. What is not certain is `unknown`.

import type { TypeExpression } from '../syntax/ast.ts';
import { unreachable } from '../unreachable.ts';
import type { Declarations } from './declarations.ts';

export type CheckedType =
  | { readonly kind: 'unknown' | 'nil' | 'number' | 'string' | 'bool' | 'datetime' | 'function' | 'server' }
  | { readonly kind: 'array'; readonly element: CheckedType }
  /** `value` is what all its fields are; unknown if they differ. */
  | { readonly kind: 'object'; readonly value: CheckedType }
  | { readonly kind: 'struct'; readonly name: string };

export const UNKNOWN: CheckedType = { kind: 'unknown' };
export const NIL: CheckedType = { kind: 'nil' };
export const NUMBER: CheckedType = { kind: 'number' };
export const STRING: CheckedType = { kind: 'string' };
export const BOOL: CheckedType = { kind: 'bool' };
export const DATETIME: CheckedType = { kind: 'datetime' };
export const FUNCTION: CheckedType = { kind: 'function' };
export const OBJECT: CheckedType = { kind: 'object', value: UNKNOWN };

/** Names of types that are not structs or protocols. */
export const TYPE_NAMES: ReadonlySet<string> = new Set([
  ...['string', 'number', 'bool', 'datetime', 'object', 'array', 'function', 'any', 'nil', 'optional'],
]);

export function arrayOf(element: CheckedType): CheckedType {
  return { kind: 'array', element };
}

/** What a value of a declared type is if it is not nil. */
export function declaredType(type: TypeExpression, declarations: Declarations): CheckedType {
  switch (type.kind) {
    case 'array':
      return arrayOf(declaredType(type.element, declarations));
    case 'map':
      return { kind: 'object', value: declaredType(type.value, declarations) };
    case 'fn':
      return FUNCTION;
    case 'named':
      return namedType(type.name, type.args, declarations);
    default:
      return unreachable(type);
  }
}

function namedType(name: string, args: readonly TypeExpression[], declarations: Declarations): CheckedType {
  switch (name) {
    case 'string':
    case 'number':
    case 'bool':
    case 'datetime':
    case 'function':
    case 'nil':
      return { kind: name };
    case 'array':
      return arrayOf(UNKNOWN);
    case 'optional':
      return args[0] === undefined ? UNKNOWN : declaredType(args[0], declarations);
    default: {
      // `object` also accepts structs, so it says nothing certain. Neither does a struct that is defined twice.
      const isOneStruct = declarations.structs.get(name)?.length === 1 && !TYPE_NAMES.has(name);
      return isOneStruct ? { kind: 'struct', name } : UNKNOWN;
    }
  }
}

export function joinTypes(types: readonly CheckedType[]): CheckedType {
  const [first, ...rest] = types;
  if (first === undefined) return UNKNOWN;
  return rest.reduce(joinTwo, first);
}

function joinTwo(a: CheckedType, b: CheckedType): CheckedType {
  if (a.kind === 'array' && b.kind === 'array') return arrayOf(joinTwo(a.element, b.element));
  if (a.kind === 'object' && b.kind === 'object') return { kind: 'object', value: joinTwo(a.value, b.value) };
  if (a.kind === 'struct' && b.kind === 'struct') return a.name === b.name ? a : UNKNOWN;
  return a.kind === b.kind ? a : UNKNOWN;
}

/** Why a value certainly does not fit a declared type; undefined if it fits or nobody knows. Nil is up to the caller. */
export function misfit(
  value: CheckedType,
  type: TypeExpression,
  declarations: Declarations,
): string | undefined {
  if (value.kind === 'unknown') return undefined;
  if (type.kind === 'named') {
    if (type.name === 'optional') {
      return value.kind === 'nil' || type.args[0] === undefined
        ? undefined
        : misfit(value, type.args[0], declarations);
    }
    if (type.name === 'object') return fitsKind(value, ['object', 'struct'], type);
  }
  const wanted = declaredType(type, declarations);
  switch (wanted.kind) {
    case 'unknown':
      return undefined;
    case 'datetime':
      return fitsKind(value, ['datetime', 'string'], type);
    case 'struct':
      return value.kind === 'struct' && value.name !== wanted.name
        ? `expected ${wanted.name}, got ${value.name}`
        : fitsKind(value, ['struct', 'object'], type);
    case 'array':
      if (value.kind === 'array' && type.kind === 'array') {
        const inner =
          value.element.kind === 'nil' ? undefined : misfit(value.element, type.element, declarations);
        return inner === undefined ? undefined : `an element: ${inner}`;
      }
      return fitsKind(value, ['array'], type);
    default:
      return fitsKind(value, [wanted.kind], type);
  }
}

function fitsKind(
  value: CheckedType,
  kinds: readonly CheckedType['kind'][],
  type: TypeExpression,
): string | undefined {
  return kinds.includes(value.kind) ? undefined : `expected ${typeText(type)}, got ${value.kind}`;
}

/** A type in the notation of the language, without validators. */
export function typeText(type: TypeExpression | undefined): string {
  if (type === undefined) return 'any';
  switch (type.kind) {
    case 'array':
      return `[${typeText(type.element)}]`;
    case 'map':
      return `{${typeText(type.key)}: ${typeText(type.value)}}`;
    case 'named':
      return type.args.length === 0 ? type.name : `${type.name}(${type.args.map(typeText).join(', ')})`;
    case 'fn': {
      const params = type.params.map(typeText).join(', ');
      return type.returns === undefined ? `fn(${params})` : `fn(${params}) -> ${typeText(type.returns)}`;
    }
    default:
      return unreachable(type);
  }
}
