import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFile } from '../syntax/parser.ts';
import { type Completion, completionsAt } from './complete.ts';

/** `|` marks the place. */
function at(marked: string, known = ''): { readonly typed: string; readonly items: readonly Completion[] } {
  const offset = marked.indexOf('|');
  const text = marked.slice(0, offset) + marked.slice(offset + 1);
  const { start, items } = completionsAt({
    text,
    offset,
    known: parseFile({ name: '', text: known }, 1).items,
  });
  return { typed: text.slice(start, offset), items };
}

const labels = (marked: string, known = ''): readonly string[] =>
  at(marked, known).items.map(({ label }) => label);

describe('names at a place', () => {
  for (const [why, text, some, none] of [
    [
      'globals, built-ins and keywords',
      'set total = 1\nt|',
      ['total', 'throw', 'true', 'type_of'],
      ['print', 'set'],
    ],
    [
      'parameters and variables around',
      'fn f(price, n) { set pair = [price]\n p| }',
      ['price', 'pair', 'print'],
      ['n'],
    ],
    ['nothing of another function', 'fn f(price) { price }\nfn g() { p| }', ['print'], ['price']],
    ['loop and catch variables in their bodies', 'for item in [1] { i| }', ['item', 'if'], []],
    ['the catch variable, only there', 'try { er| } catch error { 1 }', [], ['error']],
    ['variables of a block', '{ set inner = 1\n in| }', ['inner'], []],
    ['structs', 'struct Product { x: number }\nset p = Pr|', ['Product'], ['print']],
    ['what is not finished', 'fn f(value) {\n  if va|', ['value'], []],
    [
      'state and siblings in a receive function',
      'server s { state { n: number = 0 } receive fn stop() { 1 } receive fn go() { st| } }',
      ['state', 'stop', 'string'],
      [],
    ],
  ] as const) {
    it(why, () => {
      const found = labels(text);
      for (const name of some) assert.ok(found.includes(name), `${name} is missing in ${found}`);
      for (const name of none) assert.ok(!found.includes(name), `${name} is in ${found}`);
    });
  }

  it('puts the nearest first', () => assert.equal(labels('set size = 1\nfn f(sizes) { si| }')[0], 'sizes'));

  it('knows what other texts define', () => {
    const known = 'set total = 1; fn total_of(xs: [number]) -> number { 1 }; struct Total { x: number }';
    assert.deepEqual(labels('tot|', known), ['total', 'total_of']);
    assert.deepEqual(labels('Tot|', known), ['Total']);
    assert.equal(at('total_|', known).items[0]?.detail, '(xs: [number]) -> number');
  });

  for (const [why, text] of [
    ['in a string', '"pri|"'],
    ['in a comment', '// pri|'],
    ['where a name is made up', 'set pri| = 1'],
    ['where a function is named', 'fn pri|() { 1 }'],
    ['in a number', '12|'],
  ] as const) {
    it(`offers nothing ${why}`, () => assert.deepEqual(labels(text), []));
  }

  it('says what is replaced', () => {
    assert.equal(at('1 + pri|').typed, 'pri');
    assert.equal(at('print(|)').typed, '');
    assert.ok(labels('print(|)').length > 20);
  });
});

describe('after a dot', () => {
  for (const [why, text, expected] of [
    ['methods of a string', '"a".up|', ['upper']],
    ['methods of an array variable', 'set xs = [1]\nxs.sort|', ['sort_by']],
    ['methods of what a method gives', '"a b".split(" ").rev|', ['reverse']],
    [
      'fields of a struct',
      'struct P { price: number, name: string }\nset p = P{price: 1, name: "a"}\np.pr|',
      ['price'],
    ],
    ['fields of an object', 'set o = {alpha: 1, beta: 2}\no.al|', ['alpha']],
    [
      'fields and set of the state',
      'server s { state { seen: number = 0 } receive fn m() { state.s| } }',
      ['seen', 'set'],
    ],
    ['with arguments behind', 'set xs = [1]\nxs.pu|(2)', ['push']],
    ['with another line behind', 'set xs = [1]\nxs.pu|\nprint(xs)', ['push']],
    ['any method of an unknown value', 'fn f(x) { x.starts| }', ['starts_with']],
  ] as const) {
    it(why, () => assert.deepEqual(labels(text), expected));
  }

  it('a method comes with its doc', () => {
    const [found] = at('[1].pus|').items;
    assert.deepEqual(
      { kind: found?.kind, detail: found?.detail, hasDoc: (found?.doc ?? '') !== '' },
      { kind: 'method', detail: '(1)', hasDoc: true },
    );
  });
});

describe('servers and types', () => {
  const blog =
    '// Keeps posts.\nserver blog { receive fn get_posts(limit: number) -> [object] { [] } receive fn add() { 1 } }\n';
  for (const [why, text, expected] of [
    ['servers after send', `${blog}send "bl|" m {}`, ['blog']],
    ['servers in an open string', `${blog}send "|`, ['blog']],
    ['methods of that server', `${blog}send "blog" |{}`, ['get_posts', 'add']],
    ['types of a field', 'struct P { x: num| }', ['number']],
    ['types of a parameter', 'fn f(a: str|) { a }', ['string']],
    ['structs as types', 'struct P { x: number }\nserver s { state { p: P| = nil } }', ['P']],
    ['types of a result', 'fn f() -> dat| { now() }', ['datetime']],
    ['values after the colon of an object', 'set number_of = 1\nset o = {a: number_|}', ['number_of']],
    ['protocols after implements', 'protocol Shop { m() }\nserver s implements S| { }', ['Shop']],
  ] as const) {
    it(why, () => assert.deepEqual(labels(text), expected));
  }
});
