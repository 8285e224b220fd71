import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KEYWORDS, SIGNS } from '../syntax/token.ts';
import { type Analysis, analyzeProgram } from './analysis.ts';
import { completionsAt } from './complete.ts';
import { definitionsAt, referencesAt } from './definition.ts';
import { hoverAt } from './hover.ts';
import { rename } from './rename.ts';
import { documentSymbols } from './symbols.ts';

/** `|` marks the place. */
function marked(text: string): {
  readonly analysis: Analysis;
  readonly offset: number;
  readonly text: string;
} {
  const offset = text.indexOf('|');
  const plain = text.slice(0, offset) + text.slice(offset + 1);
  return {
    analysis: analyzeProgram('main.rl', (path) => (path === 'main.rl' ? plain : undefined)),
    offset,
    text: plain,
  };
}

function renamed(text: string, name: string): string {
  const { analysis, offset, text: plain } = marked(text);
  const result = rename(analysis, 0, offset, name, 'main.rl', (path) =>
    path === 'main.rl' ? plain : undefined,
  );
  if (result.kind === 'refused') return result.reason;
  let changed = plain;
  for (const { start, end } of result.places.toReversed())
    changed = changed.slice(0, start) + name + changed.slice(end);
  return changed;
}

describe('hover', () => {
  for (const [why, text, code, more] of [
    ['a built-in function', 'pri|nt(1)', /^print\(…\)$/, /one line\. Takes any number of arguments/],
    ['a method of a known kind', '"a".up|per()', /^string\.upper\(…\)$/, /Takes 0 arguments/],
    ['a method of an unknown kind', 'fn f(x) { x.sli|ce(1) }', /slice\(…\)$/, /array/],
    [
      'the inferred type of a variable',
      'set names = ["a"]\nnam|es',
      /^names: \[string\]$/,
      /Global variable/,
    ],
    ['a declared type', 'fn f(a: optional(number)) { |a }', /^a: optional\(number\)$/, /Parameter/],
    [
      'a function with its comment',
      '// Adds one.\nfn more(n: number) -> number { n + 1 }\nmo|re(1)',
      /^fn more\(n: number\) -> number$/,
      /Adds one\./,
    ],
    [
      'effects',
      'server s { state { n: number }\nreceive fn add() { state.set("n", 1) } }\nsend "s" ad|d {}',
      /^receive fn add\(\)$/,
      /Effect: writes/,
    ],
    [
      'effects of calls',
      'server s { receive fn far() { send "t" m {} } }\nsend("s", "f|ar")',
      /far/,
      /Effect: calls\(writes\)/,
    ],
    ['a struct', 'struct P { a: string.min(1) }\nset p = |P{a: "x"}', /a: string\.min\(1\)/, undefined],
    [
      'a field',
      'struct P { a: string.min(1) }\nset p = P{a: "x"}\np.|a',
      /^a: string\.min\(1\)$/,
      /Field of P/,
    ],
    [
      'a field of the state',
      'server s { state { n: number }\nreceive fn f() { state.|n } }',
      /^n: number$/,
      /Field of server s/,
    ],
  ] as const) {
    it(`shows ${why}`, () => {
      const { analysis, offset } = marked(text);
      const hover = hoverAt(analysis, 0, offset);
      assert.match(hover?.code ?? 'nothing', code);
      if (more !== undefined) assert.match(hover?.text ?? '', more);
    });
  }

  it('shows nothing where there is no name', () => {
    const { analysis, offset } = marked('1 +| 2');
    assert.equal(hoverAt(analysis, 0, offset), undefined);
  });
});

describe('definition', () => {
  for (const [why, text] of [
    ['a variable, where it is set first', 'set <a> = 1\nset a = 2\n|a'],
    ['a parameter, not the global of its name', 'set a = 1\nfn f(<a>) { |a }'],
    ['a function', 'fn <f>() { }\n|f()'],
    ['a loop variable', 'for <x> in [1] { |x }'],
    ['a caught value', 'try { 1 } catch <e> { |e }'],
    ['a captured variable', 'fn f() { set <n> = 0\nfn() { set n = |n + 1 } }'],
    ['a struct, from a type', 'struct <P> { a: nil }\nfn f(p: [|P]) { }'],
    ['a protocol', 'protocol <Q> { m() }\nserver s implements |Q { receive fn m() { } }'],
    ['a server, from send', 'server <s> { receive fn m() { } }\nsend "|s" m {}'],
    ['a receive function, from send', 'server s { receive fn <m>() { } }\nsend "s" |m {}'],
    ['a receive function, by position', 'server s { receive fn <m>() { } }\nmessage("s", "|m")'],
    ['a sibling, called directly', 'server s { receive fn <m>() { }\nreceive fn n() { |m() } }'],
    ['a receive function, from a template', 'server s { receive fn <m>() { } }\ntemplate "a.html" from |m()'],
    ['a field of the state', 'server s { state { <n>: number }\nreceive fn m() { state.get("|n") } }'],
    ['a parameter, from an argument by name', 'server s { receive fn m(<a>) { } }\nsend "s" m { |a: 1 }'],
  ] as const) {
    it(`finds ${why}`, () => {
      const start = text.indexOf('<');
      const { analysis, offset } = marked(text.replace('<', '').replace(/>(?!=)/, ''));
      const [span, ...others] = definitionsAt(analysis, 0, offset);
      assert.deepEqual(others, []);
      assert.equal(span?.start, start);
    });
  }
});

