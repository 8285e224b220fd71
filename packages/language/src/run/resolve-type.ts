// Type expressions as they stand in compiled code, and what they become at run time.

import { RuntimeFailure } from './failure.ts';
import { compilePattern } from './pattern.ts';
import type { PlainTypeName, RuntimeType, RuntimeValidator } from './type.ts';

/** A type expression without its places. */
export interface PlainTypeExpression {
  readonly kind: 'array' | 'map' | 'named' | 'fn';
  /** As error texts show it: without validators. */
  readonly text: string;
  readonly validators: readonly {
    readonly name: string;
    readonly args: readonly (string | number | boolean)[];
  }[];
  /** Of `named`. */
  readonly name?: string;
  /** The element, the value of a map, or the arguments of `named`. */
  readonly parts: readonly PlainTypeExpression[];
}

const PLAIN: ReadonlySet<string> = new Set(['string', 'number', 'bool', 'array', 'function', 'nil']);

export function resolveType(type: PlainTypeExpression): RuntimeType {
  const base = { text: type.text, validators: type.validators.flatMap(resolveValidator) };
  const part = type.parts[0];
  const inner = (): RuntimeType => (part === undefined ? ANY : resolveType(part));
  if (type.kind === 'array') return { ...base, kind: 'list', element: inner() };
  if (type.kind === 'map') return { ...base, kind: 'map', value: inner() };
  if (type.kind === 'fn') return { ...base, kind: 'plain', name: 'function' };
  const name = type.name ?? 'any';
  if (PLAIN.has(name)) return { ...base, kind: 'plain', name: name as PlainTypeName };
  if (name === 'any' || name === 'datetime' || name === 'object') return { ...base, kind: name };
  return name === 'optional'
    ? { ...base, kind: 'optional', inner: inner() }
    : { ...base, kind: 'named', name };
}

const ANY: RuntimeType = { kind: 'any', text: 'any', validators: [] };

/** None if its argument is missing; the parser has said so. */
export function resolveValidator(validator: PlainTypeExpression['validators'][number]): RuntimeValidator[] {
  const [argument] = validator.args;
  switch (validator.name) {
    case 'min':
    case 'max':
      return typeof argument === 'number' ? [{ kind: validator.name, limit: argument }] : [];
    case 'email':
    case 'url':
      return [{ kind: validator.name }];
    case 'regex':
      return typeof argument === 'string' ? [{ kind: 'regex', pattern: compilePattern(argument) }] : [];
    default:
      throw new RuntimeFailure(`unknown validator: ${validator.name}`);
  }
}
