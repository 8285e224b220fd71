import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtins } from '../run/builtins/table.ts';
import { loadProgram } from '../syntax/load.ts';
import { checkProgram } from './check.ts';

/** Checks a program in which `<|…|>` marks where the finding belongs. */
function check(marked: string) {
  const start = marked.indexOf('<|');
  const text = marked.replace('<|', '').replace('|>', '');
  const program = loadProgram('main.rl', () => text);
  assert.deepEqual(program.diagnostics, []);
  const { diagnostics } = checkProgram(program, builtins);
  return { diagnostics, place: { start, end: marked.indexOf('|>') - 2 } };
}

const USER = 'struct User { name: string, age: optional(number) } ';
const server = (body: string): string =>
  `server s { state { items: [User], n: number = 0 } receive fn m(a, b: number) { ${body} } } ${USER}`;

describe('the checker', () => {
  for (const { why, text, code, hint } of [
    {
      why: 'an undefined variable',
      text: 'set posts = 1\n<|pots|>',
      code: 'RL2001',
      hint: "did you mean 'posts'?",
    },
    { why: 'an undefined function', text: '<|prnt|>(1)', code: 'RL2001', hint: "did you mean 'print'?" },
    {
      why: 'a variable used before it is set',
      text: 'if 1 { print(<|a|>) }\nset a = 1',
      code: 'RL2001',
      hint: 'it is set only further down',
    },
    {
      why: 'a function called before it is defined',
      text: '<|main|>()\nfn main() { 1 }',
      code: 'RL2001',
      hint: 'it is defined only further down',
    },
    {
      why: 'a variable used in its own first value',
      text: 'fn f() { set a = <|a|> + 1\na }',
      code: 'RL2001',
      hint: undefined,
    },
    { why: 'a name of an inner scope', text: '{ set a = 1\na }\n<|a|>', code: 'RL2001', hint: undefined },
    {
      why: 'a loop variable after its loop',
      text: 'for x in [1] { }\n<|x|>',
      code: 'RL2001',
      hint: undefined,
    },
    {
      why: 'state outside of a server',
      text: '<|state|>.n',
      code: 'RL2001',
      hint: 'state exists inside receive functions',
    },
    {
      why: 'a field without state',
      text: server('<|items|>.length'),
      code: 'RL2001',
      hint: 'state is read with state.items',
    },
    {
      why: 'an undefined struct',
      text: `${USER} <|Usr|>{name: "a"}`,
      code: 'RL2002',
      hint: "did you mean 'User'?",
    },
    { why: 'an undefined protocol', text: 'server s implements <|P|> { }', code: 'RL2002', hint: undefined },
    {
      why: 'an unknown type',
      text: 'fn f(a: <|strng|>) { a }',
      code: 'RL2002',
      hint: "did you mean 'string'?",
    },
    { why: 'a shadowing parameter', text: 'fn f(a) { fn(<|a|>) { a } }', code: 'RL2003', hint: undefined },
    {
      why: 'a read of undeclared state',
      text: server('state.<|item|>'),
      code: 'RL2004',
      hint: "did you mean 'items'?",
    },
    { why: 'too few arguments', text: 'fn f(a) { a }\n<|f()|>', code: 'RL3001', hint: undefined },
    {
      why: 'too many for a variable with a lambda',
      text: 'set f = fn(a) { a }\n<|f(1, 2)|>',
      code: 'RL3001',
      hint: undefined,
    },
    { why: 'a wrong number for a built-in', text: '<|len(1, 2)|>', code: 'RL3001', hint: undefined },
    { why: 'a wrong number for a method', text: '<|"a".split()|>', code: 'RL3001', hint: undefined },
    {
      why: 'too many for a receive function',
      text: server('<|m(1, 2, 3)|>'),
      code: 'RL3001',
      hint: undefined,
    },
    {
      why: 'an unknown method of a literal',
      text: '"a".<|uper|>()',
      code: 'RL3002',
      hint: "did you mean 'upper'?",
    },
    {
      why: 'an unknown method of a declared field',
      text: server('state.items.<|psh|>(1)'),
      code: 'RL3002',
      hint: "did you mean 'push'?",
    },
    {
      why: 'an unknown method of an element',
      text: server('state.items.map(fn(u) { u.name.<|trm|>() })'),
      code: 'RL3002',
      hint: "did you mean 'trim'?",
    },
    { why: 'pop', text: 'fn f(xs) { xs.<|pop|>() }', code: 'RL3003', hint: undefined },
    {
      why: 'an unknown field in a literal',
      text: `${USER} User{name: "a", <|agee|>: 1}`,
      code: 'RL3004',
      hint: "did you mean 'age'?",
    },
    {
      why: 'an unknown field of a loop variable',
      text: server('for u in state.items { u.<|nam|> }'),
      code: 'RL3004',
      hint: "did you mean 'name'?",
    },
    { why: 'a missing field', text: `${USER} <|User|>{age: 1}`, code: 'RL3005', hint: undefined },
    { why: 'a field that cannot fit', text: `${USER} User{name: <|1|>}`, code: 'RL3006', hint: undefined },
    {
      why: 'an annotation that cannot fit',
      text: 'set a: number = <|"1"|>',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a text below its limit',
      text: 'struct T { a: string.min(1) }\nT{a: <|""|>}',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a number beyond its limit',
      text: 'struct T { a: number.min(0) }\nT{a: <|-1|>}',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a text that is no address',
      text: 'struct T { a: optional(string.email()) }\nT{a: <|"x"|>}',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'an element beyond its limit',
      text: 'struct T { a: [string.max(1)] }\nT{a: ["a", <|"bb"|>]}',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a text that is no datetime',
      text: 'set a: datetime = <|"soon"|>',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a pattern that cannot be read',
      text: 'struct T { a: string.<|regex("(")|> }',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a result of another type',
      text: 'fn f(a) -> number { if a { return <|"x"|> }\n1 }',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a result of a receive function',
      text: 'server s { receive fn m() -> [string] { <|1|> } }',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a result inferred from another function',
      text: 'fn f() { "x" }\nset n: number = <|f()|>',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a reply of another server',
      text: 'server a { receive fn m() { "x" } }\nset n: number = <|send "a" m {}|>',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a result its protocol does not promise',
      text: 'protocol P { m() -> number } server s implements P { receive fn m() -> <|string|> { "" } }',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'an undeclared result its protocol does not promise',
      text: 'protocol P { m() -> number } server s implements P { receive fn m() { <|""|> } }',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a config value of another type',
      text: 'config { port: <|"80"|> }',
      code: 'RL3006',
      hint: undefined,
    },
    {
      why: 'a config value nobody knows',
      text: 'config { persistence: { sync: <|"ful"|> } }',
      code: 'RL3006',
      hint: "did you mean 'full'?",
    },
    {
      why: 'a config text that is no duration',
      text: 'config { timeout: <|"soon"|> }',
      code: 'RL3006',
      hint: undefined,
    },
    { why: 'a config group that is none', text: 'config { limits: <|5|> }', code: 'RL3006', hint: undefined },
    {
      why: 'an unknown key of limits',
      text: 'config { limits: { <|stps|>: 5 } }',
      code: 'RL5004',
      hint: "did you mean 'steps'?",
    },
    {
      why: 'a pattern of another kind',
      text: 'dispatch 1 + 1 { <|"2"|>: 1, 2: 2, nil: 3 }',
      code: 'RL5003',
      hint: undefined,
    },
    {
      why: 'undeclared state that is set',
      text: server('state.set(<|"itms"|>, 1)'),
      code: 'RL3007',
      hint: "did you mean 'items'?",
    },
    {
      why: 'an unknown method of a server',
      text: `${server('1')} send "s" <|mm|> {}`,
      code: 'RL3008',
      hint: "did you mean 'm'?",
    },
    {
      why: 'an unknown argument',
      text: `${server('1')} send "s" m {<|c|>: 1}`,
      code: 'RL3008',
      hint: 'it has a, b',
    },
    {
      why: 'a missing method of a protocol',
      text: 'protocol P { a() } server s implements <|P|> { }',
      code: 'RL4001',
      hint: undefined,
    },
    {
      why: 'a method with other parameters',
      text: 'protocol P { a(x) } server s implements P { receive fn <|a|>() { } }',
      code: 'RL4001',
      hint: undefined,
    },
    {
      why: 'a template without a function',
      text: 'template "a.html" from <|a|>()',
      code: 'RL4002',
      hint: undefined,
    },
    {
      why: 'a template that writes',
      text: `server s { state { n: any } receive fn w() { state.set("n", 1) } } template "a.html" from <|w|>()`,
      code: 'RL4002',
      hint: undefined,
    },
    {
      why: 'a struct defined twice',
      text: 'struct A { a: any } struct <|A|> { a: any }',
      code: 'RL4003',
      hint: undefined,
    },
    {
      why: 'an unused change of a variable',
      text: 'set xs = []\n<|xs.push(1)|>\nxs',
      code: 'RL5001',
      hint: 'write set xs = xs.push(1)',
    },
    {
      why: 'an unused change of state',
      text: server('<|state.items.push(1)|>\n1'),
      code: 'RL5001',
      hint: 'write state.set("items", state.items.push(1))',
    },
    {
      why: 'an unused result at the end of a loop',
      text: 'set xs = []\nfor x in [1] { <|xs.push(x)|> }',
      code: 'RL5001',
      hint: 'write set xs = xs.push(x)',
    },
    {
      why: 'an unused result at the end of a discarded if',
      text: 'set xs = []\nif 1 { <|xs.push(1)|> }\nxs',
      code: 'RL5001',
      hint: 'write set xs = xs.push(1)',
    },
    { why: 'code after return', text: 'fn f() { return 1\n<|2|> }', code: 'RL5002', hint: undefined },
    {
      why: 'code after throw at the top level',
      text: 'throw 1\n<|print(2)|>',
      code: 'RL5002',
      hint: undefined,
    },
    { why: 'a repeated key', text: '[{a: 1, <|a|>: 2}]', code: 'RL5003', hint: undefined },
    { why: 'a repeated pattern', text: 'dispatch 1 { 0: 1, <|-0|>: 2 }', code: 'RL5003', hint: undefined },
    {
      why: 'an unknown config key',
      text: 'config { templates: { <|template_dr|>: "a" } }',
      code: 'RL5004',
      hint: "did you mean 'template_dir'?",
    },
  ]) {
    it(`finds ${why}`, () => {
      const { diagnostics, place } = check(text);
      assert.deepEqual(
        diagnostics.map((one) => one.code),
        [code],
      );
      const [found] = diagnostics;
      assert.deepEqual({ start: found?.span.start, end: found?.span.end }, place);
      if (hint !== undefined) assert.equal(found?.hint, hint);
    });
  }

  for (const { why, text } of [
    { why: 'mutual recursion', text: 'fn a() { b() } fn b() { a() }' },
    { why: 'names set in branches', text: 'if 1 { set a = 1 }\na' },
    {
      why: 'names set in an earlier round of a loop',
      text: 'set i = 0\nwhile i < 2 { if i == 1 { print(a) }\nset a = i\nset i = i + 1 }',
    },
    { why: 'names used in functions that run later', text: 'fn f() { a }\nset a = 1\nf()' },
    { why: 'a built-in before it is shadowed', text: 'print(len("a"))\nset len = 1' },
    {
      why: 'a captured variable that is set again',
      text: 'fn f() { set a = 1\nfn() { print(a)\nset a = 2 } }',
    },
    {
      why: 'a branch set before another',
      text: 'if 1 { set a = 1 } else { print(2) }\nif 1 { a } else { set a = 2 }',
    },
    { why: 'a result that may be nil', text: 'fn f(a) -> number { if a { 1 } }' },
    {
      why: 'values within their limits',
      text: 'struct T { a: string.min(1).regex("a+"), b: optional(number.max(3)) }\nT{a: "aa", b: nil}',
    },
    {
      why: 'all settings of a node',
      text: 'config { relay: "ws://a", limits: { body: 1, time: "5s" }, http: { headers: { "X-A": "b" } }, load_balancing: { services: { a: { strategy: "sticky", weight: 1 } } } }',
    },
    { why: 'patterns for what may be nil', text: 'fn f(a: number) { dispatch a { nil: 0, 1: 1 } }' },
    { why: 'closures that write what they captured', text: 'fn f() { set n = 0\nfn() { set n = n + 1 } }' },
    { why: 'direct calls with fewer arguments', text: server('m(1)') },
    {
      why: 'a whole object as the one argument',
      text: 'server s { receive fn m(o) { o } } send "s" m {a: 1}',
    },
    { why: 'a field that holds a function', text: 'set o = {f: fn() { 1 }}\no.f()' },
    { why: 'an optional field left out', text: `${USER} User{name: "a"}` },
    { why: 'nil for state', text: server('state.set("n", nil)') },
    { why: 'a datetime given as text', text: 'set a: datetime = "2024-01-02T03:04:05"' },
    { why: 'a variable of several kinds', text: 'set a = "x"\nset a = 1\na.abs()' },
    { why: 'the last value of a body', text: 'fn f(xs) { if xs { xs.push(1) } else { xs } }' },
    { why: 'servers of other programs', text: 'send "other" anything {a: 1}' },
  ]) {
    it(`accepts ${why}`, () => assert.deepEqual(check(text).diagnostics, []));
  }

  it('says nothing about names while an import is missing', () => {
    const program = loadProgram('main.rl', (path) =>
      path === 'main.rl' ? 'import "lib.rl"\nhelp(T{a: 1})' : undefined,
    );
    assert.deepEqual(checkProgram(program, builtins).diagnostics, []);
    assert.deepEqual(
      checkProgram({ ...program, diagnostics: [] }, builtins).diagnostics.map(({ code }) => code),
      ['RL2001', 'RL2002'],
    );
  });

  it('survives a long row of variables set from one another', () => {
    const lines = Array.from({ length: 20_000 }, (_, at) => `set a${at + 1} = a${at}`);
    // In a loop, so that the next round may see what this one sets.
    const { diagnostics } = check(`while 1 {\nset a0 = 1\n${lines.toReversed().join('\n')}\na20000.abs()\n}`);
    // Not deepEqual: showing thousands of differences would take all memory.
    assert.equal(diagnostics.filter(({ code }) => code !== 'RL5001').length, 0);
  });
});
