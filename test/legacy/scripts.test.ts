// The shell scripts of the examples that start P2P nodes, run as a person runs them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type StartedProcess, startProcess, waitFor } from '@relay/testkit';

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples');
/** How many checks each makes. */
const SCRIPTS = [
  ['quick_api_test.sh', 6],
  ['test_http_api.sh', 68],
  ['test_p2p_functionality.sh', 26],
  ['e2e_p2p_test_simple.sh', 21],
  ['e2e_p2p_test.sh', 47],
  ['e2e_multi_node_test.sh', 25],
  ['test_websocket_p2p.sh', 106],
] as const;

function start(script: string, args: readonly string[] = [], folder = tmpdir()): StartedProcess {
  return startProcess(path.join(EXAMPLES, script), args, { env: { TMPDIR: folder } });
}

async function verdictOf(script: StartedProcess) {
  const { code } = await script.exited;
  const count = (word: string) => script.stdout.filter((line) => line.startsWith(word)).length;
  return { code, passed: count('PASS '), failed: count('FAIL '), last: script.stdout.at(-1) };
}

it('every script of the examples is run here', () => {
  const names = SCRIPTS.map(([script]) => script);
  assert.deepEqual(globSync('*.sh', { cwd: EXAMPLES }).toSorted(), names.toSorted());
});

// Most of their time passes in starting nodes and waiting for links.
const LACKS =
  spawnSync('curl', ['--version']).status === 0 || 'CI' in process.env ? false : 'curl is missing';
describe('the scripts of the examples', { concurrency: 2, skip: LACKS, timeout: 300_000 }, () => {
  for (const [name, count] of SCRIPTS) {
    it(`${name} passes`, async () => {
      await using script = start(name);
      const verdict = await verdictOf(script);
      const failures = script.stdout.filter((line) => !line.startsWith('PASS')).join('\n');
      const expected = { code: 0, passed: count, failed: 0, last: `${count} passed, 0 failed` };
      assert.deepEqual(verdict, expected, `${failures}\n${script.stderr.join('\n')}`);
    });

    const isTold = name === 'quick_api_test.sh' || process.env['RELAY_LONG'] !== undefined;
    it(`every check of ${name} fails if something else is expected`, { skip: !isTold }, async () => {
      await using script = start(name, ['--self-test']);
      const expected = { code: 1, passed: 0, failed: count, last: `0 passed, ${count} failed` };
      assert.deepEqual(await verdictOf(script), expected, script.stderr.join('\n'));
    });

    it(`${name} explains itself, and refuses options it does not know`, async () => {
      await using help = start(name, ['--help']);
      assert.equal((await help.exited).code, 0);
      assert.match(help.stdout.join('\n'), /^\w.*\nusage: \S+ \[--self-test\]/s);
      await using refused = start(name, ['-x']);
      assert.equal((await refused.exited).code, 2);
    });
  }

  it('leave neither nodes nor files after Ctrl+C', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'relay-scripts-'));
    try {
      await using script = start('test_p2p_functionality.sh', [], folder);
      await script.waitForLine(/^PASS local/, 60_000);
      const pids = globSync('*/*.pid', { cwd: folder }).map((file) =>
        Number(readFileSync(path.join(folder, file), 'utf8')),
      );
      assert.deepEqual(pids.map(isRunning), [true, true]);
      script.kill('SIGINT');
      assert.equal((await script.exited).code, 130);
      await waitFor(() => !pids.some(isRunning), { what: 'the end of the nodes' });
      assert.deepEqual(readdirSync(folder), []);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('fail if a check did not run', async () => {
    const text = `. '${EXAMPLES}/lib/checks.sh'\ncheck one 1 1\nfinish 2\n`;
    await using script = startProcess('bash', ['-c', text]);
    assert.equal((await script.exited).code, 1);
  });

  it('do not wait for a node that has ended', async () => {
    const text = `. '${EXAMPLES}/lib/checks.sh'\nstart none 1 none.rl -server\nready 1 none\nfinish 0\n`;
    await using script = startProcess('bash', ['-c', text]);
    assert.equal((await script.exited).code, 1);
    assert.match(script.stderr.join('\n'), /none\.rl does not exist/);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
