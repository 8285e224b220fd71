// The slow paths of operators: compiled code does plain numbers itself and comes here for everything else.

import { chargeBytes, chargeSteps } from './budget.ts';
import { order } from './compare.ts';
import { datetimeFrom } from './datetime.ts';
import type { Message } from './effects.ts';
import { RuntimeFailure } from './failure.ts';
import { utf8Length } from './text.ts';
import { DatetimeValue, kindOf, type Value } from './value.ts';

function finite(value: number): number {
  if (value - value !== 0) throw new RuntimeFailure('number out of range');
  return value;
}

function invalid(operation: string, a: Value, b: Value, hint = ''): RuntimeFailure {
  return new RuntimeFailure(`invalid operands for ${operation}: ${kindOf(a)} and ${kindOf(b)}${hint}`);
}

export function concatenate(message: Message, a: string, b: string): string {
  const units = a.length + b.length;
  // A unit is at most three bytes; counting exactly is left for texts near the limit. Otherwise the engine ties both sides together
  // without copying them, so a text that grows bit by bit does not cost its whole length each time.
  if (units * 3 > message.budgets.stringBytes) chargeBytes(message, utf8Length(a) + utf8Length(b));
  else chargeSteps(message, Math.min(a.length, b.length) >>> 6);
  return a + b;
}

/** `texts` are the source texts of both sides, for the hint. */
export function add(
  message: Message,
  a: Value,
  b: Value,
  texts: readonly [string, string] | undefined,
): Value {
  if (typeof a === 'string' && typeof b === 'string') return concatenate(message, a, b);
  if (typeof a === 'number' && typeof b === 'number') return finite(a + b);
  if (a instanceof DatetimeValue && typeof b === 'number') return datetimeFrom(a.ms + b * 1000);
  if (typeof a !== 'string' && typeof b !== 'string') throw invalid('addition', a, b);
  const operand = texts?.[typeof a === 'string' ? 1 : 0];
  throw invalid('addition', a, b, operand === undefined ? '' : `; use string(${operand})`);
}

export function subtract(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number') return finite(a - b);
  if (a instanceof DatetimeValue) {
    if (b instanceof DatetimeValue) return (a.ms - b.ms) / 1000;
    if (typeof b === 'number') return datetimeFrom(a.ms - b * 1000);
  }
  throw invalid('subtraction', a, b);
}

export function multiply(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return finite(a * b);
  throw invalid('multiplication', a, b);
}

export function divide(a: Value, b: Value): number {
  if (typeof a !== 'number' || typeof b !== 'number') throw invalid('division', a, b);
  if (b === 0) throw new RuntimeFailure('division by zero');
  return finite(a / b);
}

export function modulo(a: Value, b: Value): number {
  if (typeof a !== 'number' || typeof b !== 'number') throw invalid('modulo', a, b);
  if (b === 0) throw new RuntimeFailure('modulo by zero');
  return a % b;
}

export function negate(a: Value): number {
  if (typeof a === 'number') return -a;
  throw new RuntimeFailure(`unary minus requires number, got ${kindOf(a)}`);
}

/** Below, at or above zero, as the sides compare. */
export function relation(message: Message, a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') {
    chargeSteps(message, Math.min(a.length, b.length) >>> 6);
  }
  const found = order(a, b);
  if (found === undefined) throw invalid('comparison', a, b);
  return found;
}
