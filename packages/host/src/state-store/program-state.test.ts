import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import type { Call, Outcome } from '@relay/protocol';
import { ManualClock } from '@relay/testkit';
import { loadRelayProgram } from '../load.ts';
import { type RunningProgram, startProgram } from '../program.ts';
import { embeddedStore } from './embedded.ts';
import { STATE_FILE } from './state-file.ts';

const root = mkdtempSync(path.join(tmpdir(), 'relay-program-state-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Time stands still unless a test moves it; the end of a turn is a real one, since another thread takes part. */
class TurnClock extends ManualClock {
  override defer(run: () => void): void {
    setImmediate(run);
  }
}

/** A program over one folder, whatever its text is at the moment. */
class Served {
  readonly folder = mkdtempSync(path.join(root, 'node-'));
  readonly lines: string[] = [];
  #program: RunningProgram | undefined;

  async start(text: string): Promise<void> {
    const file = path.join(this.folder, 'program.rl');
    writeFileSync(file, text);
    const loaded = loadRelayProgram(file);
    assert.ok(loaded.ok, JSON.stringify(loaded));
    this.#program = await startProgram(loaded.program, {
      clock: new TurnClock(),
      nodeId: () => 'n',
      log: (level, line) => this.lines.push(`${level}: ${line}`),
      print: (line) => this.lines.push(line),
      store: embeddedStore(this.folder, 'normal'),
      watchdogMs: Infinity,
    });
  }

  async ask(method: string, ...params: unknown[]): Promise<unknown> {
    const outcome = await new Promise<Outcome>((resolve) => {
      const call = {
        service: 's',
        method,
        params: new TextEncoder().encode(JSON.stringify(params)),
        caller: { kind: 'local' },
        deadline: 60_000,
        callPath: [],
        traceparent: '',
      } as unknown as Call;
      this.#program?.services[0]?.handle(call, resolve);
    });
    if (outcome.kind === 'failure') throw new Error(outcome.failure.message);
    return JSON.parse(new TextDecoder().decode(outcome.body));
  }

  async stop(): Promise<void> {
    await this.#program?.close();
  }
}

const STRUCTS = `
  struct Stamp { at: datetime, by: string }
  server s {
    state { stamps: [Stamp] = [], deep: object = {}, started: datetime = now() }
    receive fn add(by: string) -> number {
      state.set("deep", {last: {at: 2024-01-02T03:04:05, list: [2024-01-02T03:04:05]}})
      state.set("stamps", state.stamps.push(Stamp{at: 2024-01-02T03:04:05, by: by}))
      state.stamps.length
    }
    receive fn kinds() -> [string] {
      [type_of(state.stamps.first()), type_of(state.stamps.first().at), type_of(state.deep.last.at), type_of(state.deep.last.list.first())]
    }
    receive fn started() -> datetime { state.started }
  }`;

describe('the state of a served program', () => {
  it('comes back with its structs and datetimes, nested ones too, and with defaults as they were', async () => {
    const served = new Served();
    await served.start(STRUCTS);
    assert.equal(await served.ask('add', 'ada'), 1);
    const before = await served.ask('started');
    await served.stop();
    await served.start(STRUCTS);
    assert.deepEqual(await served.ask('kinds'), ['struct', 'datetime', 'datetime', 'datetime']);
    assert.equal(await served.ask('started'), before);
    assert.equal(await served.ask('add', 'bob'), 2);
    await served.stop();
  });

  it('keeps a field that is no longer declared out of sight, with a warning', async () => {
    const served = new Served();
    const server = (fields: string, use: string) =>
      `server s { state { ${fields} }  receive fn set_all(v: number) { ${use} }  receive fn keys() { json(state.get("b")) } }`;
    await served.start(server('a: number = 0, b: number = 0', 'state.set("a", v); state.set("b", v)'));
    await served.ask('set_all', 5);
    await served.stop();
    await served.start(server('a: number = 0, c: number = 7', 'state.set("a", v)'));
    assert.deepEqual(served.lines, [
      "warn: server 's' no longer declares state field 'b'; its stored value is kept",
    ]);
    assert.equal(await served.ask('keys'), 'null');
    await served.ask('set_all', 6);
    await served.stop();
    await served.start(server('a: number = 0, b: number = 0', 'state.set("a", v)'));
    assert.equal(await served.ask('keys'), '5');
    await served.stop();
  });

  it('that no longer fits its declared type stops the start, with what to do', async () => {
    const served = new Served();
    await served.start(
      'server s { state { n: number = 0 }  receive fn put(v: number) { state.set("n", v) } }',
    );
    await served.ask('put', 5);
    await served.stop();
    await assert.rejects(
      served.start('server s { state { n: string = "" }  receive fn put(v: string) { state.set("n", v) } }'),
      {
        name: 'ProgramFailed',
        message:
          /server 's' state field 'n': stored value is number, declared string; export it, change and import it, or reset it: relay state --help$/,
      },
    );
  });

  it('that is damaged stops the start, with what to do', async () => {
    const served = new Served();
    await served.start(
      'server s { state { n: string = "" }  receive fn put(v: string) { state.set("n", v) } }',
    );
    await served.ask('put', 'something long enough to be found');
    await served.stop();
    const file = path.join(served.folder, STATE_FILE);
    const bytes = readFileSync(file);
    for (let at = bytes.indexOf('long enough'); at >= 0; at = bytes.indexOf('long enough'))
      bytes.write('LONG', at);
    writeFileSync(file, bytes);
    await assert.rejects(
      served.start('server s { state { n: string = "" }  receive fn put(v: string) { state.set("n", v) } }'),
      {
        name: 'ProgramFailed',
        message: /the state in .* is damaged: entry .* does not match its checksum; put a backup/,
      },
    );
  });
});
