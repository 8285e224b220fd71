// The parts of an expression, for whoever looks at all of them alike.

import { unreachable } from '../unreachable.ts';
import type { Entry, Expression, Item } from './ast.ts';

const valuesOf = (entries: readonly Entry[]): Expression[] => entries.map((entry) => entry.value);

/** The expressions directly within one, in the order they are evaluated. Bodies of functions are within them too. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'name':
    case 'state':
    case 'missing':
      return [];
    case 'array':
      return expression.elements;
    case 'object':
    case 'struct':
    case 'send':
      return valuesOf(expression.entries);
    case 'block':
    case 'function':
      return expression.body.items;
    case 'set':
    case 'throw':
      return [expression.value];
    case 'return':
      return expression.value === undefined ? [] : [expression.value];
    case 'if':
      return [expression.condition, ...expression.then.items, ...(expression.otherwise?.items ?? [])];
    case 'for':
      return [expression.iterable, ...expression.body.items];
    case 'while':
      return [expression.condition, ...expression.body.items];
    case 'try':
      return [...expression.body.items, ...expression.handler.items];
    case 'dispatch':
      return [expression.subject, ...expression.arms.map((arm) => arm.value)];
    case 'binary':
    case 'logical':
      return [expression.left, expression.right];
    case 'unary':
      return [expression.operand];
    case 'member':
      return [expression.object];
    case 'method':
      return [expression.object, ...expression.args];
    case 'index':
      return [expression.object, expression.index];
    case 'call':
      return [expression.callee, ...expression.args];
    default:
      return unreachable(expression);
  }
}

/** The expressions of an item that are evaluated where it stands: those of receive functions are not. */
export function topLevelOf(item: Item): readonly Expression[] {
  switch (item.kind) {
    case 'import':
    case 'struct-declaration':
    case 'protocol':
    case 'template':
      return [];
    case 'config':
      return valuesOf(item.entries);
    case 'server':
      return item.state.flatMap((field) => (field.initial === undefined ? [] : [field.initial]));
    default:
      return [item];
  }
}
