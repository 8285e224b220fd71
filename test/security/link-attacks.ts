// The WebSocket paths: upgrades that must be refused, handshakes out of order, forged and replayed, and frames that break the protocol.

import { hash, randomBytes } from 'node:crypto';
import {
  authTranscript,
  decodeSigned,
  encodeAuthBody,
  encodeBase64url,
  encodeHello,
  encodeSigned,
  type Role,
} from '@relay/protocol';
import { seededRandom } from '@relay/testkit';
import { WebSocket } from 'ws';
import { createIdentity, type Identity } from '../../packages/federation/src/identity/keys.ts';
import { type Address, exchange, openSocket, request } from './exchange.ts';
import type { Target } from './target.ts';
import { type Row, Tally } from './verdict.ts';

const CLOSE_MS = 8_000;
const LINKS = ['/ws/federation', '/ws/peers', '/ws/p2p?node_id=stranger'] as const;

export async function attackLinks(target: Target): Promise<Row[]> {
  const rows = [await upgrades(target)];
  if (target.role === 'main') rows.push(await beforeHandshake(target), await handshakes(target));
  if (target.role !== 'home') rows.push(await frames(target));
  return rows;
}

function upgradeHeaders(changed: Readonly<Record<string, string | undefined>> = {}): string[] {
  const headers: Record<string, string | undefined> = {
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Protocol': 'relay.v1.json',
    ...changed,
  };
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
}

/** As `request`, but the connection is to be upgraded. */
function upgrade(address: Address, method: string, path: string, headers: readonly string[]): Buffer {
  const text = request(address, method, path, { headers }).toString('latin1');
  return Buffer.from(text.replace('Connection: close', 'Connection: Upgrade'), 'latin1');
}

async function upgrades(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'upgrades');
  for (const path of LINKS) {
    const isServed = target.role === 'main' || (target.role === 'p2p' && path.startsWith('/ws/p2p'));
    const isLegacy = path.startsWith('/ws/p2p');
    const ask = async (
      what: string,
      allowed: readonly number[],
      headers = upgradeHeaders(),
      method = 'GET',
      at: string = path,
    ) => {
      const reply = await exchange(target, upgrade(target, method, at, headers), 4_000);
      tally.reply(
        `${method} ${at.slice(0, 60)}: ${what}`,
        reply,
        isServed ? allowed : [200, 400, 404, 405, 426],
      );
      return reply;
    };
    const refused = [400, 403, 404, 405, 426];
    const compressed = await ask(
      'with compression',
      [101],
      upgradeHeaders({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
    );
    tally.expect(
      `${path}: compression`,
      !compressed.headers.has('sec-websocket-extensions'),
      'was negotiated',
    );
    for (const origin of [
      'http://evil.example',
      'null',
      '',
      '*',
      'file://',
      `http://evil.example@${target.host}:${target.port}`,
    ]) {
      await ask(`from ${origin}`, isLegacy ? [101, 400, 403] : [403], upgradeHeaders({ Origin: origin }));
    }
    if (!isLegacy) {
      for (const offered of [undefined, '', 'chat', 'relay.v2.bin', 'relay.v1.jsonx', ',,,']) {
        await ask(`subprotocol ${offered}`, [400], upgradeHeaders({ 'Sec-WebSocket-Protocol': offered }));
      }
    }
    for (const key of [undefined, '', 'short', 'x'.repeat(500), '=']) {
      await ask(`key ${key?.slice(0, 10)}`, refused, upgradeHeaders({ 'Sec-WebSocket-Key': key }));
    }
    for (const version of [undefined, '0', '12', '99', 'x']) {
      await ask(`version ${version}`, refused, upgradeHeaders({ 'Sec-WebSocket-Version': version }));
    }
    await ask('to another protocol', [200, ...refused], upgradeHeaders({ Upgrade: 'h2c' }));
    await ask('to many', [...refused, 101], upgradeHeaders({ Upgrade: 'websocket, h2c' }));
    for (const method of ['POST', 'DELETE', 'OPTIONS', 'HEAD'])
      await ask('as such', [200, ...refused], upgradeHeaders(), method);
    for (const at of [
      `${path}/`,
      path.replace('/ws', '/ws/..'),
      path.replace('/ws', '//ws'),
      path.toUpperCase(),
      '/ws',
      '/live',
      '/rpc',
    ]) {
      await ask('another path', [200, ...refused], upgradeHeaders(), 'GET', at);
    }
  }
  return tally.row();
}

/** One connection to a node; what it says and how it closes is kept. */
class Link {
  readonly texts: string[] = [];
  readonly closed: Promise<number>;
  readonly socket: WebSocket;
  readonly opened: Promise<boolean>;
  #waiting: (() => void) | undefined;

  constructor({ host, port }: Address, path: string) {
    this.socket = new WebSocket(
      `ws://${host}:${port}${path}`,
      path.startsWith('/ws/p2p') ? [] : ['relay.v1.json'],
    );
    this.opened = new Promise((resolve) => {
      this.socket.once('open', () => resolve(true));
      this.socket.once('close', () => resolve(false));
    });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code) => {
        resolve(code);
        this.#waiting?.();
      });
    });
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => {
      this.texts.push(String(data));
      this.#waiting?.();
    });
  }

  /** The `count`th text, or undefined if the link closed before. */
  async text(count: number): Promise<string | undefined> {
    const limit = performance.now() + CLOSE_MS;
    while (
      this.texts.length < count &&
      this.socket.readyState <= WebSocket.OPEN &&
      performance.now() < limit
    ) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
        setTimeout(resolve, 500).unref();
      });
    }
    return this.texts[count - 1];
  }

  /** How it closed; 0 if it did not. */
  async code(): Promise<number> {
    const late = new Promise<number>((resolve) => setTimeout(() => resolve(0), CLOSE_MS).unref());
    const code = await Promise.race([this.closed, late]);
    this.socket.terminate();
    return code;
  }
}

