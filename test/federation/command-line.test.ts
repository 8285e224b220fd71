// The integration scripts as far as they can be tried without a federation: help and wrong command lines. `.ci/run` runs them whole.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../connections/nodes.ts';
import { count, duration, flag, optionalText, readCommandLine, share } from './command-line.ts';

const SCRIPTS = {
  'test_full_federation.sh': ['--only'],
  'test_federation_load.sh': ['--calls', '--concurrency', '--rate'],
  'test_federation_chaos.sh': ['--duration', '--failure-rate', '--seed', '--mains', '--homes', '--rate'],
  'test_federation_soak.sh': ['--duration', '--plot', '--self-test'],
  'test_federation_security.sh': ['--seed', '--self-test'],
};

const WRONG = [
  { line: 'test_full_federation.sh --what', says: "Unknown option '--what'" },
  { line: 'test_full_federation.sh now', says: "Unexpected argument 'now'" },
  { line: 'test_federation_load.sh --calls 0', says: '--calls takes a whole number from 1 to 10000000, not' },
  { line: 'test_federation_load.sh --rate', says: "Option '--rate <value>' argument missing" },
  {
    line: 'test_federation_chaos.sh --failure-rate 0.1',
    says: '--failure-rate takes a percentage from 0% to',
  },
  {
    line: 'test_federation_chaos.sh --duration 60',
    says: '--duration takes a time of at least 5s, such as 90s',
  },
  { line: 'test_federation_soak.sh --duration 10s', says: '--duration takes a time of at least 60s, such' },
  { line: 'test_federation_soak.sh --self-test=yes', says: "Option '--self-test' does not take an argument" },
  { line: 'test_federation_security.sh --seed x', says: '--seed takes a whole number from 0 to' },
];

function run(line: string): Promise<{ readonly code: unknown; readonly out: string; readonly err: string }> {
  const [script = '', ...args] = line.split(' ');
  return new Promise((resolve) => {
    execFile(path.join(ROOT, script), args, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    );
  });
}

describe('the integration scripts', () => {
  for (const [script, options] of Object.entries(SCRIPTS)) {
    it(`${script} --help names every option`, async () => {
      const { code, out } = await run(`${script} --help`);
      assert.equal(code, 0);
      for (const option of options) assert.match(out, new RegExp(`^ +${option} `, 'm'));
    });
  }

  for (const { line, says } of WRONG) {
    it(`${line} is refused`, async () => {
      const { code, out, err } = await run(line);
      assert.deepEqual([code, out], [2, '']);
      assert.ok(err.startsWith(`Error: ${says}`), err);
      assert.match(err, /^Try '\.\/test_\w+\.sh --help'\.$/m);
    });
  }

  it('read times, percentages and numbers as the plan writes them', () => {
    const options = {
      calls: count('', 1, 1, 1_000),
      duration: duration('', '10m', '1s'),
      'failure-rate': share('', '5%'),
      seed: optionalText('', 'TEXT'),
      'self-test': flag(''),
    };
    const line = { command: './x.sh', about: '', options };
    const read = (text: string) => readCommandLine(line, text.split(' '));
    assert.deepEqual(read('--duration 1h --failure-rate 10% --calls=1000'), {
      kind: 'values',
      values: { calls: 1_000, duration: 3_600_000, 'failure-rate': 0.1, seed: null, 'self-test': false },
    });
    const flagged = read('--self-test');
    assert.ok(flagged.kind === 'values' && flagged.values['self-test']);
  });
});
