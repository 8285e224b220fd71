import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtins } from '../run/builtins/table.ts';
import { loadProgram } from '../syntax/load.ts';
import { checkProgram } from './check.ts';

/** `server.method` and what is published of it. */
function effectsOf(text: string): Record<string, string> {
  const program = loadProgram('main.rl', () => text);
  assert.deepEqual(program.diagnostics, []);
  const { services } = checkProgram(program, builtins);
  return Object.fromEntries(
    services.flatMap((service) =>
      service.methods.map(({ name, effect, level }) => [
        `${service.name}.${name}`,
        effect === 'calls' ? `calls(${level})` : effect,
      ]),
    ),
  );
}

const server = (body: string): string => `server s { state { n: number } receive fn m() { ${body} } }`;

describe('the effect of a receive function', () => {
  for (const { why, text, effect } of [
    { why: 'printing', text: server('print(1)\nlog("a", 2)\nthrow 3'), effect: 'pure' },
    { why: 'state.set in a branch', text: server('if false { state.set("n", 1) }'), effect: 'writes' },
    { why: 'any other use of state', text: server('state'), effect: 'reads' },
    { why: 'state.set as a value', text: server('state.set'), effect: 'reads' },
    {
      why: 'a lambda that is never called',
      text: server('set f = fn() { state.set("n", 1) } 1'),
      effect: 'writes',
    },
    { why: 'state as the thing a loop goes over', text: server('for k in state { k }'), effect: 'reads' },
    { why: 'state.set within an argument', text: server('print(state.set("n", 1))'), effect: 'writes' },
    {
      why: 'state.set in a catch',
      text: server('try { 1 } catch e { state.set("n", 1) }'),
      effect: 'writes',
    },
    {
      why: 'state.set in an arm',
      text: server('dispatch 1 { 2: fn() { state.set("n", 1) } }'),
      effect: 'writes',
    },
    {
      why: 'a lambda given to reduce',
      text: server('[1].reduce(fn(a, x) { a + random() }, 0)'),
      effect: 'reads',
    },
    {
      why: 'a function that calls another',
      text: `fn a() { b() } fn b() { c() } fn c() { uuid() } ${server('a()')}`,
      effect: 'reads',
    },
    {
      why: 'its own word on its health',
      text: server('report_health(false)'),
      effect: 'reads',
    },
    {
      why: 'a function that calls what it is given',
      text: `fn run(f) { f() } ${server('run(fn() { state.n })')}`,
      effect: 'reads',
    },
    {
      why: 'a function that is given a writing one',
      text: `fn run(f) { f() } ${server('run(fn() { state.set("n", 1) })')}`,
      effect: 'writes',
    },
    {
      why: 'a sibling called directly',
      text: `server s { state { n: number } receive fn m() { w() } receive fn w() { state.set("n", 1) } }`,
      effect: 'writes',
    },
    {
      why: 'siblings that call each other',
      text: `server s { state { n: number } receive fn m() { w() } receive fn w() { if state.n { m() } } }`,
      effect: 'reads',
    },
    {
      why: 'a sibling hidden by a function',
      text: `fn w() { 1 } server s { state { n: number } receive fn m() { w() } receive fn w() { state.set("n", 1) } }`,
      effect: 'pure',
    },
    {
      why: 'a send to another server that writes',
      text: `server t { state { n: number } receive fn w() { state.set("n", 1) } } ${server('send "t" w {}')}`,
      effect: 'calls(writes)',
    },
    {
      why: 'a send to another server that is pure',
      text: `server t { receive fn w() { 1 } } ${server('send("t", "w")')}`,
      effect: 'calls(pure)',
    },
    {
      why: 'a method another server does not have',
      text: `server t { receive fn w() { 1 } } ${server('send "t" x {}')}`,
      effect: 'calls(writes)',
    },
    {
      why: 'a message whose method is computed',
      text: `server t { receive fn w() { 1 } } ${server('message("t", "w" + "")')}`,
      effect: 'calls(writes)',
    },
    {
      why: 'a send in a lambda never called',
      text: server('set f = fn() { send "t" a {} }\n1'),
      effect: 'calls(writes)',
    },
    {
      why: 'a struct literal that reads the clock',
      text: `struct A { a: any } ${server('A{a: now()}')}`,
      effect: 'reads',
    },
    { why: 'naming now', text: server('[now]'), effect: 'reads' },
    { why: 'a parameter called now', text: server('fn(now) { now }'), effect: 'pure' },
    { why: 'a variable called uuid', text: server('set uuid = 1\nuuid'), effect: 'pure' },
    { why: 'a variable that may not be set yet', text: server('if 1 { set now = 1 }\nnow'), effect: 'reads' },
    { why: 'a function named only', text: `fn f() { now() } ${server('[1].map(f)')}`, effect: 'reads' },
    {
      why: 'all definitions of a name',
      text: `fn f() { 1 } fn f() { now() } ${server('f()')}`,
      effect: 'reads',
    },
    { why: 'a circle of functions', text: `fn f() { g() } fn g() { f() } ${server('f()')}`, effect: 'pure' },
    { why: 'a send to nobody known', text: server('send "t" a {}'), effect: 'calls(writes)' },
    { why: 'a send with a computed name', text: server('send("a" + "b", "c")'), effect: 'calls(writes)' },
    { why: 'message as a value', text: server('[message]'), effect: 'calls(writes)' },
    { why: 'a send to the own server', text: server('send "s" m {} state.n'), effect: 'reads' },
    { why: 'plain data', text: `set k = {a: [1, now()], b: -2} ${server('k')}`, effect: 'pure' },
    {
      why: 'plain data that depends on itself',
      text: `set k = 1 set k = k + 1 ${server('k')}`,
      effect: 'pure',
    },
    { why: 'a global lambda', text: `set f = fn() { random() } ${server('f()')}`, effect: 'reads' },
    {
      why: 'a global that may hold any function of the top level',
      text: `fn a() { now() } set all = [a] set one = all.get(0) ${server('one()')}`,
      effect: 'reads',
    },
    {
      why: 'a function that makes functions',
      text: `fn make() { fn() { send "t" a {} } } set f = make() ${server('f()')}`,
      effect: 'calls(writes)',
    },
    {
      why: 'functions that are only defined',
      text: `fn other() { now() } set f = fn() { 1 } ${server('f()')}`,
      effect: 'pure',
    },
  ]) {
    it(`is ${effect} for ${why}`, () => assert.equal(effectsOf(text)['s.m'], effect));
  }

  it('follows direct calls and literal sends to the least solution', () => {
    assert.deepEqual(
      effectsOf(`
        server a { receive fn x() { send "b" y {} } receive fn z() { message("b", "w") } receive fn v() { z() } }
        server b { state { n: number } receive fn y() { send "a" x {} } receive fn w() { state.n } }
      `),
      {
        'a.x': 'calls(pure)',
        'a.z': 'calls(reads)',
        'a.v': 'calls(reads)',
        'b.y': 'calls(pure)',
        'b.w': 'reads',
      },
    );
  });

  it('takes a send in a shared function as direct only from its own server', () => {
    assert.deepEqual(
      effectsOf(`
        fn ask() { send "a" x {} }
        server a { receive fn x() { now() } receive fn y() { ask() } }
        server b { receive fn y() { ask() } }
      `),
      { 'a.x': 'reads', 'a.y': 'reads', 'b.y': 'calls(reads)' },
    );
  });

  it('publishes parameters, results and comments', () => {
    const program = loadProgram(
      'main.rl',
      () =>
        '// A shop.\nserver shop {\n// Sells.\nreceive fn sell(a: [string].min(1), b: optional({string: number}), c) -> fn(any) -> nil { }\n}',
    );
    assert.deepEqual(checkProgram(program, builtins).services, [
      {
        name: 'shop',
        doc: 'A shop.',
        methods: [
          {
            name: 'sell',
            params: [
              { name: 'a', type: '[string]', optional: false },
              { name: 'b', type: 'optional({string: number})', optional: true },
              { name: 'c', type: 'any', optional: false },
            ],
            returns: 'fn(any) -> nil',
            effect: 'pure',
            level: 'pure',
            doc: 'Sells.',
          },
        ],
      },
    ]);
  });
});