async function closesWith(tally: Tally, what: string, link: Link, codes: readonly number[]): Promise<void> {
  const code = await link.code();
  tally.note(String(code));
  tally.expect(
    what,
    codes.includes(code),
    code === 0 ? 'was not closed' : `closed with ${code}, not ${codes.join(' or ')}`,
  );
}

async function beforeHandshake(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'before WELCOME');
  const first: readonly (readonly [string, string | Buffer, readonly number[]])[] = [
    ['a text above 4 KiB', 'x'.repeat(4_097), [1009]],
    ['a text of 1 MiB', 'x'.repeat(2 ** 20), [1009]],
    ['a text above 1 MiB', 'x'.repeat(2 ** 20 + 1), [1009]],
    ['bytes', Buffer.from([0, 1, 2, 3]), [4400]],
    ['no JSON', 'hello', [4400]],
    ['nothing', '', [4400]],
    ['a scalar', '1', [4400]],
    ['depth', '['.repeat(4_000), [4400]],
    ['a call', '{"type":"request","message_id":"1","server_name":"a","method":"b"}', [4400]],
    ['WELCOME', '{"type":"welcome","session":"x"}', [4400]],
    ['AUTH first', encodeSigned('auth', { body: '{}', signature: new Uint8Array(64) }), [4400]],
    ...badHellos().map(([what, hello]) => [what, hello, [4400, 4401, 4403]] as const),
  ];
  for (const path of ['/ws/federation', '/ws/peers']) {
    await Promise.all(
      first.map(async ([what, data, codes]) => {
        const link = new Link(target, path);
        if (await link.opened) link.socket.send(data);
        await closesWith(tally, `${path}: ${what}`, link, codes);
      }),
    );
    const eager = new Link(target, path);
    if (await eager.opened) {
      eager.socket.send(hello('home', identity('eager'), 'eager.home'));
      eager.socket.send(hello('home', identity('eager'), 'eager.home'));
    }
    await closesWith(tally, `${path}: two HELLOs at once`, eager, [4400, 4403]);
  }
  return tally.row();
}

/** HELLO, each time with one thing wrong. */
function badHellos(): (readonly [string, string])[] {
  const good = JSON.parse(hello('home', identity('bad'), 'bad.home')) as Record<string, unknown>;
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    role: [undefined, null, 'admin', 1, 'HOME', '__proto__'],
    node_id: [undefined, null, '', 1, '..', 'a b', 'x'.repeat(129), '<script>'],
    public_key: [
      undefined,
      null,
      '',
      1,
      'x',
      encodeBase64url(new Uint8Array(31)),
      encodeBase64url(new Uint8Array(33)),
      '+/==',
    ],
    nonce: [undefined, '', encodeBase64url(new Uint8Array(31)), encodeBase64url(new Uint8Array(33)), 7],
    versions: [undefined, [], [2], ['1'], 1, Array.from({ length: 900 }, () => 2)],
    target: [undefined, 1, null],
  };
  return Object.entries(wrong).flatMap(([name, values]) =>
    values.map(
      (value) =>
        [
          `HELLO with ${name} ${JSON.stringify(value)?.slice(0, 30)}`,
          JSON.stringify({ ...good, [name]: value }),
        ] as const,
    ),
  );
}

function identity(seed: string): Identity {
  return createIdentity(seededRandom(`security ${seed}`));
}

function hello(
  role: Role,
  { publicKey }: Identity,
  nodeId: string,
  nonce: Uint8Array = randomBytes(32),
): string {
  const about = { versions: [1], target: 'localhost:1', software: 'security/1' };
  return encodeHello({ role, nodeId, publicKey, nonce, ...about });
}

