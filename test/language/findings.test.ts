// What the checker says about programs that are right, or wrong in a known way. A finding that is not listed is a false alarm, and a
// false alarm is worse than a mistake that is missed.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { builtins, checkProgram, loadProgram } from '@relay/language';

const ROOT = new URL('../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, ROOT), 'utf8');

function codes(files: Readonly<Record<string, string>>): string {
  const [main = ''] = Object.keys(files);
  const program = loadProgram(main, (name) => files[name]);
  return [...program.diagnostics, ...checkProgram(program, builtins).diagnostics]
    .map(({ code }) => code)
    .join(' ');
}

/** Rows of the conformance table that are about mistakes, or leave out what is of no matter to them. */
const EXPECTED: Readonly<Record<number, string>> = {
  19: 'RL2001',
  101: 'RL2001',
  130: 'RL2001',
  131: 'RL2001',
  140: 'RL2001',
  146: 'RL3001',
  148: 'RL2001',
  170: 'RL2001',
  187: 'RL3001',
  188: 'RL5001',
  194: 'RL5001',
  196: 'RL3003',
  197: 'RL5001 RL3003',
  199: 'RL3003',
  217: 'RL3002',
  218: 'RL5001',
  220: 'RL3002',
  221: 'RL3002',
  244: 'RL3002',
  251: 'RL3004',
  253: 'RL2002',
  262: 'RL2002 RL2002',
  266: 'RL2002',
  268: 'RL2002 RL2002 RL2002',
  274: 'RL2004',
  277: 'RL3007 RL2004',
  283: 'RL2001',
  290: 'RL4003',
  292: 'RL2002 RL2002',
  293: 'RL2002 RL2002 RL2004',
  295: 'RL4002',
  296: 'RL4002',
  298: 'RL2001',
  299: 'RL2001 RL2001',
  313: 'RL4001',
  323: 'RL3006',
  355: 'RL5002',
  367: 'RL2001',
  374: 'RL3008 RL3006',
  386: 'RL3008',
  388: 'RL3001',
  389: 'RL3006',
  392: 'RL3006',
  412: 'RL5003',
  428: 'RL4001',
};

describe('the conformance programs', () => {
  const rows = JSON.parse(read('test/conformance/language.json')) as readonly {
    readonly id: number;
    readonly program: string;
    readonly expect: { readonly syntaxError?: true };
  }[];
  for (const { id, program, expect } of rows) {
    if (expect.syntaxError === true) continue;
    it(`row ${id}`, () => assert.equal(codes({ 'main.rl': program }), EXPECTED[id] ?? ''));
  }
});

/** Mistakes that a page shows because they are mistakes. */
const SHOWN: Readonly<Record<string, readonly string[]>> = { 'docs/language.md': ['RL3006', 'RL5002'] };

describe('the programs of the documentation', () => {
  // docs/diagnostics.md shows one mistake after the other, and has a test of its own.
  for (const name of [
    ...globSync('docs/**/*.md', { cwd: ROOT }).filter((one) => !one.endsWith('diagnostics.md')),
    'README.md',
  ]) {
    [...read(name).matchAll(/```(?:relay|rl)\n([\s\S]*?)```/g)].forEach(([, text = ''], at) => {
      it(`${name}, program ${at + 1}`, () => {
        const found = codes({ 'main.rl': text })
          .split(' ')
          .filter((code) => code !== '');
        assert.deepEqual(
          found.filter((code) => !SHOWN[name]?.includes(code)),
          [],
        );
      });
    });
  }
});

describe('programs that are right', () => {
  for (const { why, text } of [
    { why: 'a stack made of closures with its own pop', text: 'set stack = {pop: fn() { 1 }}\nstack.pop()' },
    { why: 'a variable that changes its kind', text: 'set v = [1]\nset v = v.join("-")\nv.upper()' },
    { why: 'a variable that is nil at first', text: 'set v = nil\nif true { set v = "a" }\nv.upper()' },
    { why: 'a result of several kinds', text: 'fn f(a) { if a { "x" } else { 1 } }\nf(1).upper()' },
    { why: 'a result that may be nil', text: 'fn f(a) { if a { "x" } }\nf(1).upper()' },
    {
      why: 'a recursive function of any kind',
      text: 'fn f(a) { if a { f(a - 1) } else { "x" } }\nf(2).upper()',
    },
    {
      why: 'an empty array that is filled',
      text: 'set xs = []\nfor c in "ab" { set xs = xs.push(c) }\nxs.first().upper()',
    },
    { why: 'a mixed array', text: 'set xs = [1, "a"]\nxs[1].upper()' },
    { why: 'an object of several kinds', text: 'set o = {a: 1, b: "x"}\no.b.upper() + string(o.a.abs())' },
    { why: 'a new field of another kind', text: 'set o = {a: 1}.set("b", "x")\no.b.upper()' },
    { why: 'a merged object', text: 'set o = {a: 1}.merge({b: "x"})\no.b.upper()' },
    { why: 'a caught value of any kind', text: 'try { throw "x" } catch e { e.upper() }' },
    {
      why: 'a dispatch with functions',
      text: 'set f = fn(v) { "x" }\nset r = dispatch 1 { 1: f, :default: 2 }\nr.upper()',
    },
    { why: 'a block that returns', text: 'set r = { if 1 { return "a" }\nreturn "b" }\nr.upper()' },
    {
      why: 'a reply of a server defined twice',
      text: 'server s { receive fn m() { 1 } }\nset r = send "t" m {}\nr.upper()',
    },
    { why: 'a parameter that is set again', text: 'fn f(a: number) { set b = a ?? 1\nb + 1 }\nf(1)' },
    {
      why: 'a default for a missing argument',
      text: 'server s { receive fn m(a: string) { set b = a ?? "x"\nb.upper() } }\nsend "s" m {}',
    },
    { why: 'a field that shadows a method', text: 'set o = {nope: fn() { 1 }}\no.nope()' },
    { why: 'numbers joined to text', text: 'fn f(n: number) -> string { "n" + string(n) }\nf(1)' },
    {
      why: 'datetimes moved and compared',
      text: 'set d = now() - 60\n(now() - d) > 1 && d.format("YYYY") == "2024"',
    },
    {
      why: 'a struct from a map',
      text: 'struct A { n: number }\nserver s { state { m: {string: A} = {} } receive fn g(k) -> A { state.m.get(k) } }\nsend "s" g {k: "x"}',
    },
    {
      why: 'an object where a struct is asked for',
      text: 'struct A { n: number }\nserver s { receive fn g() -> A { {n: 1} } }\nsend "s" g {}',
    },
    {
      why: 'state of any kind',
      text: 'server s { state { v: any = 1 } receive fn m() -> string { state.v } }\nsend "s" m {}',
    },
    { why: 'a throwing branch', text: 'fn f(a) -> number { if a { throw "x" } else { 1 } }\nf(0)' },
    { why: 'a loop at the end', text: 'fn f() -> number { for x in [1] { return x } }\nf()' },
  ]) {
    it(why, () => assert.equal(codes({ 'main.rl': text }), ''));
  }
});
