import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callTrace, createRuntime, DEFAULT_BUDGETS, runProgram, topLevelMessage } from '../index.ts';
import { compile, DirectEffects, load, run } from './run-text.test.ts';

function rows(
  title: string,
  table: readonly (readonly [why: string, program: string, result: string])[],
): void {
  describe(title, () => {
    for (const [why, program, result] of table) {
      it(why, async () => assert.equal(await run(program), result));
    }
  });
}

rows('scopes', [
  [
    'a closure updates what it captured',
    'fn f() { set n = 0; fn() { set n = n + 5 } }\nset g = f()\ng()\ng()',
    '10',
  ],
  ['a function cannot set a global', 'set a = 1\nfn f() { set a = 2; a }\n[f(), a]', '[2, 1]'],
  [
    'a block writes what is bound around it and keeps the rest',
    'fn f() { set a = 1; { set a = 2; set b = 3 }; a }\nf()',
    '2',
  ],
  [
    'where a name is written depends on what is bound',
    'fn f() { fn g() { set x = 1 }; g(); set x = 0; g(); x }\nf()',
    '1',
  ],
  [
    'a loop variable is fresh in each run',
    'set fs = []\nfor i in [1, 2] { set fs = fs.push(fn() { set i = i * 10 }) }\n[fs[0](), fs[0](), fs[1]()]',
    '[10, 100, 20]',
  ],
  [
    'a catch variable exists only in its body',
    'try { throw 1 } catch e { e }\ne',
    'failed: undefined variable: e',
  ],
  [
    'a function called before its definition has run is undefined',
    'f()\nfn f() { 1 }',
    'failed: undefined function: f',
  ],
  [
    'a later definition replaces an earlier one',
    'fn f() { 1 }\nfn g() { f() }\nset a = g()\nfn f() { 2 }\n[a, g()]',
    '[1, 2]',
  ],
  ['built-in names may be shadowed', 'fn f(len) { len(2) }\nf(fn(x) { x + 1 })', '3'],
]);

rows('order of evaluation', [
  ['a set in an operand is seen by the next', 'set a = 1\n(set a = 2) + a', '4'],
  [
    'a closure called in an operand does not change what was read',
    'fn f() { set a = 1; set g = fn() { set a = 10; 1 }; a + g() }\nf()',
    '2',
  ],
  [
    'statements inside an argument come after the arguments before',
    'fn f() { set a = 1; [a, if true { set a = 2; a } else { 0 }, a] }\nf()',
    '[1, 2, 2]',
  ],
  ['a block with return gives its value', 'fn f() { 1 + { if true { return 5 }; 6 } }\nf()', '6'],
  [
    'return passes through loops and try',
    'fn f() { for x in [1, 2, 3] { try { if x == 2 { return x } } catch e { 0 } }; 9 }\nf()',
    '2',
  ],
  [
    'the right side of && may take statements',
    '[true && { set q = 1; q }, false && { nope }]',
    '[true, false]',
  ],
  ['a condition may take statements', 'set i = 0\nwhile { set z = i; z < 3 } { set i = i + 1 }\ni', '3'],
]);

rows('servers', [
  [
    'sends wait, also in callbacks of built-ins',
    'server a { receive fn m(x) { -x } }\n[1, 3, 2].sort_by(fn(x) { send "a" m {x: x} })',
    '[3, 2, 1]',
  ],
  [
    'a failed message leaves no trace',
    'server a { state { n: number = 1 } receive fn f() { state.set("n", 2); throw "no" } receive fn g() { state.n } }\nset e = try { send "a" f {} } catch e { [e.error, e.code, e.executed, e.data, e.line] }\n[e, send "a" g {}]',
    '[["no", "thrown", "yes", "no", 2], 1]',
  ],
  [
    'siblings share the message',
    'server a { state { n: number = 1 } receive fn f() { state.set("n", 5); g() } receive fn g() { state.n } }\nsend "a" f {}',
    '5',
  ],
  [
    'a send to the own server is a direct call that raises failed sends',
    'server a { receive fn f() { try { send "a" g {} } catch e { [e.code, e.error] } } receive fn g() { 1 / 0 } }\nsend "a" f {}',
    '["failed", "division by zero"]',
  ],
  [
    'what was captured outside the message cannot be set',
    'fn mk() { set k = 0; fn() { set k = k + 1 } }\nset f = mk()\nserver s { receive fn m() { f() } }\nsend "s" m {}',
    "failed: cannot set 'k': it was captured outside this message; keep it in state",
  ],
  [
    'state takes declared fields only',
    'server s { state { a: number, b: [number] = [] } receive fn m() { state.set("c", 1) } }\nsend "s" m {}',
    "failed: server 's' has no state field 'c'; declared: a, b",
  ],
  [
    'state takes what fits only',
    'server s { state { b: [number] = [] } receive fn m() { state.set("b", [1, "x"]) } }\nsend "s" m {}',
    "failed: state field 'b[1]': expected number, got string",
  ],
  [
    'functions are not data',
    'server s { receive fn m(f) { 1 } }\nsend "s" m {f: fn() { 1 }}',
    'failed: cannot send a function in a message',
  ],
  [
    'a default may fail',
    'server s { state { a: number = 1 / 0 } }',
    'failed: error evaluating default value for state field a: division by zero',
  ],
]);

