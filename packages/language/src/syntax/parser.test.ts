import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFile } from './parser.ts';

function parse(text: string) {
  return parseFile({ name: 'test.rl', text }, 0);
}

/** The tree as brackets: kind, then what is in it. */
function outline(value: unknown): string {
  if (Array.isArray(value)) return value.map(outline).filter(Boolean).join(' ');
  if (typeof value !== 'object' || value === null) return '';
  const { kind, span: _, validators: __, ...rest } = value as Record<string, unknown>;
  if (kind === 'literal') {
    const literal = rest['literal'] as { kind: string; value?: unknown };
    return literal.kind === 'nil' ? 'nil' : JSON.stringify(literal.value);
  }
  if (kind === 'name') return String(rest['name']);
  const operator = typeof rest['operator'] === 'string' ? rest['operator'] : kind;
  const parts = Object.values(rest)
    .map((part) =>
      typeof part === 'object' && part !== null && 'text' in part ? String(part.text) : outline(part),
    )
    .filter(Boolean);
  return operator === undefined ? parts.join(' ') : `(${[operator, ...parts].join(' ')})`;
}

const outlineOf = (text: string): string => {
  const { items, diagnostics } = parse(text);
  assert.deepEqual(diagnostics, []);
  return items.map(outline).join('; ');
};

