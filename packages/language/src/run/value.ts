// Values. All are immutable: what seems to change one makes a new one that shares as much as it can with the old. nil is null,
// numbers, bools and strings are JavaScript's own.

import type { Message, ServerStatus } from './effects.ts';
import type { Lineage } from './lineage.ts';
import type { StructDefinition } from './type.ts';

export type Value =
  | null
  | boolean
  | number
  | string
  | DatetimeValue
  | ArrayValue
  | ObjectValue
  | StructValue
  | FunctionValue
  | ServerValue;

export type Kind =
  | 'nil'
  | 'number'
  | 'string'
  | 'bool'
  | 'datetime'
  | 'array'
  | 'object'
  | 'struct'
  | 'function'
  | 'server';

/** What `measure` found out about a value. */
export interface Measure {
  /** Bytes of its JSON text. */
  readonly bytes: number;
  /** Levels of nesting; 0 for what has no parts. */
  readonly height: number;
  /** Why it is not data, if it is not. */
  readonly foreign: 'function' | 'server' | undefined;
}

/** Milliseconds since 1970, whole. */
export class DatetimeValue {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

/**
 * The first `length` of `items`. The backing array may be longer: then a later version has grown it in place. Nobody changes an
 * item below any length that was handed out.
 */
export class ArrayValue {
  readonly items: readonly Value[];
  readonly length: number;
  /** Cache of `measure`. */
  measured: Measure | undefined = undefined;
  /** Elements known to fit a type as they are; see `fit`. */
  fitted: Lineage | undefined = undefined;
  /** Elements known to be stored; see the state store of the host. */
  stored: Lineage | undefined = undefined;

  /** Takes the array over; the caller must not keep it. */
  constructor(items: readonly Value[], length: number = items.length) {
    this.items = items;
    this.length = length;
  }

  /** Amortised O(1) on the newest version, a copy on an older one. */
  push(value: Value): ArrayValue {
    // The empty array is shared by everyone.
    const owner = this.items.length === this.length && this.length > 0;
    const items = (owner ? this.items : this.items.slice(0, this.length)) as Value[];
    items.push(value);
    const next = new ArrayValue(items, this.length + 1);
    next.fitted = this.fitted;
    next.stored = this.stored;
    return next;
  }

  /** A copy with another element at a place. */
  with(at: number, value: Value): ArrayValue {
    if (this.items[at] === value) return this;
    const items = this.toArray();
    items[at] = value;
    const next = new ArrayValue(items);
    next.fitted = this.fitted?.changed(at);
    next.stored = this.stored?.changed(at);
    return next;
  }

  /** Elements that `push` has to copy. */
  get pushCost(): number {
    return this.items.length === this.length ? 0 : this.length;
  }

  dropLast(): ArrayValue {
    if (this.length === 0) return this;
    const length = this.length - 1;
    // A short rest must not keep a long backing array alive.
    const isShort = this.length < this.items.length / 2;
    const next = isShort ? new ArrayValue(this.items.slice(0, length)) : new ArrayValue(this.items, length);
    next.fitted = this.fitted?.cut(length);
    next.stored = this.stored?.cut(length);
    return next;
  }

  /** The elements in an array of their own. */
  toArray(): Value[] {
    return this.items.slice(0, this.length);
  }
}

export const EMPTY_ARRAY = new ArrayValue([]);

/** Keys in order with their places. Shared by many objects; one of them may have grown it further than the others see. */
class Shape {
  readonly keys: string[];
  readonly places: Map<string, number>;
  /** Shapes of literals outlive their objects and must not grow. */
  readonly isSealed: boolean;

  constructor(keys: string[], isSealed = false) {
    this.keys = keys;
    this.isSealed = isSealed;
    this.places = new Map();
    for (let at = 0; at < keys.length; at += 1) this.places.set(keys[at]!, at);
  }
}

export type { Shape };

const EMPTY_SHAPE = new Shape([], true);

/** The keys of an object literal, without repetitions; made once, used by every object of the literal. */
export function literalShape(keys: readonly string[]): Shape {
  return new Shape([...keys], true);
}

/** Keys keep the order of their insertion, whatever they are. */
export class ObjectValue {
  readonly #shape: Shape;
  readonly #values: readonly Value[];
  readonly size: number;
  /** Cache of `measure`. */
  measured: Measure | undefined = undefined;
  /** Values known to fit a type as they are; see `fit`. */
  fitted: Lineage | undefined = undefined;
  /** Entries known to be stored; see the state store of the host. */
  stored: Lineage | undefined = undefined;

  /** For literals and builders: one value for each key of the shape. Takes the array over. */
  constructor(shape: Shape = EMPTY_SHAPE, values: readonly Value[] = []) {
    this.#shape = shape;
    this.#values = values;
    this.size = values.length;
  }

