// Questions to the tree that need no scopes.

import type { Expression, Item } from '../syntax/ast.ts';
import { partsOf } from '../syntax/walk.ts';

/** Every key and every string of a program. */
export function collectTexts(items: readonly Item[], texts: Set<string>): void {
  const stack: (Item | Expression)[] = [...items];
  const entries = (list: readonly { key: { text: string } }[]): void => {
    for (const { key } of list) texts.add(key.text);
  };
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next.kind === 'server') {
      for (const field of next.state) if (field.initial !== undefined) stack.push(field.initial);
      for (const receive of next.receives) stack.push(...receive.body.items);
    } else if (next.kind === 'config') {
      entries(next.entries);
      stack.push(...next.entries.map((entry) => entry.value));
    } else if (next.kind === 'struct-declaration') {
      for (const field of next.fields) texts.add(field.name.text);
    } else if (isExpression(next)) {
      if (next.kind === 'object' || next.kind === 'struct' || next.kind === 'send') entries(next.entries);
      if (next.kind === 'literal' && next.literal.kind === 'string') texts.add(next.literal.value);
      stack.push(...partsOf(next));
    }
  }
}

export function isExpression(item: Item | Expression): item is Expression {
  switch (item.kind) {
    case 'import':
    case 'struct-declaration':
    case 'protocol':
    case 'server':
    case 'template':
    case 'config':
      return false;
    default:
      return true;
  }
}

export function singleName(expression: Expression): string | undefined {
  if (expression.kind === 'for') return expression.variable.text;
  return expression.kind === 'try' ? expression.variable?.text : undefined;
}

/** The parts to which the loop or catch variable does not belong. */
export function outsideOf(expression: Expression): readonly Expression[] {
  if (expression.kind === 'for') return [expression.iterable];
  return expression.kind === 'try' ? expression.body.items : [];
}

export function mayBeFunction(expression: Expression): boolean {
  switch (expression.kind) {
    case 'literal':
    case 'array':
    case 'object':
    case 'struct':
    case 'binary':
    case 'unary':
    case 'for':
    case 'while':
    case 'throw':
    case 'send':
    case 'state':
    case 'missing':
      return false;
    case 'logical':
      return expression.operator === '??';
    default:
      return true;
  }
}
