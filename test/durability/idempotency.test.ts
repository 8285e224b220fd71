// A Home is killed when the change of a call is in its file and the answer has not left, and started again. With an idempotency key
// the caller gets the first outcome and the change is there once. RELAY_DURABILITY_RUNS sets how often (5 by default).

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readState } from '@relay/host';
import { ArrayValue } from '@relay/language';
import { type StartedProcess, waitFor } from '@relay/testkit';
import { type Answer, Machine, ROOT, rpc } from '../connections/nodes.ts';

const PROGRAM = path.join(ROOT, 'test/durability/tally.rl');
const RUNS = Number(process.env['RELAY_DURABILITY_RUNS'] ?? 5);
/** A kill and a start take a second or two, and several times that on a busy machine. */
const LIMIT = { timeout: 120_000 + RUNS * 15_000 };

/** A Main, and a Home with the program that is started anew after each kill. */
class Scene {
  readonly machine = new Machine();
  readonly #folder = path.join(this.machine.dir, 'home', 'tally.home');
  #main = { url: '', port: '' };
  #home!: StartedProcess;

  async start(): Promise<void> {
    this.#main = await this.machine.main('relay-a');
    await this.startHome();
  }

  async startHome(): Promise<void> {
    this.#home = this.machine.relay(
      `${PROGRAM} -connect ws://127.0.0.1:${this.#main.port} -node-id tally.home`,
      'home',
    );
    await this.#home.waitForLine(/^Connected to Main Relay/);
    await waitFor(async () => (await this.call('marks', [])).error === undefined, {
      what: 'tally at relay-a',
    });
  }

  async call(method: string, args: readonly unknown[], key?: string): Promise<Answer> {
    const response = await fetch(`${this.#main.url}/rpc`, {
      method: 'POST',
      headers: { 'Relay-Timeout': '30', ...(key === undefined ? {} : { 'Idempotency-Key': key }) },
      body: JSON.stringify({ jsonrpc: '2.0', method: `tally.${method}`, params: args, id: 1 }),
    });
    return (await response.json()) as Answer;
  }

  /** As a parameter of `remote_call`, and as a person types it: the answers of both. */
  async otherWays(method: string, args: readonly unknown[], key: string): Promise<unknown[]> {
    const { url } = this.#main;
    const params = { service_name: 'tally', method, args, idempotency_key: key };
    const { result } = await rpc(url, 'remote_call', params);
    const line = `call tally.${method} ${JSON.stringify(args)} --idempotency-key ${key} --main ${url}`;
    return [result, (await this.machine.command(line, 'nobody')).out];
  }

  /** Kills the Home when it has written the next change to its file, before it can answer. */
  async killAtNextChange(): Promise<void> {
    const before = this.#written();
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    await waitFor(() => this.#written() !== before, { what: 'a change', limitMs: 20_000, turn });
    this.#home.kill('SIGKILL');
    await this.#home.exited;
  }

  /** What is in the file of the Home, which must not run. */
  marks(): readonly unknown[] {
    const marks = readState(this.#folder)?.get('tally')?.get('marks');
    return marks instanceof ArrayValue ? marks.toArray() : [];
  }

  #written(): bigint {
    const stat = statSync(path.join(this.#folder, 'state.db-wal'), { bigint: true, throwIfNoEntry: false });
    return stat?.mtimeNs ?? 0n;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.machine[Symbol.asyncDispose]();
  }
}

describe('a program that keeps its state', () => {
  const scene = new Scene();
  before(() => scene.start());
  after(() => scene[Symbol.asyncDispose]());

  const countOf = async (mark: string): Promise<number> =>
    ((await scene.call('marks', [])).result as string[]).filter((one) => one === mark).length;

  it('runs a call with a key once, for callers one after the other and at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => scene.call('add', ['once'], 'k')));
    const results = answers.filter(({ error }) => error === undefined).map(({ result }) => result);
    const others = answers.filter(({ error }) => error !== undefined).map(({ error }) => error?.code);
    assert.ok(results.length >= 1);
    assert.deepEqual(new Set(results), new Set([1]));
    assert.ok(
      others.every((code) => code === -32016),
      `${others}`,
    );
    assert.equal((await scene.call('add', ['once'], 'k')).result, 1);
    assert.deepEqual(await scene.otherWays('add', ['once'], 'k'), [1, '1']);
    assert.equal((await scene.call('add', ['something else'], 'k')).error?.code, -32015);
    assert.equal(await countOf('once'), 1);
  });

  it(
    `counts a call with a key once, killed ${RUNS} times between its change and its answer`,
    LIMIT,
    async (t) => {
      const times = { changed: 0, unchanged: 0 };
      const began = performance.now();
      const limit = RUNS + 20;
      for (let run = 1; run <= RUNS || (times.changed === 0 && run <= limit); run += 1) {
        const mark = `mark ${run}`;
        const answer = scene.call('add', [mark], mark);
        await scene.killAtNextChange();
        times[scene.marks().includes(mark) ? 'changed' : 'unchanged'] += 1;
        await scene.startHome();
        // The Main has asked again for its caller, who sees nothing of it; the caller may ask again as well.
        const expected = { jsonrpc: '2.0', result: run + 1, id: 1 };
        assert.deepEqual(await answer, expected);
        assert.deepEqual(await scene.call('add', [mark], mark), expected);
        assert.equal(await countOf(mark), 1);
      }
      const ms = Math.round(performance.now() - began);
      t.diagnostic(`killed ${times.changed} times after the change, ${times.unchanged} before it; ${ms} ms`);
      assert.ok(times.changed > 0, 'no kill hit the moment between a change and its answer');
    },
  );

  it('counts a call without a key twice if its caller asks again (negative control)', LIMIT, async () => {
    let count = 0;
    for (let run = 1; run <= 30 && count < 2; run += 1) {
      const mark = `keyless ${run}`;
      const answer = scene.call('add', [mark]);
      await scene.killAtNextChange();
      const isChanged = scene.marks().includes(mark);
      await scene.startHome();
      const { error } = await answer;
      // On a busy machine the answer can be faster than the kill, and the kill faster than the call.
      if (error === undefined) continue;
      if (isChanged) assert.equal(error.data?.['executed'], 'unknown');
      await scene.call('add', [mark]);
      count = await countOf(mark);
    }
    assert.equal(count, 2);
  });
});
