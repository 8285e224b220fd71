// Types as the run time sees them: the compiled form of type expressions. Plain data; `fit.ts` checks values against them.

import { unreachable } from '../unreachable.ts';
import type { Pattern } from './pattern.ts';

export type RuntimeValidator =
  | { readonly kind: 'min'; readonly limit: number }
  | { readonly kind: 'max'; readonly limit: number }
  | { readonly kind: 'email' }
  | { readonly kind: 'url' }
  | { readonly kind: 'regex'; readonly pattern: Pattern };

/** Kinds a type may name that are checked by kind alone. */
export type PlainTypeName = 'string' | 'number' | 'bool' | 'array' | 'function' | 'nil';

export type RuntimeType = {
  /** As error texts show it: without validators. */
  readonly text: string;
  readonly validators: readonly RuntimeValidator[];
} & (
  | { readonly kind: 'any' }
  | { readonly kind: 'plain'; readonly name: PlainTypeName }
  | { readonly kind: 'datetime' }
  | { readonly kind: 'object' }
  | { readonly kind: 'list'; readonly element: RuntimeType }
  | { readonly kind: 'map'; readonly value: RuntimeType }
  | { readonly kind: 'optional'; readonly inner: RuntimeType }
  /** A struct if one of that name exists when a value is checked, else everything. */
  | { readonly kind: 'named'; readonly name: string }
);

/** One version of a struct; defining it again makes a new one, and values keep theirs. */
export interface StructDefinition {
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly type: RuntimeType }[];
  /** Place of each field in `fields` and in the values of a struct. */
  readonly index: ReadonlyMap<string, number>;
}

/** The structs of a program by name, as defined so far. */
export type Structs = ReadonlyMap<string, StructDefinition>;

/** What a value was found to fit: a type, until a struct is defined anew, since a type may name it. */
let fitKeys = new WeakMap<RuntimeType, object>();

export function fitKey(type: RuntimeType): object {
  let key = fitKeys.get(type);
  if (key === undefined) {
    key = {};
    fitKeys.set(type, key);
  }
  return key;
}

export function defineStruct(name: string, fields: StructDefinition['fields']): StructDefinition {
  fitKeys = new WeakMap();
  return { name, fields, index: new Map(fields.map((field, at) => [field.name, at])) };
}

/** Does the type let an object through as it is? Decides whether a whole object may be one argument; language.md §14. */
export function acceptsObjects(type: RuntimeType | undefined, structs: Structs): boolean {
  if (type === undefined) return true;
  switch (type.kind) {
    case 'any':
    case 'object':
    case 'map':
    case 'named':
      return true;
    case 'optional':
      return acceptsObjects(type.inner, structs);
    case 'plain':
    case 'datetime':
    case 'list':
      return false;
    default:
      return unreachable(type);
  }
}