describe('rename', () => {
  for (const [why, text, expected] of [
    [
      'all places of one variable',
      'set |a = 1\nfn f() { a }\nfn g(a) { a }',
      'set b = 1\nfn f() { b }\nfn g(a) { a }',
    ],
    [
      'a parameter alone',
      'set a = 1\nfn g(|a) { set a = a + 1 }\na',
      'set a = 1\nfn g(b) { set b = b + 1 }\na',
    ],
    [
      'a parameter with its arguments by name',
      'server s { receive fn m(|a) { a } }\nsend "s" m { a: 1 }',
      'server s { receive fn m(b) { b } }\nsend "s" m { b: 1 }',
    ],
    [
      'a receive function with its protocol',
      'protocol P { m() }\nserver s implements P { receive fn |m() { } receive fn n() { m() } }\nsend("s", "m")',
      'protocol P { b() }\nserver s implements P { receive fn b() { } receive fn n() { b() } }\nsend("s", "b")',
    ],
    [
      'a server',
      'server |s { receive fn m() { } }\nsend "s" m {}',
      'server b { receive fn m() { } }\nsend "b" m {}',
    ],
    [
      'a name that depends on the run',
      'set |a = 1\nfn f() { if x() { set a = 2 }\na }\nfn x() { a }',
      'set b = 1\nfn f() { if x() { set b = 2 }\nb }\nfn x() { b }',
    ],
  ] as const) {
    it(`changes ${why}`, () => assert.equal(renamed(text, 'b'), expected));
  }

  for (const [why, text, name, reason] of [
    ['keywords', 'set |a = 1', 'while', /keyword/],
    ['what is no name', 'set |a = 1', '1a', /not a name/],
    ['a name of the same scope', 'set |a = 1\nset b = 2', 'b', /in use/],
    ['a name that an inner one would hide', 'set |a = 1\nfn f(b) { a }', 'b', /in use/],
    [
      'a name that would be set instead of made',
      'fn f() { set b = 1\nfn() { { fn(|a) { set b = a } } } }',
      'b',
      /in use/,
    ],
    ['a built-in that is used', 'set |a = 1\nprint(a)', 'print', /in use/],
    ['built-ins', 'pri|nt(1)', 'b', /built in/],
    ['fields', 'struct P { |a: nil }', 'b', /fields/],
    ['text with errors', 'set |a = 1\nset', 'b', /syntax errors/],
    ['a struct that is there', 'struct |P { a: nil }\nstruct b { a: nil }', 'b', /in use/],
    [
      'a server called by another name',
      'server |s { receive fn m() { } }\nserver b { receive fn m() { } }',
      'b',
      /in use/,
    ],
  ] as const) {
    it(`refuses ${why}`, () => assert.match(renamed(text, name), reason));
  }
});

it('outlines a file', () => {
  const { analysis } = marked(
    'set a = 1\nset a = 2\nfn f(x) { }\nserver s { state { n: number }\nreceive fn m(a, b) { } }|',
  );
  const shown = documentSymbols(analysis.program.items).map(
    ({ kind, name, detail, children }) =>
      `${kind} ${name}${detail}${children.map((child) => ` ${child.name}`).join('')}`,
  );
  assert.deepEqual(shown, ['variable a', 'function f(x)', 'server s n m']);
});

it('survives any change of a program, at any place', () => {
  const root = new URL('../../../../', import.meta.url);
  const programs = globSync('examples/*.rl', { cwd: root.pathname }).map((path) =>
    readFileSync(new URL(path, root), 'utf8'),
  );
  const pieces = [...KEYWORDS, ...SIGNS, 'a', '"', '"s"', '1', '\n', '//', '/*', '@', '\ud800'];
  const edit = fc.record({ at: fc.nat(3000), removed: fc.nat(40), added: fc.constantFrom(...pieces, '') });
  fc.assert(
    fc.property(
      fc.constantFrom(...programs),
      fc.array(edit, { maxLength: 4 }),
      fc.nat(3000),
      (program, edits, place) => {
        let text = program;
        for (const { at, removed, added } of edits)
          text = text.slice(0, at) + added + text.slice(at + removed);
        const read = (path: string): string | undefined => (path === 'main.rl' ? text : undefined);
        const analysis = analyzeProgram('main.rl', read);
        const offset = place % (text.length + 1);
        hoverAt(analysis, 0, offset);
        completionsAt({ text, offset });
        for (const span of [...definitionsAt(analysis, 0, offset), ...referencesAt(analysis, 0, offset)]) {
          assert.ok(span.start <= span.end && span.end <= text.length);
        }
        rename(analysis, 0, offset, 'renamed', 'main.rl', read);
        for (const symbol of documentSymbols(analysis.program.items)) assert.ok(symbol.name.length > 0);
        for (const { span, name } of analysis.occurrences)
          assert.equal(text.slice(span.start, span.end), name);
      },
    ),
    { numRuns: 200 },
  );
});
