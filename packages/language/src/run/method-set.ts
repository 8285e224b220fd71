import type { MethodRow } from './builtins/row.ts';
import { METHOD_TABLES } from './builtins/table.ts';
import { ArrayValue, kindOf, ObjectValue, StructValue, type Value } from './value.ts';

/** The rows of one method name, by the kind of the receiver. */
export class MethodSet {
  readonly name: string;
  /** Whoever calls waits for a promise. Not where only a field that a built-in method hides could give one. */
  readonly isAwaited: boolean;
  readonly array: MethodRow | undefined;
  readonly object: MethodRow | undefined;
  readonly string: MethodRow | undefined;
  readonly number: MethodRow | undefined;
  readonly struct: MethodRow | undefined;

  constructor(name: string, isAwaited: boolean) {
    this.name = name;
    this.isAwaited = isAwaited;
    this.array = METHOD_TABLES.array.get(name);
    this.object = METHOD_TABLES.object.get(name);
    this.string = METHOD_TABLES.string.get(name);
    this.number = METHOD_TABLES.number.get(name);
    this.struct = METHOD_TABLES.struct.get(name);
  }

  row(self: Value): MethodRow | undefined {
    if (self instanceof ArrayValue) return this.array;
    if (self instanceof ObjectValue) return this.object;
    if (typeof self === 'string') return this.string;
    if (typeof self === 'number') return this.number;
    if (self instanceof StructValue) return this.struct;
    return METHOD_TABLES[kindOf(self)].get(this.name);
  }
}
