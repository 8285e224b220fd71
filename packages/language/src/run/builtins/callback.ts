// Calling functions of the program from built-ins. A callback that may wait makes its built-in return a promise; all others run in
// plain loops.

import { chargeSteps } from '../budget.ts';
import type { Message } from '../effects.ts';
import { RuntimeFailure } from '../failure.ts';
import { type ArrayValue, FunctionValue, type Value } from '../value.ts';

export function arityError(name: string, expected: number, got: number): RuntimeFailure {
  return new RuntimeFailure(`function '${name}' expects ${expected} arguments, got ${got}`);
}

/** The argument as a function that takes `base` arguments, or one more: the index. Unless it is never called. */
export function callbackOf(method: string, value: Value, base: number, calls: number): FunctionValue {
  if (!(value instanceof FunctionValue)) {
    throw new RuntimeFailure(`${method} expects a function argument`);
  }
  if (calls > 0 && !value.isBuiltin && value.arity !== base && value.arity !== base + 1) {
    throw inCallback(method, arityError(value.name, value.arity, base));
  }
  return value;
}

/** Thrown values, failed sends and budgets pass unchanged. */
export function inCallback(method: string, thrown: unknown): unknown {
  if (!(thrown instanceof RuntimeFailure)) return thrown;
  const failure = new RuntimeFailure(`error in ${method} function: ${thrown.message}`, thrown.place);
  // Where it happened, not where it was passed on.
  if (thrown.stack !== undefined) failure.stack = thrown.stack;
  return failure;
}

/** Returns true to stop. */
export type Visit = (result: Value, item: Value, at: number) => boolean;

/** Calls `f` with each element until `visit` says stop, then gives the value of `finish`. */
export function visitEach(
  message: Message,
  method: string,
  array: ArrayValue,
  f: FunctionValue,
  visit: Visit,
  finish: () => Value,
): Value | Promise<Value> {
  if (f.suspends) return visitSlowly(message, method, array, f, visit, finish);
  chargeSteps(message, array.length);
  const { items, length } = array;
  try {
    for (let at = 0; at < length; at += 1) {
      const item = items[at]!;
      const result = f.arity === 2 ? f.run(message, item, at) : f.run(message, item);
      if (visit(result as Value, item, at)) break;
    }
  } catch (thrown) {
    throw inCallback(method, thrown);
  }
  return finish();
}

async function visitSlowly(
  message: Message,
  method: string,
  array: ArrayValue,
  f: FunctionValue,
  visit: Visit,
  finish: () => Value,
): Promise<Value> {
  chargeSteps(message, array.length);
  try {
    for (let at = 0; at < array.length; at += 1) {
      const item = array.items[at]!;
      const result = await (f.arity === 2 ? f.run(message, item, at) : f.run(message, item));
      if (visit(result, item, at)) break;
    }
  } catch (thrown) {
    throw inCallback(method, thrown);
  }
  return finish();
}

/** `acc` after all elements from `from` on. */
export function foldEach(
  message: Message,
  array: ArrayValue,
  f: FunctionValue,
  from: number,
  initial: Value,
): Value | Promise<Value> {
  if (f.suspends) return foldSlowly(message, array, f, from, initial);
  chargeSteps(message, array.length);
  let acc = initial;
  try {
    for (let at = from; at < array.length; at += 1) {
      const item = array.items[at]!;
      acc = (f.arity === 3 ? f.run(message, acc, item, at) : f.run(message, acc, item)) as Value;
    }
  } catch (thrown) {
    throw inCallback('reduce', thrown);
  }
  return acc;
}

async function foldSlowly(
  message: Message,
  array: ArrayValue,
  f: FunctionValue,
  from: number,
  initial: Value,
): Promise<Value> {
  chargeSteps(message, array.length);
  let acc = initial;
  try {
    for (let at = from; at < array.length; at += 1) {
      const item = array.items[at]!;
      acc = await (f.arity === 3 ? f.run(message, acc, item, at) : f.run(message, acc, item));
    }
  } catch (thrown) {
    throw inCallback('reduce', thrown);
  }
  return acc;
}
