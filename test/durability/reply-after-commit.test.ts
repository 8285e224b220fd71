// A reply leaves when what it depends on is durable, and not before. The store is one that syncs when it is told to; with a store
// that says "durable" before it is, the same test has to see the difference, or it would see nothing.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@relay/federation';
import { loadRelayProgram, type RunningProgram, startProgram } from '@relay/host';
import type { Call, Outcome } from '@relay/protocol';
import { waitFor } from '@relay/testkit';

const root = mkdtempSync(path.join(tmpdir(), 'relay-reply-'));
after(() => rmSync(root, { recursive: true, force: true }));

const PROGRAM = fileURLToPath(new URL('./ledger.rl', import.meta.url));

/** Commits when the file `go` is there, fails when `fail` is; `isHonest`: says so only then. */
function storeModule(isHonest: boolean): string {
  const host = new URL('../../packages/host/src/index.ts', import.meta.url).href;
  return `data:text/javascript,${encodeURIComponent(`
    import { existsSync, writeFileSync, rmSync } from 'node:fs';
    import { StateNotSaved } from '${host}';
    export function openStateStore(folder) {
      return {
        load: () => undefined,
        commit: () => {
          writeFileSync(folder + '/begun', '');
          if (!${isHonest}) return undefined;
          return new Promise((resolve, reject) => {
            const look = setInterval(() => {
              if (existsSync(folder + '/fail')) {
                clearInterval(look);
                reject(new StateNotSaved('the state could not be saved: no space left on the disk', 'yes'));
              } else if (existsSync(folder + '/go')) {
                clearInterval(look);
                resolve();
              }
            }, 2);
          });
        },
        close: () => {},
      };
    }`)}`;
}

class Asked {
  readonly folder = mkdtempSync(path.join(root, 'run-'));
  program!: RunningProgram;

  async start(isHonest: boolean): Promise<void> {
    const loaded = loadRelayProgram(PROGRAM);
    assert.ok(loaded.ok);
    this.program = await startProgram(loaded.program, {
      clock: systemClock,
      nodeId: () => 'm.test',
      log: () => {},
      print: () => {},
      store: { kind: 'module', url: storeModule(isHonest), options: this.folder },
    });
  }

  ask(method: string, params: readonly unknown[]): { outcome: Outcome | undefined } {
    const asked: { outcome: Outcome | undefined } = { outcome: undefined };
    const call: Call = {
      service: 'ledger',
      method,
      params: new TextEncoder().encode(JSON.stringify(params)),
      caller: { kind: 'local' },
      deadline: systemClock.now() + 10_000,
      callPath: [],
      traceparent: '',
    } as unknown as Call;
    this.program.services[0]?.handle(call, (outcome) => {
      asked.outcome = outcome;
    });
    return asked;
  }

  mark(name: string): void {
    writeFileSync(path.join(this.folder, name), '');
  }

  has(name: string): boolean {
    return existsSync(path.join(this.folder, name));
  }
}

const text = (outcome: Outcome | undefined): string =>
  outcome?.kind === 'result' ? new TextDecoder().decode(outcome.body) : JSON.stringify(outcome?.failure);

/** Are there replies of a write, and of a read after it, while the commit is not done? */
async function repliesEarly(isHonest: boolean): Promise<boolean> {
  const asked = new Asked();
  await asked.start(isHonest);
  try {
    const write = asked.ask('add', [1, 5]);
    const read = asked.ask('count', []);
    await waitFor(() => asked.has('begun'));
    // A refusal takes the same way and depends on nothing: when it is here, a reply could be here as well.
    const other = asked.ask('no_such_method', []);
    await waitFor(() => other.outcome !== undefined);
    const later = asked.ask('no_such_method', []);
    await waitFor(() => later.outcome !== undefined);
    const isEarly = write.outcome !== undefined || read.outcome !== undefined;
    asked.mark('go');
    await waitFor(() => write.outcome !== undefined && read.outcome !== undefined);
    assert.deepEqual([text(write.outcome), text(read.outcome)], ['1', '1']);
    return isEarly;
  } finally {
    await asked.program.close();
  }
}

describe('a reply', () => {
  it('waits for the commit of its message, and for those of messages whose state it has read', async () => {
    assert.equal(await repliesEarly(true), false);
  });

  it('would be seen to come early if the store did not wait (negative control)', async () => {
    assert.equal(await repliesEarly(false), true);
  });

  it('says that the state was not saved; what was read of it is not told either, and reads go on', async () => {
    const asked = new Asked();
    await asked.start(true);
    try {
      const write = asked.ask('add', [1, 5]);
      const read = asked.ask('count', []);
      await waitFor(() => asked.has('begun'));
      // A refusal takes the same way: when it is here, the read has looked at the state.
      const other = asked.ask('no_such_method', []);
      await waitFor(() => other.outcome !== undefined);
      asked.mark('fail');
      await waitFor(() => write.outcome !== undefined && read.outcome !== undefined);
      for (const { outcome } of [write, read]) {
        assert.match(
          text(outcome),
          /"name":"internal_error".*could not be saved: no space left on the disk.*"executed":"yes"/,
        );
      }
      const again = asked.ask('count', []);
      await waitFor(() => again.outcome !== undefined);
      assert.equal(text(again.outcome), '0');
    } finally {
      await asked.program.close();
    }
  });
});
