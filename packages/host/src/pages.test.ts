// Pages of running programs, without HTTP: routes, parameters, what they answer, and templates that change.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import type { Clock } from '@relay/protocol';
import { loadRelayProgram } from './load.ts';
import { PageRoutes, pathsOf } from './page-routes.ts';
import type { PageAnswer, ProgramPages } from './pages.ts';
import { loadPages } from './pages-load.ts';
import { type RunningProgram, startProgram } from './program.ts';

const clock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  defer: (run) => void setImmediate(run),
};

const folders: string[] = [];
const running: RunningProgram[] = [];
after(async () => {
  await Promise.all(running.map((program) => program.close()));
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'relay-pages-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

interface Started {
  readonly folder: string;
  readonly pages: ProgramPages;
  readonly lines: string[];
}

async function start(files: Readonly<Record<string, string>>): Promise<Started> {
  const folder = folderWith(files);
  const file = path.join(folder, 'main.rl');
  const loaded = loadRelayProgram(file);
  assert.ok(loaded.ok);
  const pages = loadPages(file);
  assert.deepEqual(
    pages.errors.map(({ text }) => text),
    [],
  );
  const lines: string[] = [];
  const program = await startProgram(loaded.program, {
    clock,
    nodeId: () => 'here',
    log: (level, line) => lines.push(`${level}: ${line}`),
    print: (line) => lines.push(line),
    watchdogMs: Infinity,
    pages,
  });
  running.push(program);
  return { folder, pages: program.pages!, lines };
}

function get({ pages }: Started, url: string): Promise<PageAnswer | undefined> {
  const [at = '', query = ''] = url.split('?');
  return new Promise((resolve) => {
    if (pages.get(at, query, resolve) === undefined) resolve(undefined);
  });
}

async function text(started: Started, url: string): Promise<string> {
  const answer = await get(started, url);
  if (answer === undefined) return 'none';
  return answer.kind === 'page' ? Buffer.from(answer.body).toString() : `${answer.status} ${answer.message}`;
}

describe('routes of pages', () => {
  const page = (at: string, ...params: string[]) => ({
    path: at,
    contentType: '',
    place: '',
    params: params.map((param) => {
      const [name = '', type = 'any'] = param.split(':');
      return { name, type };
    }),
  });
  const routes = new PageRoutes([
    page('index.html'),
    page('post.html', 'id:number', 'day:datetime'),
    page('post/about.html'),
    page('docs/index.html', 'q'),
    page('api/posts.json', 'all:optional(bool)'),
    page('feed', 'name'),
  ]);
  for (const [url, expected] of [
    ['/', 'index.html []'],
    ['/index.html', 'index.html []'],
    ['/index', 'index.html []'],
    ['/index.html/1', 'none'],
    ['/post', 'post.html [null,null]'],
    ['/post/42', 'post.html [42,null]'],
    ['/post.html/42', 'post.html [42,null]'],
    [
      '/post.html/42/2024-01-02T03:04:05',
      'post.html [42,{"_type":"datetime","value":"2024-01-02T03:04:05.000Z"}]',
    ],
    ['/post/42?id=-7.5', 'post.html [-7.5,null]'],
    ['/post?day=2024-02-30T00:00:00', "bad parameter 'day': expected datetime"],
    ['/post/x', "bad parameter 'id': expected number"],
    ['/post/0x10', "bad parameter 'id': expected number"],
    ['/post/1e999', "bad parameter 'id': expected number"],
    ['/post/', 'none'],
    ['/post/1/', 'none'],
    ['/post/1/2024-01-02T03:04:05/3', 'none'],
    ['/post/about', 'post/about.html []'],
    ['/docs/', 'docs/index.html [null]'],
    ['/docs/index/a%2Fb', 'docs/index.html ["a/b"]'],
    ['/docs/a', 'none'],
    ['/docs%2Findex.html', 'none'],
    ['/api/posts.json?all=true', 'api/posts.json [true]'],
    ['/api/posts.json?all=yes', "bad parameter 'all': expected bool"],
    ['/api/posts.json?other=1', 'api/posts.json [null]'],
    ['/api/posts', 'none'],
    ['/feed/%C3%A4%20b', 'feed ["ä b"]'],
    ['/feed/%E0%A4', 'none'],
    ['/../index.html', 'none'],
    ['/__proto__', 'none'],
    ['/Post', 'none'],
  ] as const) {
    it(`${url} is ${expected}`, () => {
      const [at, query = ''] = url.split('?') as [string, string?];
      const match = routes.match(at, query);
      const shown =
        match.kind === 'none'
          ? 'none'
          : match.kind === 'bad'
            ? `bad ${match.message}`
            : `${match.page.path} ${match.args}`;
      assert.equal(shown, expected);
    });
  }

  it('tells all paths of a page', () => {
    assert.deepEqual(pathsOf('a.json'), ['/a.json']);
    assert.deepEqual(pathsOf('index.html'), ['/index.html', '/index', '/']);
    assert.deepEqual(pathsOf('x/index.html'), ['/x/index.html', '/x/index', '/x/']);
  });
});

const MAIN = `
config { templates: { auto_reload: true }, limits: { steps: 100000 } }
set greeting = "Hello"
fn plain(name: string) { if name == "nobody" { nil } else { {who: name ?? "you", n: 1} } }
fn nothing() { nil }
fn asks() { send "store" get_item { id: 1 } }
fn loops() { while true { } }
fn fails() { throw "secret" }
server store {
  state { items: [object] = [{id: 1, name: "<one>"}], seen: number = 0 }
  receive fn get_item(id: number) -> object { state.items.find(fn(i) { i.id == id }) }
  receive fn get_items() { state.items }
  receive fn count() { state.set("seen", state.seen + 1) }
}
template "hello.html" from plain(name: string)
template "nothing.txt" from nothing()
template "asked.txt" from asks()
template "loops.txt" from loops()
template "fails.txt" from fails()
template "item.html" from get_item(id)
template "items.json" from get_items()
template "count.txt" from count()
template "broken.txt" from get_items()
`;

describe('pages of a running program', () => {
  const ready = start({
    'main.rl': MAIN,
    'templates/hello.html': '@{greeting} <b>@{who}</b>',
    'templates/nothing.txt': '[@{data}]',
    'templates/asked.txt': '@{asked.name ?? ""}@{data.name}',
    'templates/loops.txt': '',
    'templates/fails.txt': '',
    'templates/item.html': '@{item.name}',
    'items.json': '@{items}',
    'templates/count.txt': '@{count}',
    'templates/broken.txt': '@{items.first().id.nope()}',
  }).then((started) => ({ ...started }));

  for (const [why, url, expected] of [
    ['a plain function with its parameter', '/hello/Ann', 'Hello <b>Ann</b>'],
    ['a missing parameter as nil', '/hello', 'Hello <b>you</b>'],
    ['nil of a function with parameters', '/hello/nobody', '404 there is nothing here'],
    ['nil of a function without', '/nothing.txt', '[]'],
    ['a receive function, typed by its own declaration', '/item/1', '&lt;one&gt;'],
    ['a parameter that does not convert', '/item/one', "400 parameter 'id': expected number"],
    ['nil of a receive function', '/item/7', '404 there is nothing here'],
    ['a template beside the program', '/items.json', '[{"id":1,"name":"<one>"}]'],
    ['an endless function', '/loops.txt', '500 this page could not be made'],
    ['a thrown value', '/fails.txt', '500 this page could not be made'],
    ['an error in a template', '/broken.txt', '500 this page could not be made'],
    ['a page that is not there', '/other', 'none'],
  ] as const) {
    it(`answers ${why}`, async () => assert.equal(await text(await ready, url), expected));
  }

  it('lets the function of a page send, and the page read what comes back', async () => {
    const started = await ready;
    assert.equal(await text(started, '/asked.txt'), '500 this page could not be made');
    writeFileSync(path.join(started.folder, 'templates/asked.txt'), '@{name} @{data.id}');
    assert.equal(await text(started, '/asked.txt'), '<one> 1');
  });

  it('keeps the state that its receive functions change', async () => {
    assert.equal(await text(await ready, '/count.txt'), '1');
    assert.equal(await text(await ready, '/count.txt'), '2');
  });

  it('logs what a page does not show', async () => {
    const { lines } = await ready;
    const found = lines.find((line) => line.includes('broken.txt')) ?? '';
    assert.match(found, /^error: page broken\.txt: templates\/broken\.txt:1:3: unknown method|not supported/);
    assert.ok(lines.some((line) => line.includes('page fails.txt: secret')));
  });

  it('reads templates again when they change, and keeps the last good one', async () => {
    const started = await ready;
    const file = path.join(started.folder, 'templates/nothing.txt');
    writeFileSync(file, 'new @{greeting.upper()}');
    assert.equal(await text(started, '/nothing.txt'), 'new HELLO');
    writeFileSync(file, 'broken @{');
    assert.equal(await text(started, '/nothing.txt'), 'new HELLO');
    assert.ok(
      started.lines.some((line) => line.includes("templates/nothing.txt:1:8: error: '@{' is not closed")),
    );
    rmSync(file);
    assert.equal(await text(started, '/nothing.txt'), 'new HELLO');
    writeFileSync(file, 'mended');
    assert.equal(await text(started, '/nothing.txt'), 'mended');
    assert.equal(await text(started, '/hello'), 'Hello <b>you</b>');
  });

  it('does not read them again unless asked to', async () => {
    const started = await start({ 'main.rl': 'fn f() { 1 }\ntemplate "a.txt" from f()', 'a.txt': 'old' });
    writeFileSync(path.join(started.folder, 'a.txt'), 'new');
    assert.equal(await text(started, '/a.txt'), 'old');
  });

  it('finds what is wrong before anything is served', () => {
    const folder = folderWith({
      'main.rl':
        'fn f() { 1 }\ntemplate "a.html" from f()\ntemplate "b.html" from g()\ntemplate "c.html" from f()',
      'templates/a.html': 'x\n  @{1 +}',
      'templates/b.html': '',
    });
    const { errors, code } = loadPages(path.join(folder, 'main.rl'));
    assert.equal(code, undefined);
    assert.deepEqual(
      errors.map((error) => error.text.split('\n')[0]),
      [
        "main.rl:3:24: error: there is no function 'g' for this template [RL4002]",
        'templates/a.html:2:8: error: unexpected end of file, expected an expression [RL1010]',
        'main.rl:4:1: error: there is no file for template "c.html" [RL4002]',
      ],
    );
  });
});
