// docs/http-api.md is a promise: what it lists is what is served.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { FAILURES } from '@relay/protocol';
import { ROUTES } from './http-server.ts';
import { ERROR_STATUS } from './route.ts';

const page = readFileSync(new URL('../../../../docs/http-api.md', import.meta.url), 'utf8');

/** Cells of the rows of a section that begin with a code in backticks or a method. */
function rows(pattern: RegExp): string[] {
  return page.split('\n').filter((line) => pattern.test(line));
}

it('documents every failure as the table of failures has it', () => {
  const yes = (is: boolean): string => (is ? 'yes' : 'no');
  const expected = Object.entries(FAILURES).map(
    ([name, row]) =>
      `| \`${name}\` | ${row.code} | ${row.title} | ${row.executed} | ${row.http} | ${yes(row.countsForBreaker)} | ${yes(row.canTryElsewhere)} |`,
  );
  assert.deepEqual(rows(/^\| `[a-z_]+` \| -\d+ \|/), expected);
});

it('documents every endpoint and the roles that serve it', () => {
  const expected = ROUTES.map(({ method, path, servedBy }) => {
    const [main, home, p2p] = (['main', 'home', 'p2p'] as const).map((role) =>
      servedBy.includes(role) ? 'yes' : '–',
    );
    return `| ${method} | \`${path}\` | ${main} | ${home} | ${p2p} |`;
  });
  const documented = rows(/^\| (?:GET|POST|DELETE) \| `/).map((line) =>
    line.split(' |').slice(0, 5).join(' |').concat(' |'),
  );
  const rpc = ['| POST | `/rpc` | yes | yes | yes |', '| POST | `/` | yes | yes | yes |'];
  assert.deepEqual(documented.sort(), [...rpc, ...expected].sort());
});

it('documents every code of an error outside JSON-RPC', () => {
  const documented = rows(/^\| `[a-z_]+` \| \d{3}\b/).map((line) =>
    /`([a-z_]+)` \| (\d{3})/.exec(line)?.slice(1),
  );
  assert.deepEqual(
    documented,
    Object.entries(ERROR_STATUS).map(([code, status]) => [code, String(status)]),
  );
});
