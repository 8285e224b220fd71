import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';

const PASSING = "import { it } from 'node:test'; it('passes', () => {}); it.skip('is skipped', () => {});";
const FAILING = "import { it } from 'node:test'; it('breaks', () => { throw new Error('on purpose'); });";

/** Runs the script over a small tree of test files. */
function runIn(
  files: Readonly<Record<string, string>>,
  ...args: string[]
): { code: number | null; output: string } {
  const root = mkdtempSync(path.join(os.tmpdir(), 'relay-test-script-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
      writeFileSync(path.join(root, name), text);
    }
    const script = path.join(import.meta.dirname, 'test.ts');
    const code = `const { runTests } = await import(${JSON.stringify(script)});
      process.exitCode = await runTests(${JSON.stringify(root)}, ${JSON.stringify(args)});`;
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const ended = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', env });
    return { code: ended.status, output: ended.stdout + ended.stderr };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

describe('the test script', () => {
  const tree = {
    'packages/protocol/src/a.test.ts': PASSING,
    'packages/federation/src/deep/b.test.ts': PASSING,
    'scripts/c.test.ts': PASSING,
    'test/d.test.ts': PASSING,
  };

  it('runs all groups and ends with one total', () => {
    const { code, output } = runIn(tree);
    assert.match(output, /^4 passed, 0 failed, 4 skipped\n*$/m);
    assert.equal(code, 0, output);
  });

  it('leaves the slow ones out unless they or their paths are asked for', () => {
    const files = { ...tree, 'test/faults/e.test.ts': PASSING };
    const { output } = runIn(files);
    assert.match(output, /^1 slow files are left out; npm run test:slow runs them$/m);
    assert.match(output, /^4 passed/m);
    assert.match(runIn(files, '--slow').output, /^1 passed/m);
    assert.match(runIn(files, 'test/').output, /^2 passed/m);
  });

  it('shows a failure and fails', () => {
    const { code, output } = runIn({ ...tree, 'packages/language/src/x.test.ts': FAILING });
    assert.match(output, /on purpose/);
    assert.match(output, /^4 passed, 1 failed, 4 skipped$/m);
    assert.equal(code, 1);
  });

  it('fails for a file that does not load', () => {
    for (const folder of ['packages/language/src', 'test']) {
      const { code, output } = runIn({
        ...tree,
        [`${folder}/broken.test.ts`]: 'throw new Error("while loading");',
      });
      assert.match(output, /while loading/);
      assert.equal(code, 1, output);
    }
  });

  it('runs only what is asked for', () => {
    const { code, output } = runIn(tree, './packages/federation');
    assert.match(output, /^1 passed, 0 failed, 1 skipped$/m);
    assert.equal(code, 0, output);
    assert.match(runIn(tree, '--test-name-pattern=skipped').output, /^0 passed/m);
  });

  it('fails if nothing ran', () => {
    assert.equal(runIn(tree, 'no-such-folder').code, 1);
  });
});
