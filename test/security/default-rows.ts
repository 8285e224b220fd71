// The table of defaults of security.md §2, row by row, as far as it can be seen from outside. What other attacks of this folder look
// at already is not asked again: subprotocols, origins, compression and sizes before WELCOME are in link-attacks.ts, headers, body,
// content encoding and slow clients in http-attacks.ts and slow-attacks.ts.

import os from 'node:os';
import { HTTP_LIMITS } from '@relay/protocol';
import { WebSocket } from 'ws';
import { type Address, exchange, openSocket, request } from './exchange.ts';
import type { Nodes } from './nodes.ts';
import type { Target } from './target.ts';
import { type Row, Tally } from './verdict.ts';

/** What stands in security.md §2 and is not built; SECURITY.md says so where users look. */
export const NOT_BUILT: readonly string[] = [
  'TLS: a node does not end TLS itself; 1.3 is a matter of the proxy in front of it',
  'Rates: 50 calls a second for each key; there are no API keys yet, only the three tokens',
  'Rates: failed logins per address with a growing block; a wrong token costs a comparison and is answered at once',
  'Rates: log-in to the dashboard; there is none',
];

/** What cannot be seen from outside, and what shows it instead. */
export const NOT_SEEN: readonly string[] = [
  'Heartbeat: dead after 45 s (packages/protocol: session tests in virtual time)',
  'Deadlines: 60 s by default, at most 100 ms in the own queue (packages/federation: routing tests)',
  'Peers: batches, entries and back-off (packages/federation: registry and peer tests)',
  'Script: budgets and worker heap (test/hostile)',
  'Overload: memory and event-loop ladder (packages/federation: overload tests)',
  'Store: synchronous=FULL (packages/host: state-store tests)',
  'Supervision: packages/cli and packages/host tests',
];

export async function checkDefaults(main: Target, nodes: Nodes): Promise<Row[]> {
  return [
    await bind(main, nodes),
    await http(main),
    await jsonRpc(main),
    await handshakeLimit(main),
    store(nodes),
  ];
}

/** An address of this machine that is not loopback. */
function outerAddress(): string | undefined {
  const all = Object.values(os.networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address;
}

async function bind(main: Target, nodes: Nodes): Promise<Row> {
  const tally = new Tally(main.name, 'defaults: bind, rates');
  const host = outerAddress();
  if (host === undefined) {
    tally.note('no other address');
    return tally.row();
  }
  const closed = await exchange({ host, port: main.port }, request(main, 'GET', '/live'), 2_000);
  tally.note(String(closed.status));
  tally.expect('a node without -host', closed.status === 0, `answers at ${host}`);

  const open = await nodes.start('security-public', 'main', ['-host', '0.0.0.0']);
  const outer = { host, port: open.port };
  for (const word of ['may join', 'may call services']) {
    const isTold = [...open.process.stdout, ...open.process.stderr].some(
      (line) => /warning/i.test(line) && line.includes(word),
    );
    tally.expect(`the warning that anyone ${word}`, isTold, 'was not printed');
  }
  for (const { method, path } of open.endpoints.filter(({ isAdmin }) => isAdmin)) {
    const reply = await exchange(outer, request(outer, method, path.replace(/:\w+/, 'x'), { body: '{}' }));
    tally.reply(`${method} ${path} from another machine`, reply, [403]);
  }
  // 5 a second, 10 at once.
  const codes = await Promise.all(Array.from({ length: 60 }, () => closeCodeOf(outer)));
  for (const code of codes) tally.note(String(code));
  const late = codes.filter((code) => code === 4429).length;
  tally.expect('60 handshakes of one address', late >= 40 && late <= 50, `${late} were refused with 4429`);
  const reply = await exchange(outer, request(outer, 'GET', '/live'));
  tally.reply('/live for the same address', reply, [200]);
  await open.process.stop();
  return tally.row();
}

/** How a link ends on which something wrong was said at once. */
function closeCodeOf({ host, port }: Address): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const socket = new WebSocket(`ws://${host}:${port}/ws/federation`, ['relay.v1.json']);
  socket.on('error', () => resolve(0));
  socket.once('open', () => socket.send('no hello'));
  socket.once('close', resolve);
  return promise;
}

const PER_SOCKET = 1_000;

