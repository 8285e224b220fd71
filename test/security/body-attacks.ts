// Bodies: sizes, depths, encodings, and lengths that do not fit.

import { HTTP_LIMITS } from '@relay/protocol';
import { exchange, request } from './exchange.ts';
import { concrete, type Target } from './target.ts';
import { REFUSED, type Row, Tally } from './verdict.ts';

/** Sizes and depths. */
export async function bodies(target: Target): Promise<Row> {
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

export async function encodings(target: Target): Promise<Row> {
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
