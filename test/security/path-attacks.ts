// The first line of a request: methods, paths and queries.

import { EVIL, exchange, JSON_HEADER, request } from './exchange.ts';
import { concrete, type Target } from './target.ts';
import { REFUSED, type Row, Tally } from './verdict.ts';

export async function methods(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'methods');
  const known = [
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'TRACE',
    'CONNECT',
    'PROPFIND',
    'SEARCH',
  ];
  const unknown = ['FOO', 'get', 'X'.repeat(5_000), 'G\u0000T', ''];
  for (const path of new Set(target.endpoints.map(({ path }) => path))) {
    const served = target.endpoints.filter((one) => one.path === path).map(({ method }) => method);
    if (served.includes('GET')) served.push('HEAD');
    for (const method of known) {
      const reply = await exchange(target, request(target, method, concrete(path)));
      const isServed = served.includes(method) || method === 'OPTIONS';
      tally.reply(`${method.slice(0, 10)} ${path}`, reply, isServed ? undefined : [0, 400, 404, 405]);
      if (reply.status === 405 && !reply.headers.has('allow'))
        tally.finding(`${method} ${path}: 405 without Allow`);
      if (method === 'OPTIONS')
        tally.expect(`OPTIONS ${path}`, reply.status === 200 && reply.body === '', reply.status);
    }
    for (const method of unknown) {
      tally.reply(
        `${method.slice(0, 10)} ${path}`,
        await exchange(target, request(target, method, concrete(path))),
        REFUSED,
      );
    }
  }
  return tally.row();
}

export async function queries(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'queries');
  const names = ['scope', 'limit', 'after', 'service', 'node', 'node_id', '__proto__', 'x'];
  const values = [
    '',
    '-1',
    '0',
    '1e9',
    'NaN',
    '%00',
    '%ff',
    '%',
    'a%2',
    '..',
    "'%22<>",
    'x'.repeat(6_000),
    '%F0%9F%98%80',
  ];
  for (const { method, path } of target.endpoints.filter((one) => one.method === 'GET')) {
    for (const name of names) {
      for (const value of values) {
        const url = `${concrete(path)}?${name}=${value}`;
        tally.reply(
          `${method} ${url.slice(0, 80)}`,
          await exchange(target, request(target, method, url)),
          [200, 304, 400, 404, 426, 503],
        );
      }
    }
    for (const query of [
      'scope=all&scope=local',
      'limit[]=1&limit[a]=2',
      '&'.repeat(3_000),
      'a=1&'.repeat(1_500),
      '?'.repeat(100),
    ]) {
      const reply = await exchange(target, request(target, method, `${concrete(path)}?${query}`));
      tally.reply(`${path}?${query.slice(0, 30)}`, reply, [200, 304, 400, 404, 426, 503]);
    }
  }
  return tally.row();
}

export async function paths(target: Target): Promise<Row> {
  const tally = new Tally(target.name, 'paths');
  const tricks = [
    ...[
      '//',
      '/.',
      '/..',
      '/%2e%2e/',
      '/..%2f..%2fetc/passwd',
      '/%00',
      '/%zz',
      '/%c0%af',
      '/;a=b',
      '/\\',
      '/*',
      '/#x',
      '/?',
      '/%',
    ],
    ...[
      '/static/../../etc/passwd',
      '/static/%2e%2e/%2e%2e/etc/passwd',
      '/static/..%5c..%5c',
      '/static//etc/passwd',
    ],
    ...[
      '/static/%00',
      '/api/',
      '/api/../rpc',
      '/api/__proto__',
      '/api/constructor',
      '/favicon.ico',
      '/.env',
      '/.git/config',
    ],
    ...[`/${'a'.repeat(7_000)}`, `/${'a/'.repeat(3_500)}`, `/${'%41'.repeat(2_000)}`, '/é', '/\u0001'],
    ...[
      `${EVIL}/live`,
      `//${target.host}/live`,
      'live',
      '*',
      `http://user:pass@${target.host}/live`,
      'http://[::1',
      ':80',
    ],
  ];
  const variants = (path: string): string[] => [
    `/${path}`,
    `${path}/`,
    `${path}//`,
    `${path}/.`,
    `${path}%00`,
    `${path}%2f`,
    `${path};x`,
    `/.${path}`,
    `/x/..${path}`,
    path.toUpperCase(),
    path.replace(/\/(\w)/, (_, letter: string) => `/%${letter.charCodeAt(0).toString(16)}`),
  ];
  const known = target.endpoints.map(({ path }) => concrete(path)).filter((path) => path !== '/');
  const admins = new Set(target.endpoints.filter(({ isAdmin }) => isAdmin).map(({ path }) => concrete(path)));
  for (const path of [...tricks, ...known.flatMap(variants)]) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const reply = await exchange(target, request(target, method, path));
      tally.reply(`${method} ${path.slice(0, 60)}`, reply);
      if (/root:.*:0:0:/.test(reply.body)) tally.finding(`${method} ${path}: gave a file of the machine`);
    }
  }
  // A rule that looks at another spelling of the path than the router is a way around it.
  for (const path of admins) {
    for (const spelling of variants(path)) {
      const headers = [`Origin: ${EVIL}`, JSON_HEADER];
      const reply = await exchange(target, request(target, 'POST', spelling, { headers, body: '{}' }));
      tally.reply(`POST ${spelling} from ${EVIL}`, reply, [0, 400, 401, 403, 404, 405]);
    }
  }
  return tally.row();
}
