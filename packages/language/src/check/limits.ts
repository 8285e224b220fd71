// Values written out in the program against the validators of their type: RL3006. What has to be computed is left to the run time.

import { parseIso } from '../run/datetime.ts';
import { breach } from '../run/fit.ts';
import { compilePattern } from '../run/pattern.ts';
import { resolveValidator } from '../run/resolve-type.ts';
import { ArrayValue, type Value } from '../run/value.ts';
import type { Expression, TypeExpression } from '../syntax/ast.ts';
import type { CheckContext } from './context.ts';
import { typeText } from './type.ts';

/** Why a value written out breaks its type; undefined if it does not, or nobody knows. */
export function brokenLimit(
  expression: Expression,
  type: TypeExpression,
): { readonly reason: string; readonly place: Expression } | undefined {
  if (expression.kind === 'array' && type.kind === 'array') {
    for (const element of expression.elements) {
      const found = brokenLimit(element, type.element);
      if (found !== undefined) return found;
    }
  }
  if (expression.kind === 'object' && type.kind === 'map') {
    for (const { value } of expression.entries) {
      const found = brokenLimit(value, type.value);
      if (found !== undefined) return found;
    }
  }
  const value = writtenValue(expression);
  if (value === undefined || value === null) return undefined;
  if (type.kind === 'named') {
    const [inner] = type.args;
    if (type.name === 'optional' && inner !== undefined) {
      const found = brokenLimit(expression, inner);
      if (found !== undefined) return found;
    }
    if (type.name === 'datetime' && typeof value === 'string' && parseIso(value) === undefined) {
      return { reason: `expected ${typeText(type)}, got string`, place: expression };
    }
  }
  for (const validator of type.validators) {
    if (patternProblem(validator.name, validator.args[0]) !== undefined) continue;
    for (const resolved of resolveValidator(validator)) {
      const reason = breach(value, resolved);
      if (reason !== undefined) return { reason, place: expression };
    }
  }
  return undefined;
}

/** Of an array only the length counts. */
function writtenValue(expression: Expression): Value | undefined {
  switch (expression.kind) {
    case 'literal': {
      const { literal } = expression;
      return literal.kind === 'string' || literal.kind === 'number' ? literal.value : undefined;
    }
    case 'unary': {
      const operand = writtenValue(expression.operand);
      return expression.operator === '-' && typeof operand === 'number' ? -operand : undefined;
    }
    case 'array':
      return new ArrayValue(expression.elements.map(() => null));
    default:
      return undefined;
  }
}

/** Patterns that cannot be read; they would end the program where their type is first used. */
export function checkValidators(type: TypeExpression, context: CheckContext): void {
  for (const { name, args, span } of type.validators) {
    const problem = patternProblem(name, args[0]);
    if (problem !== undefined) context.report.error('RL3006', `validator '${name}': ${problem}`, span);
  }
}

function patternProblem(validator: string, pattern: unknown): string | undefined {
  if (validator !== 'regex' || typeof pattern !== 'string') return undefined;
  try {
    compilePattern(pattern);
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
