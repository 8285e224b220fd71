// Templates compiled and run beside their program, without a host.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkProgram } from '../check/check.ts';
import {
  type Budgets,
  builtins,
  compileProgram,
  compileTemplates,
  createMessage,
  DEFAULT_BUDGETS,
  type PagesModule,
  type ProgramModule,
  renderDiagnostic,
  renderPage,
  runProgram,
  type Value,
} from '../index.ts';
import { loadProgram } from '../syntax/load.ts';
import { DirectEffects } from './run-text.test.ts';

interface Case {
  readonly program?: string;
  readonly path?: string;
  readonly template: string;
  readonly budgets?: Partial<Budgets>;
}

function prepare({ program = '', path = 'page.html', template }: Case) {
  const text = `${program}\nfn get_it() { it }\ntemplate "${path}" from get_it()`;
  const loaded = loadProgram('main.rl', (name) => (name === 'main.rl' ? text : undefined));
  const checked = checkProgram(loaded, builtins);
  const pages = compileTemplates(loaded, (name) => (name === path ? { name, text: template } : undefined));
  return { loaded, checked, pages };
}

async function importText<T>(code: string): Promise<T> {
  const url = `data:text/javascript;charset=utf-8,${encodeURIComponent(code)}`;
  return ((await import(url)) as { readonly default: T }).default;
}

/** The page for the value that the program calls `it`. */
async function rendered(one: Case): Promise<string> {
  const { loaded, checked, pages } = prepare(one);
  assert.deepEqual(pages.diagnostics, []);
  const effects = new DirectEffects();
  const { runtime } = effects;
  await runProgram(await importText<ProgramModule>(compileProgram(loaded, checked).code), runtime);
  const [page] = (await importText<PagesModule>(pages.code!))(runtime);
  const data =
    runtime.globals[
      Object.keys(runtime.globals).find((name) => name.endsWith('_it') && name.startsWith('v'))!
    ];
  return renderPage(page!, createMessage({ budgets: { ...DEFAULT_BUDGETS, ...one.budgets } }), data as Value);
}

const P = 'struct Post { title: string, tags: [string] }\nset it = Post{title: "A & B", tags: ["x", "<y>"]}';

const PAGES: readonly (Case & { why: string; text: string })[] = [
  {
    why: 'a field of a struct by its name',
    program: P,
    template: '<h1>@{title}</h1>',
    text: '<h1>A &amp; B</h1>',
  },
  { why: 'the result as data', program: P, template: '@{data.title}', text: 'A &amp; B' },
  {
    why: 'the result as m without get_',
    program: 'set it = [1, 2]',
    template: '@{data.length} @{it.length}',
    text: '2 2',
  },
  { why: 'a field of an object', program: 'set it = {n: 1}', template: '@{n + 1}', text: '2' },
  { why: 'a global before a field', program: `set title = "mine"\n${P}`, template: '@{title}', text: 'mine' },
  { why: 'a built-in before a field', program: 'set it = {len: 5}', template: '@{len("abc")}', text: '3' },
  {
    why: 'a variable of the template before a field',
    program: 'set it = {x: 1}',
    template: '@{set x = 2}@{x}',
    text: '22',
  },
  {
    why: 'a field inside a lambda',
    program: 'set it = {n: 3}',
    template: '@{[1, 2].map(fn(x) { x * n })}',
    text: '[3, 6]',
  },
  {
    why: 'a function of the program',
    program: 'fn twice(n) { n * 2 }\nset it = {n: 4}',
    template: '@{twice(n)}',
    text: '8',
  },
  {
    why: 'a field that holds a function',
    program: 'set it = {say: fn(x) { "<" + x }}',
    template: '@{say("b")}',
    text: '&lt;b',
  },
  {
    why: 'a loop with its variable',
    program: P,
    template: '@for(tag in tags) {[@{tag}]}',
    text: '[x][&lt;y&gt;]',
  },
  {
    why: 'conditions',
    program: 'set it = {n: 2}',
    template: '@if(n == 1) {one} else if(n == 2) {two} else {many}',
    text: 'two',
  },
  {
    why: 'a loop in a condition in a loop',
    program: 'set it = [[1], [], [2, 3]]',
    template: '@for(a in data) {@if(a.length > 0) {@for(b in a) {@{b}}} else {-}}',
    text: '1-23',
  },
  { why: 'nil as nothing', program: 'set it = nil', template: '[@{data}@raw{data}]', text: '[]' },
  {
    why: 'markup as it is with raw',
    program: 'set it = "<b>"',
    template: '@raw{data}@{data}',
    text: '<b>&lt;b&gt;',
  },
  {
    why: 'both quotes',
    program: 'set it = "a\\"b\'c"',
    template: '<a title="@{data}" alt=\'@{data}\'>',
    text: '<a title="a&quot;b&#39;c" alt=\'a&quot;b&#39;c\'>',
  },
  {
    why: 'the end of a script',
    program: 'set it = "</script><script>"',
    template: '<script>"@{data}"</script>',
    text: '<script>"&lt;/script&gt;&lt;script&gt;"</script>',
  },
  {
    why: 'strings inside values',
    program: 'set it = ["<"]',
    template: '@{data}',
    text: '[&quot;&lt;&quot;]',
  },
  {
    why: 'XML',
    path: 'feed.xml',
    program: 'set it = "a<b"',
    template: '<t>@{data}</t>',
    text: '<t>a&lt;b</t>',
  },
  {
    why: 'values in JSON',
    path: 'a.json',
    program: P,
    template: '{"p": @{data}, "t": @{title}, "n": @{nil}}',
    text: '{"p": {"_type":"Post","title":"A & B","tags":["x","<y>"]}, "t": "A & B", "n": null}',
  },
  {
    why: 'strings between quotes in JSON',
    path: 'a.json',
    program: 'set it = "a\\"\\n"',
    template: '"@{data}" "x@{1}"',
    text: '"a\\"\\n" "x1"',
  },
  {
    why: 'datetimes between quotes in JSON',
    path: 'a.json',
    program: 'set it = 2024-01-02T03:04:05',
    template: '"@{data}"',
    text: '"2024-01-02T03:04:05.000Z"',
  },
  {
    why: 'numbers between quotes in JSON',
    path: 'a.json',
    program: 'set it = 7',
    template: '"@{data}"',
    text: '"7"',
  },
  { why: 'raw text in JSON', path: 'a.json', program: 'set it = "[1]"', template: '@raw{data}', text: '[1]' },
  {
    why: 'other files as string()',
    path: 'a.txt',
    program: 'set it = ["<", nil]',
    template: '@{data} @{"<"}@{nil}',
    text: '["<", nil] <',
  },
  {
    why: 'code of JavaScript and line separators',
    program: 'set it = "`$x`\\u2028"',
    template: '`$a` \\ @{data}\n',
    text: '`$a` \\ `$x`\u2028\n',
  },
];

