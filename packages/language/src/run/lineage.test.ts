import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fit } from './fit.ts';
import { isEqual, measure, pushMeasured, replaceMeasured, setMeasured } from './inspect.ts';
import { toJsonText } from './json.ts';
import { defineStruct, type RuntimeType, type Structs } from './type.ts';
import { ArrayValue, ObjectValue, type Value } from './value.ts';

const NUMBER: RuntimeType = { kind: 'plain', name: 'number', text: 'number', validators: [] };
const NUMBERS: RuntimeType = { kind: 'list', element: NUMBER, text: '[number]', validators: [] };
const COUNTS: RuntimeType = { kind: 'map', value: NUMBER, text: '{string: number}', validators: [] };
const NONE: Structs = new Map();

/** Counts how often an element is looked at. */
function watched(values: readonly Value[]): { readonly items: Value[]; readonly counter: { reads: number } } {
  const counter = { reads: 0 };
  const items = new Proxy([...values], {
    get: (target, key, receiver) => {
      if (typeof key === 'string' && /^[0-9]+$/.test(key)) counter.reads += 1;
      return Reflect.get(target, key, receiver);
    },
  });
  return { items, counter };
}

describe('what is known of a value from the one it was made of', () => {
  it('checks the added element of a list only, however long the list is', () => {
    const { items, counter } = watched(Array.from({ length: 1_000 }, (_, at) => at));
    const list = new ArrayValue(items);
    assert.equal(fit(list, NUMBERS, NONE).ok, true);
    counter.reads = 0;
    const longer = list.push(7);
    assert.equal(fit(longer, NUMBERS, NONE).ok, true);
    assert.ok(counter.reads <= 4, `${counter.reads} elements were looked at`);
  });

  it('finds a misfit among added and replaced elements, and names the first', () => {
    const list = new ArrayValue([1, 2, 3]);
    fit(list, NUMBERS, NONE);
    for (const [wrong, path] of [
      [list.push('x'), '[3]'],
      [list.push(4).with(1, 'x'), '[1]'],
      [list.with(2, 'x').with(0, 'y').push('z'), '[0]'],
      [list.dropLast().push('x'), '[2]'],
    ] as const) {
      const found = fit(wrong, NUMBERS, NONE);
      assert.deepEqual(found, { ok: false, reason: 'expected number, got string', path });
    }
  });

  it('finds a misfit under a key that was set again', () => {
    const counts = ObjectValue.from([
      ['a', 1],
      ['b', 2],
    ]);
    fit(counts, COUNTS, NONE);
    assert.equal(fit(counts.set('a', 3).set('c', 4), COUNTS, NONE).ok, true);
    assert.deepEqual(fit(counts.set('c', 4).set('a', 'x'), COUNTS, NONE), {
      ok: false,
      reason: 'expected number, got string',
      path: 'a',
    });
  });

  it('holds for one type only, and no longer than the structs it names', () => {
    const list = new ArrayValue([1]);
    fit(list, NUMBERS, NONE);
    const texts: RuntimeType = {
      kind: 'list',
      element: { kind: 'plain', name: 'string', text: 'string', validators: [] },
      text: '[string]',
      validators: [],
    };
    assert.equal(fit(list, texts, NONE).ok, false);

    const points: RuntimeType = {
      kind: 'list',
      element: { kind: 'named', name: 'P', text: 'P', validators: [] },
      text: '[P]',
      validators: [],
    };
    assert.equal(fit(list, points, NONE).ok, true);
    const structs: Structs = new Map([['P', defineStruct('P', [])]]);
    assert.equal(fit(list, points, structs).ok, false);
  });

  it('gives the same measure as looking at everything', () => {
    const bytes = (value: Value): number => new TextEncoder().encode(toJsonText(value)).length;
    const fresh = (value: ArrayValue | ObjectValue) => {
      value.measured = undefined;
      return measure(value);
    };
    let list = new ArrayValue(['a', 1, new ArrayValue([1])]);
    measure(list);
    list = replaceMeasured(pushMeasured(list, 'ü'), 1, 'longer');
    assert.equal(list.measured?.bytes, bytes(list));
    assert.deepEqual(list.measured, fresh(list));
    let object = ObjectValue.from([['a', 1]]);
    measure(object);
    object = setMeasured(setMeasured(object, 'b', new ArrayValue([1, 2])), 'a', 'text');
    assert.equal(object.measured?.bytes, bytes(object));
    assert.deepEqual(object.measured, fresh(object));
  });

  it('does not keep the height of what was taken away', () => {
    const list = new ArrayValue([1, new ArrayValue([new ArrayValue([])])]);
    measure(list);
    assert.equal(measure(replaceMeasured(list, 1, 2)).height, 1);
  });
});

it('versions that share their elements are equal without looking at them', () => {
  const { items, counter } = watched([1, 2, 3]);
  assert.ok(isEqual(new ArrayValue(items, 3), new ArrayValue(items, 3)));
  assert.equal(counter.reads, 0);
});