const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');

interface Forgery {
  readonly what: string;
  readonly codes: readonly number[];
  /** AUTH for this HELLO and CHALLENGE. */
  readonly auth: (key: Identity, helloText: string, challenge: string) => string;
}

function signed(key: Identity, role: Role, helloText: string, challenge: string, body: string): string {
  const signature = key.sign(authTranscript(role, helloText, challenge, body, sha256));
  return encodeSigned('auth', { body, signature });
}

const BODY = encodeAuthBody({ instance: encodeBase64url(new Uint8Array(16)) });
const other = identity('other');

const FORGERIES: readonly Forgery[] = [
  { what: 'signed by another key', codes: [4401], auth: (_, h, c) => signed(other, 'home', h, c, BODY) },
  { what: 'signed for another role', codes: [4401], auth: (key, h, c) => signed(key, 'main', h, c, BODY) },
  {
    what: 'signed over another HELLO',
    codes: [4401],
    auth: (key, _, c) => signed(key, 'home', hello('home', key, 'another.home'), c, BODY),
  },
  {
    what: 'signed over another CHALLENGE',
    codes: [4401],
    auth: (key, h, c) => signed(key, 'home', h, c.replace('"type"', ' "type"'), BODY),
  },
  {
    what: 'with a body changed after signing',
    codes: [4401],
    auth: (key, h, c) => {
      const { signature } = decodeSigned('auth', signed(key, 'home', h, c, BODY), 'home');
      return encodeSigned('auth', { body: BODY.replace('A', 'B'), signature });
    },
  },
  {
    what: 'without a signature',
    codes: [4400, 4401],
    auth: () => encodeSigned('auth', { body: BODY, signature: new Uint8Array() }),
  },
  {
    what: 'with a signature of zeros',
    codes: [4401],
    auth: () => encodeSigned('auth', { body: BODY, signature: new Uint8Array(64) }),
  },
  {
    what: 'with a signature of 63 bytes',
    codes: [4400, 4401],
    auth: () => encodeSigned('auth', { body: BODY, signature: new Uint8Array(63) }),
  },
  { what: 'with the CHALLENGE sent back', codes: [4400, 4401], auth: (_, __, c) => c },
  {
    what: 'with the CHALLENGE sent back as AUTH',
    codes: [4400, 4401],
    auth: (_, __, c) => c.replace('"challenge"', '"auth"'),
  },
  { what: 'above 4 KiB', codes: [1009], auth: () => 'x'.repeat(4_097) },
  {
    what: 'with an instance that is none',
    codes: [4400],
    auth: (key, h, c) => signed(key, 'home', h, c, '{"instance":"x"}'),
  },
  { what: 'with no body', codes: [4400], auth: (key, h, c) => signed(key, 'home', h, c, 'null') },
];

async function handshakes(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'forged and replayed handshakes');
  for (const { what, codes, auth } of FORGERIES) {
    const key = identity('forger');
    const link = await begun(target, hello('home', key, 'forged.home'));
    const [challenge] = link.texts;
    if (challenge === undefined) tally.finding(`${what}: there was no CHALLENGE`);
    else link.socket.send(auth(key, link.hello, challenge));
    await closesWith(tally, `AUTH ${what}`, link, codes);
  }
  // A key that is no point on the curve, and one of small order, whose signatures would hold for many texts.
  for (const [what, publicKey] of [
    ['off the curve', new Uint8Array(32).fill(0xff)],
    ['of small order', Uint8Array.from({ length: 32 }, (_, index) => (index === 0 ? 1 : 0))],
  ] as const) {
    const weak: Identity = { publicKey, sign: () => new Uint8Array(64).with(0, 1) };
    const link = await begun(target, hello('home', weak, `weak-${what.length}.home`));
    if (link.texts[0] !== undefined) link.socket.send(signed(weak, 'home', link.hello, link.texts[0], BODY));
    await closesWith(tally, `a key ${what}`, link, [4400, 4401]);
  }

  const owner = identity('owner');
  const nonce = randomBytes(32);
  const first = await begun(target, hello('home', owner, 'owned.home', nonce));
  const [challenge = ''] = first.texts;
  const auth = signed(owner, 'home', first.hello, challenge, BODY);
  first.socket.send(auth);
  const welcome = await first.text(2);
  tally.note('101');
  tally.expect(
    'a right handshake',
    welcome?.includes('"welcome"') === true,
    welcome ?? `closed with ${await first.code()}`,
  );

  const replayed = await begun(target, first.hello);
  replayed.socket.send(auth);
  await closesWith(tally, 'a handshake replayed word by word', replayed, [4401]);
  // Only who has proved a key learns which ids are taken.
  for (const id of ['local', 'client', target.name]) {
    const taken = await begun(target, hello('home', other, id));
    if (taken.texts[0] !== undefined)
      taken.socket.send(signed(other, 'home', taken.hello, taken.texts[0], BODY));
    await closesWith(tally, `the id ${id}`, taken, [4400, 4403]);
  }
  const thief = await begun(target, hello('home', other, 'owned.home'));
  if (thief.texts[0] !== undefined)
    thief.socket.send(signed(other, 'home', thief.hello, thief.texts[0], BODY));
  await closesWith(tally, 'the id of another key', thief, [4403]);
  tally.expect(
    'the owner of a session that was attacked',
    first.socket.readyState === WebSocket.OPEN,
    'lost it',
  );

  // After WELCOME: the session is cut, nothing else.
  first.socket.send('{"type":"request","message_id":7,"server_name":{},"method":[]}');
  await closesWith(tally, 'a malformed message after WELCOME', first, [4400]);
  return tally.row();
}

