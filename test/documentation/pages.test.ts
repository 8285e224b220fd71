// Pages that are followed to the letter: every marked block runs, in order, with real nodes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { follow, ROOT, stepsOf } from './page.ts';

for (const { page, commands } of [
  { page: 'README.md', commands: 12 },
  { page: 'docs/federation-quickstart.md', commands: 15 },
  { page: 'docs/typescript-services.md', commands: 7 },
]) {
  it(`the commands of ${page} work as written`, { timeout: 110_000 }, async () => {
    const followed = await follow(page);
    assert.ok(followed.commands >= commands, `only ${followed.commands} commands`);
  });
}

it('nothing in the quickstart is left to the reader', () => {
  const steps = stepsOf(readFileSync(path.join(ROOT, 'docs/federation-quickstart.md'), 'utf8'));
  assert.deepEqual(
    steps.filter(({ kind }) => kind === 'unmarked').map((step) => 'command' in step && step.command),
    [],
  );
});
