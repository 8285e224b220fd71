import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { type Call, type Clock, mainAddress, type Outcome } from '@relay/protocol';
import { loadRelayProgram } from './load.ts';
import { startProgram } from './program.ts';
import { runFile } from './run-file.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'relay-load-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function load(name: string, text: string) {
  const loaded = loadRelayProgram(write(name, text));
  assert(loaded.ok, JSON.stringify(loaded));
  return loaded.program;
}

const clock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  defer: (run) => void setImmediate(run),
};

async function run(name: string, text: string) {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  return { ending: await runFile(load(name, text), { clock, print, log: () => {} }), lines };
}

describe('loading a program', () => {
  it('follows imports and says which files it read', () => {
    write('lib/types.rl', 'struct User { name: string }');
    const program = load(
      'main.rl',
      'import "lib/types.rl"\nserver s { receive fn m(u: User) -> User { u } }',
    );
    assert.deepEqual(program.paths, [path.join(folder, 'main.rl'), path.join(folder, 'lib/types.rl')]);
    assert.deepEqual(
      program.services.map(({ name, methods }) => [name, methods[0]?.params]),
      [['s', [{ name: 'u', type: 'User', optional: false }]]],
    );
  });

  it('shows what keeps a program from starting', () => {
    const loaded = loadRelayProgram(write('broken.rl', 'import "none.rl"\nset x = )'));
    assert(!loaded.ok && loaded.kind === 'invalid');
    assert.match(loaded.findings[0]?.text ?? '', /^broken\.rl:\d+:\d+: error: /);
    assert(loaded.findings.some(({ diagnostic }) => diagnostic.code === 'RL1030'));
  });

  it('says that there is no such file', () => {
    const file = path.join(folder, 'missing.rl');
    assert.deepEqual(loadRelayProgram(file), { ok: false, kind: 'unreadable', error: 'no such file' });
    assert.deepEqual(loadRelayProgram(folder), { ok: false, kind: 'unreadable', error: 'is a folder' });
  });
});

describe('a plain run', () => {
  it('gives the output and the value', async () => {
    const { ending, lines } = await run('sum.rl', 'print("one", 2)\nprint(["a"])\n40 + 2');
    assert.deepEqual(ending, { kind: 'done', result: '42' });
    assert.deepEqual(lines, ['one 2', '["a"]']);
    assert.deepEqual((await run('nil.rl', 'nil')).ending, { kind: 'done', result: undefined });
  });

  it('ends with the text of what was not caught, after its output', async () => {
    const { ending, lines } = await run('bad.rl', 'print("before")\n1 / 0');
    assert.equal(ending.kind, 'failed');
    assert.match(
      ending.kind === 'failed' ? ending.error : '',
      /^bad\.rl:2:\d+: runtime error: division by zero/,
    );
    assert.deepEqual(lines, ['before']);
    const thrown = (await run('throw.rl', 'throw {a: 1}')).ending;
    assert.match(thrown.kind === 'failed' ? thrown.error : '', /runtime error: uncaught throw: \{a: 1\}/);
  });

  it('can be ended while it computes without end', async () => {
    const stop = new AbortController();
    const program = load('loop.rl', 'print("begun")\nwhile true { }');
    const ending = await runFile(program, {
      clock,
      log: () => {},
      signal: stop.signal,
      print: () => stop.abort(),
    });
    assert.deepEqual(ending, { kind: 'failed', error: 'the program was closed' });
  });
});

describe('a served program', () => {
  it('answers, keeps state between messages, and settles its settings', async () => {
    const program = load(
      'counter.rl',
      `config { app_name: "Counter", limits: { steps: 1000 } }
       server counter {
         state { count: number = 0 }
         // Adds one.
         receive fn up(by: number) -> number { state.set("count", state.count + (by ?? 1)) }
         receive fn spin() { while true { } }
         receive fn fail() { state.set("count", 99)
           nil.x }
       }`,
    );
    const running = await startProgram(program, {
      clock,
      nodeId: () => 'alice',
      log: () => {},
      print: () => {},
    });
    after(() => running.close());
    const [service] = running.services;
    assert(service);
    const ask = (method: string, params: string): Promise<Outcome> =>
      new Promise((resolve) => {
        const call: Call = {
          service: 'counter',
          method,
          params: new TextEncoder().encode(params),
          deadline: clock.now() + 60_000,
          source: mainAddress('m'),
          caller: { kind: 'http', node: 'client' },
          path: [],
          ttl: 10,
          priority: 5,
          trace: false,
          traceparent: '',
          callPath: [],
        };
        service.handle(call, resolve);
      });
    const value = async (outcome: Promise<Outcome>) => {
      const settled = await outcome;
      return settled.kind === 'result' ? new TextDecoder().decode(settled.body) : settled.failure;
    };
    assert.equal(await value(ask('up', '{"by":4}')), '4');
    assert.partialDeepStrictEqual(await value(ask('spin', '')), {
      name: 'budget_exceeded',
      data: { limit: { name: 'steps', max: 1000 } },
    });
    assert.partialDeepStrictEqual(await value(ask('fail', 'null')), {
      name: 'internal_error',
      message: "counter.rl:8:12: cannot access field 'x' on nil",
    });
    assert.partialDeepStrictEqual(await value(ask('up', '["a"]')), {
      name: 'invalid_params',
      message: "method 'up' parameter 'by': expected number, got string",
    });
    assert.equal(await value(ask('up', '[]')), '5');
    assert.deepEqual(running.settings, { app_name: 'Counter', limits: { steps: 1000 } });
    assert.deepEqual(service.offer.methods[0], {
      name: 'up',
      params: [{ name: 'by', type: 'number', optional: false }],
      returns: 'number',
      effect: 'writes',
      doc: 'Adds one.',
    });
  });
});
