// Bodies of forms, where they come from and lead to, and routes that collide. The rest is tested with whole nodes.

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ROUTES } from './http-server.ts';
import { assertNoCollision } from './pages.ts';
import { isForeignForm, readForm, redirectOf } from './pages-form.ts';
import type { ProgramPages } from './pages-port.ts';
import { isFresh, staticType } from './pages-static.ts';

const PARAMS = Object.entries({
  title: 'string',
  count: 'number',
  done: 'bool',
  at: 'optional(datetime)',
  tags: '[string]',
  sizes: 'optional([number])',
  any: 'any',
}).map(([name, type]) => ({ name, type, optional: type.startsWith('optional') }));

const FORM = 'application/x-www-form-urlencoded';

describe('the body of a form', () => {
  for (const [body, json] of [
    ['', '{}'],
    ['title=a+b%26c', '{"title":"a b&c"}'],
    ['title=', '{"title":""}'],
    ['count=7.50&done=on', '{"count":7.5,"done":true}'],
    ['count=&done=&at=', '{}'],
    ['count=7x&done=maybe', '{"count":"7x","done":"maybe"}'],
    ['count=0x10', '{"count":"0x10"}'],
    ['done=false', '{"done":false}'],
    ['tags=a', '{"tags":["a"]}'],
    ['tags=a&tags=b', '{"tags":["a","b"]}'],
    ['sizes=1&sizes=2', '{"sizes":[1,2]}'],
    ['any=1&other=2', '{"any":"1","other":"2"}'],
    ['__proto__=x', '{"__proto__":"x"}'],
    ['{"title": 1}', '{"title": 1}'],
  ] as const) {
    it(`${JSON.stringify(body)} is ${json}`, () => {
      assert.deepEqual(readForm(Buffer.from(body), FORM, PARAMS), { kind: 'arguments', json });
    });
  }

  for (const [why, body, type] of [
    ['broken JSON', '{"a"', FORM],
    ['another JSON value', '[1]', 'application/json'],
    ['a multipart form', '--x', 'multipart/form-data; boundary=x'],
    ['bytes that are no UTF-8', Buffer.from([0xff]), FORM],
  ] as const) {
    it(`refuses ${why}`, () => assert.equal(readForm(Buffer.from(body), type, PARAMS).kind, 'bad'));
  }

  it('is JSON whatever a form says', () => {
    fc.assert(
      fc.property(fc.string(), (body) => {
        const read = readForm(Buffer.from(body.toWellFormed()), FORM, PARAMS);
        if (read.kind === 'arguments') assert.equal(typeof JSON.parse(read.json), 'object');
      }),
    );
  });
});

function request(headers: Readonly<Record<string, string>>): IncomingMessage {
  const rawHeaders = Object.entries(headers).flat();
  return { headers: { host: 'node.example:8080', ...headers }, rawHeaders } as unknown as IncomingMessage;
}

describe('where a form comes from', () => {
  for (const [headers, isForeign] of [
    [{}, false],
    [{ origin: 'http://node.example:8080' }, false],
    [{ origin: 'https://node.example:8080' }, false],
    [{ origin: 'http://node.example' }, true],
    [{ origin: 'http://evil.example' }, true],
    [{ origin: 'null' }, true],
    [{ origin: 'chrome-extension://node.example:8080' }, true],
    [{ 'sec-fetch-site': 'cross-site' }, true],
    [{ 'sec-fetch-site': 'same-origin', origin: 'http://node.example:8080' }, false],
    [{ origin: 'http://evil.example', 'content-type': 'application/json' }, false],
    [{ origin: 'http://evil.example', 'content-type': 'text/plain;application/json' }, true],
  ] as const) {
    it(`${JSON.stringify(headers)} is ${isForeign ? 'foreign' : 'own'}`, () => {
      assert.equal(isForeignForm(request(headers)), isForeign);
    });
  }

  for (const [referer, target] of [
    ['http://node.example:8080/a?b=c#d', '/a?b=c'],
    ['https://node.example:8080/', '/'],
    ['http://node.example:8080//evil.example', '/evil.example'],
    ['http://node.example:8080/\\evil.example', '/evil.example'],
    ['http://node.example/a', '/'],
    ['http://evil.example/a', '/'],
    ['nonsense', '/'],
  ] as const) {
    it(`${referer} leads back to ${target}`, () => assert.equal(redirectOf(request({ referer })), target));
  }
});

describe('routes of a program', () => {
  const pages = (path: string): ProgramPages => ({
    paths: [{ path, place: 'main.rl:1:1' }],
    staticDir: '',
    get: () => undefined,
  });
  for (const path of ['/health', '/rpc', '/.well-known/relay', '/registry', '/federation/peers/x']) {
    it(`${path} belongs to a Main`, () => {
      assert.throws(() => assertNoCollision(pages(path), ROUTES, 'main'), {
        name: 'PageCollision',
        message: `main.rl:1:1: the template answers ${path}, which is a path of the node itself`,
      });
    });
  }
  for (const path of ['/', '/healthy', '/health/', '/services', '/api/x', '/static/x']) {
    it(`${path} is free on a Main`, () => assertNoCollision(pages(path), ROUTES, 'main'));
  }
});

it('knows types by their endings, and what a client has', () => {
  assert.equal(staticType('/a/b.HTML'), 'text/html; charset=utf-8');
  assert.equal(staticType('/a/constructor'), 'application/octet-stream');
  assert.equal(staticType('/a.constructor'), 'application/octet-stream');
  const file = { etag: '"1-a"', lastModified: 'Sun, 22 Nov 2026 10:00:00 GMT' };
  assert.equal(isFresh({}, file), false);
  assert.equal(isFresh({ 'if-none-match': '"x", W/"1-a"' }, file), true);
  assert.equal(isFresh({ 'if-none-match': '"x"', 'if-modified-since': file.lastModified }, file), false);
  assert.equal(isFresh({ 'if-modified-since': 'Sun, 22 Nov 2026 09:59:59 GMT' }, file), false);
  assert.equal(isFresh({ 'if-modified-since': 'nonsense' }, file), false);
});
