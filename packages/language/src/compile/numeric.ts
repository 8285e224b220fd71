// Variables that hold nothing but numbers: all that is ever written to them is one. Begins with the assumption that all do, and
// drops it where a write contradicts, until nothing changes. It only saves checks: in doubt a variable is not in the set.

import type { Expression } from '../syntax/ast.ts';
import type { Resolution } from './resolution.ts';
import type { Variable } from './scope.ts';

const MAX_ROUNDS = 20;

interface Writing {
  readonly targets: readonly Variable[];
  readonly value: Expression;
}

export function findNumeric(resolution: Resolution): ReadonlySet<Variable> {
  const writings: Writing[] = [];
  for (const [expression, { own, outer }] of resolution.writes) {
    if (expression.kind === 'set') writings.push({ targets: [own, ...outer], value: expression.value });
  }
  const numeric = new Set(writings.flatMap(({ targets }) => targets));
  for (const variable of boundOtherwise(resolution)) numeric.delete(variable);
  if (resolution.isSession) {
    for (const variable of resolution.global.variables.values()) numeric.delete(variable);
  }
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { size } = numeric;
    for (const { targets, value } of writings) {
      if (!isNumeric(value, resolution, numeric)) for (const variable of targets) numeric.delete(variable);
    }
    if (numeric.size === size) return numeric;
  }
  return new Set();
}

/** Parameters, functions, loop and catch variables. */
function* boundOtherwise(resolution: Resolution): Iterable<Variable> {
  for (const [source, { scope, variable }] of resolution.functions) {
    if (variable !== undefined) yield variable;
    for (const { name } of source.params) yield scope.variables.get(name.text)!;
  }
  for (const scope of resolution.scopes.values()) {
    if (scope.kind === 'single') yield* scope.variables.values();
  }
}

function isNumeric(expression: Expression, resolution: Resolution, numeric: ReadonlySet<Variable>): boolean {
  const holds = (part: Expression): boolean => isNumeric(part, resolution, numeric);
  switch (expression.kind) {
    case 'literal':
      return expression.literal.kind === 'number';
    case 'unary':
      return expression.operator === '-';
    case 'binary':
      if (expression.operator === '+' || expression.operator === '-') {
        return holds(expression.left) && holds(expression.right);
      }
      return expression.operator === '*' || expression.operator === '/' || expression.operator === '%';
    case 'set':
      return holds(expression.value);
    case 'name': {
      const read = resolution.reads.get(expression);
      return read?.isCertain === true && read.candidates.every((variable) => numeric.has(variable));
    }
    default:
      return false;
  }
}