async function http(main: Target): Promise<Row> {
  const tally = new Tally(main.name, 'defaults: HTTP');
  const socket = await openSocket(main);
  const ask = `GET /live HTTP/1.1\r\nHost: ${main.host}\r\n\r\n`;
  let answers = 0;
  let last = '';
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('close', () => resolve());
  socket.on('error', () => resolve());
  socket.on('data', (chunk: Buffer) => {
    last = chunk.toString('latin1');
    answers += last.split('HTTP/1.1 200').length - 1;
    socket.write(ask);
  });
  socket.write(ask);
  await Promise.race([promise, new Promise((late) => setTimeout(late, 20_000).unref())]);
  socket.destroy();
  tally.note(`${answers} on one connection`);
  tally.expect('requests on one connection', answers === PER_SOCKET, `${answers}, not ${PER_SOCKET}`);

  const wellKnown = await exchange(main, request(main, 'GET', '/.well-known/relay'));
  tally.reply('/.well-known/relay', wellKnown, [200]);
  const limits = limitsIn(wellKnown.body);
  for (const [name, expected] of Object.entries({
    body: 262_144,
    batch: 20,
    depth: 32,
    message_bytes: 1_048_576,
    body_bytes: 16_777_216,
    in_flight: 1_024,
    services: 64,
    service_bytes: 16_384,
  })) {
    tally.expect(`limit ${name}`, limits[name] === expected, limits[name]);
  }
  return tally.row();
}

function limitsIn(body: string): Readonly<Record<string, number>> {
  try {
    return (JSON.parse(body) as { limits: Record<string, number> }).limits;
  } catch {
    return {};
  }
}

async function jsonRpc(main: Target): Promise<Row> {
  const tally = new Tally(main.name, 'defaults: JSON-RPC');
  const rpc = (body: string) => exchange(main, request(main, 'POST', '/rpc', { body }));
  const call = (params: string) =>
    rpc(`{"jsonrpc":"2.0","method":"typed.anything","params":[${params}],"id":1}`);
  const { bodyBytes, depth, values } = HTTP_LIMITS;
  // The request and its params are the first two of the depth.
  const nested = (times: number) => '['.repeat(times) + ']'.repeat(times);
  const list = (length: number) => `[${Array.from({ length }, () => 0).join()}]`;
  const padded = (length: number) => {
    const text = '{"jsonrpc":"2.0","method":"typed.nothing","id":1}';
    return text + ' '.repeat(length - text.length);
  };
  for (const [what, body, isRight] of [
    [`depth ${depth}`, await call(nested(depth - 2)), true],
    [`depth ${depth + 1}`, await call(nested(depth - 1)), false],
    ['nearly 10,000 values', await call(list(values - 100)), true],
    ['above 10,000 values', await call(list(values + 1)), false],
    ['256 KiB', await rpc(padded(bodyBytes)), true],
    ['256 KiB and a byte', await rpc(padded(bodyBytes + 1)), false],
  ] as const) {
    tally.reply(what, body, [200, 413]);
    tally.expect(what, body.body.includes('"result"') === isRight, body.body.slice(0, 200));
    if (!isRight) tally.expect(what, body.body.includes('-32010'), body.body.slice(0, 200));
  }
  return tally.row();
}

/** 1,000 handshakes under way at most; who is above that is told when to come back, and the rest is served. */
async function handshakeLimit(main: Target): Promise<Row> {
  const tally = new Tally(main.name, 'defaults: pending handshakes');
  const head = [
    'GET /ws/federation HTTP/1.1',
    `Host: ${main.host}:${main.port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Protocol: relay.v1.json',
  ];
  const sockets = await Promise.all(Array.from({ length: 1_200 }, () => openSocket(main)));
  const first = sockets.map(
    (socket) =>
      new Promise<string>((resolve) => {
        socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')));
        socket.once('error', () => resolve(''));
        socket.once('close', () => resolve(''));
        socket.write(`${head.join('\r\n')}\r\n\r\n`);
      }),
  );
  const answers = await Promise.all(first);
  const refused = answers.filter((text) => text.startsWith('HTTP/1.1 503'));
  for (const text of answers) tally.note(text.slice(9, 12));
  tally.expect('1,200 links that say nothing', refused.length >= 150, `${refused.length} were refused`);
  tally.expect(
    'the refused',
    refused.every((text) => /\r\nRetry-After: \d+/i.test(text)),
    'were not told when to come back',
  );
  const reply = await exchange(
    main,
    request(main, 'POST', '/rpc', { body: '{"jsonrpc":"2.0","method":"typed.nothing","id":1}' }),
  );
  tally.expect('a call meanwhile', reply.body.includes('"result":true'), reply.body);
  for (const socket of sockets) socket.destroy();
  return tally.row();
}

function store(nodes: Nodes): Row {
  const tally = new Tally('all', 'defaults: files');
  const { found, count } = nodes.readableByOthers();
  tally.note(`${count} files`);
  tally.expect('files that others may read', found.length === 0 && count > 0, found);
  return tally.row();
}
