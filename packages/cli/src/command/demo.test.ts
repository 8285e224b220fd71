// The demo is the shortest proof that the whole thing works, so the tests run it as a person does.

import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type StartedProcess, startProcess, waitFor } from '@relay/testkit';
import { requestJson, Unreachable } from '../http-client.ts';

const RELAY = fileURLToPath(new URL('../../../../relay', import.meta.url));
const started: StartedProcess[] = [];
after(async () => {
  await Promise.all(started.map((process) => process.stop()));
});

function demo(...argv: string[]): StartedProcess {
  const process = startProcess(RELAY, ['demo', ...argv]);
  started.push(process);
  return process;
}

async function isAlive(url: string): Promise<boolean> {
  try {
    return (await requestJson({ url: `${url}/live`, timeoutMs: 2_000, resolve: new Map() })).status === 200;
  } catch (error) {
    if (error instanceof Unreachable) return false;
    throw error;
  }
}

it('relay demo starts a federation, checks it and stops it', async () => {
  const run = demo();
  const { code } = await run.exited;
  const output = run.stdout.join('\n');
  assert.equal(code, 0, `${output}\n${run.stderr.join('\n')}`);
  assert.equal(run.stdout.at(-1), 'Demo OK (6 of 6 checks)');
  assert.match(output, /alice\.home → relay-a\.com → bob\.home {2}2 hops/);
  assert.match(output, /alice\.home → relay-a\.com → relay-b\.com → charlie\.home {2}3 hops/);
  assert.match(output, /"available":true,"titles":\["Hello, federation"/);
  assert.match(output, /Registry of relay-b\.com:/);
});

it('relay demo --json prints one object', async () => {
  const run = demo('--json');
  await run.exited;
  const { ok, passed, total, checks } = JSON.parse(run.stdout.join('\n'));
  assert.deepEqual([ok, passed, total, checks.length], [true, 6, 6, 6]);
});

it('the nodes of relay demo end with it, also when it is killed', async () => {
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    const run = demo('--keep');
    await run.waitForLine(/^Press Ctrl\+C to stop$/, 30_000);
    const urls = run.stdout.flatMap((line) => /^ {2}\S+ +(http:\/\/[\d.]+:\d+)$/.exec(line)?.[1] ?? []);
    assert.equal(urls.length, 5);
    for (const url of urls) assert.equal(await isAlive(url), true);
    run.kill(signal);
    await run.exited;
    for (const url of urls) {
      await waitFor(async () => !(await isAlive(url)), { what: `the end of ${url}`, limitMs: 15_000 });
    }
  }
});
