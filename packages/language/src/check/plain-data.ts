// Which variables may hold functions; language.md §15 rule 3. All others are plain data: naming them reaches no code.

import type { Expression } from '../syntax/ast.ts';
import type { Resolution } from './resolve.ts';
import type { Binding } from './scope.ts';

/** The bindings that are not plain data. Variables that hold only each other are plain. */
export function findNonPlain(resolution: Resolution): ReadonlySet<Binding> {
  const bindings = new Set(resolution.globals.bindings.values());
  for (const reference of resolution.references.values()) {
    for (const binding of reference.bindings) bindings.add(binding);
  }
  const nonPlain = new Set<Binding>();
  for (const binding of bindings) {
    if (binding.kind === 'parameter' || binding.kind === 'caught') nonPlain.add(binding);
  }
  for (let isStable = false; !isStable; ) {
    isStable = true;
    for (const binding of bindings) {
      if (nonPlain.has(binding)) continue;
      if (binding.assigned.every((value) => isPlain(value, resolution, nonPlain))) continue;
      nonPlain.add(binding);
      isStable = false;
    }
  }
  return nonPlain;
}

function isPlain(expression: Expression, resolution: Resolution, nonPlain: ReadonlySet<Binding>): boolean {
  const all = (parts: readonly Expression[]): boolean =>
    parts.every((part) => isPlain(part, resolution, nonPlain));
  switch (expression.kind) {
    case 'literal':
    case 'missing':
    case 'state':
    // Replies are data.
    case 'send':
      return true;
    case 'array':
      return all(expression.elements);
    case 'object':
    case 'struct':
      return all(expression.entries.map((entry) => entry.value));
    case 'binary':
    case 'logical':
      return all([expression.left, expression.right]);
    case 'unary':
      return all([expression.operand]);
    case 'member':
      return all([expression.object]);
    case 'index':
      return all([expression.object, expression.index]);
    case 'method':
      return all([expression.object, ...expression.args]);
    case 'name': {
      const reference = resolution.references.get(expression);
      if (reference === undefined) return true;
      const isValue = (binding: Binding): boolean => binding.functions.length === 0 && !nonPlain.has(binding);
      return !reference.isBuiltin && reference.bindings.every(isValue);
    }
    case 'call': {
      if (expression.callee.kind !== 'name') return false;
      const reference = resolution.references.get(expression.callee);
      return reference?.isBuiltin === true && reference.bindings.length === 0 && all(expression.args);
    }
    default:
      return false;
  }
}
