// Each suite of the benchmark, in its shortest form: that it runs, gets right answers and reports what its page shows. Never how fast.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type Goal, goalTable, isReached } from '../bench/goals.ts';
import { type Begin, runOpenLoad } from '../bench/load.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const SHORT = ['--rounds', '1', '--seconds', '0.1', '--homes', '20', '--json'];

type Json = Record<string, unknown>;

async function bench(
  suite: string,
  ...flags: string[]
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(
    process.execPath,
    ['--conditions=relay-source', 'bench/main.ts', suite, ...SHORT, ...flags],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

async function dataOf(suite: string): Promise<Json> {
  const { code, out, err } = await bench(suite);
  assert.equal(code, 0, err);
  return JSON.parse(out) as Json;
}

/** Two minutes of two cores for all of them, so most suites run only when somebody asks. */
const LONG = process.env['RELAY_LONG'] === '1' ? {} : { skip: 'RELAY_LONG=1 runs every suite' };
const LIMIT = { timeout: 300_000 };

describe('npm run bench', () => {
  it(
    'routing: every way answers, a peer that is missing is named with what installs it, every goal has its row',
    LIMIT,
    async () => {
      const { rows, skipped, goals } = (await dataOf('routing')) as {
        rows: { name: string; failures: number }[];
        skipped: string[];
        goals: Goal[];
      };
      // That each way answers at all is asked before its rows begin; in a short row of a busy machine no call may end.
      for (const { name, failures } of rows) assert.equal(failures, 0, name);
      for (const line of skipped)
        assert.match(line, /^(NATS|Moleculer).* missing; install with `(apt-get|npm) /);
      const peers = new Set(rows.map(({ name }) => name).filter((name) => /^(NATS|Moleculer)/.test(name)));
      assert.equal(peers.size + skipped.length, 4);
      assert.equal(goals.length, 9);
    },
  );

  it('tail: calls in an open loop, and how each process fares', { ...LIMIT, ...LONG }, async () => {
    const { rows } = (await dataOf('tail')) as {
      rows: { name: string; share: number; fares: Json[] }[];
    };
    assert.deepEqual(
      rows.slice(3, 6).map(({ name, share }) => [name, share]),
      [0.25, 0.5, 0.75].map((share) => ['two Mains, SDK', share]),
    );
    assert.deepEqual(
      rows[3]?.fares.map(({ process }) => process),
      ['Main A', 'Main B', 'Home', 'load'],
    );
  });

  it('registry: calls beside few and many Homes', { ...LIMIT, ...LONG }, async () => {
    const { rows, goals } = (await dataOf('registry')) as { rows: Json[]; goals: Goal[] };
    assert.equal(rows.length, 4);
    assert.equal(goals.length, 2);
  });

  it('payload: bodies up to 16 MB', { ...LIMIT, ...LONG }, async () => {
    const { rows, goals } = (await dataOf('payload')) as { rows: Json[]; goals: Goal[] };
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['1 KB', '64 KB', '1 MB', '16 MB'],
    );
    assert.equal(goals.length, 1);
  });

  for (const suite of ['homes', 'overload', 'language', 'state']) {
    it(`${suite}: runs`, { ...LIMIT, ...LONG }, async () =>
      assert.ok(Object.keys(await dataOf(suite)).length > 0),
    );
  }

  it('says what it can run when it is asked for something else', async () => {
    const { code, err } = await bench('speed');
    assert.equal(code, 2);
    assert.match(err, /^Error: cannot run "speed .*\n\nUsage: npm run bench -- SUITE/);
  });
});

describe('a goal', () => {
  const goal: Goal = { what: 'a / b', goal: 2, limit: 'at least', reached: 1.99 };

  for (const { why, one, is } of [
    { why: 'is not reached below a lower limit', one: goal, is: false },
    { why: 'is reached at a lower limit', one: { ...goal, reached: 2 }, is: true },
    { why: 'is reached below an upper limit', one: { ...goal, limit: 'at most' as const }, is: true },
    { why: 'is not reached when nothing was measured', one: { ...goal, reached: undefined }, is: false },
    { why: 'is not reached by a ratio of nothing', one: { ...goal, reached: Number.NaN }, is: false },
  ]) {
    it(why, () => assert.equal(isReached(one), is));
  }

  it('that was not measured is not called missed', () => {
    assert.match(goalTable([{ ...goal, reached: undefined }]), /\| not measured \| \|$/);
  });
});

describe('an open loop', () => {
  it('counts the time of a call from when it should have begun', async () => {
    let isFirst = true;
    const begin: Begin = (settle) => {
      if (isFirst) {
        isFirst = false;
        // The generator itself is held up, and with it every call that should begin meanwhile.
        const until = performance.now() + 100;
        while (performance.now() < until);
      }
      settle(true);
    };
    const sample = await runOpenLoad(begin, { perSecond: 1_000, bodyBytes: 0, warmUpMs: 0, measureMs: 200 });
    assert.equal(sample.perSecond, 1_000);
    // Half of the calls should have begun within the 100 ms; a closed loop would show one slow call of 200.
    assert.ok(sample.p99Ms > 90, `p99 ${sample.p99Ms}`);
    assert.ok(sample.lateP99Ms > 90, `late ${sample.lateP99Ms}`);
  });
});
