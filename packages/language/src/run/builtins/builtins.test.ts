import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DirectEffects, run } from '../../compile/run-text.test.ts';
import { builtins } from './table.ts';

function rows(title: string, table: readonly (readonly [program: string, result: string])[]): void {
  describe(title, () => {
    for (const [program, result] of table) {
      it(`${program} is ${result}`, async () => assert.equal(await run(program), result));
    }
  });
}

rows('array methods', [
  ['[1, 2, 3].slice(1)', '[2, 3]'],
  ['[1, 2, 3].slice(-5, 2.9)', '[1, 2]'],
  ['[1, 2].get(2)', 'failed: array index out of bounds'],
  ['[1, 2]["0"]', 'failed: array index must be a number'],
  ['[1, 2].set(0.9, 5)', '[5, 2]'],
  ['[1, 2].insert(2, 3)', '[1, 2, 3]'],
  ['[1, 2].insert(3, 3)', 'failed: array index out of bounds'],
  ['[1, 2].prepend(0).remove_at(1)', '[0, 2]'],
  ['[1, [2]].index_of([2])', '1'],
  ['[1, 2, 1].remove(1).replace(2, 5)', '[5, 1]'],
  ['[].drop_first().drop_last().first()', 'nil'],
  ['[1, "a", nil].join("-")', '"1-a-nil"'],
  ['[1].join(2)', 'failed: join expects a string argument'],
  ['[1].concat(2)', 'failed: concat expects an array argument'],
  ['[1, 2].reduce(fn(a, x, i) { a + x * i })', '3'],
  ['[].reduce(fn(a, x) { a })', 'failed: reduce of empty array without initial value'],
  ['[2, "a"].sort_by(fn(x) { x })', 'failed: cannot compare number and string'],
  ['[1].map(5)', 'failed: map expects a function argument'],
  ['[1].push()', 'failed: push method expects 1 argument'],
  ['[1].slice(1, 2, 3)', 'failed: slice method expects 1 or 2 arguments'],
  ['[1].pop()', "failed: array has no method 'pop': values do not change; use last() and drop_last()"],
  ['[].any(fn(x) { true }) == [].all(fn(x) { false })', 'false'],
]);

rows('object and struct methods', [
  ['{a: 1}.get("b")', 'nil'],
  ['{a: 1}.get(1)', 'failed: object key must be a string'],
  ['{b: 1, a: 2}.merge({b: 3, c: 4})', '{b: 3, a: 2, c: 4}'],
  ['{b: 1}.defaults({b: 3, c: 4})', '{b: 1, c: 4}'],
  ['{a: 1}.merge(1)', 'failed: merge expects an object argument'],
  ['{length: 5}.length', '5'],
  ['{f: fn(a) { a + 1 }}.f(1)', '2'],
  ['{a: 1}.nope()', 'failed: unknown method: nope'],
  ['struct P { x: number }\nP{x: 1}.merge({x: 2}).get("y")', "failed: struct P has no field 'y'"],
  [
    'struct P { x: number }\nP{x: 1}.set("x", "a")',
    "failed: struct P field 'x': expected number, got string",
  ],
  ['struct P { x: number }\nP{x: 1}[1]', 'failed: struct field name must be a string'],
  ['struct P { x: string.regex("^a+$") }\nP{x: "aab"}', "failed: struct P field 'x': does not match ^a+$"],
]);

rows('string, number and datetime methods', [
  ['"a😀b".slice(1, 2) + "a😀b".split("")[1]', '"😀😀"'],
  ['"x$y".replace("$", "$&")', '"x$&y"'],
  ['"ab".replace("", "-")', '"-a-b-"'],
  ['"aé😀b".index_of("b")', '3'],
  ['"a".index_of(1)', 'failed: index_of expects a string argument'],
  ['"a" < "b" && "\\U0001F600" > "\\uFFFD"', 'true'],
  ['[2.5.round(), -2.5.round(), 0.1.ceil()]', '[3, -3, 1]'],
  ['1.005.to_fixed(1) + 2.to_fixed(3)', '"1.02.000"'],
  ['1.to_fixed(16)', 'failed: to_fixed expects 0 to 15 decimals'],
  ['true.abs()', "failed: method 'abs' not supported for bool"],
  ['2024-01-02T03:04:05.format("DD.MM.YYYY HH:mm:ss DD")', '"02.01.2024 03:04:05 02"'],
  ['2024-03-01T00:00:00 - 2024-02-28T00:00:00', '172800'],
  ['2024-02-28T23:59:59 + 1.5', '2024-02-29T00:00:00.500Z'],
]);

rows('functions', [
  ['[min(3, 1, 2), max([1, 5]), max("a", "b")]', '[1, 5, "b"]'],
  ['min()', 'failed: min() needs at least one value'],
  ['max(1, "a")', 'failed: cannot compare number and string'],
  ['[range(3), range(2, 4), range(2, 1)]', '[[0, 1, 2], [2, 3], []]'],
  ['range(1.5)', 'failed: range() needs whole numbers'],
  ['[number(" -1.5e1 "), number(2)]', '[-15, 2]'],
  ['number("1x")', 'failed: number() cannot read "1x"'],
  ['number(nil)', 'failed: number() not supported for type nil'],
  ['len(nil)', 'failed: len() not supported for type nil'],
  ['len(1, 2)', 'failed: len() expected 1 argument, got 2'],
  ['range()', 'failed: range() expected 1 or 2 arguments, got 0'],
  ['parse_json("[1")', 'failed: parse_json(): unexpected end of text'],
  ['parse_json("{\\"2\\": 1, \\"1\\": 2}")', '{"2": 1, "1": 2}'],
  ['json([print, {a: nil}])', '"["<function: print>",{"a":null}]"'],
  ['message(1, 2)', 'failed: first argument to message must be server name (string)'],
  ['format_date(2024-01-02T03:04:05, "YYYY")', '"2024"'],
]);

describe('print and log', () => {
  it('show strings without quotes outside of other values only', async () => {
    const effects = new DirectEffects();
    await run('print("a", ["b"], nil)\nlog("warn", "x", 1)\nlog("warn")', effects);
    assert.deepEqual(effects.lines, ['a ["b"] nil', 'warn: x 1', 'info: warn']);
  });
});

describe('the tables', () => {
  it('know every kind, and toString for each', () => {
    assert.equal(builtins.methods.size, 10);
    for (const table of builtins.methods.values()) assert.ok(table.has('toString'));
  });

  it('say what every built-in does', () => {
    for (const table of [builtins.functions, ...builtins.methods.values()]) {
      for (const [name, { doc }] of table) assert.match(doc, /^[A-Z].*[.?"]$/, name);
    }
  });
});

rows('remainders', [
  ['1 % -0', 'failed: modulo by zero'],
  ['7 % -2', '1'],
]);
