// Every endpoint, and everything around it that HTTP lets a stranger write: methods, sizes, depths, encodings, origins, paths, headers.

import { HTTP_LIMITS } from '@relay/protocol';
import { exchange, openSocket, request } from './exchange.ts';
import { type Random32, seeded } from './seeded.ts';
import type { Target } from './target.ts';
import { type Row, Tally } from './verdict.ts';

const EVIL = 'http://evil.example';
const JSON_HEADER = 'Content-Type: application/json';
/** What a refusal of a stranger's bytes may be; 0: the connection is closed without a word. */
const REFUSED = [0, 400, 403, 404, 405, 408, 411, 413, 414, 415, 417, 426, 431];
const CALL = '{"jsonrpc":"2.0","method":"rpc.discover","id":1}';

/** The path of an endpoint with something in the place of its parameters. */
export function concrete(path: string): string {
  return path.replaceAll(/:\w+/g, 'nothing');
}

export async function attackHttp(target: Target): Promise<Row[]> {
  // Side by side: much of it is waiting for a node to lose patience.
  return Promise.all([
    methods(target),
    bodies(target),
    encodings(target),
    origins(target),
    queries(target),
    paths(target),
    headers(target),
    noise(target),
  ]);
}

async function methods(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'methods');
  const known = [
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'TRACE',
    'CONNECT',
    'PROPFIND',
    'SEARCH',
  ];
  const unknown = ['FOO', 'get', 'X'.repeat(5_000), 'G\u0000T', ''];
  for (const path of new Set(target.endpoints.map(({ path }) => path))) {
    const served = target.endpoints.filter((one) => one.path === path).map(({ method }) => method);
    if (served.includes('GET')) served.push('HEAD');
    for (const method of known) {
      const reply = await exchange(target, request(target, method, concrete(path)));
      const isServed = served.includes(method) || method === 'OPTIONS';
      tally.reply(`${method.slice(0, 10)} ${path}`, reply, isServed ? undefined : [0, 400, 404, 405]);
      if (reply.status === 405 && !reply.headers.has('allow'))
        tally.finding(`${method} ${path}: 405 without Allow`);
      if (method === 'OPTIONS')
        tally.expect(`OPTIONS ${path}`, reply.status === 200 && reply.body === '', reply.status);
    }
    for (const method of unknown) {
      tally.reply(
        `${method.slice(0, 10)} ${path}`,
        await exchange(target, request(target, method, concrete(path))),
        REFUSED,
      );
    }
  }
  return tally.row();
}

