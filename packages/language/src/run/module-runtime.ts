// The table `$` that compiled code works with. Whatever can fail gets the place of its expression as an index into the module's
// table, which costs nothing until it is needed.

import { chargeElements, chargeText, limitElements, overdraw } from './budget.ts';
import { indexOf } from './builtins/array.ts';
import { arityError } from './builtins/callback.ts';
import { arityText, checkArity, type FunctionRow } from './builtins/row.ts';
import { structField } from './builtins/struct.ts';
import { FUNCTION_TABLE } from './builtins/table.ts';
import { equals } from './compare.ts';
import { payDebt } from './debt.ts';
import type { Message, ReceiveDefinition } from './effects.ts';
import {
  BudgetExceeded,
  FailedSend,
  normalizeFailure,
  RuntimeFailure,
  type SourcePlace,
  Thrown,
} from './failure.ts';
import { buildStruct } from './fit.ts';
import { MethodSet } from './method-set.ts';
import { add, concatenate, divide, modulo, multiply, negate, relation, subtract } from './operator.ts';
import { type PlainTypeExpression, resolveType } from './resolve-type.ts';
import type { Runtime } from './runtime.ts';
import {
  type CompiledReceive,
  type CompiledServer,
  callDirectly,
  defineReceive,
  setState,
  startServer,
} from './server.ts';
import { characters, codePointLength } from './text.ts';
import { defineStruct, type RuntimeType, type StructDefinition } from './type.ts';
import {
  ArrayValue,
  DatetimeValue,
  type FunctionBody,
  FunctionValue,
  isTruthy,
  kindOf,
  literalShape,
  ObjectValue,
  type ServerValue,
  type Shape,
  StructValue,
  type Value,
} from './value.ts';

/** What a module says about itself when it opens the table. */
export interface ModuleTables {
  readonly files: readonly string[];
  /** File, line, column of each place, one after the other. */
  readonly places: readonly number[];
  /** Place of an addition, source texts of its sides. */
  readonly operands: readonly (readonly [number, string, string])[];
}

export class ModuleRuntime {
  readonly F = FunctionValue;
  readonly P = Promise;
  readonly truthy = isTruthy;
  readonly over = overdraw;
  readonly #runtime: Runtime;
  readonly #tables: ModuleTables;
  readonly #operands: ReadonlyMap<number, readonly [string, string]>;

  constructor(runtime: Runtime, tables: ModuleTables) {
    this.#runtime = runtime;
    this.#tables = tables;
    this.#operands = new Map(tables.operands.map(([place, left, right]) => [place, [left, right]]));
  }

  get globals(): Record<string, Value | undefined> {
    return this.#runtime.globals;
  }

  // Constants of a module.

  shape(keys: readonly string[]): Shape {
    return literalShape(keys);
  }

  methods(name: string, isAwaited: boolean): MethodSet {
    return new MethodSet(name, isAwaited);
  }

  row(name: string): FunctionRow {
    return FUNCTION_TABLE.get(name)!;
  }

  builtin(name: string): FunctionValue {
    return this.#runtime.builtin(name);
  }

  type(expression: PlainTypeExpression): RuntimeType {
    return resolveType(expression);
  }

  receive(compiled: CompiledReceive): ReceiveDefinition {
    return defineReceive(compiled);
  }

  datetime(ms: number): DatetimeValue {
    return new DatetimeValue(ms);
  }

  // Making values.

  fn(name: string, arity: number, run: FunctionBody, suspends: boolean): FunctionValue {
    return new FunctionValue(name, arity, run, suspends);
  }

  array(items: Value[]): ArrayValue {
    return new ArrayValue(items);
  }

  object(shape: Shape, values: Value[]): ObjectValue {
    return new ObjectValue(shape, values);
  }

  /** With a key that is repeated. */
  entries(keys: readonly string[], values: readonly Value[]): ObjectValue {
    return ObjectValue.from(keys.map((key, at) => [key, values[at]!]));
  }

  struct(message: Message, name: string, object: ObjectValue, place: number): StructValue {
    const definition = this.#runtime.structs.get(name);
    if (definition === undefined) throw this.#failure(`undefined struct type: ${name}`, place);
    const built = buildStruct(object, definition, this.#runtime.structs);
    payDebt(message);
    if (built.ok) return built.value;
    throw this.#failure(
      built.path === '' ? built.reason : `struct ${name} field '${built.path}': ${built.reason}`,
      place,
    );
  }

  // Failing.