describe('the parser', () => {
  for (const { why, text, tree } of [
    { why: 'products before sums', text: '1 + 2 * 3', tree: '(+ 1 (* 2 3))' },
    { why: 'operators grouped to the left', text: '1 - 2 - 3', tree: '(- (- 1 2) 3)' },
    { why: '?? as the loosest operator', text: 'a ?? b || c && d', tree: '(?? a (|| b (&& c d)))' },
    { why: 'a prefix outside of a call', text: '-2.abs()', tree: '(- (method 2 abs))' },
    { why: 'a method on a whole number', text: '5.toString()', tree: '(method 5 toString)' },
    { why: 'fractions without a leading digit', text: '.5', tree: '0.5' },
    { why: 'symbols as text', text: '[:a, :if]', tree: '(array "a" "if")' },
    { why: 'a key directly followed by a name', text: 'set x = {a:b}', tree: '(set x (object a b))' },
    { why: 'a symbol as key', text: '({:a: 1})', tree: '(object :a 1)'.replace(':a', 'a') },
    { why: 'empty braces as an object', text: '{}', tree: '(object)' },
    { why: 'braces without a key as a block', text: '{ a }', tree: '(block a)' },
    { why: 'a line with a minus as a new expression', text: 'a\n-b', tree: 'a; (- b)' },
    { why: 'a minus that goes on inside brackets', text: '(a\n-b)', tree: '(- a b)' },
    { why: 'a line with a bracket as a new expression', text: 'a\n[1]\n(2)', tree: 'a; (array 1); 2' },
    { why: 'a chain over lines', text: 'a\n  .b()\n  .c', tree: '(member (method a b) c)' },
    { why: 'an operator that begins a line', text: 'a\n&& b', tree: '(&& a b)' },
    { why: 'an else on its own line', text: 'if a { 1 }\nelse { 2 }', tree: '(if a 1 2)' },
    { why: 'a name before a body', text: 'if a { b }', tree: '(if a b)' },
    {
      why: 'a struct literal inside brackets of a head',
      text: 'if (A {b: 1}) { c }',
      tree: '(if (struct A b 1) c)',
    },
    { why: 'a body that yields an object', text: 'fn f() { {} }', tree: '(function f (object))' },
    { why: 'an empty body', text: 'fn f() { }', tree: '(function f)' },
    {
      why: 'return without a value before a line break',
      text: 'fn f() { return\n1 }',
      tree: '(function f (return) 1)',
    },
    { why: 'items after a closing brace', text: 'if a { } b', tree: '(if a); b' },
    { why: 'items that begin with a keyword', text: '1 set b = 2', tree: '1; (set b 2)' },
    { why: 'lambdas called at once', text: 'fn(a) { a }(1)', tree: '(call (function a a) 1)' },
    { why: 'send by name', text: 'send "s" get { a: 1 }', tree: '(send get a 1)' },
    { why: 'send as a call', text: 'send("s", "get")', tree: '(call send "s" "get")' },
    {
      why: 'a dispatch with all kinds of patterns',
      text: 'dispatch x { -1: a, "b": c, nil: d, :default: e, }',
      tree: '(dispatch x (number) a (string) c (nil) d (default) e)',
    },
    { why: 'a loop with a keyword-named key', text: 'for x in a.in { x }', tree: '(for x (member a in) x)' },
    { why: 'a comment with a break as a break', text: 'a /* \n */ -b', tree: 'a; (- b)' },
    { why: 'an empty file', text: '\uFEFF// nothing\n', tree: '' },
  ]) {
    it(`reads ${why}`, () => assert.equal(outlineOf(text), tree));
  }

  it('reads escapes', () => {
    assert.equal(outlineOf(String.raw`"\x41\101\u0042\U0001F600\"\n"`), JSON.stringify('AAB😀"\n'));
  });

  it('reads datetimes to the millisecond', () => {
    const expected = String(Date.UTC(2024, 1, 29, 3, 4, 5, 120));
    assert.equal(outlineOf('2024-02-29T03:04:05.12Z'), expected);
  });

  it('keeps the comment directly above a receive function', () => {
    const { items } = parse(
      '// Not this.\n\n// One.\n// Two.\nserver s {\n  /* Three. */\n  receive fn a() { } // no\n  receive fn b() { }\n}',
    );
    const [server] = items;
    assert.ok(server?.kind === 'server');
    assert.equal(server.doc, 'One.\nTwo.');
    assert.deepEqual(
      server.receives.map((receive) => receive.doc),
      ['Three.', undefined],
    );
  });

  for (const { why, text, code, hint } of [
    { why: 'a stray character', text: 'set a = 1 @', code: 'RL1001', hint: undefined },
    { why: 'a string without end', text: 'set a = "abc', code: 'RL1002', hint: undefined },
    { why: 'an unknown escape', text: String.raw`"\q"`, code: 'RL1003', hint: undefined },
    { why: 'a surrogate', text: String.raw`"\ud800"`, code: 'RL1003', hint: undefined },
    { why: 'a comment without end', text: '1 /* 2', code: 'RL1004', hint: undefined },
    { why: 'a letter after a number', text: '1_000', code: 'RL1005', hint: undefined },
    { why: 'a number out of range', text: '1e999', code: 'RL1005', hint: undefined },
    { why: 'an impossible date', text: '2023-02-29T00:00:00', code: 'RL1006', hint: undefined },
    { why: 'a missing operand', text: 'set a = 1 +', code: 'RL1010', hint: undefined },
    {
      why: 'a form as operand',
      text: '1 + if a { 2 }',
      code: 'RL1010',
      hint: "put the 'if' form in parentheses",
    },
    { why: 'a semicolon in brackets', text: '[1; 2]', code: 'RL1010', hint: undefined },
    { why: 'a break before the = of set', text: 'set a\n= 1', code: 'RL1010', hint: undefined },
    {
      why: 'an unknown validator',
      text: 'struct A { b: string.odd() }',
      code: 'RL1010',
      hint: 'there are min, max, email, url, regex',
    },
    {
      why: 'a field called _type',
      text: 'struct A { _type: string }',
      code: 'RL1010',
      hint: 'JSON texts use it for the struct name',
    },
    {
      why: 'a missing separator',
      text: '1 2',
      code: 'RL1011',
      hint: "start a new line, or put ';' between them",
    },
    { why: 'a call on the next line in brackets', text: '[a\n(b)]', code: 'RL1011', hint: undefined },
    { why: 'an open bracket', text: 'set a = (1', code: 'RL1012', hint: undefined },
    { why: 'a keyword as a name', text: 'set if = 1', code: 'RL1013', hint: undefined },
    {
      why: 'an object as a body',
      text: 'if a { k: 1 }',
      code: 'RL1014',
      hint: 'double the braces: { {k: 1} } yields an object',
    },
    {
      why: 'a declaration in a function',
      text: 'fn f() { struct A { b: any } }',
      code: 'RL1015',
      hint: undefined,
    },
    { why: 'two parameters of one name', text: 'fn f(a, a) { }', code: 'RL1016', hint: undefined },
    {
      why: 'two fields of one name',
      text: 'server s { state { a: any } state { a: any } }',
      code: 'RL1016',
      hint: undefined,
    },
    {
      why: 'the old receive form',
      text: 'server s { receive m {a: number} -> any { a } }',
      code: 'RL1020',
      hint: 'write receive fn m(a: number) -> any { … }',
    },
    { why: 'assigned state', text: 'state.x = 1', code: 'RL1021', hint: 'write state.set("x", 1)' },
    { why: 'an assigned field', text: 'o.x = f(1)', code: 'RL1021', hint: 'write set o = o.set("x", f(1))' },
    { why: 'a field after set', text: 'set o.x = 1', code: 'RL1021', hint: 'write set o = o.set("x", 1)' },
    { why: 'an assigned element', text: 'a[i] = 1', code: 'RL1021', hint: 'write set a = a.set(i, 1)' },
    { why: 'an arrow', text: 'xs.map(x => x + 1)', code: 'RL1022', hint: 'write fn(x) { x + 1 }' },
    {
      why: 'an arrow with two parameters',
      text: 'set f = (a, b) => { a }',
      code: 'RL1022',
      hint: 'write fn(a, b) { a }',
    },
    { why: 'single quotes', text: "set a = 'it'", code: 'RL1023', hint: 'write "it"' },
    { why: 'back-quotes', text: 'set a = `it`', code: 'RL1023', hint: 'write "it"' },
    { why: 'a compound assignment', text: 'x += 1', code: 'RL1024', hint: 'write set x = x + 1' },
    { why: 'a compound set', text: 'set x -= 1', code: 'RL1024', hint: 'write set x = x - 1' },
    {
      why: 'a compound assignment to state',
      text: 'state.n *= 2',
      code: 'RL1024',
      hint: 'write state.set("n", state.n * 2)',
    },
    { why: 'function', text: 'xs.map(function(x) { x })', code: 'RL1025', hint: 'write fn(…) { … }' },
    { why: 'a named func', text: 'func f(x) { x }', code: 'RL1025', hint: 'write fn(…) { … }' },
    { why: 'an assignment', text: 'x = 1', code: 'RL1026', hint: 'write set x = 1' },
    {
      why: 'a server without a name',
      text: 'server { state { a: any } }',
      code: 'RL1027',
      hint: 'write server name { … } at the top level',
    },
    {
      why: 'an assigned server',
      text: 'x = server { state { a: any } }',
      code: 'RL1027',
      hint: 'write server name { … } at the top level',
    },
    {
      why: 'a loop with two variables',
      text: 'for i, x in xs { }',
      code: 'RL1028',
      hint: 'write for x in …, or map with fn(x, i) { … }',
    },
    { why: 'a spread', text: '[a, ...b]', code: 'RL1029', hint: 'use concat, merge or push' },
    { why: 'unpacking', text: 'set {a, b} = e', code: 'RL1029', hint: 'set each variable by itself' },
  ]) {
    it(`reports ${why}`, () => {
      const { diagnostics } = parse(text);
      assert.deepEqual(
        diagnostics.map((one) => one.code),
        [code],
      );
      if (hint !== undefined) assert.equal(diagnostics[0]?.hint, hint);
    });
  }

  it('reports every error of a file and keeps what is right', () => {
    const { items, diagnostics } = parse(
      'set a = )\nset b = 1 +\nfn f( { }\nset c = 3\nserver s { recieve fn x() { } receive fn y() { 1 } }\nset d = 4',
    );
    assert.deepEqual(
      diagnostics.map((one) => one.code),
      ['RL1010', 'RL1010', 'RL1010', 'RL1010'],
    );
    const names = items.flatMap((item) => (item.kind === 'set' ? [item.name.text] : []));
    assert.deepEqual(names, ['a', 'b', 'c', 'd']);
  });

  for (const [open, inside, close] of [
    ['(', '1', ')'],
    ['[', '', ']'],
    ['{a: ', '1', '}'],
    ['f(1 + ', '1', ')'],
    ['fn() { ', '', ' }'],
    ['if a { ', '1', ' }'],
    ['-(', '1', ')'],
  ] as const) {
    it(`reads 256 levels of ${open} and no more`, () => {
      const nested = (levels: number): string => open.repeat(levels) + inside + close.repeat(levels);
      assert.deepEqual(parse(nested(256)).diagnostics, []);
      assert.deepEqual(
        parse(nested(257)).diagnostics.map((one) => one.message),
        ['nested more than 256 levels deep'],
      );
    });
  }

  for (const { why, text } of [
    { why: 'prefixes', text: '!'.repeat(100_000) },
    { why: 'operators', text: `1${' + 1'.repeat(100_000)}` },
    { why: 'else ifs', text: 'if a { } else '.repeat(20_000) },
    { why: 'function types', text: `fn f() -> ${'fn() -> '.repeat(20_000)}` },
    { why: 'heads', text: 'for a in '.repeat(20_000) },
  ]) {
    it(`refuses endless ${why}`, () => assert.notDeepEqual(parse(text).diagnostics, []));
  }

  it('refuses a file of more than 1 MiB', () => {
    assert.equal(
      parse(`"${'é'.repeat(1024 * 512)}"`).diagnostics[0]?.message,
      'the file is larger than 1 MiB',
    );
    assert.deepEqual(parse(`"${'e'.repeat(1024 * 512)}"`).diagnostics, []);
  });
});
