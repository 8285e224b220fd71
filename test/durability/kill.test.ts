// A node under write load is killed again and again. RELAY_DURABILITY_RUNS sets how often (5 by default, 30 in CI, 500 as the long
// form), RELAY_SEED the moments.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@relay/testkit';
import { DurableNode } from './node.ts';

const PROGRAM = fileURLToPath(new URL('./ledger.rl', import.meta.url));
const RUNS = Number(process.env['RELAY_DURABILITY_RUNS'] ?? 5);
const RECORDS = 100_000;
const RESTART_MS = 2_000;
const WRITERS = 8;
const LONGEST_LOAD_MS = 400;

const dataDir = mkdtempSync(path.join(tmpdir(), 'relay-durability-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));

it(`keeps every acknowledged write and no half of one, killed ${RUNS} times with ${RECORDS} records`, async (t) => {
  const seed = Number(process.env['RELAY_SEED'] ?? Date.now() % 1_000_000);
  t.diagnostic(`seed ${seed}: RELAY_SEED=${seed} chooses the same moments`);
  const random = seededRandom(seed);
  const acknowledged = new Set<number>();
  const sent = new Set<number>();
  let nextId = RECORDS;

  /** Writes until the node is gone. */
  async function write(node: DurableNode): Promise<void> {
    for (;;) {
      const id = nextId;
      nextId += 1;
      sent.add(id);
      try {
        const { result } = await node.call('ledger.add', { id, amount: id % 7 });
        if (result === id) acknowledged.add(id);
      } catch {
        return;
      }
    }
  }

  let node = new DurableNode(PROGRAM, dataDir);
  await node.started();
  for (let first = 0; first < RECORDS; first += 20_000) {
    const { error } = await node.call('ledger.fill', { first, count: 20_000 });
    assert.equal(error, undefined);
  }
  const restarts: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const writers = Array.from({ length: WRITERS }, () => write(node));
    await sleep(random.between(0, LONGEST_LOAD_MS));
    await node.kill();
    await Promise.all(writers);

    const began = performance.now();
    node = new DurableNode(PROGRAM, dataDir);
    await node.started();
    assert.ok(((await node.call('ledger.count')).result as number) >= RECORDS);
    restarts.push(performance.now() - began);

    await node.call('ledger.broken');
    const { result } = await node.call('ledger.audit', { first: RECORDS });
    const found = result as { total: number; sum: number; keys: number; ids: number[] };
    const ids = new Set(found.ids);
    assert.deepEqual(
      [...acknowledged].filter((id) => !ids.has(id)),
      [],
      'acknowledged, and gone',
    );
    assert.deepEqual(
      found.ids.filter((id) => !sent.has(id)),
      [],
      'never sent',
    );
    assert.equal(ids.size, found.ids.length, 'written twice');
    assert.equal(found.total, found.sum, 'half a message');
    assert.equal(found.keys, ids.size, 'half a message');
  }
  await node.stop();
  const times = restarts.map(Math.round).join(', ');
  t.diagnostic(`${acknowledged.size} writes acknowledged; restarts took ${times} ms`);
  assert.ok(acknowledged.size > 0);
  // A machine that does other things meanwhile is measured by how long it takes to start a node without state.
  const empty: number[] = [];
  for (let run = 0; run < 2; run += 1) {
    const began = performance.now();
    await using fresh = new DurableNode(PROGRAM, path.join(dataDir, `empty-${run}`));
    await fresh.started();
    empty.push(performance.now() - began);
  }
  const limit = Math.max(RESTART_MS, 2 * Math.min(...empty));
  assert.ok(
    Math.min(...restarts) < limit,
    `restarts took ${times} ms; without state ${Math.min(...empty)} ms`,
  );
});
