import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { display, measure } from './inspect.ts';
import { fromJsonText, toJsonText } from './json.ts';
import { defineStruct, type RuntimeType, type Structs } from './type.ts';
import { ArrayValue, DatetimeValue, FunctionValue, ObjectValue, StructValue } from './value.ts';

const NUMBER: RuntimeType = { kind: 'plain', name: 'number', text: 'number', validators: [] };
const POINT = defineStruct('Point', [
  { name: 'x', type: NUMBER },
  { name: 'y', type: NUMBER },
]);
const structs: Structs = new Map([['Point', POINT]]);

describe('JSON texts', () => {
  for (const text of [
    'null',
    '-0.5',
    '"a\\"b\\n€😀"',
    '[]',
    '{}',
    '{"2":1,"1":[true,false,null],"__proto__":{"constructor":1}}',
    '{"_type":"Point","x":1,"y":2}',
    '{"_type":"Unknown","x":1}',
    '{"_type":"Point","x":"no"}',
  ]) {
    it(`reads and writes ${text}`, () => {
      const value = fromJsonText(text, { structs });
      assert.equal(toJsonText(value), text);
      assert.equal(measure(value).bytes, new TextEncoder().encode(text).length);
    });
  }

  it('become structs if the type is known and the fields fit', () => {
    assert.ok(fromJsonText('{"y":2,"_type":"Point","x":1}', { structs }) instanceof StructValue);
    assert.ok(fromJsonText('{"_type":"Point","x":1}', { structs }) instanceof ObjectValue);
  });

  it('keep datetimes only in the tagged form', () => {
    const value = new ArrayValue([new DatetimeValue(0)]);
    assert.equal(toJsonText(value), '["1970-01-01T00:00:00.000Z"]');
    const tagged = toJsonText(value, { tagged: true });
    assert.equal(tagged, '[{"_type":"datetime","value":"1970-01-01T00:00:00.000Z"}]');
    assert.equal(display(fromJsonText(tagged, { tagged: true })), '[1970-01-01T00:00:00.000Z]');
    assert.ok((fromJsonText(tagged) as ArrayValue).items[0] instanceof ObjectValue);
  });

  it('name functions', () => {
    assert.equal(toJsonText(new FunctionValue('f', 0, () => null)), '"<function: f>"');
  });

  it('are measured before they are written', () => {
    assert.throws(() => toJsonText('x'.repeat(100), { maxBytes: 50 }), {
      message: 'budget exceeded: value size',
    });
  });

  for (const { why, text, reason } of [
    { why: 'an open end', text: '[1,', reason: 'unexpected end of text' },
    { why: 'a stray comma', text: '[1,]', reason: 'unexpected "]" at position 3' },
    { why: 'more after the value', text: '1 2', reason: 'unexpected "2" at position 2' },
    { why: 'a leading zero', text: '01', reason: 'unexpected "1" at position 1' },
    { why: 'a raw line break in a string', text: '"a\nb"', reason: 'unexpected "\\n" at position 2' },
    { why: 'half a surrogate pair', text: '"\\ud800"', reason: 'malformed string at position 0' },
    { why: 'a number that is too large', text: '1e999', reason: 'number too large at position 0' },
    { why: 'too many levels', text: '['.repeat(257), reason: 'nested too deeply' },
  ]) {
    it(`refuses ${why}`, () => assert.throws(() => fromJsonText(text), { message: reason }));
  }
});