async function begun(target: Target, helloText: string): Promise<Link & { readonly hello: string }> {
  const link = new Link(target, '/ws/federation');
  if (await link.opened) link.socket.send(helloText);
  await link.text(1);
  return Object.assign(link, { hello: helloText });
}

/** Raw frames, which no library would send; after an upgrade to each path that the node serves. */
async function frames(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'frames');
  const masked = (first: number, payload: Buffer, length = payload.length): Buffer => {
    const mask = randomBytes(4);
    const size =
      length < 126
        ? Buffer.from([0x80 | length])
        : Buffer.concat([
            Buffer.from([0xff]),
            (() => {
              const wide = Buffer.alloc(8);
              wide.writeBigUInt64BE(BigInt(length));
              return wide;
            })(),
          ]);
    const body = Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
    return Buffer.concat([Buffer.from([first]), size, mask, body]);
  };
  const text = (value: string) => Buffer.from(value);
  const attacks: readonly (readonly [string, Buffer])[] = [
    ['an unmasked frame', Buffer.concat([Buffer.from([0x81, 2]), text('{}')])],
    ['a reserved bit', masked(0xc1, text('{}'))],
    ['an unknown opcode', masked(0x83, text('{}'))],
    ['an unknown control opcode', masked(0x8b, text(''))],
    ['a fragmented ping', masked(0x09, text('x'))],
    ['a ping of 126 bytes', masked(0x89, Buffer.alloc(126))],
    ['a length of 2^63', masked(0x82, text('x'), Number.MAX_SAFE_INTEGER)],
    ['a length of 2^31', masked(0x82, text('x'), 2 ** 31)],
    ['a continuation of nothing', masked(0x80, text('x'))],
    ['text that is not UTF-8', masked(0x81, Buffer.from([0xff, 0xfe]))],
    [
      '100 fragments',
      Buffer.concat([masked(0x01, text('x')), ...Array.from({ length: 100 }, () => masked(0x00, text('x')))]),
    ],
    ['a close of one byte', masked(0x88, Buffer.from([1]))],
    ['a close code that is none', masked(0x88, Buffer.from([0, 1]))],
    ['5,000 pings', Buffer.concat(Array.from({ length: 5_000 }, () => masked(0x89, Buffer.alloc(125))))],
    ['HTTP again', text('GET /live HTTP/1.1\r\n\r\n')],
    ['random bytes', randomBytes(5_000)],
  ];
  const served = target.role === 'p2p' ? LINKS.slice(2) : LINKS;
  await Promise.all(
    served.flatMap((path) =>
      attacks.map(async ([what, bytes], index) => {
        const socket = await openSocket(target);
        let isClosed = false;
        let received = 0;
        socket.on('error', () => {});
        socket.on('close', () => {
          isClosed = true;
        });
        socket.on('data', (chunk) => {
          received += chunk.length;
        });
        socket.write(upgrade(target, 'GET', path.replace('stranger', `stranger-${index}`), upgradeHeaders()));
        const limit = performance.now() + CLOSE_MS;
        while (received === 0 && !isClosed && performance.now() < limit)
          await new Promise((resolve) => setTimeout(resolve, 10));
        socket.write(bytes);
        // Pings alone are not forbidden; before the handshake time is up they are answered.
        while (!isClosed && performance.now() < limit)
          await new Promise((resolve) => setTimeout(resolve, 20));
        socket.destroy();
        const mayStay = what === '5,000 pings' && path.startsWith('/ws/p2p');
        tally.note(isClosed ? 'closed' : 'open');
        tally.expect(`${path}: ${what}`, isClosed || mayStay, 'was not closed');
      }),
    ),
  );
  return tally.row();
}
