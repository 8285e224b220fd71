// The endpoints that change a node: bodies that fit, each with one thing wrong, and who may send them.

import { exchange, request } from './exchange.ts';
import { concrete, type Target } from './target.ts';
import { type Row, Tally } from './verdict.ts';

/** By method and path: a body that is accepted, and for each member what is not. A new endpoint without an entry is a finding. */
const SCHEMAS: Readonly<
  Record<string, { readonly good: object; readonly bad: Readonly<Record<string, readonly unknown[]>> }>
> = {
  'POST /registry/peers/add': {
    good: { node_id: 'nobody', address: '127.0.0.1:1' },
    bad: {
      node_id: [null, '', 1, {}, [], 'a b', 'x'.repeat(129), '..'],
      address: [
        null,
        '',
        1,
        {},
        [],
        'ftp://x',
        'http://',
        '127.0.0.1:99999',
        '169.254.169.254:80',
        'a b:1',
        `${'x'.repeat(300)}:1`,
      ],
    },
  },
  'DELETE /registry/peers/remove': { good: { node_id: 'nobody' }, bad: { node_id: [null, '', 1, {}, []] } },
  'POST /federation/peers/add': {
    good: { url: 'ws://127.0.0.1:1', node_id: 'nobody' },
    bad: {
      url: [
        null,
        '',
        1,
        {},
        [],
        'ftp://x',
        'ws://',
        'ws://u:p@h',
        'ws://h?x=1',
        'ws://h#x',
        'ws://169.254.169.254',
        'file:///etc/passwd',
      ],
      node_id: [1, {}, [], 'a b', '', 'x'.repeat(129)],
    },
  },
  'DELETE /federation/peers/:id': { good: {}, bad: {} },
  'POST /federation/circuits/reset': {
    good: { service: 'nobody' },
    bad: { service: ['', 1, {}, []], address: ['', 1, {}, []] },
  },
  'POST /federation/log': {
    good: { level: 'info', service: 'nobody', seconds: 1 },
    bad: {
      level: [null, '', 1, {}, [], 'trace', 'toString', '__proto__'],
      service: [1, {}, [], '', 'a b', '__proto__.x'],
      peer: ['nobody', 1, {}],
      seconds: [null, 0, -1, '1', {}, 1e9],
    },
  },
};

export async function attackAdmin(target: Target, headers: readonly string[] = []): Promise<Row> {
  const tally = new Tally(target.name, 'admin by schema');
  for (const { method, path } of target.endpoints.filter(({ isAdmin }) => isAdmin)) {
    const at = `${method} ${path}`;
    const schema = SCHEMAS[at];
    if (schema === undefined) {
      tally.finding(`${at}: changes the node, and no schema for it stands in admin-attacks.ts`);
      continue;
    }
    const ask = async (what: string, body: string, allowed: readonly number[], url = concrete(path)) =>
      tally.reply(
        `${at} ${what}`,
        await exchange(target, request(target, method, url, { body, headers })),
        allowed,
      );
    const good = { ...schema.good } as Record<string, unknown>;
    await ask('fitting', JSON.stringify(good), path.includes(':') ? [404] : [200]);
    for (const [name, values] of Object.entries(schema.bad)) {
      for (const value of values) {
        const body = JSON.stringify({ ...good, [name]: value });
        await ask(body, body, [400, 403]);
      }
    }
    if (path.includes(':')) {
      for (const id of [
        '%00',
        '%ff',
        '..%2f..',
        '__proto__',
        'x'.repeat(2_000),
        '%F0%9F%98%80',
        'ws:%2f%2fh',
      ]) {
        await ask(id, '', [400, 404], path.replace(/:\w+/, id));
      }
    }
  }
  // What was added is taken away again.
  for (const [method, path, body] of [
    ['DELETE', '/registry/peers/remove', '{"node_id":"nobody"}'],
    ['DELETE', `/federation/peers/${encodeURIComponent('ws://127.0.0.1:1/ws/peers')}`, ''],
  ] as const) {
    tally.reply(
      `${method} ${path}`,
      await exchange(target, request(target, method, path, { body, headers })),
      [200, 404],
    );
  }
  return tally.row();
}

/** At a node with tokens: nothing without one, no change with that of callers, and no token that counts but where it belongs. */
export async function attackTokens(target: Target, apiToken: string, adminToken: string): Promise<Row> {
  const tally = new Tally(target.name, 'tokens');
  for (const { method, path, isAdmin, isPublic } of target.endpoints) {
    const at = `${method} ${path}`;
    const url = concrete(path);
    const ask = async (
      what: string,
      headers: readonly string[],
      allowed: readonly number[] | undefined,
      where = url,
    ) => {
      const reply = await exchange(
        target,
        request(target, method, where, { body: method === 'GET' ? '' : '{}', headers }),
      );
      tally.reply(`${at} ${what}`, reply, allowed);
      // A WebSocket path tells everybody that it is one (426).
      if (reply.status === 401 && !reply.headers.has('www-authenticate'))
        tally.finding(`${at} ${what}: 401 without WWW-Authenticate`);
    };
    const without = isPublic ? [200, 204, 400, 426, 503] : [401];
    await ask('without a token', [], without);
    for (const wrong of [
      'x',
      `${apiToken}x`,
      apiToken.slice(1),
      apiToken.toUpperCase(),
      '',
      `${apiToken} ${apiToken}`,
    ]) {
      await ask('with a wrong token', [`Authorization: Bearer ${wrong}`], without);
    }
    await ask('with a token of another scheme', [`Authorization: Basic ${btoa(`x:${apiToken}`)}`], without);
    await ask('with a token in a cookie', [`Cookie: token=${apiToken}`], without);
    await ask('with a token in the path', [], without, `${url}?access_token=${apiToken}&token=${adminToken}`);
    if (isAdmin) await ask('with the token of callers', [`Authorization: Bearer ${apiToken}`], [403]);
    await ask(
      'with the admin token',
      [`Authorization: Bearer ${adminToken}`],
      isAdmin ? [200, 400, 404] : undefined,
    );
  }
  return tally.row();
}