describe('page', () => {
  for (const { why, text, ...one } of PAGES) {
    it(`renders ${why}`, async () =>
      assert.equal(await rendered({ ...one, program: one.program ?? 'set it = nil' }), text));
  }

  for (const { why, error, ...one } of [
    { why: 'an unknown name', template: 'a\n @{nobody}', error: /undefined variable: nobody/ },
    { why: 'an unknown function', template: '@{nobody(1)}', error: /undefined variable: nobody/ },
    { why: 'state', template: '@{state.x}', error: /undefined variable: state/ },
    {
      why: 'a send by a function',
      program: 'fn ask() { send "s" m {} }',
      template: '@{ask()}',
      error: /effect violation/,
    },
    { why: 'a send by name', template: '@{message("s", "m")}', error: /effect violation/ },
    {
      why: 'too many steps',
      template: '@for(x in range(1000)) {.}',
      budgets: { steps: 500 },
      error: /budget exceeded: steps/,
    },
    {
      why: 'a page too large',
      template: '@for(x in range(1000)) {0123456789}',
      budgets: { valueBytes: 9_999 },
      error: /budget exceeded: value size/,
    },
    {
      why: 'long values',
      template: '@{data}',
      program: 'set long = "x"',
      budgets: { stringBytes: 2 },
      error: /budget exceeded: string length/,
    },
  ] satisfies (Case & { why: string; error: RegExp })[]) {
    it(`refuses ${why}`, async () => {
      const { program = '' } = one as Case;
      await assert.rejects(rendered({ ...one, program: `${program}\nset it = "abc"` }), error);
    });
  }

  for (const { why, message, ...one } of [
    {
      why: 'a send',
      template: 'x\n@{send "s" m {}}',
      message: 'page.html:2:3: error: a template cannot send [RL4002]',
    },
    {
      why: 'a send by position',
      template: '@{send("s", "m")}',
      message: 'page.html:1:3: error: a template cannot send [RL4002]',
    },
    {
      why: 'a sending function handed on',
      program: 'fn ask() { send "s" m {} }\nfn apply(f) { f() }',
      template: '@{apply(ask)}',
      message: 'page.html:1:1: error: a template cannot send: a function it hands on does [RL4002]',
    },
    {
      why: 'a path outside',
      path: '../x.html',
      template: '',
      message:
        'main.rl:3:1: error: template path "../x.html" is not a plain path below the template folder [RL4002]',
    },
    {
      why: 'an error of syntax',
      template: '@{1 +}',
      message: 'page.html:1:6: error: unexpected end of file, expected an expression [RL1010]',
    },
  ] satisfies (Case & { why: string; message: string })[]) {
    it(`reports ${why} before it is served`, () => {
      const { pages } = prepare(one);
      const lines = pages.diagnostics.map((found) => renderDiagnostic(found, pages.files).split('\n')[0]);
      assert.deepEqual(lines, [message]);
      assert.equal(pages.code, undefined);
    });
  }

  it('tells a missing file and a wrong number of parameters at the declaration', () => {
    const text = 'fn f(a) { a }\ntemplate "a.html" from f()\ntemplate "b.html" from f(x)';
    const loaded = loadProgram('main.rl', () => text);
    const { diagnostics } = compileTemplates(loaded, (name) =>
      name === 'a.html' ? { name, text: '' } : undefined,
    );
    assert.deepEqual(
      diagnostics.map(({ code, message, span }) => [
        code,
        message,
        text.slice(0, span.start).split('\n').length,
      ]),
      [
        ['RL3001', "function 'f' expects 1 arguments, got 0", 2],
        ['RL4002', 'there is no file for template "b.html"', 3],
      ],
    );
  });

  it('describes pages for their router', () => {
    const text =
      'server s { receive fn get_post(id: number, at: datetime) { nil } }\ntemplate "post.html" from get_post(id, day: string)';
    const { pages } = compileTemplates(
      loadProgram('main.rl', () => text),
      (name) => ({ name, text: '' }),
    );
    assert.deepEqual(pages, [
      {
        path: 'post.html',
        contentType: 'text/html; charset=utf-8',
        params: [
          { name: 'id', type: 'number' },
          { name: 'day', type: 'string' },
        ],
        place: 'main.rl:2:1',
      },
    ]);
  });
});
