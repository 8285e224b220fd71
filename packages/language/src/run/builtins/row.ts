// What a row of the built-in tables is, and the checks that many rows share.

import type { Effects, Message, SendArguments } from '../effects.ts';
import { RuntimeFailure } from '../failure.ts';
import type { Structs } from '../type.ts';
import { kindOf, ObjectValue, type Value } from '../value.ts';

/** What built-ins need beside their arguments. */
export interface Surroundings {
  readonly effects: Effects;
  readonly structs: Structs;
  send(from: Message, target: string, method: string, args: SendArguments): Value | Promise<Value>;
}

export interface FunctionRow {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly doc: string;
  /** May return a promise. */
  readonly suspends?: true;
  run(message: Message, args: readonly Value[], around: Surroundings): Value | Promise<Value>;
}

export interface MethodRow<Self extends Value = Value> {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly doc: string;
  /** `a` and `b` are nil where no argument was given; `count` is the number of arguments. */
  run(
    message: Message,
    self: Self,
    a: Value,
    b: Value,
    count: number,
    around: Surroundings,
  ): Value | Promise<Value>;
}

/** `1 argument`, `1 or 2 arguments`, `at least 1 argument`. */
export function arityText(min: number, max: number): string {
  if (max === Infinity) return `at least ${min} ${min === 1 ? 'argument' : 'arguments'}`;
  if (min === max) return `${min} ${min === 1 ? 'argument' : 'arguments'}`;
  return `${min} or ${max} arguments`;
}

export function asString(method: string, value: Value): string {
  if (typeof value === 'string') return value;
  throw new RuntimeFailure(`${method} expects a string argument`);
}

export function asNumber(method: string, value: Value): number {
  if (typeof value === 'number') return value;
  throw new RuntimeFailure(`${method} expects a number argument`);
}

export function asObject(method: string, value: Value): ObjectValue {
  if (value instanceof ObjectValue) return value;
  throw new RuntimeFailure(`${method} expects an object argument`);
}

export function unsupported(name: string, value: Value): RuntimeFailure {
  return new RuntimeFailure(`${name}() not supported for type ${kindOf(value)}`);
}

/** Of a built-in function called with `count` arguments. */
export function checkArity({ name, min, max }: FunctionRow, count: number): void {
  if (count >= min && count <= max) return;
  throw new RuntimeFailure(`${name}() expected ${arityText(min, max)}, got ${count}`);
}
