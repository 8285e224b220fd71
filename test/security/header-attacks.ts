// Headers: too many, too long, malformed, and those that a web page of another site makes a browser send.

import { CALL, EVIL, exchange, JSON_HEADER, request } from './exchange.ts';
import { concrete, type Target } from './target.ts';
import { REFUSED, type Row, Tally } from './verdict.ts';

export async function headers(target: Target): Promise<Row> {
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

/** What a web page of another site can make a browser send. */
export async function origins(target: Target): Promise<Row> {
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
