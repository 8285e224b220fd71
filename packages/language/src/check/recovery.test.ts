// One run finds everything: programs with several mistakes, and exactly what is said about each, with line and column.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtins } from '../run/builtins/table.ts';
import { positionAt } from '../source.ts';
import { loadProgram } from '../syntax/load.ts';
import { checkProgram } from './check.ts';

function findings(text: string): string[] {
  const program = loadProgram('main.rl', (name) => (name === 'main.rl' ? text : undefined));
  const { diagnostics } = checkProgram(program, builtins);
  return [...program.diagnostics, ...diagnostics].map(({ code, span }) => {
    const { line, column } = positionAt(program.files[0]!, span.start);
    return `${code} ${line}:${column}`;
  });
}

describe('one run reports', () => {
  for (const { why, text, expected } of [
    {
      why: 'syntax errors, and names beside them',
      text: 'set a = )\nset b = 1 +\nset c = pots\nfn f( { 1 }\nset d = 2 3',
      expected: ['RL1010 1:9', 'RL1010 3:1', 'RL1010 4:7', 'RL1011 5:11', 'RL2001 3:9'],
    },
    {
      why: 'outdated forms of a server and what stands around them',
      text: 'server s { receive m {a: number} -> number { a }\n receive fn ok() { nope }\n state { n: number = } }\nset x += 1\n`a`',
      expected: ['RL1020 1:12', 'RL1010 3:22', 'RL1024 4:7', 'RL1023 5:1', 'RL2001 2:20'],
    },
    {
      why: 'every assignment to a field',
      text: 'server s { state { n: number = 0 }\n receive fn a() { state.n = 5 }\n receive fn b() { state.n += 1 } }\nset o = {}\no.x = 1\ncount = 2',
      expected: ['RL1021 2:27', 'RL1024 3:27', 'RL1021 5:5', 'RL1026 6:7'],
    },
    {
      why: 'every outdated lambda',
      text: 'set xs = [].map(x => x + 1)\nset ys = xs.map((x) => x + 1)\nset f = function(a) { a }\nset g = func(b) { b }',
      expected: ['RL1022 1:19', 'RL1022 2:21', 'RL1025 3:9', 'RL1025 4:9'],
    },
    {
      why: 'every server without a name',
      text: 'set s = server { }\ns = server { }\nserver { receive fn a() { 1 } }\nprint(1)',
      expected: ['RL1027 1:9', 'RL1027 2:5', 'RL1027 3:1'],
    },
    {
      why: 'outdated loops, spread and unpacking',
      text: 'set b = []\nfor i, x in [1] { print(x) }\nset a = [1, ...b]\nset {c, d} = {}\nset [e] = [1]',
      expected: ['RL1028 2:5', 'RL1029 3:13', 'RL1029 4:5', 'RL1029 5:5'],
    },
    {
      why: 'repeated names, bodies, places and keywords',
      text: 'struct A { a: string, a: number }\nfn f(a, a) { }\nif 1 { k: 1 }\nfn g() { import "x.rl" }\nset if = 1',
      expected: ['RL1016 1:23', 'RL1016 2:9', 'RL1014 3:6', 'RL1015 4:10', 'RL1013 5:5'],
    },
    {
      why: 'an open bracket and every bad token after it',
      text: 'fn f() {\n  print(1\n}\nset x = 5x\nset y = "\\q"\nset z = 2024-13-01T00:00:00\n1 # 2',
      expected: ['RL1012 2:8', 'RL1005 4:9', 'RL1003 5:10', 'RL1006 6:9', 'RL1001 7:3'],
    },
    {
      why: 'declarations that are not complete',
      text: 'struct A { a string }\nprotocol P { m }\nserver s implements { }\ntemplate "a" m()\nconfig 5',
      expected: ['RL1010 1:14', 'RL1010 2:16', 'RL1010 3:21', 'RL1010 4:14', 'RL1010 5:8'],
    },
    {
      why: 'text in other quotes, each by itself',
      text: "set s = 'a' + 'b'\nset t = `c`\nset u = \"d",
      expected: ['RL1023 1:9', 'RL1023 1:15', 'RL1023 2:9', 'RL1002 3:9'],
    },
    {
      why: 'a receive function outside of a server',
      text: 'receive fn m(a) { a }\nprint(nope)',
      expected: ['RL1015 1:1', 'RL2001 2:7'],
    },
    {
      why: 'findings of every kind in one program',
      text: [
        'import "gone.rl"',
        'struct P { x: number, y: number }',
        'server s { state { p: P } receive fn m(a: number) { state.set("q", a) } }',
        'set p = P{x: "1", z: 2}',
        'p.w',
        'send "s" n {}',
        'send "s" m {b: 1}',
        '[1].pop()',
        '[1].psh(2)',
        'len()',
        'config { prt: 1 }',
        'dispatch 1 { 1: 2, 1: 3 }',
      ].join('\n'),
      expected: [
        ...[
          'RL1030 1:1',
          'RL3007 3:63',
          'RL3005 4:9',
          'RL3006 4:14',
          'RL3004 4:19',
          'RL3004 5:3',
          'RL3008 6:10',
        ],
        ...[
          'RL3008 7:13',
          'RL5001 8:1',
          'RL3003 8:5',
          'RL3002 9:5',
          'RL3001 10:1',
          'RL5004 11:10',
          'RL5003 12:20',
        ],
      ],
    },
  ]) {
    it(why, () => assert.deepEqual(findings(text), expected));
  }
});
