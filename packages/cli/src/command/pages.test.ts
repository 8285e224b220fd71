// Pages, static files and forms of programs, served by nodes of their own and asked over HTTP.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type StartedProcess, startProcess } from '@relay/testkit';
import { runInProcess } from '../testing.ts';

const ENTRY = fileURLToPath(new URL('../main.ts', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../../../examples/', import.meta.url));
const root = mkdtempSync(path.join(os.tmpdir(), 'relay-pages-'));
const nodes: StartedProcess[] = [];
after(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  rmSync(root, { recursive: true, force: true });
});

let next = 0;
function relay(line: string): StartedProcess {
  next += 1;
  const node = startProcess(process.execPath, ['--conditions=relay-source', ENTRY, ...line.split(' ')], {
    cwd: root,
    env: { RELAY_DATA_DIR: path.join(root, `data-${next}`) },
  });
  nodes.push(node);
  return node;
}

async function serve(line: string): Promise<{ node: StartedProcess; port: number }> {
  const node = relay(line);
  const [, port = ''] = await node.waitForLine(/^JSON-RPC: http:\/\/127\.0\.0\.1:(\d+)\/rpc$/);
  await node.waitForLine(/^Press Ctrl\+C to stop$/);
  return { node, port: Number(port) };
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** The path goes out as it is written. */
function ask(
  port: number,
  line: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Uint8Array,
): Promise<Answer> {
  const [method, target] = line.split(' ') as [string, string];
  return new Promise((resolve, reject) => {
    const request = http.request({ port, host: '127.0.0.1', method, path: target, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

describe('the blog of the reference', () => {
  const folder = path.join(root, 'blog-pages');
  let port = 0;
  before(async () => {
    cpSync(path.join(EXAMPLES, 'blog-pages'), folder, { recursive: true });
    writeFileSync(path.join(root, 'outside.txt'), 'outside');
    mkdirSync(path.join(folder, 'static/sub'));
    writeFileSync(path.join(folder, 'static/sub/a b.txt'), 'with a blank');
    writeFileSync(path.join(folder, 'static/.hidden'), 'hidden');
    writeFileSync(path.join(folder, 'static/empty.txt'), '');
    symlinkSync(path.join(root, 'outside.txt'), path.join(folder, 'static/link.txt'));
    symlinkSync('style.css', path.join(folder, 'static/inner.css'));
    symlinkSync(root, path.join(folder, 'static/up'));
    ({ port } = await serve('blog-pages/blog.rl -server -port 0'));
  });

  it('passes the checker without an error', async () => {
    const { code, out } = await runInProcess(['check', path.join(EXAMPLES, 'blog-pages/blog.rl')]);
    assert.equal(code, 0, out);
  });

  it('shows an empty page at first, at the root and at its other paths', async () => {
    for (const target of ['/', '/index.html', '/index']) {
      const { status, headers, text } = await ask(port, `GET ${target}`);
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'text/html; charset=utf-8');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['access-control-allow-origin'], undefined);
      assert.match(text, /Nothing here yet/);
    }
  });

  it('takes a form of its own page and leads back to it', async () => {
    const own = { ...FORM, accept: 'text/html', origin: `http://127.0.0.1:${port}` };
    const body = 'title=A+%3Cb%3E+%26+c&content=Some+%22text%22';
    const { status, headers } = await ask(port, 'POST /api/create_post', own, body);
    assert.deepEqual([status, headers.location], [303, '/']);
    const referer = `http://127.0.0.1:${port}/index?x=1`;
    const second = await ask(
      port,
      'POST /api/create_post',
      { ...own, referer },
      'title=B&content=c&tags=x&tags=y%22',
    );
    assert.deepEqual([second.status, second.headers.location], [303, '/index?x=1']);
    const { text } = await ask(port, 'GET /');
    assert.match(
      text,
      /<h2><a href="\/post\/1">A &lt;b&gt; &amp; c<\/a><\/h2> <p>Some &quot;text&quot;<\/p>/,
    );
    assert.match(text, /· x, y&quot;<\/small>/);
  });

  it('shows one post, by segment and by query', async () => {
    for (const target of ['/post/1', '/post.html/1', '/post?id=1', '/post/7?id=1']) {
      assert.equal(
        (await ask(port, `GET ${target}`)).text,
        '<h1>A &lt;b&gt; &amp; c</h1> <p>Some &quot;text&quot;</p>\n',
      );
    }
    assert.equal((await ask(port, 'GET /post/one')).status, 400);
    assert.equal((await ask(port, 'GET /post/1/2')).status, 404);
  });

  it('shows an error without its reasons', async () => {
    const page = await ask(port, 'GET /post/99', { accept: 'text/html' });
    assert.equal(page.status, 500);
    assert.match(page.text, /this page could not be made/);
    const plain = await ask(port, 'GET /post/99');
    assert.equal(plain.text, '{"error":{"code":"internal","message":"this page could not be made"}}\n');
    assert.doesNotMatch(page.text + plain.text, /not found|blog\.rl/);
  });

  it('serves JSON that reads back', async () => {
    const { headers, text } = await ask(port, 'GET /api/posts.json');
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
    const { at, posts } = JSON.parse(text) as { at: string; posts: { title: string }[] };
    assert.ok(Date.parse(at) > 0);
    assert.deepEqual(posts.map(({ title }) => title).sort(), ['A <b> & c', 'B']);
  });

  it('answers HEAD without a body', async () => {
    const { status, headers, text } = await ask(port, 'HEAD /');
    assert.deepEqual([status, text, headers['content-type']], [200, '', 'text/html; charset=utf-8']);
    const file = await ask(port, 'HEAD /static/style.css');
    assert.deepEqual([file.status, file.text], [200, '']);
    assert.ok(Number(file.headers['content-length']) > 10);
  });

  it('serves static files with type and validators', async () => {
    const { status, headers, text } = await ask(port, 'GET /static/style.css');
    assert.equal(status, 200);
    assert.match(text, /sans-serif/);
    assert.equal(headers['content-type'], 'text/css; charset=utf-8');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    const { etag = '', 'last-modified': modified = '' } = headers;
    assert.equal((await ask(port, 'GET /static/style.css', { 'if-none-match': etag })).status, 304);
    assert.equal((await ask(port, 'GET /static/style.css', { 'if-modified-since': modified })).status, 304);
    assert.equal((await ask(port, 'GET /static/style.css', { 'if-none-match': '"x"' })).status, 200);
    assert.equal((await ask(port, 'GET /static/sub/a%20b.txt')).text, 'with a blank');
    assert.equal((await ask(port, 'GET /static/empty.txt')).status, 200);
    assert.equal((await ask(port, 'GET /static/inner.css')).status, 200);
  });

  for (const target of [
    '/static/../blog.rl',
    '/static/%2e%2e/blog.rl',
    '/static/..%2fblog.rl',
    '/static/%2e%2e%2fblog.rl',
    '/static/..%5cblog.rl',
    '/static/..\\blog.rl',
    '/static/sub/../../blog.rl',
    '/static/sub/..%2f..%2fblog.rl',
    '/static/%252e%252e/blog.rl',
    '/static//etc/passwd',
    '/static/%2fetc%2fpasswd',
    '/static/style.css%00.txt',
    '/static/link.txt',
    '/static/up/outside.txt',
    '/static/.hidden',
    '/static/sub',
    '/static/sub/',
    '/static/',
    '/static',
    '/static/style.css/',
    '/static/none.css',
    '/static/%',
    '/static/c:style.css',
    '/templates/post.html',
    '/../blog.rl',
    '/blog.rl',
  ]) {
    it(`shows nothing at ${target}`, async () => {
      const { status, text } = await ask(port, `GET ${target}`);
      // What is no path at all is refused before any route is asked.
      assert.ok(status === 404 || status === 400, `${status} ${text}`);
      assert.match(text, /^\{"error":\{"code":"(not_found|bad_request)"/);
    });
  }

  for (const [why, headers, body, status] of [
    ['JSON', { 'content-type': 'application/json' }, '{"title": "J", "content": "c"}', 200],
    ['JSON that curl sends as a form', FORM, '{"title": "J", "content": "c"}', 200],
    [
      'JSON of another site, which a browser asks for first',
      { 'content-type': 'application/json', origin: 'https://evil.example' },
      '{"title": "J", "content": "c"}',
      200,
    ],
    ['a form of another site', { ...FORM, origin: 'https://evil.example' }, 'title=x', 403],
    ['a form of a page without an origin', { ...FORM, origin: 'null' }, 'title=x', 403],
    [
      'text of another site',
      { 'content-type': 'text/plain', origin: 'https://evil.example' },
      '{"title":"x"}',
      403,
    ],
    ['what a browser calls foreign', { ...FORM, 'sec-fetch-site': 'cross-site' }, 'title=x', 403],
    ['broken JSON', { 'content-type': 'application/json' }, '{"title"', 400],
    ['a JSON array', { 'content-type': 'application/json' }, '["x"]', 400],
    ['a multipart form', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--', 400],
    ['an unknown field', FORM, 'title=x&colour=red', 400],
    ['bytes that are no UTF-8', FORM, Buffer.from([0xff, 0xfe]), 400],
  ] as const) {
    it(`answers ${why} with ${status}`, async () => {
      const answer = await ask(port, 'POST /api/create_post', headers, body);
      assert.equal(answer.status, status, answer.text);
    });
  }

  it('answers what is missing, and what is thrown', async () => {
    assert.equal((await ask(port, 'POST /api/no_such', FORM, '')).status, 404);
    assert.equal((await ask(port, 'GET /api/create_post')).status, 404);
    const thrown = await ask(port, 'POST /api/get_post', FORM, 'id=99');
    assert.equal(thrown.status, 422);
    assert.equal(
      thrown.text,
      '{"error":{"code":"application_error","message":"post not found","value":{"error":"post not found","id":99}}}\n',
    );
    const wrong = await ask(port, 'POST /api/get_post', FORM, 'id=x');
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /expected number, got string/);
    const ok = await ask(port, 'POST /api/get_post', FORM, 'id=1');
    assert.match(ok.text, /^\{"_type":"Post","id":1,.*\}\n$/);
  });

  it('never leads to another host', async () => {
    for (const referer of [
      'https://evil.example/x',
      `http://127.0.0.1:${port}//evil.example/x`,
      'javascript:alert(1)',
    ]) {
      const headers = { ...FORM, accept: 'text/html', referer };
      const { headers: answer } = await ask(port, 'POST /api/get_tags', headers, '');
      assert.match(answer.location ?? '', /^\/(?!\/)/);
    }
  });

  it('leaves the paths of the node alone', async () => {
    assert.equal((await ask(port, 'GET /health')).status, 200);
    assert.match((await ask(port, 'GET /rpc')).text, /Only POST method is allowed/);
    const rpc = await ask(port, 'POST /', {}, '{"jsonrpc":"2.0","method":"blog.get_tags","id":1}');
    assert.equal(rpc.text, '{"jsonrpc":"2.0","result":{"x":1,"y\\"":1},"id":1}\n');
    assert.equal((await ask(port, 'GET /nothing')).status, 404);
    const page = { 'content-type': 'text/plain', origin: 'https://evil.example' };
    assert.equal((await ask(port, 'POST /rpc', page, '{}')).status, 415);
  });

  it('shows a template that has changed at once', async () => {
    writeFileSync(path.join(folder, 'templates/post.html'), '<h2>@{title.upper()}</h2>');
    assert.equal((await ask(port, 'GET /post/1')).text, '<h2>A &lt;B&gt; &amp; C</h2>');
  });
});

describe('pages of a node', () => {
  it('are served by a Home as well: the list of things to do', async () => {
    const { port: main } = await serve('-server -port 0');
    const file = path.join(EXAMPLES, 'todo/todo.rl');
    const home = relay(`${file} -connect ws://127.0.0.1:${main} -port 0`);
    await home.waitForLine(/^Press Ctrl\+C to stop$/);
    const shown = home.stdout.map((line) => /http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]).find(Boolean);
    const port = Number(shown);
    const { status } = await ask(port, 'POST /api/add_task', FORM, 'text=Buy+milk');
    assert.equal(status, 200);
    await ask(port, 'POST /api/add_task', FORM, 'text=Sleep&due=2030-01-02T03:04:05');
    const done = { ...FORM, accept: 'text/html' };
    assert.equal((await ask(port, 'POST /api/finish_task', done, 'id=1&done=true')).status, 303);
    const { text } = await ask(port, 'GET /');
    assert.match(text, /<p>1 left/);
    assert.match(text, /<span class="done">Buy milk<\/span>/);
    assert.match(text, /<small>2030-01-02<\/small>/);
    assert.doesNotMatch((await ask(port, 'GET /?only_open=true')).text, /Buy milk/);
    const json = JSON.parse((await ask(port, 'GET /tasks.json?only_open=true')).text) as { left: number };
    assert.equal(json.left, 1);
    assert.equal((await ask(port, 'GET /?only_open=perhaps')).status, 400);
    assert.match((await ask(port, 'GET /static/todo.css')).text, /line-through/);
    assert.match((await ask(port, 'GET /federation/health')).text, /is served by Main Relays/);
  });

  for (const [why, files, message] of [
    [
      'a template with an error of syntax',
      { 'main.rl': 'fn f() { 1 }\ntemplate "a.html" from f()', 'a.html': 'x\n@if(1 { }' },
      /^Error: a\.html:2:\d+: error: /,
    ],
    [
      "a template whose path is the node's own",
      { 'main.rl': 'fn f() { 1 }\ntemplate "health.html" from f()', 'health.html': '' },
      /^Error: main\.rl:2:1: the template answers \/health, which is a path of the node itself/,
    ],
    [
      'a template without its function',
      { 'main.rl': '\ntemplate "a.html" from g()', 'a.html': '' },
      /^Error: main\.rl:2:24: error: there is no function 'g' for this template/,
    ],
    [
      'a setting of the wrong type',
      { 'main.rl': 'config { templates: { auto_reload: 1 } }' },
      /main\.rl:1:\d+: config templates\.auto_reload: expected a bool/,
    ],
  ] as const) {
    it(`does not start with ${why}`, async () => {
      next += 1;
      const folder = path.join(root, `wrong-${next}`);
      mkdirSync(folder);
      for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
      const env = { RELAY_DATA_DIR: path.join(folder, 'data') };
      const { code, err } = await runInProcess([path.join(folder, 'main.rl'), '-server', '-port', '0'], env);
      assert.equal(code, 1);
      assert.match(err, message);
    });
  }

  it('are looked at by relay check, at their own places', async () => {
    const folder = path.join(root, 'checked');
    mkdirSync(folder);
    writeFileSync(
      path.join(folder, 'main.rl'),
      'fn f() { 1 }\ntemplate "a.html" from f()\ntemplate "b.html" from f()',
    );
    writeFileSync(path.join(folder, 'a.html'), '@{data\n');
    const { code, out } = await runInProcess(['check', path.join(folder, 'main.rl')]);
    assert.equal(code, 1);
    assert.match(out, /\/checked\/a\.html:1:1: error: '@\{' is not closed \[RL1012\]/);
    assert.match(out, /\/checked\/main\.rl:3:1: error: there is no file for template "b\.html" \[RL4002\]/);
  });
});
