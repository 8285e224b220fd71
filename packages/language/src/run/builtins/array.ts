import { chargeBytes, chargeElements, chargeSteps, limitBytes, limitElements } from '../budget.ts';
import { equals } from '../compare.ts';
import type { Message } from '../effects.ts';
import { RuntimeFailure } from '../failure.ts';
import { pushMeasured, replaceMeasured, textOf } from '../inspect.ts';
import { utf8Length } from '../text.ts';
import { ArrayValue, EMPTY_ARRAY, type Value } from '../value.ts';
import { asString, type MethodRow } from './row.ts';

/** The position as a whole number below `bound`. */
export function indexOf(value: Value, bound: number): number {
  if (typeof value !== 'number') throw new RuntimeFailure('array index must be a number');
  const at = Math.trunc(value);
  if (at < 0 || at >= bound) throw new RuntimeFailure('array index out of bounds');
  return at;
}

/** A position limited to 0 … length. */
function limited(value: Value, length: number): number {
  if (typeof value !== 'number') throw new RuntimeFailure('array index must be a number');
  return Math.min(Math.max(Math.trunc(value), 0), length);
}

/** A copy with a part replaced; charged before it is made. */
function splice(
  message: Message,
  self: ArrayValue,
  at: number,
  drop: number,
  put: readonly Value[],
): ArrayValue {
  chargeElements(message, self.length - drop + put.length);
  const items = self.toArray();
  items.splice(at, drop, ...put);
  return new ArrayValue(items);
}

function firstEqual(message: Message, self: ArrayValue, value: Value): number {
  for (let at = 0; at < self.length; at += 1) {
    chargeSteps(message, 1);
    if (equals(message, self.items[at]!, value)) return at;
  }
  return -1;
}

function push(message: Message, self: ArrayValue, value: Value): ArrayValue {
  limitElements(message, self.length + 1);
  chargeSteps(message, self.pushCost);
  return self.measured === undefined ? self.push(value) : pushMeasured(self, value);
}

function append(name: string): MethodRow<ArrayValue> {
  return {
    name,
    min: 1,
    max: 1,
    doc: 'A new array with the elements of another array at the end.',
    run: (message, self, other) => {
      if (!(other instanceof ArrayValue)) throw new RuntimeFailure(`${name} expects an array argument`);
      chargeElements(message, self.length + other.length);
      return new ArrayValue([...self.toArray(), ...other.toArray()]);
    },
  };
}

function join(message: Message, self: ArrayValue, separator: string): string {
  let bytes = 0;
  const gap = utf8Length(separator);
  const pieces: string[] = [];
  for (let at = 0; at < self.length; at += 1) {
    const piece = textOf(self.items[at]!, (units) => chargeBytes(message, units));
    pieces.push(piece);
    bytes += utf8Length(piece) + (at > 0 ? gap : 0);
    limitBytes(message, bytes);
    chargeSteps(message, 1 + (piece.length >>> 6));
  }
  return pieces.join(separator);
}

export const ARRAY_METHODS: readonly MethodRow<ArrayValue>[] = [
  { name: 'length', min: 0, max: 0, doc: 'The number of elements.', run: (_, self) => self.length },
  {
    name: 'get',
    min: 1,
    max: 1,
    doc: 'The element at a position, counted from 0.',
    run: (_, self, i) => self.items[indexOf(i, self.length)]!,
  },
  {
    name: 'set',
    min: 2,
    max: 2,
    doc: 'A new array with the element at a position replaced.',
    run: (message, self, i, v) => {
      const at = indexOf(i, self.length);
      chargeElements(message, self.length);
      return self.measured === undefined ? self.with(at, v) : replaceMeasured(self, at, v);
    },
  },
  { name: 'push', min: 1, max: 1, doc: 'A new array with the value at the end.', run: push },
  { name: 'add', min: 1, max: 1, doc: 'A new array with the value at the end.', run: push },
  {
    name: 'prepend',
    min: 1,
    max: 1,
    doc: 'A new array with the value at the start.',
    run: (message, self, v) => splice(message, self, 0, 0, [v]),
  },
  {
    name: 'insert',
    min: 2,
    max: 2,
    doc: 'A new array with the value before a position.',
    run: (message, self, i, v) => splice(message, self, indexOf(i, self.length + 1), 0, [v]),
  },
  {
    name: 'remove_at',
    min: 1,
    max: 1,
    doc: 'A new array without the element at a position.',
    run: (message, self, i) => splice(message, self, indexOf(i, self.length), 1, []),
  },
  append('append'),
  append('concat'),
  {
    name: 'remove',
    min: 1,
    max: 1,
    doc: 'A new array without the first element equal to the value.',
    run: (message, self, v) => {
      const at = firstEqual(message, self, v);
      return at < 0 ? self : splice(message, self, at, 1, []);
    },
  },
  {
    name: 'replace',
    min: 2,
    max: 2,
    doc: 'A new array with the first element equal to the first value replaced by the second.',
    run: (message, self, old, v) => {
      const at = firstEqual(message, self, old);
      return at < 0 ? self : splice(message, self, at, 1, [v]);
    },
  },
  {
    name: 'first',
    min: 0,
    max: 0,
    doc: 'The first element, nil if there is none.',
    run: (_, self) => (self.length > 0 ? self.items[0]! : null),
  },
  {
    name: 'last',
    min: 0,
    max: 0,
    doc: 'The last element, nil if there is none.',
    run: (_, self) => (self.length > 0 ? self.items[self.length - 1]! : null),
  },
  {
    name: 'drop_first',
    min: 0,
    max: 0,
    doc: 'A new array without the first element.',
    run: (message, self) => (self.length === 0 ? self : splice(message, self, 0, 1, [])),
  },
  {
    name: 'drop_last',
    min: 0,
    max: 0,
    doc: 'A new array without the last element.',
    run: (_, self) => self.dropLast(),
  },
  {
    name: 'slice',
    min: 1,
    max: 2,
    doc: 'The elements from a position up to, but not including, another.',
    run: (message, self, from, to, count) => {
      const start = limited(from, self.length);
      const end = count < 2 ? self.length : limited(to, self.length);
      if (start >= end) return EMPTY_ARRAY;
      chargeSteps(message, end - start);
      return new ArrayValue(self.items.slice(start, end));
    },
  },
  {
    name: 'reverse',
    min: 0,
    max: 0,
    doc: 'A new array in the opposite order.',
    run: (message, self) => {
      chargeSteps(message, self.length);
      return new ArrayValue(self.toArray().reverse());
    },
  },
  {
    name: 'join',
    min: 1,
    max: 1,
    doc: 'The elements as one string, with a text between them.',
    run: (message, self, separator) => join(message, self, asString('join', separator)),
  },
  {
    name: 'includes',
    min: 1,
    max: 1,
    doc: 'Is there an equal element?',
    run: (message, self, v) => firstEqual(message, self, v) >= 0,
  },
  {
    name: 'index_of',
    min: 1,
    max: 1,
    doc: 'The position of the first equal element, or nil.',
    run: (message, self, v) => {
      const at = firstEqual(message, self, v);
      return at < 0 ? null : at;
    },
  },
  {
    name: 'pop',
    min: 0,
    max: Infinity,
    doc: 'Does not exist: values do not change.',
    run: () => {
      throw new RuntimeFailure("array has no method 'pop': values do not change; use last() and drop_last()");
    },
  },
];