/** Sizes and depths. */
async function bodies(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'sizes, depths');
  const { bodyBytes, depth } = HTTP_LIMITS;
  for (const { method, path } of target.endpoints.filter((one) => one.method !== 'GET')) {
    const at = `${method} ${path}`;
    const url = concrete(path);
    const ask = async (
      what: string,
      body: string | Buffer,
      allowed: readonly number[],
      headers: string[] = [],
    ) =>
      tally.reply(
        `${at} ${what}`,
        await exchange(target, request(target, method, url, { body, headers })),
        allowed,
      );
    const raw = async (what: string, lines: readonly string[], body: string, allowed: readonly number[]) => {
      const head = [`${method} ${url} HTTP/1.1`, `Host: ${target.host}:${target.port}`, ...lines];
      tally.reply(
        `${at} ${what}`,
        await exchange(target, `${head.join('\r\n')}\r\n\r\n${body}`, 4_000),
        allowed,
      );
    };
    const refused = [200, 204, 400, 403, 404, 413];
    await ask('a body one byte too large', Buffer.alloc(bodyBytes + 1, 0x20), [413, 0]);
    await raw('a length beyond all numbers', ['Content-Length: 999999999999999999999'], '', REFUSED);
    await raw('a length of 1e15', ['Content-Length: 1000000000000000'], 'x', REFUSED);
    await raw('a negative length', ['Content-Length: -1'], '', REFUSED);
    await raw('two lengths', ['Content-Length: 2', 'Content-Length: 3'], '{}x', REFUSED);
    await raw(
      'a length and chunks',
      ['Content-Length: 2', 'Transfer-Encoding: chunked'],
      '0\r\n\r\n',
      REFUSED,
    );
    await raw('chunks twice', ['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n', REFUSED);
    await raw('an unknown transfer coding', ['Transfer-Encoding: gzip'], 'x', [...REFUSED, 501]);
    await raw('a chunk of no size', ['Transfer-Encoding: chunked'], 'zz\r\nx\r\n0\r\n\r\n', REFUSED);
    await raw('a chunk of 2^63 bytes', ['Transfer-Encoding: chunked'], '8000000000000000\r\nx', REFUSED);
    await raw(
      'chunk extensions without end',
      ['Transfer-Encoding: chunked'],
      `2;${'x'.repeat(40_000)}\r\n{}\r\n0\r\n\r\n`,
      REFUSED,
    );
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
    await raw(
      'chunks above the limit',
      ['Transfer-Encoding: chunked'],
      `${chunk.repeat(5)}0\r\n\r\n`,
      REFUSED,
    );
    for (const [what, body] of [
      ['nothing', ''],
      ['depth one above', nested(depth + 1)],
      ['depth of 100,000', nested(100_000)],
      ['open brackets only', '['.repeat(bodyBytes)],
      ['100,000 values', `[${'0,'.repeat(100_000)}0]`],
      ['half a text', '{"jsonrpc":"2.0","method":"'],
      ['half an escape', '"\\u12'],
      ['a number of 100,000 digits', '9'.repeat(100_000)],
      ['a huge exponent', '{"params":1e999999999,"seconds":1e999}'],
      ['names of prototypes', '{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}},"toString":1}'],
      ['100,000 equal keys', `{${'"a":1,'.repeat(30_000)}"a":1}`],
      ['scalars', '42'],
      ['null', 'null'],
      ['zero bytes', '\u0000'.repeat(100)],
      ['lone surrogates', '{"method":"\\ud800","node_id":"\\udfff"}'],
    ] as const) {
      await ask(what, body, refused);
    }
  }
  return tally.row();
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

async function encodings(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'encodings');
  for (const { method, path } of target.endpoints) {
    const url = concrete(path);
    for (const coding of ['gzip', 'br', 'identity', 'gzip, gzip', 'x']) {
      const headers = [`Content-Encoding: ${coding}`];
      const reply = await exchange(target, request(target, method, url, { body: '{}', headers }));
      tally.reply(`${method} ${path} ${coding}`, reply, [415]);
    }
    if (method === 'GET') continue;
    for (const [what, body] of [
      ['UTF-8 that is none', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
      ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
      ['UTF-16', Buffer.from('\ufeff{"a":1}', 'utf16le')],
      ['a byte order mark', Buffer.from('\ufeff{}')],
    ] as const) {
      for (const type of [
        'application/json; charset=utf-16',
        'multipart/form-data',
        'x'.repeat(1_000),
        'a/b;;=',
      ]) {
        const headers = [`Content-Type: ${type}`];
        const reply = await exchange(target, request(target, method, url, { body, headers }));
        tally.reply(`${method} ${path} ${what}`, reply, [200, 400, 403, 404]);
      }
    }
  }
  return tally.row();
}

/** What a web page of another site can make a browser send. */
async function origins(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'other sites');
  for (const { method, path, isAdmin } of target.endpoints) {
    const url = concrete(path);
    for (const origin of [
      EVIL,
      'null',
      '',
      `${EVIL}, http://${target.host}:${target.port}`,
      'x'.repeat(2_000),
    ]) {
      const from = `Origin: ${origin}`;
      const reply = await exchange(
        target,
        request(target, method, url, { body: '{}', headers: [from, JSON_HEADER] }),
      );
      // A request that no CORS header answers may run, but its page cannot read what came; one that changes the node may not run.
      tally.reply(
        `${method} ${path} from ${origin.slice(0, 30)}`,
        reply,
        isAdmin ? [400, 401, 403] : undefined,
      );
      if (target.role !== 'p2p' && reply.headers.has('access-control-allow-origin')) {
        tally.finding(`${method} ${path}: ${origin.slice(0, 30)} may read the answer`);
      }
      if (method === 'GET') continue;
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'application/jsonx',
      ]) {
        const headers = [from, `Content-Type: ${type}`];
        const plain = await exchange(target, request(target, method, url, { body: CALL, headers }));
        tally.reply(`${method} ${path} ${type} from ${origin.slice(0, 30)}`, plain, [415]);
      }
    }
    if (!isAdmin || target.role === 'p2p') continue;
    for (const proxied of ['X-Forwarded-For: 203.0.113.9', 'Forwarded: for=203.0.113.9']) {
      const reply = await exchange(target, request(target, method, url, { body: '{}', headers: [proxied] }));
      tally.reply(`${method} ${path} through a proxy`, reply, [401, 403]);
    }
  }
  return tally.row();
}

