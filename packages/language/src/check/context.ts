// What every check gets to see.

import type { Expression, Item } from '../syntax/ast.ts';
import { partsOf, topLevelOf } from '../syntax/walk.ts';
import type { Declarations } from './declarations.ts';
import type { TypeInference } from './infer.ts';
import type { Report } from './report.ts';
import type { Resolution } from './resolve.ts';

/** How many arguments something takes; `max` may be infinite. */
export interface Arity {
  readonly min: number;
  readonly max: number;
}

export interface BuiltinNames {
  readonly functions: ReadonlyMap<string, Arity>;
  /** By kind of the receiver, as `type_of` names it. */
  readonly methods: ReadonlyMap<string, ReadonlyMap<string, Arity>>;
}

export interface CheckContext {
  readonly items: readonly Item[];
  readonly declarations: Declarations;
  readonly resolution: Resolution;
  readonly types: TypeInference;
  readonly builtins: BuiltinNames;
  readonly report: Report;
}

/** Every expression of the program, outer ones first. */
export function visitAll(items: readonly Item[], visit: (expression: Expression) => void): void {
  const walk = (expression: Expression): void => {
    visit(expression);
    for (const part of partsOf(expression)) walk(part);
  };
  for (const item of items) {
    for (const expression of topLevelOf(item)) walk(expression);
    if (item.kind !== 'server') continue;
    for (const receive of item.receives) for (const expression of receive.body.items) walk(expression);
  }
}

/** As error texts count: «1 argument», «1 or 2 arguments», «at least 1 argument». */
export function arityText({ min, max }: Arity): string {
  const counted = max === Number.POSITIVE_INFINITY ? min : max;
  const noun = counted === 1 ? 'argument' : 'arguments';
  if (max === Number.POSITIVE_INFINITY) return `at least ${min} ${noun}`;
  if (min === max) return `${min} ${noun}`;
  return max === min + 1 ? `${min} or ${max} ${noun}` : `${min} to ${max} ${noun}`;
}

export function fitsArity(arity: Arity, count: number): boolean {
  return count >= arity.min && count <= arity.max;
}

/** The text of a string literal. */
export function literalText(expression: Expression | undefined): string | undefined {
  if (expression?.kind !== 'literal' || expression.literal.kind !== 'string') return undefined;
  return expression.literal.value;
}
