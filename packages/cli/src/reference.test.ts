import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { COMMANDS } from './commands.ts';
import { renderReference } from './reference.ts';
import { runInProcess } from './testing.ts';
import { VERSION } from './version.ts';

describe('help', () => {
  it('is what the reference page says', () => {
    const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
    assert.equal(
      page,
      renderReference(),
      'write it anew: scripts/run packages/cli/src/reference.ts > docs/cli.md',
    );
  });

  for (const argv of [[], ['-help'], ['--help'], ['-h'], ['help'], ['-server', '-help']]) {
    it(`goes to stdout with exit code 0 for ${JSON.stringify(argv)}`, async () => {
      const { code, out, err } = await runInProcess(argv);
      assert.deepEqual({ code, err }, { code: 0, err: '' });
      assert.match(out, /^Relay runs small services[\s\S]*Usage: relay FILE[\s\S]*-connect URL/);
    });
  }

  it('explains every command', async () => {
    const { out: all } = await runInProcess(['-help']);
    for (const { name, usage } of COMMANDS) {
      assert.match(all, new RegExp(`^ {2}${name} `, 'm'));
      for (const argv of [
        [name, '--help'],
        ['help', name],
      ]) {
        const { code, out } = await runInProcess(argv);
        assert.equal(code, 0);
        assert.ok(out.startsWith(`Usage: ${usage}\n`));
      }
    }
  });

  it('tells the version', async () => {
    for (const argv of [['-version'], ['--version'], ['version']]) {
      assert.deepEqual(await runInProcess(argv), { code: 0, out: `Relay v${VERSION}\n`, err: '' });
    }
  });
});
