// A small deployment of real processes for the rollback test: nodes that change their role on the same state, started by the lines
// that a person would type, and callers that never stop and keep a ledger of what they were promised.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type StartedProcess, startProcess, waitFor } from '@relay/testkit';
import { runInProcess } from '../../packages/cli/src/testing.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const START_MS = 60_000;
/** Asked of each call; one second more is what it may take. */
const TIMEOUT_S = 5;
const GRACE_MS = 1_000;
/** Between two calls of a caller. */
const PAUSE_MS = 50;

// biome-ignore lint/suspicious/noExplicitAny: answers are compared field by field, and a missing one fails the comparison.
type Json = any;

/** Answers of one method that adds 1, by node that was asked. */
interface Ledger {
  confirmed: number;
  /** May have run. */
  unknown: number;
  /** Certainly did not run. */
  refused: number;
}

export class Deployment implements AsyncDisposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'relay-rollback-'));
  readonly #running = new Map<string, { process: StartedProcess; url: string }>();
  readonly #ledgers = new Map<string, Ledger>();

  /** Runs `./relay …` as printed, for a node that may have run before; returns when it takes calls. */
  async start(id: string, line: string): Promise<void> {
    const process = startProcess('sh', ['-c', `exec ${line}`], {
      cwd: ROOT,
      env: { RELAY_DATA_DIR: path.join(this.#folder, 'data'), RELAY_DRAIN_SECONDS: '2' },
    });
    this.#running.set(id, { process, url: '' });
    const [, url = ''] = await process.waitForLine(/^JSON-RPC: (\S+)\/rpc$/, START_MS);
    this.#running.set(id, { process, url });
    await process.waitForLine(/^Press Ctrl\+C to stop$/, START_MS);
  }

  /** With a word to its neighbours, or by SIGKILL without. */
  async stop(id: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const process = this.#running.get(id)?.process;
    this.#running.delete(id);
    if (process === undefined) throw new Error(`${id} does not run`);
    process.kill(signal);
    await process.exited;
  }

  /** What `relay migrate` prints for these words: the first line, and what it calls the way back. */
  async migrate(words: string): Promise<{ readonly forward: string; readonly back: string }> {
    const { code, out, err } = await runInProcess(['migrate', ...words.split(' ')]);
    if (code !== 0) throw new Error(err);
    const [forward = ''] = out.split('\n');
    const back = [...out.matchAll(/^way back(?: with this version)?: (.*)$/gm)].at(-1)?.[1] ?? '';
    return { forward, back };
  }

  /** The id and role that a node itself names. */
  async identity(id: string): Promise<string> {
    const answer = await fetch(`${this.#url(id)}/health`);
    const { node_id, node_type } = (await answer.json()) as Json;
    return `${node_id} ${node_type}`;
  }

  async rpc(entry: string, method: string, params: unknown): Promise<Json> {
    const answer = await fetch(`${this.#url(entry)}/rpc`, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 }),
    });
    return answer.json();
  }

  remote(entry: string, target: string, method: string, args: readonly unknown[] = []): Promise<Json> {
    const call = { node_id: target, server_name: 'p2p_demo', method, args, timeout: TIMEOUT_S };
    return this.rpc(entry, 'remote_call', call);
  }

  /** Waits until everyone who runs can call everyone, itself included. */
  async settled(limitMs = 60_000): Promise<void> {
    for (const entry of this.#running.keys()) {
      for (const target of this.#running.keys()) {
        const reached = async (): Promise<boolean> =>
          (await this.remote(entry, target, 'echo', ['here'])).result === 'here';
        await waitFor(reached, { what: `a call from ${entry} to ${target}`, limitMs });
      }
    }
  }

  /** Adds 1 at `target` through `entry` and writes down what came of it. Throws if the answer is no or comes too late. */
  async add(entry: string, target: string): Promise<void> {
    const since = performance.now();
    const { result, error } = await this.remote(entry, target, 'add', [1]);
    const took = performance.now() - since;
    if (took > TIMEOUT_S * 1000 + GRACE_MS) throw new Error(`${entry} answered after ${took} ms`);
    const ledger = this.ledger(target);
    if (typeof result === 'number') ledger.confirmed += 1;
    else if (error?.data?.executed === 'no') ledger.refused += 1;
    else if (error?.data?.executed === 'unknown') ledger.unknown += 1;
    else throw new Error(`${entry} answered neither: ${JSON.stringify({ result, error })}`);
  }

  /** Does something while all who stay call everyone without a pause; returns how many calls were answered meanwhile. */
  async whileCalled(staying: readonly string[], action: () => Promise<void>): Promise<number> {
    const targets = [...this.#running.keys()];
    let isOver = false;
    let answered = 0;
    const caller = async (entry: string, target: string): Promise<void> => {
      while (!isOver) {
        await this.add(entry, target);
        answered += 1;
        await sleep(PAUSE_MS);
      }
    };
    const callers = staying.flatMap((entry) => targets.map((target) => caller(entry, target)));
    try {
      await Promise.race([action(), Promise.all(callers)]);
    } finally {
      isOver = true;
      await Promise.all(callers);
    }
    return answered;
  }

  /** The total of a node must hold every confirmed call, and no more than may have run. */
  async check(id: string): Promise<void> {
    const { result } = await this.rpc(id, 'p2p_demo.total', []);
    const { confirmed, unknown } = this.ledger(id);
    if (result >= confirmed && result <= confirmed + unknown) return;
    throw new Error(
      `the total of ${id} is ${result}; ${confirmed} calls were confirmed, ${unknown} may have run`,
    );
  }

  ledger(id: string): Ledger {
    const ledger = this.#ledgers.get(id) ?? { confirmed: 0, unknown: 0, refused: 0 };
    this.#ledgers.set(id, ledger);
    return ledger;
  }

  #url(id: string): string {
    const url = this.#running.get(id)?.url;
    if (url === undefined || url === '') throw new Error(`${id} does not run`);
    return url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ process }) => process.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
