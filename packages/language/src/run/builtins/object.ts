import { chargeSteps, limitElements } from '../budget.ts';
import type { Message } from '../effects.ts';
import { RuntimeFailure } from '../failure.ts';
import { setMeasured } from '../inspect.ts';
import { ArrayValue, ObjectValue, type Value } from '../value.ts';
import { asObject, type MethodRow } from './row.ts';

function keyOf(value: Value): string {
  if (typeof value === 'string') return value;
  throw new RuntimeFailure('object key must be a string');
}

function set(message: Message, self: ObjectValue, key: Value, value: Value): ObjectValue {
  const name = keyOf(key);
  chargeSteps(message, self.setCost(name));
  const next = self.measured === undefined ? self.set(name, value) : setMeasured(self, name, value);
  limitElements(message, next.size);
  return next;
}

/** All of `base`, then what `over` has beside or instead. */
function combine(
  message: Message,
  base: ObjectValue,
  over: ObjectValue,
  isOverWinning: boolean,
): ObjectValue {
  chargeSteps(message, base.size + over.size);
  const entries = [...base.entries()];
  for (const entry of over.entries()) {
    if (isOverWinning || !base.has(entry[0])) entries.push(entry);
  }
  const next = ObjectValue.from(entries);
  limitElements(message, next.size);
  return next;
}

export const OBJECT_METHODS: readonly MethodRow<ObjectValue>[] = [
  {
    name: 'get',
    min: 1,
    max: 1,
    doc: 'The value of a key, or nil.',
    run: (_, self, key) => self.get(keyOf(key)) ?? null,
  },
  { name: 'has', min: 1, max: 1, doc: 'Is there such a key?', run: (_, self, key) => self.has(keyOf(key)) },
  {
    name: 'keys',
    min: 0,
    max: 0,
    doc: 'The keys, in order.',
    run: (message, self) => {
      chargeSteps(message, self.size);
      return new ArrayValue([...self.keys()]);
    },
  },
  {
    name: 'values',
    min: 0,
    max: 0,
    doc: 'The values, in the order of their keys.',
    run: (message, self) => {
      chargeSteps(message, self.size);
      return new ArrayValue(self.values());
    },
  },
  { name: 'length', min: 0, max: 0, doc: 'The number of keys.', run: (_, self) => self.size },
  { name: 'set', min: 2, max: 2, doc: 'A new object with a field set or added.', run: set },
  { name: 'update', min: 2, max: 2, doc: 'A new object with a field set or added.', run: set },
  {
    name: 'remove',
    min: 1,
    max: 1,
    doc: 'A new object without a field.',
    run: (message, self, key) => {
      chargeSteps(message, self.size);
      return self.remove(keyOf(key));
    },
  },
  {
    name: 'merge',
    min: 1,
    max: 1,
    doc: 'A new object with the fields of both; the argument wins.',
    run: (message, self, other) => combine(message, self, asObject('merge', other), true),
  },
  {
    name: 'defaults',
    min: 1,
    max: 1,
    doc: 'A new object with the fields of both; the receiver wins.',
    run: (message, self, other) => combine(message, self, asObject('defaults', other), false),
  },
];
