// The array methods that take a function; language.md §12, Callbacks.

import { chargeSteps } from '../budget.ts';
import { compare } from '../compare.ts';
import type { Message } from '../effects.ts';
import { RuntimeFailure } from '../failure.ts';
import { ArrayValue, isTruthy, type Value } from '../value.ts';
import { callbackOf, foldEach, inCallback, visitEach } from './callback.ts';
import type { MethodRow } from './row.ts';

function map(message: Message, self: ArrayValue, callback: Value): Value | Promise<Value> {
  const f = callbackOf('map', callback, 1, self.length);
  const results: Value[] = [];
  if (f.suspends) {
    const visit = (result: Value): boolean => results.push(result) < 0;
    return visitEach(message, 'map', self, f, visit, () => new ArrayValue(results));
  }
  chargeSteps(message, self.length);
  const { items, length } = self;
  try {
    if (f.arity === 2)
      for (let at = 0; at < length; at += 1) results.push(f.run(message, items[at]!, at) as Value);
    else for (let at = 0; at < length; at += 1) results.push(f.run(message, items[at]!) as Value);
  } catch (thrown) {
    throw inCallback('map', thrown);
  }
  return new ArrayValue(results);
}

function filter(message: Message, self: ArrayValue, callback: Value): Value | Promise<Value> {
  const f = callbackOf('filter', callback, 1, self.length);
  const kept: Value[] = [];
  const visit = (result: Value, item: Value): boolean => isTruthy(result) && kept.push(item) < 0;
  return visitEach(message, 'filter', self, f, visit, () => new ArrayValue(kept));
}

function find(message: Message, self: ArrayValue, callback: Value): Value | Promise<Value> {
  let found: Value = null;
  const visit = (result: Value, item: Value): boolean => {
    if (!isTruthy(result)) return false;
    found = item;
    return true;
  };
  return visitEach(message, 'find', self, callbackOf('find', callback, 1, self.length), visit, () => found);
}

/** `any` looks for a truthy result, `all` for a falsy one. */
function search(name: 'any' | 'all', wanted: boolean) {
  return (message: Message, self: ArrayValue, callback: Value): Value | Promise<Value> => {
    let isFound = false;
    const visit = (result: Value): boolean => {
      isFound = isTruthy(result) === wanted;
      return isFound;
    };
    const f = callbackOf(name, callback, 1, self.length);
    return visitEach(message, name, self, f, visit, () => isFound === wanted);
  };
}

function reduce(
  message: Message,
  self: ArrayValue,
  callback: Value,
  initial: Value,
  count: number,
): Value | Promise<Value> {
  const f = callbackOf('reduce', callback, 2, self.length);
  if (count === 2) return foldEach(message, self, f, 0, initial);
  if (self.length === 0) throw new RuntimeFailure('reduce of empty array without initial value');
  return foldEach(message, self, f, 1, self.items[0]!);
}

function sortBy(message: Message, self: ArrayValue, callback: Value): Value | Promise<Value> {
  const f = callbackOf('sort_by', callback, 1, self.length);
  const keys: Value[] = [];
  const visit = (result: Value): boolean => keys.push(result) < 0;
  const sort = (): Value => {
    const rounds = Math.ceil(Math.log2(keys.length + 1));
    chargeSteps(message, keys.length * rounds);
    for (const key of keys) {
      if (typeof key === 'string') chargeSteps(message, (key.length >>> 6) * rounds);
      compare(keys[0]!, key);
    }
    const places = keys.map((_, at) => at);
    places.sort((a, b) => compare(keys[a]!, keys[b]!));
    return new ArrayValue(places.map((at) => self.items[at]!));
  };
  return visitEach(message, 'sort_by', self, f, visit, sort);
}

export const ARRAY_CALLBACK_METHODS: readonly MethodRow<ArrayValue>[] = [
  { name: 'map', min: 1, max: 1, doc: 'A new array of the results of a function.', run: map },
  {
    name: 'filter',
    min: 1,
    max: 1,
    doc: 'A new array of the elements for which a function is truthy.',
    run: filter,
  },
  {
    name: 'find',
    min: 1,
    max: 1,
    doc: 'The first element for which a function is truthy, or nil.',
    run: find,
  },
  { name: 'any', min: 1, max: 1, doc: 'Is a function truthy for some element?', run: search('any', true) },
  { name: 'all', min: 1, max: 1, doc: 'Is a function truthy for every element?', run: search('all', false) },
  { name: 'reduce', min: 1, max: 2, doc: 'The elements folded into one value by a function.', run: reduce },
  {
    name: 'sort_by',
    min: 1,
    max: 1,
    doc: 'A new array, ascending by the key that a function gives.',
    run: sortBy,
  },
];
