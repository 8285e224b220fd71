// Shows that the attacks find what they look for: they are run against servers with one planted defect each, and against one without.

import path from 'node:path';
import { startProcess } from '@relay/testkit';
import type { Progress } from '../federation/script.ts';
import { attackAdmin, attackTokens } from './admin-attacks.ts';
import { attackHttp } from './http-attacks.ts';
import type { PlantName } from './planted-defects.ts';
import { attackRpc } from './rpc-attacks.ts';
import type { Endpoint, Target } from './target.ts';
import type { Row } from './verdict.ts';
import { watched } from './watch.ts';

type Attack = (target: Target) => Promise<readonly Row[]>;

interface Defect {
  readonly what: string;
  readonly plant: PlantName;
  readonly run: Attack;
  /** Of the row in which it has to be found. */
  readonly attack: string;
  readonly finding: RegExp;
}

const tokens: Attack = async (target) => [await attackTokens(target, 'a', 'b')];
const undescribed: Attack = async (target) => {
  const planted = { method: 'POST', path: '/planted', isAdmin: true, isPublic: false };
  return [await attackAdmin({ ...target, endpoints: [planted] })];
};
const described: Attack = async (target) => [await attackAdmin(target)];

/** What is attacked where nothing is planted, if it is not the same. */
const CLEAN: ReadonlyMap<Attack, Attack> = new Map([[undescribed, described]]);

const DEFECTS: readonly Defect[] = [
  {
    what: 'a route that throws on an odd body',
    plant: 'throws-on-null',
    run: attackHttp,
    attack: 'sizes, depths',
    finding: /answered 500/,
  },
  {
    what: 'a 503 that does not say when to come back',
    plant: 'no-retry-after',
    run: attackHttp,
    attack: 'queries',
    finding: /503 without a Retry-After/,
  },
  {
    what: 'an answer that shows the stack',
    plant: 'shows-stack',
    run: attackHttp,
    attack: 'paths',
    finding: /tells of the code/,
  },
  {
    what: 'a node that stands still for a while',
    plant: 'stands-still',
    run: attackHttp,
    attack: 'meanwhile',
    finding: /\/live answered \d+ after/,
  },
  {
    what: 'an admin endpoint that pages of other sites reach',
    plant: 'admin-for-other-sites',
    run: attackHttp,
    attack: 'other sites',
    finding: /POST \/federation\/log from .*answered 200/,
  },
  {
    what: 'a new admin endpoint that nobody described',
    plant: 'none',
    run: undescribed,
    attack: 'admin by schema',
    finding: /POST \/planted: changes the node, and no schema/,
  },
  {
    what: 'an endpoint that asks nobody for a token',
    plant: 'asks-no-token',
    run: tokens,
    attack: 'tokens',
    finding: /without a token: answered 200/,
  },
  {
    what: 'an internal error for a call',
    plant: 'internal-error',
    run: attackRpc,
    attack: 'remote_call',
    finding: /internal error/,
  },
];

/** Resolves with whether every defect was found. */
export async function selfTest(progress: Progress, seed: number): Promise<boolean> {
  const clean = new Map<Attack, Promise<readonly Row[]>>();
  const cleanRows = (run: Attack): Promise<readonly Row[]> => {
    const rows = clean.get(run) ?? attackStub('none', CLEAN.get(run) ?? run, seed);
    clean.set(run, rows);
    return rows;
  };
  // Side by side: most of it is waiting for a server to lose patience.
  const verdicts = await Promise.all(
    DEFECTS.map(async (defect) => {
      const [rows, without] = await Promise.all([
        attackStub(defect.plant, defect.run, seed),
        cleanRows(defect.run),
      ]);
      const verdict = !isFound(defect, rows) ? 'MISSED' : isFound(defect, without) ? 'NOT PLANTED' : 'found';
      progress.line(`${verdict}: ${defect.what}`);
      return verdict === 'found';
    }),
  );
  const missed = verdicts.filter((isRight) => !isRight).length;
  progress.line(
    missed === 0
      ? `passed: ${DEFECTS.length} planted defects were found`
      : `FAILED: ${missed} of ${DEFECTS.length}`,
  );
  return missed === 0;
}

function isFound({ attack, finding }: Defect, rows: readonly Row[]): boolean {
  return rows.some((row) => row.attack === attack && row.findings.some((text) => finding.test(text)));
}

const ENDPOINTS: readonly Endpoint[] = [
  { method: 'GET', path: '/listed', isAdmin: false, isPublic: false },
  { method: 'POST', path: '/planted', isAdmin: false, isPublic: false },
  { method: 'POST', path: '/federation/log', isAdmin: true, isPublic: false },
];

async function attackStub(plant: PlantName, run: Attack, seed: number): Promise<readonly Row[]> {
  const server = startProcess(
    process.execPath,
    ['--conditions=relay-source', path.join(import.meta.dirname, 'planted-defects.ts'), plant],
    { cwd: import.meta.dirname, env: {} },
  );
  try {
    const [, port] = await server.waitForLine(/^port (\d+)$/, 30_000);
    const target: Target = {
      name: plant,
      role: 'main',
      host: '127.0.0.1',
      port: Number(port),
      endpoints: ENDPOINTS,
      seed,
      pid: server.pid,
      death: () => undefined,
    };
    // Awaited here: the server ends with this function.
    return await watched(target, () => run(target));
  } finally {
    await server.stop();
  }
}