async function queries(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'queries');
  const names = ['scope', 'limit', 'after', 'service', 'node', 'node_id', '__proto__', 'x'];
  const values = [
    '',
    '-1',
    '0',
    '1e9',
    'NaN',
    '%00',
    '%ff',
    '%',
    'a%2',
    '..',
    "'%22<>",
    'x'.repeat(6_000),
    '%F0%9F%98%80',
  ];
  for (const { method, path } of target.endpoints.filter((one) => one.method === 'GET')) {
    for (const name of names) {
      for (const value of values) {
        const url = `${concrete(path)}?${name}=${value}`;
        tally.reply(
          `${method} ${url.slice(0, 80)}`,
          await exchange(target, request(target, method, url)),
          [200, 304, 400, 404, 426, 503],
        );
      }
    }
    for (const query of [
      'scope=all&scope=local',
      'limit[]=1&limit[a]=2',
      '&'.repeat(3_000),
      'a=1&'.repeat(1_500),
      '?'.repeat(100),
    ]) {
      const reply = await exchange(target, request(target, method, `${concrete(path)}?${query}`));
      tally.reply(`${path}?${query.slice(0, 30)}`, reply, [200, 304, 400, 404, 426, 503]);
    }
  }
  return tally.row();
}

async function paths(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'paths');
  const tricks = [
    ...[
      '//',
      '/.',
      '/..',
      '/%2e%2e/',
      '/..%2f..%2fetc/passwd',
      '/%00',
      '/%zz',
      '/%c0%af',
      '/;a=b',
      '/\\',
      '/*',
      '/#x',
      '/?',
      '/%',
    ],
    ...[
      '/static/../../etc/passwd',
      '/static/%2e%2e/%2e%2e/etc/passwd',
      '/static/..%5c..%5c',
      '/static//etc/passwd',
    ],
    ...[
      '/static/%00',
      '/api/',
      '/api/../rpc',
      '/api/__proto__',
      '/api/constructor',
      '/favicon.ico',
      '/.env',
      '/.git/config',
    ],
    ...[`/${'a'.repeat(7_000)}`, `/${'a/'.repeat(3_500)}`, `/${'%41'.repeat(2_000)}`, '/é', '/\u0001'],
    ...[
      `${EVIL}/live`,
      `//${target.host}/live`,
      'live',
      '*',
      `http://user:pass@${target.host}/live`,
      'http://[::1',
      ':80',
    ],
  ];
  const variants = (path: string): string[] => [
    `/${path}`,
    `${path}/`,
    `${path}//`,
    `${path}/.`,
    `${path}%00`,
    `${path}%2f`,
    `${path};x`,
    `/.${path}`,
    `/x/..${path}`,
    path.toUpperCase(),
    path.replace(/\/(\w)/, (_, letter: string) => `/%${letter.charCodeAt(0).toString(16)}`),
  ];
  const known = target.endpoints.map(({ path }) => concrete(path)).filter((path) => path !== '/');
  const admins = new Set(target.endpoints.filter(({ isAdmin }) => isAdmin).map(({ path }) => concrete(path)));
  for (const path of [...tricks, ...known.flatMap(variants)]) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const reply = await exchange(target, request(target, method, path));
      tally.reply(`${method} ${path.slice(0, 60)}`, reply);
      if (/root:.*:0:0:/.test(reply.body)) tally.finding(`${method} ${path}: gave a file of the machine`);
    }
  }
  // A rule that looks at another spelling of the path than the router is a way around it.
  for (const path of admins) {
    for (const spelling of variants(path)) {
      const headers = [`Origin: ${EVIL}`, JSON_HEADER];
      const reply = await exchange(target, request(target, 'POST', spelling, { headers, body: '{}' }));
      tally.reply(`POST ${spelling} from ${EVIL}`, reply, [0, 400, 401, 403, 404, 405]);
    }
  }
  return tally.row();
}