  /** A repeated key keeps its first place and the last value. */
  static from(entries: Iterable<readonly [string, Value]>): ObjectValue {
    const shape = new Shape([]);
    const values: Value[] = [];
    for (const [key, value] of entries) {
      const at = shape.places.get(key);
      if (at !== undefined) values[at] = value;
      else {
        shape.places.set(key, shape.keys.length);
        shape.keys.push(key);
        values.push(value);
      }
    }
    return new ObjectValue(shape, values);
  }

  get(key: string): Value | undefined {
    const at = this.#shape.places.get(key);
    // The value of a key that only a later version has lies at or beyond the size of this one.
    return at !== undefined && at < this.size ? this.#values[at] : undefined;
  }

  has(key: string): boolean {
    const at = this.#shape.places.get(key);
    return at !== undefined && at < this.size;
  }

  /** Steps that `set` takes: none to add to the newest version, few to replace, all to grow an older version. */
  setCost(key: string): number {
    if (this.has(key)) return this.size >>> 3;
    return !this.#shape.isSealed && this.#shape.keys.length === this.size ? 0 : this.size;
  }

  set(key: string, value: Value): ObjectValue {
    const at = this.#shape.places.get(key);
    if (at !== undefined && at < this.size) {
      if (this.#values[at] === value) return this;
      const values = this.#values.slice(0, this.size);
      values[at] = value;
      const next = new ObjectValue(this.#shape, values);
      next.fitted = this.fitted?.changed(at);
      next.stored = this.stored?.changed(at);
      return next;
    }
    let shape = this.#shape;
    if (at !== this.size) {
      if (shape.isSealed || shape.keys.length !== this.size)
        shape = new Shape(shape.keys.slice(0, this.size));
      // In this order: if the second fails for want of stack, the shape is longer than all its objects, and none grows it.
      shape.keys.push(key);
      shape.places.set(key, this.size);
    }
    const owner = this.#values.length === this.size && this.size > 0;
    const values = (owner ? this.#values : this.#values.slice(0, this.size)) as Value[];
    values.push(value);
    const next = new ObjectValue(shape, values);
    next.fitted = this.fitted;
    next.stored = this.stored;
    return next;
  }

  remove(key: string): ObjectValue {
    if (!this.has(key)) return this;
    return ObjectValue.from([...this.entries()].filter(([other]) => other !== key));
  }

  /** Of a place below `size`. */
  keyAt(at: number): string {
    return this.#shape.keys[at]!;
  }

  /** Of a place below `size`. */
  valueAt(at: number): Value {
    return this.#values[at]!;
  }

  keys(): readonly string[] {
    const { keys } = this.#shape;
    return keys.length === this.size ? keys : keys.slice(0, this.size);
  }

  values(): Value[] {
    return this.#values.slice(0, this.size);
  }

  *entries(): IterableIterator<[string, Value]> {
    for (let at = 0; at < this.size; at += 1) yield [this.#shape.keys[at]!, this.#values[at]!];
  }
}

export const EMPTY_OBJECT = new ObjectValue();

/** Fields in the order of the definition; all are there. */
export class StructValue {
  readonly definition: StructDefinition;
  readonly values: readonly Value[];
  /** Cache of `measure`. */
  measured: Measure | undefined = undefined;

  /** The values must have been checked against the definition. */
  constructor(definition: StructDefinition, values: readonly Value[]) {
    this.definition = definition;
    this.values = values;
  }

  get name(): string {
    return this.definition.name;
  }

  get(field: string): Value | undefined {
    const at = this.definition.index.get(field);
    return at === undefined ? undefined : this.values[at];
  }
}

export type FunctionBody = (message: Message, ...args: Value[]) => Value | Promise<Value>;

export class FunctionValue {
  /** Empty for lambdas. */
  readonly name: string;
  readonly arity: number;
  /** Compiled code; checks neither number nor kinds of its arguments. For built-ins it does. */
  readonly run: FunctionBody;
  /** `run` may return a promise. */
  readonly suspends: boolean;
  readonly isBuiltin: boolean;

  constructor(name: string, arity: number, run: FunctionBody, suspends = false, isBuiltin = false) {
    this.name = name;
    this.arity = arity;
    this.run = run;
    this.suspends = suspends;
    this.isBuiltin = isBuiltin;
  }
}

export class ServerValue {
  readonly name: string;
  readonly status: ServerStatus;

  constructor(name: string, status: ServerStatus) {
    this.name = name;
    this.status = status;
  }
}

export function kindOf(value: Value): Kind {
  switch (typeof value) {
    case 'number':
      return 'number';
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    default:
      if (value === null) return 'nil';
      if (value instanceof ArrayValue) return 'array';
      if (value instanceof ObjectValue) return 'object';
      if (value instanceof StructValue) return 'struct';
      if (value instanceof DatetimeValue) return 'datetime';
      return value instanceof FunctionValue ? 'function' : 'server';
  }
}

export function isTruthy(value: Value): boolean {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'number':
      return value !== 0;
    case 'string':
      return value !== '';
    default:
      if (value === null) return false;
      if (value instanceof ArrayValue) return value.length !== 0;
      if (value instanceof ObjectValue) return value.size !== 0;
      return true;
  }
}
