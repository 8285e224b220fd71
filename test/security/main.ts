// test_federation_security.sh: a Main, a Main with tokens, a Home and a node in P2P mode under every attack of this folder.

import { parseArgs } from 'node:util';
import { table } from '../../packages/cli/src/terminal.ts';
import { attackAdmin, attackTokens } from './admin-attacks.ts';
import { checkDefaults, NOT_BUILT, NOT_SEEN } from './default-rows.ts';
import { attackHttp, flood } from './http-attacks.ts';
import { attackLinks } from './link-attacks.ts';
import { Nodes } from './nodes.ts';
import { attackRpc } from './rpc-attacks.ts';
import { selfTest } from './self-test.ts';
import { attackSlowly } from './slow-attacks.ts';
import { type Target, Watch } from './target.ts';
import { type Row, Tally } from './verdict.ts';

const HELP = `usage: ./test_federation_security.sh [--self-test]

Attacks a Main Relay, one with tokens, a Home Relay and a node in P2P mode, all started for this: every endpoint with wrong
methods, sizes, depths, encodings, origins, paths and headers; slow clients; forged and replayed handshakes; broken frames; every
method and admin endpoint with arguments that fit and with one thing wrong; and looks whether the default limits hold. Meanwhile
/live has to answer within a second and memory has to stay bounded.

  --self-test   attacks a server with planted defects instead; passes if each of them is found
  --help        this text

Exit code: 0 nothing found, 1 something found, 2 usage.`;

const API_TOKEN = 'token-of-callers';
const ADMIN_TOKEN = 'token-of-admins';

async function attackNodes(): Promise<Row[]> {
  await using nodes = new Nodes();
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
  for (const target of [main, home, p2p]) {
    rows.push(
      ...(await watched(target, async () => [
        ...(await Promise.all([attackHttp(target), attackRpc(target), attackLinks(target)])).flat(),
        await attackAdmin(target),
        await attackSlowly(target),
        await flood(target),
        ...(target === main ? await checkDefaults(main, nodes) : []),
      ])),
    );
  }
  const headers = [`Authorization: Bearer ${ADMIN_TOKEN}`];
  rows.push(
    ...(await watched(guarded, async () => [
      await attackTokens(guarded, API_TOKEN, ADMIN_TOKEN),
      ...(await attackRpc(guarded, headers)),
      await attackAdmin(guarded, headers),
    ])),
  );
  return rows;
}

/** The rows of `attack`, and one for what must hold all the time. */
export async function watched(
  target: Target,
  attack: () => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  console.log(`attacking ${target.name}`);
  await using watch = new Watch(target);
  const rows = await attack();
  const tally = new Tally(target.name, 'meanwhile');
  tally.note(`/live within ${Math.round(watch.slowestMs)} ms`);
  tally.note(`memory +${Math.round(watch.grownBytes / 2 ** 20)} MiB`);
  for (const failure of watch.failures()) tally.finding(failure);
  return [...rows, tally.row()];
}

function report(rows: readonly Row[]): string {
  const lines = rows.map(({ target, attack, requests, answers, findings }) => [
    target,
    attack,
    String(requests),
    [...answers]
      .map(([answer, count]) => (count === 1 ? answer : `${answer} x${count}`))
      .join(', ')
      .slice(0, 90),
    findings.length === 0 ? 'ok' : `${findings.length} FOUND`,
  ]);
  return table([['node', 'attack', 'requests', 'answers (0: closed)', ''], ...lines], 2).join('\n');
}

async function main(args: readonly string[]): Promise<number> {
  let isSelfTest = false;
  try {
    const options = { 'self-test': { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
    const { values } = parseArgs({ args: [...args], options });
    if (values.help) {
      console.log(HELP);
      return 0;
    }
    isSelfTest = values['self-test'] ?? false;
  } catch (error) {
    console.error(`Error: ${error instanceof Error ? error.message : error}\n\n${HELP}`);
    return 2;
  }
  if (isSelfTest) return selfTest(watched);
  const rows = await attackNodes();
  console.log(report(rows));
  console.log(
    ['', 'not built yet (security.md §2):', ...NOT_BUILT, '', 'shown elsewhere:', ...NOT_SEEN].join('\n  '),
  );
  const findings = rows.flatMap(({ target, attack, findings }) =>
    findings.map((text) => `${target}: ${attack}: ${text}`),
  );
  for (const line of findings) console.log(`FOUND: ${line}`);
  const requests = rows.reduce((sum, row) => sum + row.requests, 0);
  console.log(
    findings.length === 0
      ? `passed: ${requests} requests, nothing found`
      : `FAILED: ${findings.length} findings`,
  );
  return findings.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
