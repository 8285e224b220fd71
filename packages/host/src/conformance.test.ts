import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { builtins, checkProgram, compileProgram, display, loadProgram } from '@relay/language';
import { ProgramHost } from './program-host.ts';
import { importProgram } from './program-module.ts';
import { programErrorText } from './reply.ts';
import { runFile } from './run-file.ts';
import { createMemoryStore } from './state-store/memory.ts';

interface Row {
  readonly id: number;
  readonly group: string;
  readonly program: string;
  readonly expect: {
    readonly display?: string;
    readonly error?: string;
    readonly syntaxError?: true;
    readonly parses?: true;
  };
}

const ROWS = JSON.parse(
  readFileSync(new URL('../../../test/conformance/language.json', import.meta.url), 'utf8'),
) as readonly Row[];

type Ending = { readonly display: string } | { readonly error: string };

/** The whole way, with real mailboxes, in this thread. */
async function runHere(code: string): Promise<Ending> {
  const host = new ProgramHost({
    now: () => performance.now(),
    wallNow: () => Date.now(),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
    schedule: (run) => queueMicrotask(run),
    breathe: () => {},
    random: () => Math.random(),
    uuid: () => randomUUID(),
    print: () => {},
    log: () => {},
    store: createMemoryStore(),
    onStoreFailed: (error) => assert.fail(String(error)),
    sendOutside: undefined,
  });
  try {
    return { display: display(await host.run(await importProgram(code))) };
  } catch (thrown) {
    return { error: programErrorText(thrown) };
  }
}

const clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after: (delayMs: number, run: () => void) => {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  defer: (run: () => void) => void setImmediate(run),
};

async function runInWorker(code: string): Promise<Ending> {
  const ending = await runFile({ code, services: [] }, { clock, print: () => {}, log: () => {} });
  return ending.kind === 'done' ? { display: ending.result ?? 'nil' } : { error: ending.error };
}

async function check({ program, expect }: Row, run: (code: string) => Promise<Ending>): Promise<void> {
  const loaded = loadProgram('main.rl', (name) => (name === 'main.rl' ? program : undefined));
  const errors = loaded.diagnostics.filter(({ severity }) => severity === 'error');
  if (expect.syntaxError) {
    assert.notDeepEqual(errors, [], 'it parses');
    return;
  }
  assert.deepEqual(errors, []);
  if (expect.parses) return;
  const ending = await run(compileProgram(loaded, checkProgram(loaded, builtins)).code);
  if (expect.display !== undefined) assert.deepEqual(ending, { display: expect.display });
  else {
    assert('error' in ending, `no error, but ${JSON.stringify(ending)}`);
    assert(ending.error.includes(expect.error ?? ''), `${ending.error} does not contain ${expect.error}`);
  }
}

describe('the conformance rows', () => {
  it('are all there', () => assert.equal(ROWS.length, 289));
  for (const row of ROWS) it(`${row.group} row ${row.id}`, () => check(row, runHere));
});

describe('the conformance rows about servers, in a worker', () => {
  for (const row of ROWS.filter(({ program, group }) => group === 'C8' || program.includes('server '))) {
    it(`${row.group} row ${row.id}`, () => check(row, runInWorker));
  }
});
