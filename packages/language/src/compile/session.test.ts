import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Diagnostic, display, runProgram, topLevelMessage } from '../index.ts';
import { DirectEffects, load } from './run-text.test.ts';
import { CompileSession, type SessionInput } from './session.ts';

/** A session with its run time; each input gives what its items show, or its errors. */
class Rig {
  readonly session = new CompileSession();
  readonly effects = new DirectEffects();
  readonly message = topLevelMessage();
  readonly files = new Map<string, string>();
  #count = 0;

  async enter(text: string): Promise<string> {
    this.#count += 1;
    const path = `input-${this.#count}`;
    return this.run(this.session.enter(path, text, (asked) => this.files.get(asked)));
  }

  async run(input: SessionInput): Promise<string> {
    if (input.units.length === 0) return codes(input.diagnostics);
    const shown: string[] = [];
    for (const { code } of input.units) {
      const depth = this.message.depth;
      const module = await load({ code } as Parameters<typeof load>[0]);
      try {
        shown.push(display(await runProgram(module, this.effects.runtime, this.message)));
      } catch (thrown) {
        shown.push(`failed: ${(thrown as Error).message}`);
        this.message.depth = depth;
      }
    }
    return shown.join(' | ');
  }
}

function codes(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(({ code }) => code).join(' ');
}

const TABLE: readonly (readonly [why: string, ...inputs: (readonly [text: string, shown: string])[]])[] = [
  ['a later input sees a global', ['set a = 1', '1'], ['a + 1', '2']],
  ['a later input sets a global', ['set a = 1', '1'], ['set a = "x"', '"x"'], ['a', '"x"']],
  [
    'a global that held numbers may hold something else',
    ['set n = 1; fn twice() { n + n }', '1 | <function: twice>'],
    ['set n = "ab"', '"ab"'],
    ['twice()', '"abab"'],
  ],
  [
    'functions call each other across inputs',
    ['fn even(n) { if n == 0 { true } else { odd(n - 1) } }', '<function: even>'],
    ['even(4)', 'failed: undefined function: odd'],
    ['fn odd(n) { if n == 0 { false } else { even(n - 1) } }', '<function: odd>'],
    ['even(10)', 'true'],
  ],
  [
    'a redefinition is seen by earlier functions',
    ['fn f() { 1 }; fn g() { f() }', '<function: f> | <function: g>'],
    ['fn f() { 2 }', '<function: f>'],
    ['g()', '2'],
    ['fn f(n) { n }; g()', "<function: f> | failed: function 'f' expects 1 arguments, got 0"],
  ],
  [
    'a closure changes what it captured in an earlier input',
    ['fn counter() { set n = 0; fn() { set n = n + 1 } }', '<function: counter>'],
    ['set next = counter()', '<function: >'],
    ['next(); next()', '1 | 2'],
    ['next()', '3'],
  ],
  [
    'a function cannot set a global',
    ['set a = 1; fn f() { set a = 2; a }', '1 | <function: f>'],
    ['[f(), a]', '[2, 1]'],
  ],
  [
    'a block has its own scope',
    ['set a = 1', '1'],
    ['{ set b = 2; a + b }', '3'],
    ['b', 'failed: undefined variable: b'],
  ],
  [
    'the rest of an input runs after an error',
    ['set a = 1; set a = 1 / 0; set b = 2', '1 | failed: division by zero | 2'],
    ['[a, b]', '[1, 2]'],
  ],
  [
    'a failed set leaves the name unbound',
    ['set a = 1 / 0', 'failed: division by zero'],
    ['a', 'failed: undefined variable: a'],
  ],
  [
    'an input with a syntax error does nothing',
    ['set a = 1; set = 2', 'RL1010'],
    ['a', 'failed: undefined variable: a'],
  ],
  [
    'a built-in may be hidden from now on',
    ['len("abc")', '3'],
    ['fn len(x) { 7 }', '<function: len>'],
    ['len("abc")', '7'],
  ],
  [
    'structs are shared and replaced',
    ['struct P { x: number }', 'nil'],
    ['set p = P{x: 1}', 'P{x: 1}'],
    ['struct P { x: number, y: string }', 'nil'],
    ['P{x: 1, y: "a"}', 'P{x: 1, y: "a"}'],
    ['p', 'P{x: 1}'],
  ],
  [
    'a server keeps its state between inputs, and a new one of its name begins anew',
    [
      'server s { state { n: number = 1 } receive fn add(by: number) -> number { state.set("n", state.n + by) } }',
      '<server s: running>',
    ],
    ['send "s" add { by: 2 }', '3'],
    ['send "s" add { by: 2 }', '5'],
    [
      'server s { state { n: number = 10 } receive fn add(by: number) -> number { state.set("n", state.n + by) } }',
      '<server s: running>',
    ],
    ['send "s" add { by: 2 }', '12'],
  ],
  [
    'a server may call a function that begins to send later',
    ['server a { receive fn one() { 1 } }', '<server a: running>'],
    ['fn help() { 0 }; server b { receive fn ask() { help() } }', '<function: help> | <server b: running>'],
    ['send "b" ask {}', '0'],
    ['fn help() { send "a" one {} }', '<function: help>'],
    ['send "b" ask {}', '1'],
  ],
  [
    'a protocol is known to later servers',
    ['protocol P { m() -> number }', 'nil'],
    [
      'server s implements P { receive fn other() { 1 } }',
      "failed: server 's' does not implement 'm' of protocol P",
    ],
    ['server s implements P { receive fn m() { 1 } }', '<server s: running>'],
  ],
  [
    'functions as fields are called whatever they are named',
    ['set o = {push: fn(n) { n + 1 }, map: 3}', '{push: <function: >, map: 3}'],
    ['o.push(1)', '2'],
  ],
  [
    'a deep recursion leaves the next input its depth',
    ['fn f() { f() }; f()', '<function: f> | failed: budget exceeded: depth'],
    ['fn g(n) { if n == 0 { 0 } else { g(n - 1) } }; g(900)', '<function: g> | 0'],
  ],
  [
    'names of JavaScript mean nothing',
    ['set constructor = 1; set __proto__ = 2', '1 | 2'],
    ['[constructor, __proto__]', '[1, 2]'],
    ['toString', 'failed: undefined variable: toString'],
  ],
  [
    'return needs something to end',
    ['return 1', 'failed: return used outside of a function or block'],
    ['{ return 1 }', '1'],
  ],
  [
    'loops and branches bind globals',
    ['for i in [1, 2] { set last = i }', 'nil'],
    ['if true { set x = last }', '2'],
    ['[x, last]', '[2, 2]'],
    ['i', 'failed: undefined variable: i'],
  ],
];

