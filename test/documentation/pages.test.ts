// Pages that are followed to the letter: every marked block runs, in order, with real nodes.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { Machine } from '../connections/nodes.ts';
import { follow, ROOT, stepsOf } from './page.ts';

for (const { page, commands } of [
  { page: 'README.md', commands: 12 },
  { page: 'docs/federation-quickstart.md', commands: 15 },
  { page: 'docs/typescript-services.md', commands: 7 },
  { page: 'examples/family-calendar/README.md', commands: 7 },
  { page: 'examples/home-sensor/README.md', commands: 6 },
  { page: 'examples/community-chat/README.md', commands: 9 },
  { page: 'examples/federated-shop/README.md', commands: 6 },
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

it('the systemd lines of the page on deployment are understood', async () => {
  await using machine = new Machine();
  writeFileSync(path.join(machine.dir, 'guestbook.rl'), 'server guestbook { receive fn sign() { 1 } }\n');
  const page = readFileSync(path.join(ROOT, 'docs/deployment.md'), 'utf8');
  const lines = [...page.matchAll(/^\s*\.\/relay (install-service .*)$/gm)].map(([, line = '']) => line);
  assert.ok(lines.length >= 3, 'no such lines');
  for (const line of lines) {
    const shown = line.includes('--print') ? line : line.replace(' -- ', ' --print -- ');
    await using run = machine.relay(shown, 'data');
    assert.equal((await run.exited).code, 0, run.stderr.join('\n'));
    assert.match(run.stdout.join('\n'), /^ExecStart=.* -node-(?:id|type) /m);
  }
});
