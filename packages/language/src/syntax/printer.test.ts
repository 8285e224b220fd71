import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFile } from './parser.ts';
import { printTree } from './printer.ts';

function tree(text: string): string {
  const { items, diagnostics } = parseFile({ name: 'a.rl', text }, 0);
  assert.deepEqual(diagnostics, []);
  return items.map(printTree).join('\n');
}

describe('the printed tree', () => {
  for (const [why, text, expected] of [
    [
      'operators group as they were parsed',
      '1 - 2 - 3 * x',
      ['-', '  -', '    1', '    2', '  *', '    3', '    name x'],
    ],
    ['a prefix holds a whole postfix', '-2.abs()', ['prefix -', '  method abs', '    2']],
    [
      'braces are an object',
      'set o: object = {a: 1, "b c": nil}',
      ['set o: object', '  object', '    a:', '      1', '    "b c":', '      nil'],
    ],
    ['braces are a block', '{ a }', ['block', '  name a']],
    [
      'else if is an if within else',
      'if a { 1 } else if b { 2 }',
      ['if', '  name a', '  then', '    1', '  else', '    if', '      name b', '      then', '        2'],
    ],
    [
      'a symbol is a string',
      'dispatch :x { "a": true, :default: f[0] }',
      [
        'dispatch',
        '  "x"',
        '  arm "a"',
        '    true',
        '  arm :default',
        '    index',
        '      name f',
        '      0',
      ],
    ],
    [
      'loops name their parts',
      'for x in xs { while true { return } }',
      ['for x', '  name xs', '  do', '    while', '      true', '      do', '        return'],
    ],
    [
      'try',
      'try { throw 1 } catch e { e.error ?? "" }',
      [
        'try',
        '  do',
        '    throw',
        '      1',
        '  catch e',
        '    ??',
        '      member error',
        '        name e',
        '      ""',
      ],
    ],
    [
      'both sends',
      'send "s" m {a: 1}\nsend("s", "m")',
      ['send "s" m', '  a:', '    1', 'call', '  name send', '  "s"', '  "m"'],
    ],
    [
      'functions with types',
      'fn f(a: [number], b) -> {string: any} { }\nfn(g: fn(number) -> nil) { g }',
      ['fn f(a: [number], b) -> {string: any}', 'fn (g: fn(number) -> nil)', '  name g'],
    ],
    [
      'declarations',
      'import "a.rl"\nstruct P { x: number.min(1).max(2), y: optional(string) }\nprotocol Q { m(a: P) -> [P] }\ntemplate "i.html" from m(a)\nconfig { port: 1 }',
      [
        ...['import "a.rl"', 'struct P', '  field x: number.min(1).max(2)', '  field y: optional(string)'],
        ...[
          'protocol Q',
          '  method m(a: P) -> [P]',
          'template "i.html" from m(a)',
          'config',
          '  port:',
          '    1',
        ],
      ],
    ],
    [
      'a server',
      'server s implements Q { state { n: number = 0, t: datetime } receive fn m(a) { state.n } }',
      [
        'server s implements Q',
        '  state n: number',
        '    0',
        '  state t: datetime',
        '  receive m(a)',
        '    member n',
        '      state',
      ],
    ],
    ['a datetime', '2024-01-02T03:04:05', ['2024-01-02T03:04:05.000Z']],
    ['a struct literal', 'P{x: [1]}', ['struct P', '  x:', '    array', '      1']],
  ] as const) {
    it(why, () => assert.equal(tree(text), expected.join('\n')));
  }

  it('shows where nothing could be read', () => {
    const { items } = parseFile({ name: 'a.rl', text: '1 + ' }, 0);
    assert.equal(items.map(printTree).join('\n'), '+\n  1\n  missing');
  });
});