async function headers(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'headers');
  const many = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: 1`);
  for (const { method, path } of target.endpoints) {
    const ask = async (what: string, lines: readonly string[], allowed?: readonly number[]) =>
      tally.reply(
        `${method} ${path} ${what}`,
        await exchange(
          target,
          request(target, method, concrete(path), { headers: lines, body: method === 'GET' ? '' : '{}' }),
          4_000,
        ),
        allowed,
      );
    await ask('65 lines', many(65), [431]);
    await ask('2,000 lines', many(2_000), [431]);
    await ask('10 KB', [`X: ${'x'.repeat(10_000)}`], [431]);
    await ask('1 MB', [`X: ${'x'.repeat(1_000_000)}`], [431, 0]);
    await ask('a line without a colon', ['nonsense'], REFUSED);
    await ask('a folded line', ['X: 1', ' 2'], undefined);
    await ask('a zero byte', ['X: \u0000'], REFUSED);
    await ask('a bare line feed', ['X: 1\nY: 2'], undefined);
    await ask('blanks before the colon', ['Content-Length : 5'], REFUSED);
    await ask('an unknown expectation', ['Expect: nonsense'], [400, 417]);
    await ask('another host', ['Host: evil.example'], REFUSED.concat(200, 503));
    await ask('hop-by-hop names', ['Connection: keep-alive, authorization', 'TE: trailers'], undefined);
    await ask('a range', ['Range: bytes=0-,0-,0-,0-', 'If-None-Match: *', 'If-Modified-Since: x'], undefined);
    await ask(
      'an upgrade to HTTP/2',
      ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'],
      undefined,
    );
    await ask('an authorization of odd form', ['Authorization: Bearer', 'Cookie: a=b'], undefined);
    await ask(
      'odd options',
      ['Relay-Timeout: -1', 'Relay-Trace: maybe', `Idempotency-Key: ${'k'.repeat(500)}`],
      undefined,
    );
    await ask('a trace parent', ['traceparent: 00-zz-zz-zz', `tracestate: ${'x'.repeat(4_000)}`], undefined);
  }
  return tally.row();
}

/** What is no HTTP at all. */
async function noise(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'not HTTP');
  const random: Random32 = seeded(`noise ${target.name}`);
  const sent: [string, Buffer][] = [
    ['HTTP/0.9', Buffer.from('GET /live\r\n\r\n')],
    ['HTTP/3.0', Buffer.from('GET /live HTTP/3.0\r\n\r\n')],
    ['HTTP/1.0', Buffer.from('GET /live HTTP/1.0\r\n\r\n')],
    ['no host', Buffer.from('GET /live HTTP/1.1\r\n\r\n')],
    ['two hosts', Buffer.from('GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')],
    ['the preface of HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['a TLS client', Buffer.from('16030100c8010000c40303', 'hex')],
    [
      'a proxy header',
      Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET /live HTTP/1.1\r\nHost: a\r\n\r\n'),
    ],
    ['an answer', Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')],
  ];
  for (let index = 0; index < 50; index++) {
    const length = 1 + (random() % 3_000);
    sent.push([`random bytes ${index}`, Buffer.from(Uint8Array.from({ length }, () => random() & 0xff))]);
  }
  // Half a request, mutated: what a parser of headers likes least.
  const model = request(target, 'POST', '/rpc', { body: CALL });
  for (let index = 0; index < 100; index++) {
    const bytes = Buffer.from(model);
    for (let times = 0; times < 3; times++) bytes[random() % bytes.length] = random() & 0xff;
    sent.push([`a mutated request ${index}`, bytes]);
  }
  // Many wait for more, which does not come: side by side.
  const replies = await Promise.all(
    sent.map(async ([what, bytes]) => [what, await exchange(target, bytes, 8_000)] as const),
  );
  for (const [what, reply] of replies) tally.reply(what, reply);
  return tally.row();
}

/** One connection that does not wait for answers, and many at once. */
export async function flood(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'floods');
  const one = `GET /info HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\n\r\n`;
  const socket = await openSocket(target);
  const { promise, resolve } = Promise.withResolvers<void>();
  let received = 0;
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('latin1')).split('HTTP/1.1 ');
    received += parts.length - 1;
    // The words may be divided between two chunks.
    rest = (parts.at(-1) ?? '').slice(-8);
    if (received >= 500) resolve();
  });
  socket.on('close', () => resolve());
  socket.write(one.repeat(500));
  await Promise.race([promise, new Promise<void>((late) => setTimeout(late, 10_000).unref())]);
  socket.destroy();
  tally.note('pipelined');
  tally.expect('500 requests in one write', received >= 500, `${received} answers`);

  const sockets = await Promise.all(Array.from({ length: 300 }, () => openSocket(target)));
  const reply = await exchange(target, request(target, 'GET', '/health'));
  tally.reply('beside 300 idle connections', reply, [200]);
  for (const each of sockets) each.destroy();

  const calls = await Promise.all(
    Array.from({ length: 200 }, () => exchange(target, request(target, 'POST', '/rpc', { body: CALL }))),
  );
  for (const each of calls) tally.reply('200 calls at once', each, [200, 401, 503]);
  return tally.row();
}
