// Requests for a WebSocket that must be refused.

import { randomBytes } from 'node:crypto';
import { type Address, exchange, request } from './exchange.ts';
import { LINKS } from './link.ts';
import type { Target } from './target.ts';
import { type Row, Tally } from './verdict.ts';

export function upgradeHeaders(changed: Readonly<Record<string, string | undefined>> = {}): string[] {
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
export function upgrade(address: Address, method: string, path: string, headers: readonly string[]): Buffer {
  const text = request(address, method, path, { headers }).toString('latin1');
  return Buffer.from(text.replace('Connection: close', 'Connection: Upgrade'), 'latin1');
}

export async function upgrades(target: Target): Promise<Row> {
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
