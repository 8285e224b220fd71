import type { Expression, Item } from '../syntax/ast.ts';

/** A value that is known without running the program. */
export type Setting = null | boolean | number | string | readonly Setting[] | ReadonlyMap<string, Setting>;

/** The entries of all config blocks whose values are constants; later ones win. */
export function constantSettings(items: readonly Item[]): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const item of items) {
    if (item.kind !== 'config') continue;
    for (const { key, value } of item.entries) {
      const found = constantOf(value);
      if (found !== undefined) settings.set(key.text, found);
    }
  }
  return settings;
}

function constantOf(expression: Expression): Setting | undefined {
  if (expression.kind === 'literal') {
    const { literal } = expression;
    if (literal.kind === 'datetime') return undefined;
    return literal.kind === 'nil' ? null : literal.value;
  }
  if (expression.kind === 'unary' && expression.operator === '-') {
    const operand = constantOf(expression.operand);
    return typeof operand === 'number' ? -operand : undefined;
  }
  if (expression.kind === 'array') {
    const elements = expression.elements.map(constantOf);
    return elements.every((element) => element !== undefined) ? elements : undefined;
  }
  if (expression.kind !== 'object') return undefined;
  const entries = new Map<string, Setting>();
  for (const { key, value } of expression.entries) {
    const found = constantOf(value);
    if (found !== undefined) entries.set(key.text, found);
  }
  return entries;
}
