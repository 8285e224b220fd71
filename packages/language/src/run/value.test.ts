import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { display, isEqual, MAX_NESTING, measure } from './inspect.ts';
import { ArrayValue, DatetimeValue, EMPTY_ARRAY, EMPTY_OBJECT, ObjectValue, type Value } from './value.ts';

const object = (...entries: [string, Value][]): ObjectValue => ObjectValue.from(entries);

function nested(levels: number): Value {
  let value: Value = 1;
  for (let level = 0; level < levels; level += 1) value = new ArrayValue([value]);
  return value;
}

describe('arrays', () => {
  it('keep older versions as they were', () => {
    const one = EMPTY_ARRAY.push(1);
    const two = one.push(2);
    const other = one.push(3);
    assert.deepEqual(
      [one, two, other].map((array) => display(array)),
      ['[1]', '[1, 2]', '[1, 3]'],
    );
    assert.equal(display(EMPTY_ARRAY), '[]');
  });

  it('grow at the end in constant time, also while older versions are in use', () => {
    let array = EMPTY_ARRAY;
    const kept: ArrayValue[] = [];
    for (let at = 0; at < 100_000; at += 1) {
      array = array.push(at);
      if (at % 1000 === 0) kept.push(array);
    }
    assert.equal(new Set([array, ...kept].map((version) => version.items)).size, 1);
    assert.equal(kept[1]?.length, 1001);
  });

  it('let go of a long backing array when little of it is left', () => {
    let array = new ArrayValue([1, 2, 3, 4, 5, 6, 7, 8]);
    while (array.length > 1) array = array.dropLast();
    assert.ok(array.items.length < 4);
  });
});

describe('objects', () => {
  it('keep keys in order of insertion, whatever they are', () => {
    const value = object(['2', 1], ['1', 2], ['__proto__', 3]).set('2', 9);
    assert.equal(display(value), '{"2": 9, "1": 2, __proto__: 3}');
    assert.equal(object().get('__proto__'), undefined);
    assert.equal(object().has('toString'), false);
  });

  it('keep older versions as they were', () => {
    const one = EMPTY_OBJECT.set('a', 1);
    const two = one.set('b', 2);
    const other = one.set('c', 3);
    const changed = two.set('a', 7);
    const grown = changed.set('b2', 1);
    const texts = [EMPTY_OBJECT, one, two, other, changed, grown, two.remove('a')].map((value) =>
      display(value),
    );
    assert.deepEqual(texts, [
      '{}',
      '{a: 1}',
      '{a: 1, b: 2}',
      '{a: 1, c: 3}',
      '{a: 7, b: 2}',
      '{a: 7, b: 2, b2: 1}',
      '{b: 2}',
    ]);
    assert.equal(one.has('b'), false);
    assert.equal(one.get('c'), undefined);
  });
});

describe('deep equality', () => {
  for (const { why, a, b, equal } of [
    {
      why: 'objects in another order',
      a: object(['a', 1], ['b', 2]),
      b: object(['b', 2], ['a', 1]),
      equal: true,
    },
    { why: 'arrays of another length', a: new ArrayValue([1]), b: new ArrayValue([1, 2]), equal: false },
    { why: 'instants', a: new DatetimeValue(5), b: new DatetimeValue(5), equal: true },
    { why: 'kinds', a: 0, b: false, equal: false },
    { why: 'nil and a missing key', a: object(['a', null]), b: object(['b', null]), equal: false },
  ] as { why: string; a: Value; b: Value; equal: boolean }[]) {
    it(`compares ${why}`, () => assert.equal(isEqual(a, b), equal));
  }
});

describe('nesting', () => {
  it('is fine at the limit and refused beyond it', () => {
    assert.equal(display(nested(MAX_NESTING)).length, 2 * MAX_NESTING + 1);
    for (const look of [display, measure, (value: Value) => isEqual(value, nested(MAX_NESTING + 1))]) {
      assert.throws(() => look(nested(MAX_NESTING + 1)), { message: 'value nested too deeply' });
      assert.throws(() => look(nested(100_000)), { message: 'value nested too deeply' });
    }
  });
});
