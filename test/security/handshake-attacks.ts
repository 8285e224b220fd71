// Handshakes out of order, incomplete, forged and replayed.

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
import { closesWith, Link } from './link.ts';
import type { Target } from './target.ts';
import { type Row, Tally } from './verdict.ts';

export async function beforeHandshake(target: Target): Promise<Row> {
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

export async function handshakes(target: Target): Promise<Row> {
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
