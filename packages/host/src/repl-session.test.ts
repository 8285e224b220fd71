import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { ManualClock, waitFor } from '@relay/testkit';
import { type ReplEvent, ReplSession } from './repl-session.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-repl-'));
after(() => rmSync(folder, { recursive: true, force: true }));

class Rig implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly clock = new ManualClock();
  readonly session = new ReplSession({
    clock: this.clock,
    folder,
    print: (line) => this.lines.push(line),
    log: (level, line) => this.lines.push(`${level} ${line}`),
  });

  /** What happened, one line each. */
  async enter(text: string): Promise<readonly string[]> {
    return collect(this.session.enter(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.close();
  }
}

async function collect(events: AsyncGenerator<ReplEvent, void>): Promise<readonly string[]> {
  const shown: string[] = [];
  for await (const event of events) shown.push(textOf(event));
  return shown;
}

function textOf(event: ReplEvent): string {
  switch (event.kind) {
    case 'value':
      return event.variable === undefined ? event.shown : `${event.variable} = ${event.shown}`;
    case 'finding':
      return event.text.split('\n')[0]!;
    case 'failed':
      return event.hint === undefined ? event.error : `${event.error} (${event.hint})`;
    case 'interrupted':
      return 'interrupted';
    case 'ended':
      return `ended: ${event.why}`;
    default:
      return event satisfies never;
  }
}

describe('a session with its worker', () => {
  it('tells the value of each item, and prints before it', async () => {
    await using rig = new Rig();
    assert.deepEqual(await rig.enter('set a = 1; print(a); a + 1'), ['a = 1', 'nil', '2']);
    assert.deepEqual(rig.lines, ['1']);
  });

  it('goes on after errors, with their places and the nearest name', async () => {
    await using rig = new Rig();
    await rig.enter('set count = 2');
    assert.deepEqual(await rig.enter('coutn; count'), [
      "repl-2:1:1: runtime error: undefined variable: coutn (did you mean 'count'?)",
      '2',
    ]);
    assert.deepEqual(await rig.enter('set = 1'), [
      "repl-3:1:5: error: unexpected '=', expected the name of a variable [RL1010]",
    ]);
    assert.deepEqual(await rig.enter('throw {error: "no"}'), [
      'repl-4:1:1: runtime error: uncaught throw: {error: "no"}',
    ]);
    assert.deepEqual(await rig.enter('fn bad() {\n  1 / 0\n}'), ['<function: bad>']);
    assert.deepEqual(await rig.enter('bad()'), ['repl-5:2:3: runtime error: division by zero']);
  });

  it('keeps servers and their state', async () => {
    await using rig = new Rig();
    await rig.enter('server s { state { n: number = 0 } receive fn add() { state.set("n", state.n + 1) } }');
    assert.deepEqual(await rig.enter('send "s" add {}; send "s" add {}'), ['1', '2']);
    assert.deepEqual(
      rig.session.services.map(({ name }) => name),
      ['s'],
    );
  });

  it('ends an endless loop, and keeps what was there', async () => {
    await using rig = new Rig();
    await rig.enter('set a = 1');
    const looping = rig.enter('print("go"); while true { set a = a + 1 }; print("not reached")');
    await waitFor(() => rig.lines.length > 0);
    assert.ok(rig.session.interrupt());
    assert.deepEqual(await looping, ['nil', 'interrupted']);
    assert.equal(rig.session.interrupt(), false);
    assert.deepEqual(await rig.enter('a > 1'), ['true']);
    assert.deepEqual(rig.lines, ['go']);
  });

  it('ends a loop of prints, and one that catches everything', async () => {
    await using rig = new Rig();
    const printing = rig.enter('while true { print("x") }');
    await waitFor(() => rig.lines.length > 10_000);
    rig.session.interrupt();
    assert.deepEqual(await printing, ['interrupted']);
    const catching = rig.enter('print("go"); while true { try { 1 / 0 } catch { 2 } }');
    await waitFor(() => rig.lines.at(-1) === 'go');
    rig.session.interrupt();
    assert.deepEqual(await catching, ['nil', 'interrupted']);
  });

  it('ends a wait for a server that computes', async () => {
    await using rig = new Rig();
    await rig.enter('server s { receive fn spin() { while true { 1 } } }');
    const waiting = rig.enter('print("go"); send "s" spin {}');
    await waitFor(() => rig.lines.length > 0);
    rig.session.interrupt();
    assert.deepEqual(await waiting, ['nil', 'interrupted']);
    assert.deepEqual(await rig.enter('1'), ['1']);
  });

  it('imports from its folder, and loads a file anew', async () => {
    await using rig = new Rig();
    const file = path.join(folder, 'part.rl');
    writeFileSync(file, 'set x = 1\nfn f() { x + 1 }\n"loaded"');
    assert.deepEqual(await rig.enter('import "part.rl"; f()'), ['nil', '2']);
    assert.deepEqual(await rig.enter('set x = 5; f()'), ['x = 5', '6']);
    assert.deepEqual(await collect(rig.session.load(file)), ['"loaded"']);
    assert.deepEqual(await rig.enter('f()'), ['2']);
    assert.deepEqual(await rig.enter('import "../other.rl"'), [
      'repl-4:1:1: error: cannot import "../other.rl": the path leaves the folder of the main file [RL1030]',
    ]);
    const [missing] = await collect(rig.session.load('none.rl'));
    assert.equal(missing, 'cannot read none.rl: no such file');
  });

  it('a session that needs too much memory says so and goes on', async () => {
    await using rig = new Rig();
    const events = await rig.enter('set xs = []; while true { set xs = [xs.push("a"), xs] }');
    assert.match(events.at(-1) ?? '', /memory/);
    assert.deepEqual((await rig.enter('1 + 1')).at(-1), '2');
  });
});
