// Clients that take their time: each must be let go by the limits of security.md §2, and nobody else may notice.

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSocket, parseReply } from './exchange.ts';
import type { Target } from './target.ts';
import { type Row, Tally } from './verdict.ts';

/** Each side by side this often. */
const COPIES = 20;
/** Connections that ask for much and read nothing. */
const UNREAD = 20;
const ASKED = 500;
/** After which a client that takes nothing of its answer has been let go. */
const STALL_MS = 30_000;
/** On top of a limit: connections are looked at once a second, and the machine may be busy. */
const SLACK_MS = 3_000;

interface Slow {
  readonly what: string;
  readonly limitMs: number;
  /** What is sent at once. */
  readonly begin: (target: Target) => string | Buffer;
  /** What follows each half second, until the node has enough. */
  readonly drip: string;
  /** 0: closed without an answer. */
  readonly statuses: readonly number[];
}

const SLOW: readonly Slow[] = [
  {
    what: 'headers byte by byte',
    limitMs: 5_000,
    begin: ({ host }) => `GET /live HTTP/1.1\r\nHost: ${host}\r\nX: `,
    drip: 'x',
    statuses: [408, 0],
  },
  { what: 'a connection that says nothing', limitMs: 15_000, begin: () => '', drip: '', statuses: [408, 0] },
  {
    what: 'a body byte by byte',
    limitMs: 15_000,
    begin: ({ host }) => `POST /rpc HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000\r\n\r\n`,
    drip: ' ',
    statuses: [408, 0],
  },
  {
    what: 'chunks byte by byte',
    limitMs: 15_000,
    begin: ({ host }) => `POST /rpc HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    drip: '1\r\n \r\n',
    statuses: [408, 0],
  },
];

const SILENT_PEER: Slow = {
  what: 'a WebSocket without a handshake',
  // 5 s for the handshake, and 5 s for an answer to its close frame, which does not come.
  limitMs: 10_000,
  begin: ({ host, port }) =>
    `GET /ws/federation HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: relay.v1.json\r\n` +
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  drip: '',
  statuses: [101],
};

export async function attackSlowly(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'slow clients');
  const kinds = target.role === 'main' ? [...SLOW, SILENT_PEER] : SLOW;
  await Promise.all([
    ...kinds.flatMap((slow) => Array.from({ length: COPIES }, () => attack(target, slow, tally))),
    readSlowly(target, tally),
  ]);
  return tally.row();
}

async function attack(
  target: Target,
  { what, limitMs, begin, drip, statuses }: Slow,
  tally: Tally,
): Promise<void> {
  const began = performance.now();
  const socket = await openSocket(target);
  let received: Buffer = Buffer.alloc(0);
  let isClosed = false;
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  socket.on('close', () => {
    isClosed = true;
  });
  socket.on('error', () => {});
  socket.write(begin(target));
  while (!isClosed && performance.now() - began < limitMs + SLACK_MS) {
    await sleep(500);
    if (!isClosed && drip !== '') socket.write(drip);
  }
  socket.destroy();
  const { status } = parseReply(received);
  tally.note(String(status));
  tally.expect(
    what,
    isClosed,
    `still open after ${Math.round(performance.now() - began)} ms, limit ${limitMs} ms`,
  );
  tally.expect(what, statuses.includes(status), `answered ${status}`);
}

/** Asks for much and reads nothing: the node must not keep all of it. Its memory is what the watch looks at. */
async function readSlowly(target: Target, tally: Tally): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: UNREAD }, () => openSocket(target)));
  const ask = `GET /metrics HTTP/1.1\r\nHost: ${target.host}\r\n\r\n`;
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.pause();
    socket.write(ask.repeat(ASKED));
  }
  // That such a client is let go does not depend on the role.
  const isLong = target.role === 'main';
  await sleep(isLong ? STALL_MS + 2 * SLACK_MS : 5_000);
  const answers = await Promise.all(sockets.map((socket) => (isLong ? answersOn(socket) : 0)));
  for (const socket of sockets) socket.destroy();
  tally.note('unread');
  for (const count of answers)
    tally.expect('asks for much and reads nothing', count < ASKED, 'was not let go');
}

/** How many answers come when a socket is read at last, until it ends. */
function answersOn(socket: Socket): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let count = 0;
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('latin1')).split('HTTP/1.1 200');
    count += parts.length - 1;
    // The words may be divided between two chunks.
    rest = (parts.at(-1) ?? '').slice(-11);
    if (count === ASKED) resolve(count);
  });
  if (socket.destroyed) resolve(0);
  socket.on('close', () => resolve(count));
  socket.resume();
  return promise;
}
