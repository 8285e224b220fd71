// Frames that no WebSocket library would send.

import { randomBytes } from 'node:crypto';
import { openSocket } from './exchange.ts';
import { CLOSE_MS, LINKS } from './link.ts';
import { seeded } from './seeded.ts';
import type { Target } from './target.ts';
import { upgrade, upgradeHeaders } from './upgrade-attacks.ts';
import { type Row, Tally } from './verdict.ts';

/** Raw frames, which no library would send; after an upgrade to each path that the node serves. */
export async function frames(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'frames');
  const random = seeded(`frames ${target.seed} ${target.name}`);
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
    ['random bytes', Buffer.from(Uint8Array.from({ length: 5_000 }, () => random() & 0xff))],
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