  #place(index: number): SourcePlace {
    const { files, places } = this.#tables;
    const [file, line, column] = places.slice(index * 3, index * 3 + 3) as [number, number, number];
    return { file: files[file]!, line, column };
  }

  #failure(text: string, place: number): RuntimeFailure {
    return new RuntimeFailure(text, this.#place(place));
  }

  /** Adds the place to a failure that has none yet. */
  #located(thrown: unknown, place: number): unknown {
    if ((thrown instanceof RuntimeFailure || thrown instanceof FailedSend) && thrown.place === undefined) {
      thrown.place = this.#place(place);
    }
    return thrown;
  }

  #settled(result: Value | Promise<Value>, place: number): Value | Promise<Value> {
    if (!(result instanceof Promise)) return result;
    return result.catch((thrown: unknown) => {
      throw this.#located(thrown, place);
    });
  }

  fail(text: string, place: number): never {
    throw this.#failure(text, place);
  }

  unbound(name: string, place: number): never {
    throw this.#failure(`undefined variable: ${name}`, place);
  }

  unknown(name: string, place: number): never {
    throw this.#failure(`undefined function: ${name}`, place);
  }

  captured(name: string, place: number): never {
    const why = 'it was captured outside this message; keep it in state';
    throw this.#failure(`cannot set '${name}': ${why}`, place);
  }

  arity(name: string, expected: number, got: number, place: number): never {
    throw this.#located(arityError(name, expected, got), place);
  }

  raise(value: Value, place: number): never {
    throw new Thrown(value, this.#place(place));
  }

  deep(): never {
    throw new BudgetExceeded('depth');
  }

  /** What `catch` binds; what cannot be caught goes on. */
  caught(thrown: unknown): Value {
    if (thrown instanceof Thrown) return thrown.value;
    if (thrown instanceof RuntimeFailure) {
      return ObjectValue.from([['error', thrown.message], ...placeEntries(thrown.place)]);
    }
    if (!(thrown instanceof FailedSend)) throw normalizeFailure(thrown);
    const { message, code, executed, data, place } = thrown;
    return ObjectValue.from([
      ['error', message],
      ['code', code],
      ['executed', executed],
      ['data', data],
      ...placeEntries(place),
    ]);
  }

  // Operators.

  add(message: Message, a: Value, b: Value, place: number): Value {
    if (typeof a === 'string' && typeof b === 'string') return concatenate(message, a, b);
    try {
      return add(message, a, b, this.#operands.get(place));
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  sub(a: Value, b: Value, place: number): Value {
    try {
      return subtract(a, b);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  mul(a: Value, b: Value, place: number): Value {
    try {
      return multiply(a, b);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  div(a: Value, b: Value, place: number): Value {
    try {
      return divide(a, b);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  mod(a: Value, b: Value, place: number): Value {
    try {
      return modulo(a, b);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  neg(a: Value, place: number): Value {
    try {
      return negate(a);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  rel(message: Message, a: Value, b: Value, place: number): number {
    try {
      return relation(message, a, b);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  equal(message: Message, a: Value, b: Value, place: number): boolean {
    try {
      return equals(message, a, b);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  // Parts of values.

  field(message: Message, self: Value, name: string, place: number): Value {
    if (self instanceof ObjectValue) return self.get(name) ?? (name === 'length' ? self.size : null);
    if (self instanceof StructValue) {
      const found = self.get(name);
      if (found !== undefined) return found;
      throw this.#failure(`field '${name}' not found in struct '${self.name}'`, place);
    }
    if (name === 'length') {
      if (self instanceof ArrayValue) return self.length;
      if (typeof self === 'string') {
        chargeText(message, self);
        return codePointLength(self);
      }
    }
    throw this.#failure(`cannot access field '${name}' on ${kindOf(self)}`, place);
  }

  index(self: Value, index: Value, place: number): Value {
    if (self instanceof ArrayValue && typeof index === 'number') {
      const at = Math.trunc(index);
      if (at >= 0 && at < self.length) return self.items[at]!;
    }
    try {
      if (self instanceof ArrayValue) return self.items[indexOf(index, self.length)]!;
      if (self instanceof StructValue) return structField(self, index);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
    if (!(self instanceof ObjectValue)) throw this.#failure(`cannot index ${kindOf(self)}`, place);
    if (typeof index !== 'string') throw this.#failure('object key must be a string', place);
    return self.get(index) ?? null;
  }

  /** What a `for` runs over, as an array that nothing may be pushed to. */
  iterate(message: Message, value: Value, place: number): ArrayValue {
    if (value instanceof ArrayValue) return value;
    if (value instanceof ObjectValue) return new ArrayValue(value.keys(), value.size);
    if (value instanceof StructValue) return new ArrayValue(value.definition.fields.map(({ name }) => name));
    if (typeof value !== 'string') throw this.#failure(`cannot iterate over ${kindOf(value)}`, place);
    chargeElements(message, codePointLength(value));
    return new ArrayValue(characters(value));
  }

  // Calls.

  m0(message: Message, set: MethodSet, self: Value, place: number): Value | Promise<Value> {
    const row = set.row(self);
    if (row === undefined || row.min > 0) return this.method(message, set, self, [], place);
    try {
      return row.run(message, self, null, null, 0, this.#runtime.around);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  m1(message: Message, set: MethodSet, self: Value, a: Value, place: number): Value | Promise<Value> {
    const row = set.row(self);
    if (row === undefined || row.min > 1 || row.max < 1) return this.method(message, set, self, [a], place);
    try {
      return this.#settled(row.run(message, self, a, null, 1, this.#runtime.around), place);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  m2(
    message: Message,
    set: MethodSet,
    self: Value,
    a: Value,
    b: Value,
    place: number,
  ): Value | Promise<Value> {
    const row = set.row(self);
    if (row === undefined || row.min > 2 || row.max < 2)
      return this.method(message, set, self, [a, b], place);
    try {
      return this.#settled(row.run(message, self, a, b, 2, this.#runtime.around), place);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  /** Any number of arguments, methods that are fields, and everything that fails. */
  method(
    message: Message,
    set: MethodSet,
    self: Value,
    args: Value[],
    place: number,
  ): Value | Promise<Value> {
    const row = set.row(self);
    if (row === undefined) {
      const field =
        self instanceof ObjectValue || self instanceof StructValue ? self.get(set.name) : undefined;
      if (field instanceof FunctionValue) {
        if (field.suspends && !set.isAwaited) {
          const how = `its name is that of a built-in method; write o.get("${set.name}")(…)`;
          throw this.#failure(`cannot call field '${set.name}', which may send, as a method: ${how}`, place);
        }
        return this.invoke(message, field, args, place);
      }
      const kind = kindOf(self);
      const isPlain = kind === 'string' || kind === 'array' || kind === 'object' || kind === 'struct';
      if (isPlain) throw this.#failure(`unknown method: ${set.name}`, place);
      throw this.#failure(`method '${set.name}' not supported for ${kind}`, place);
    }
    if (args.length < row.min || args.length > row.max) {
      throw this.#failure(`${set.name} method expects ${arityText(row.min, row.max)}`, place);
    }
    try {
      const [a, b] = args;
      const result = row.run(message, self, a ?? null, b ?? null, args.length, this.#runtime.around);
      return this.#settled(result, place);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  /** A built-in function that never waits, called by its name. */
  call(message: Message, row: FunctionRow, args: readonly Value[], place: number): Value {
    try {
      checkArity(row, args.length);
      return row.run(message, args, this.#runtime.around) as Value;
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  /** Calls any value, with every check. */
  invoke(message: Message, callee: Value, args: readonly Value[], place: number): Value | Promise<Value> {
    if (!(callee instanceof FunctionValue)) {
      throw this.#failure(`cannot call non-function value of type ${kindOf(callee)}`, place);
    }
    if (!callee.isBuiltin && callee.arity !== args.length) {
      throw this.#located(arityError(callee.name, callee.arity, args.length), place);
    }
    try {
      const result = args.length === 1 ? callee.run(message, args[0]!) : callee.run(message, ...args);
      return this.#settled(result, place);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  /** The result of a dispatch arm: a function is called with what was dispatched on. */
  arm(message: Message, value: Value, subject: Value, place: number): Value | Promise<Value> {
    if (!(value instanceof FunctionValue)) return value;
    const takes = value.isBuiltin ? FUNCTION_TABLE.get(value.name)!.max > 0 : value.arity !== 0;
    return this.invoke(message, value, takes ? [subject] : [], place);
  }

  direct(
    message: Message,
    receive: ReceiveDefinition,
    args: readonly Value[],
    place: number,
  ): Value | Promise<Value> {
    try {
      return this.#settled(callDirectly(message, receive, args, this.#runtime.structs), place);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  send(
    message: Message,
    target: string,
    method: string,
    value: ObjectValue,
    place: number,
  ): Value | Promise<Value> {
    try {
      const result = this.#runtime.around.send(message, target, method, { kind: 'named', value });
      return this.#settled(result, place);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  setState(message: Message, key: Value, value: Value, place: number): Value {
    try {
      return setState(message, key, value, this.#runtime.structs);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }

  // Declarations.

  defineStruct(name: string, fields: StructDefinition['fields']): void {
    this.#runtime.structs.set(name, defineStruct(name, fields));
  }

  defineProtocol(name: string, methods: readonly (readonly [string, number])[]): void {
    this.#runtime.protocols.set(name, new Map(methods));
  }

  configure(settings: ObjectValue): void {
    this.#runtime.effects.configure(settings);
  }

  /** A state default could not be evaluated. */
  defaultFailed(field: string, thrown: unknown, place: number): never {
    if (!(thrown instanceof RuntimeFailure || thrown instanceof FailedSend)) throw thrown;
    const text = `error evaluating default value for state field ${field}: ${thrown.message}`;
    throw new RuntimeFailure(text, thrown.place ?? this.#place(place));
  }

  startServer(
    message: Message,
    server: CompiledServer,
    initials: readonly Value[],
    place: number,
  ): ServerValue {
    limitElements(message, initials.length);
    const { effects, structs, protocols } = this.#runtime;
    try {
      return startServer(message, server, initials, effects, structs, protocols);
    } catch (thrown) {
      throw this.#located(thrown, place);
    }
  }
}

function placeEntries(place: SourcePlace | undefined): [string, Value][] {
  return [
    ['file', place?.file ?? null],
    ['line', place?.line ?? null],
    ['column', place?.column ?? null],
  ];
}
