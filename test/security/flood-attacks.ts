// What is no HTTP at all, and too much of what is.

import { CALL, exchange, openSocket, request } from './exchange.ts';
import { seeded } from './seeded.ts';
import type { Target } from './target.ts';
import { type Row, Tally } from './verdict.ts';

/** What is no HTTP at all. */
export async function noise(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'not HTTP');
  const random = seeded(`noise ${target.seed} ${target.name}`);
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