describe('a session', () => {
  for (const [why, ...inputs] of TABLE) {
    it(why, async () => {
      const rig = new Rig();
      for (const [text, shown] of inputs) assert.equal(await rig.enter(text), shown, text);
    });
  }

  it('shows the same as one program does', async () => {
    const items = [
      'set xs = range(5)',
      'fn f(n) { n * xs.length }',
      'set xs = xs.map(fn(x) { f(x) })',
      'xs.reduce(fn(a, b) { a + b }, 0)',
    ];
    const [divided, whole] = [new Rig(), new Rig()];
    let last = '';
    for (const item of items) last = await divided.enter(item);
    const main = items.join('\n');
    const input = whole.session.load('main.rl', (path) => (path === 'main.rl' ? main : undefined));
    assert.equal(await whole.run(input), last);
    assert.equal(await whole.enter('f(2)'), '10');
  });

  it('imports a file once, and loads a file whenever it is asked to', async () => {
    const rig = new Rig();
    rig.files.set('a.rl', 'set n = 1; print("a")');
    assert.equal(await rig.enter('import "a.rl"'), 'nil');
    assert.equal(await rig.enter('set n = 2; import "a.rl"; n'), '2 | nil | 2');
    assert.equal(await rig.run(rig.session.load('a.rl', (path) => rig.files.get(path))), 'nil');
    assert.equal(await rig.enter('n'), '1');
    assert.deepEqual(rig.effects.lines, ['a', 'a']);
    assert.equal(await rig.enter('import "none.rl"'), 'RL1030');
  });
});

describe('what the checker says in a session', () => {
  const findings = (...inputs: string[]): string => {
    const session = new CompileSession();
    return codes(
      inputs.map((text, at) => session.enter(`input-${at}`, text, () => undefined)).at(-1)!.findings,
    );
  };

  for (const [why, inputs, expected] of [
    ['nothing of earlier inputs is reported again', ['fn f(a) { a }; f()', '1'], ''],
    ['calls are checked against earlier definitions', ['fn f(a) { a }', 'f()'], 'RL3001'],
    ['calls are checked against the last definition', ['fn f(a) { a }', 'fn f() { 1 }', 'f()'], ''],
    ['a replacement is no second definition', ['struct A { x: number }', 'struct A { y: number }'], ''],
    ['the value of an item is shown, so it is used', ['set xs = [1]', 'xs.push(2); xs'], ''],
    ['a value within an item is not', ['fn f(xs) { xs.push(1); 2 }'], 'RL5001'],
    ['a name may be bound later', ['fn f() { g() }'], ''],
  ] as const) {
    it(why, () => assert.equal(findings(...inputs), expected));
  }

  it('names that nothing binds come with a hint', () => {
    const session = new CompileSession();
    session.enter('1', 'set count = 1', () => undefined);
    const [found] = session.enter('2', 'coutn', () => undefined).undefinedNames;
    assert.equal(found?.hint, "did you mean 'count'?");
  });

  it('knows the effects of all receive functions', () => {
    const session = new CompileSession();
    session.enter(
      '1',
      'server s { state { n: number = 0 } receive fn get() { state.n } receive fn ask() { help() } }',
      () => undefined,
    );
    session.enter('2', 'fn help() { send "t" m {} }', () => undefined);
    assert.deepEqual(
      session.services[0]!.methods.map(({ effect }) => effect),
      ['reads', 'calls'],
    );
  });

  for (const [text, type] of [
    ['1 + 2', 'number'],
    ['name', 'string'],
    ['[1, 2]', '[number]'],
    ['P{x: 1}', 'P'],
    ['add', 'fn(a: number, b) -> number'],
    ['{a: 1}.get("a") ?? nil', 'any'],
    ['1 +', 'error RL1010'],
    ['nothing', 'error RL2001'],
    ['', 'error RL1010'],
    ['struct Q { }', 'error RL1010'],
  ] as const) {
    it(`the type of ${text === '' ? 'nothing' : text} is ${type}`, () => {
      const session = new CompileSession();
      session.enter(
        '1',
        'set name = "x"; struct P { x: number }; fn add(a: number, b) -> number { a + b }',
        () => undefined,
      );
      const answer = session.typeOf(text);
      assert.equal(answer.ok ? answer.type : `error ${codes(answer.diagnostics)}`, type);
      assert.equal(session.items.length, 3);
    });
  }
});
