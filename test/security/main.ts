// test_federation_security.sh: a Main, a Main with tokens, a Home and a node in P2P mode under every attack of this folder.

import { table } from '../../packages/cli/src/terminal.ts';
import { count, flag } from '../federation/command-line.ts';
import { type Progress, runScript } from '../federation/script.ts';
import { attackAdmin, attackTokens } from './admin-attacks.ts';
import { checkDefaults, NOT_BUILT, NOT_SEEN } from './default-rows.ts';
import { flood } from './flood-attacks.ts';
import { attackHttp } from './http-attacks.ts';
import { attackLinks } from './link-attacks.ts';
import { Nodes } from './nodes.ts';
import { attackRpc } from './rpc-attacks.ts';
import { selfTest } from './self-test.ts';
import { attackSlowly } from './slow-attacks.ts';
import type { Target } from './target.ts';
import type { Row } from './verdict.ts';
import { watched } from './watch.ts';

const ABOUT = `Attacks a Main Relay, one with tokens, a Home Relay and a node in P2P mode, all started for this: every endpoint with wrong
methods, sizes, depths, encodings, origins, paths and headers; slow clients; forged and replayed handshakes; broken frames; every
method and admin endpoint with arguments that fit and with one thing wrong; and looks whether the default limits hold. Meanwhile
/live has to answer within a second and memory has to stay bounded.`;

const API_TOKEN = 'token-of-callers';
const ADMIN_TOKEN = 'token-of-admins';
/** Of one attack at one node; what is wrong in general is wrong at every endpoint. */
const SHOWN_FINDINGS = 10;

async function attackNodes(progress: Progress, seed: number): Promise<Row[]> {
  await using nodes = new Nodes(seed);
  progress.now('starting four nodes');
  const main = await nodes.start('security-main', 'main');
  const [guarded, home, p2p] = await Promise.all([
    nodes.start('security-tokens', 'main', [], {
      RELAY_API_TOKEN: API_TOKEN,
      RELAY_ADMIN_TOKEN: ADMIN_TOKEN,
    }),
    nodes.start('security.home', 'home', ['-connect', `ws://127.0.0.1:${main.port}`]),
    nodes.start('security-p2p', 'p2p', ['-host', '127.0.0.1']),
  ]);
  const rows: Row[] = [];
  const attack = async (target: Target, steps: readonly Step[]): Promise<void> => {
    const attacked = await watched(target, async () => {
      const found: Row[] = [];
      for (const { what, run } of steps) {
        progress.now(`attacking ${target.name}: ${what}`);
        found.push(...(await run()));
      }
      return found;
    });
    const bad = attacked.reduce((sum, { findings }) => sum + findings.length, 0);
    progress.line(`attacked ${target.name}: ${bad === 0 ? 'nothing found' : `${bad} FOUND`}`);
    rows.push(...attacked);
  };
  const attackAll = (target: Target, more: readonly Step[] = []): Promise<void> =>
    attack(target, [
      {
        what: 'HTTP, JSON-RPC, links',
        run: async () =>
          (await Promise.all([attackHttp(target), attackRpc(target), attackLinks(target)])).flat(),
      },
      { what: 'changing endpoints', run: async () => [await attackAdmin(target)] },
      { what: 'slow clients', run: async () => [await attackSlowly(target)] },
      { what: 'floods', run: async () => [await flood(target)] },
      ...more,
    ]);
  await attackAll(main, [{ what: 'default limits', run: () => checkDefaults(main, nodes) }]);
  await Promise.all([attackAll(home), attackAll(p2p)]);
  const headers = [`Authorization: Bearer ${ADMIN_TOKEN}`];
  await attack(guarded, [
    { what: 'tokens', run: async () => [await attackTokens(guarded, API_TOKEN, ADMIN_TOKEN)] },
    { what: 'JSON-RPC', run: () => attackRpc(guarded, headers) },
    { what: 'changing endpoints', run: async () => [await attackAdmin(guarded, headers)] },
  ]);
  return rows;
}

interface Step {
  readonly what: string;
  readonly run: () => Promise<readonly Row[]>;
}

function report(rows: readonly Row[]): string {
  const lines = rows.map(({ target, attack, requests, answers, findings }) => [
    target,
    attack,
    String(requests),
    [...answers]
      .map(([answer, times]) => (times === 1 ? answer : `${answer} x${times}`))
      .join(', ')
      .slice(0, 90),
    findings.length === 0 ? 'ok' : `${findings.length} FOUND`,
  ]);
  return table([['node', 'attack', 'requests', 'answers (0: closed)', ''], ...lines], 2).join('\n');
}

await runScript(
  {
    command: './test_federation_security.sh',
    about: ABOUT,
    options: {
      seed: count('what is sent at random follows from it', 1, 0, 1_000_000_000),
      'self-test': flag('attacks servers with planted defects instead; passes if each of them is found'),
    },
  },
  async ({ seed, 'self-test': isSelfTest }, progress) => {
    if (isSelfTest) return selfTest(progress, seed);
    const rows = await attackNodes(progress, seed);
    progress.line(report(rows));
    progress.line(
      ['', 'not built yet (security.md §2):', ...NOT_BUILT, '', 'shown elsewhere:', ...NOT_SEEN].join('\n  '),
    );
    for (const { target, attack, findings } of rows) {
      for (const text of findings.slice(0, SHOWN_FINDINGS))
        progress.line(`FOUND: ${target}: ${attack}: ${text}`);
      const more = findings.length - SHOWN_FINDINGS;
      if (more > 0) progress.line(`FOUND: ${target}: ${attack}: and ${more} more`);
    }
    const requests = rows.reduce((sum, row) => sum + row.requests, 0);
    const findings = rows.reduce((sum, row) => sum + row.findings.length, 0);
    progress.line(
      findings === 0
        ? `passed: ${requests} requests, nothing found; seed ${seed}`
        : `FAILED: ${findings} findings in ${requests} requests; seed ${seed}`,
    );
    return findings === 0;
  },
);
