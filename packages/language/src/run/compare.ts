import { chargeSteps } from './budget.ts';
import type { Message } from './effects.ts';
import { RuntimeFailure } from './failure.ts';
import { isEqual } from './inspect.ts';
import { compareText } from './text.ts';
import { DatetimeValue, kindOf, type Value } from './value.ts';

/** Negative, zero or positive for two numbers, strings or datetimes; undefined for anything else. */
export function order(a: Value, b: Value): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (a instanceof DatetimeValue && b instanceof DatetimeValue) return a.ms - b.ms;
  return undefined;
}

export function compare(a: Value, b: Value): number {
  const found = order(a, b);
  if (found === undefined) throw new RuntimeFailure(`cannot compare ${kindOf(a)} and ${kindOf(b)}`);
  return found;
}

/** Deep equality at the expense of the message. */
export function equals(message: Message, a: Value, b: Value): boolean {
  if (typeof a === 'string' && typeof b === 'string') {
    chargeSteps(message, Math.min(a.length, b.length) >>> 6);
    return a === b;
  }
  return isEqual(a, b, (parts) => chargeSteps(message, parts));
}
