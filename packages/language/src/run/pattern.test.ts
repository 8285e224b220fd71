import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePattern } from './pattern.ts';

describe('patterns', () => {
  for (const [pattern, yes, no] of [
    ['^[a-z]+$', 'abc', 'aBc'],
    ['b', 'abc', 'xyz'],
    ['^(ab|c)*$', 'abcab', 'aab'],
    ['^\\d{2,3}$', '123', '1'],
    ['^a?b+?c*$', 'bbc', 'aab'],
    ['^[^\\s-]+-\\w$', 'x-1', 'x y-1'],
    ['\\bcat\\b', 'a cat!', 'concat'],
    ['^.$', '😀', 'ab'],
    ['^(?:x{0}y|)$', 'y', 'xy'],
    ['^[\\]a\\-z]+$', ']-z', 'b'],
    ['^\\x41\\u0042\\.$', 'AB.', 'ABC'],
  ] as const) {
    it(`${pattern} matches ${yes} and not ${no}`, () => {
      const { matches } = compilePattern(pattern);
      assert.deepEqual([matches(yes), matches(no)], [true, false]);
    });
  }

  it('take linear time where backtracking would not end', () => {
    assert.equal(compilePattern('^(a+)+$').matches(`${'a'.repeat(20_000)}b`), false);
    assert.equal(compilePattern('^(a|a)*(a|a)*$').matches(`${'a'.repeat(20_000)}b`), false);
  });

  for (const pattern of ['(', ')', '[a', '*', 'a{3,1}', '(?=a)', '\\1', '\\q', '[b-a]', 'a{9999}{9999}']) {
    it(`refuses ${pattern}`, () => assert.throws(() => compilePattern(pattern), { name: 'RuntimeFailure' }));
  }
});
