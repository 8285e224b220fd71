// The expressions that may give a body its value: its last one, through branches, and what `return` gives.

import type { Body, Expression } from '../syntax/ast.ts';
import { partsOf } from '../syntax/walk.ts';

/** `undefined` stands for nil, where nothing gives a value. */
export type ResultPart = Expression | undefined;

/** Of a function, receive function or bare block: what `return` ends. */
export function resultsOf(body: Body): readonly ResultPart[] {
  const found: ResultPart[] = [];
  addEnd(body.items, found);
  for (const item of body.items) addReturns(item, found);
  return found;
}

/** The value of the last expression of a body, split into branches. */
export function endsOf(items: readonly Expression[]): readonly ResultPart[] {
  const found: ResultPart[] = [];
  addEnd(items, found);
  return found;
}

function addEnd(items: readonly Expression[], found: ResultPart[]): void {
  const last = items.at(-1);
  // What follows a return or throw is never reached.
  if (items.some((item) => item.kind === 'return' || item.kind === 'throw')) return;
  switch (last?.kind) {
    case undefined:
    case 'for':
    case 'while':
      found.push(undefined);
      return;
    case 'if':
      addEnd(last.then.items, found);
      if (last.otherwise === undefined) found.push(undefined);
      else addEnd(last.otherwise.items, found);
      return;
    case 'try':
      addEnd(last.body.items, found);
      addEnd(last.handler.items, found);
      return;
    case 'missing':
      return;
    default:
      found.push(last);
  }
}

function addReturns(expression: Expression, found: ResultPart[]): void {
  if (expression.kind === 'block' || expression.kind === 'function') return;
  if (expression.kind === 'return') found.push(expression.value);
  for (const part of partsOf(expression)) addReturns(part, found);
}