describe('budgets', () => {
  const inServer = (body: string): string =>
    `server s { receive fn f() { ${body} } }\ntry { send "s" f {} } catch e { [e.code, e.error] }`;

  for (const [why, body, budget] of [
    ['an endless loop', 'while true { }', 'steps'],
    ['an endless loop that catches', 'while true { try { while true { } } catch e { nil } }', 'steps'],
    ['a string that doubles', 'set s = "ab"\nwhile true { set s = s + s }', 'string length'],
    [
      'a replacement that explodes',
      'set s = "a"\nfor i in range(9) { set s = s.replace("a", "aaaaaaaaaa") }',
      'string length',
    ],
    ['a range that is too long', 'range(1000001)', 'array length'],
    ['an array that doubles', 'set a = [1]\nwhile true { set a = a.concat(a) }', 'array length'],
    ['too many sends', 'for i in range(100) { try { send "nobody" x {} } catch e { nil } }', 'sends'],
    [
      'a result that is too large',
      'set s = range(40000).map(fn(i) { "x" }).join("")\nrange(500).map(fn(i) { s })',
      'value size',
    ],
  ] as const) {
    it(`end ${why}`, async () => {
      assert.equal(await run(inServer(body)), `["budget", "budget exceeded: ${budget}"]`);
    });
  }

  it('end deep recursion, whatever it passes through', async () => {
    for (const call of [
      'f(n + 1)',
      '[1].map(fn(x) { f(n + 1) })',
      'try { f(n + 1) } catch e { 0 }',
      '{k: 1}.g(f(n + 1))',
    ]) {
      assert.equal(await run(`fn f(n) { ${call} }\nf(0)`), 'failed: budget exceeded: depth', call);
    }
  });

  it('end deep recursion also when only the stack bounds it', async () => {
    const message = topLevelMessage({ ...DEFAULT_BUDGETS, depth: Infinity });
    assert.equal(
      await run('fn f(n) { 1 + f(n + 1) }\ntry { f(0) } catch e { 0 }', undefined, message),
      'failed: budget exceeded: depth',
    );
  });

  it('allow 256 nested calls through callbacks, and count them anew after an error', async () => {
    const program =
      'fn f(n) { if n == 0 { throw 1 }; [n].map(fn(x) { f(x - 1) }) }\nset r = 0\nfor i in range(20) { try { f(128) } catch e { set r = r + e } }\nr';
    assert.equal(await run(program), '20');
  });

  it('ask whether the message has expired', async () => {
    let asked = 0;
    const message = topLevelMessage(DEFAULT_BUDGETS, () => {
      asked += 1;
      return asked > 3;
    });
    assert.equal(await run('while true { }', undefined, message), 'failed: budget exceeded: time');
  });
});

describe('compiled modules', () => {
  it('name nothing but their own variables and the run-time table', () => {
    const { code } = compile(`
      set globalThis = 1
      fn constructor(process) { try { for x in [process] { set eval = x.constructor } } catch e { e.__proto__ } }
      server s { state { f: {string: [number]} = {} } receive fn delete(a: string.min(1)) { state.set("f", {a: [now()]}); send "t" u {v: -a % 2} } }
      dispatch 1 { 1: fn(x) { { return x } }, :default: "globalThis" }
    `);
    const bare = code
      .replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""')
      .replaceAll(/\.\w+|\w+(?=:)/g, '');
    const words = new Set(bare.match(/[A-Za-z_$][\w$]*/g));
    const known = new Set(
      'export default async function const let if else for while true break return try catch typeof instanceof await null false void'.split(
        ' ',
      ),
    );
    const strangers = [...words].filter(
      (word) => !known.has(word) && !/^(?:\$0?|[a-z]\d+(?:_\w*)?)$/.test(word),
    );
    assert.deepEqual(strangers, []);
  });

  it('are synchronous where nothing can wait', () => {
    const { code } = compile(
      'fn f(x) { x }\n[1].map(f)\nserver a { receive fn m() { n() } receive fn n() { 1 } }',
    );
    assert.ok(!code.includes('async') && !code.includes('await'));
  });

  it('tell where an error is', async () => {
    assert.equal(
      await run(
        'fn f(x) {\n  1 +\n    x.nope()\n}\ntry { f([]) } catch e { [e.error, e.file, e.line, e.column] }',
      ),
      '["unknown method: nope", "main.rl", 3, 5]',
    );
  });

  it('tell which functions were running', async () => {
    const module = await load(
      compile('fn inner() { 1 / 0 }\nfn outer() { [1].map(fn(x) { inner() }) }\nouter()'),
    );
    await assert.rejects(runProgram(module, createRuntime(new DirectEffects())), (failure: Error) => {
      assert.deepEqual(callTrace(failure), ['inner', '', 'outer']);
      return true;
    });
  });

  it('map their lines to those of the source', () => {
    const { code, sourceMap } = compile('set a = 1\n\nset b = a + 2');
    const map = JSON.parse(sourceMap);
    const line = code.split('\n').findIndex((text) => text.includes('_b ='));
    const delta = (segment: string): number => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.indexOf(segment[2] ?? 'A') / 2;
    const segments = map.mappings
      .split(';')
      .slice(0, line + 1)
      .filter((segment: string) => segment !== '');
    assert.equal(
      segments.map(delta).reduce((a: number, b: number) => a + b, 0),
      2,
    );
    assert.deepEqual(map.sources, ['main.rl']);
  });

  it('come with the constant settings of config blocks', () => {
    const { settings } = compile('config { port: 80, a: {b: [-1, "x"]} }\nconfig { port: 81, c: now() }');
    assert.deepEqual(
      settings,
      new Map<string, unknown>([
        ['port', 81],
        ['a', new Map([['b', [-1, 'x']]])],
      ]),
    );
  });
});
