import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { CALL_LIMITS, type Call, type Outcome } from '@relay/protocol';
import { loadRelayProgram } from './load.ts';
import { type RunningProgram, startProgram } from './program.ts';
import { ProgramMeter, type Spread } from './program-meter.ts';
import { embeddedStore } from './state-store/embedded.ts';
import type { StateStoreSpec } from './state-store/state-store.ts';

const PROGRAM = `
server s {
  state { count: number = 0 }
  receive fn add() -> number { state.set("count", state.count + 1); state.count }
  receive fn fail() { throw {error: "never"} }
  receive fn endless() { while true { } }
}`;

const folder = mkdtempSync(path.join(tmpdir(), 'relay-figures-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after: (delayMs: number, run: () => void) => {
    const timer = setTimeout(run, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  defer: (run: () => void) => queueMicrotask(run),
};

async function start(store?: StateStoreSpec): Promise<RunningProgram> {
  const file = path.join(folder, 'main.rl');
  writeFileSync(file, PROGRAM);
  const loaded = loadRelayProgram(file);
  assert.ok(loaded.ok);
  return startProgram(loaded.program, {
    clock,
    nodeId: () => 'here',
    log: () => {},
    print: () => {},
    limits: { steps: 50_000 },
    ...(store === undefined ? {} : { store }),
  });
}

function ask(program: RunningProgram, method: string): Promise<Outcome> {
  const [service] = program.services;
  const call: Call = {
    service: 's',
    method,
    params: new Uint8Array(0),
    deadline: clock.now() + 20_000,
    source: { type: 'home', id: 'here' },
    caller: { kind: 'http', node: 'here' },
    path: [],
    ttl: CALL_LIMITS.ttl,
    priority: CALL_LIMITS.defaultPriority,
    trace: false,
    traceparent: '',
    callPath: [],
  };
  return new Promise((resolve) => service?.handle(call, resolve));
}

const count = ({ buckets }: Spread): number => Array.from(buckets).reduce((sum, each) => sum + each, 0);

describe('the figures of a program', () => {
  it('tell how its messages ended, what they used, how long they waited, and what its store did', async () => {
    const program = await start(embeddedStore(folder, 'normal'));
    try {
      const { runs, steps, queueWait, store } = program.figures;
      assert.ok(store !== undefined);
      assert.deepEqual(runs(), { ok: 0, failed: 0, limit: 0, killed: 0 });
      const commitsBefore = count(store.commits());
      for (const method of ['add', 'add', 'fail', 'endless']) await ask(program, method);
      assert.deepEqual(runs(), { ok: 2, failed: 1, limit: 1, killed: 0 });
      assert.equal(count(steps()), 4);
      assert.ok(steps().sum > 50_000 && steps().sum < 51_000, `${steps().sum} steps`);
      assert.equal(count(queueWait()), 4);
      assert.equal(count(store.commits()), commitsBefore + 2);
      assert.ok(store.commits().sum > 0);
      assert.deepEqual(store.errors(), { open: 0, read: 0, commit: 0 });
      const onDisk = ['state.db', 'state.db-wal'].map((name) => statSync(path.join(folder, name)).size);
      assert.equal(store.bytes(), (onDisk[0] ?? 0) + (onDisk[1] ?? 0));
    } finally {
      await program.close();
    }
  });

  it('have nothing of a store where state is kept in memory only', async () => {
    const program = await start();
    assert.equal(program.figures.store, undefined);
    await program.close();
  });
});

it('both threads count in the same memory', () => {
  const here = new ProgramMeter();
  const there = new ProgramMeter(here.buffer);
  there.ran('killed', 12);
  there.waited(3);
  there.committed(0.2);
  there.storeFailed('commit');
  assert.deepEqual(here.runs, { ok: 0, failed: 0, limit: 0, killed: 1 });
  assert.deepEqual(here.storeErrors, { open: 0, read: 0, commit: 1 });
  assert.deepEqual([here.steps.sum, here.queueWait.sum, here.commits.sum], [12, 0.003, 0.0002]);
  assert.equal(here.queueWait.buckets[here.queueWait.bounds.indexOf(0.005)], 1);
});
