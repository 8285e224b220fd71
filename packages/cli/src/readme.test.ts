// The README is followed to the letter: every block marked <!-- test --> runs, those marked <!-- test background --> stay running
// meanwhile. Only the ports are other ones, so that the test can run beside anything.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type StartedProcess, startProcess, waitFor } from '@relay/testkit';
import { requestJson } from './http-client.ts';
import { asObject } from './json.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const text = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
const blocks = [...text.matchAll(/<!-- test( background)? -->\s*```sh\n([\s\S]*?)```/g)].map((match) => ({
  isBackground: match[1] !== undefined,
  command: (match[2] ?? '').trim(),
}));

const dataDir = mkdtempSync(path.join(os.tmpdir(), 'relay-readme-'));
const nodes: StartedProcess[] = [];
after(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  rmSync(dataDir, { recursive: true, force: true });
});

it('the commands of the README work as written', { timeout: 110_000 }, async () => {
  assert.ok(blocks.length >= 9, `only ${blocks.length} marked blocks`);
  const ports = await Promise.all([freePort(), freePort()]);
  const withPorts = (command: string): string =>
    command.replaceAll('8080', String(ports[0])).replaceAll('8081', String(ports[1]));
  const start = (command: string): StartedProcess =>
    startProcess('sh', ['-ec', withPorts(command)], { cwd: ROOT, env: { RELAY_DATA_DIR: dataDir } });

  let areServicesThere = false;
  for (const { isBackground, command } of blocks) {
    if (isBackground) {
      const node = start(`exec ${command}`);
      nodes.push(node);
      await node.waitForLine(/^Press Ctrl\+C to stop$/);
      if (command.includes('-connect')) await node.waitForLine(/^Connected to Main Relay/);
      continue;
    }
    if (nodes.length > 0 && !areServicesThere) {
      areServicesThere = true;
      for (const port of ports) await waitFor(() => hasAllServices(port), { what: 'three services' });
    }
    await using run = start(command);
    const { code } = await run.exited;
    const output = run.stdout.join('\n');
    assert.equal(code, 0, `${command}\n${output}\n${run.stderr.join('\n')}`);
    assert.notEqual(output, '');
    assert.doesNotMatch(output, /"error":\{/, command);
    if (command.includes('charlie.home')) assert.match(output, /"hops":3/);
    if (command.includes('get_news')) assert.match(output, /"available":true/);
  }
});

async function hasAllServices(port: number): Promise<boolean> {
  const url = `http://127.0.0.1:${port}/federation/registry`;
  const answer = await requestJson({ url, timeoutMs: 5_000, resolve: new Map() });
  return asObject(answer.body)['total_services'] === 3;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
