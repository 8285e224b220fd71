// Programs on the whole way from text to value: parser, checker, compiler and a host with real mailboxes, in this thread.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { builtins, checkProgram, compileProgram, display, loadProgram } from '@relay/language';
import { ProgramHost } from '../../packages/host/src/program-host.ts';
import { importProgram } from '../../packages/host/src/program-module.ts';
import { programErrorText } from '../../packages/host/src/reply.ts';
import { createMemoryStore } from '../../packages/host/src/state-store/memory.ts';

export interface Ending {
  /** Display form of the program's value, or `! ` and the text it failed with. */
  readonly value: string;
  readonly printed: readonly string[];
}

/** `files` by name; the first one is run. */
export async function runProgram(files: Readonly<Record<string, string>>): Promise<Ending> {
  const [main = ''] = Object.keys(files);
  const loaded = loadProgram(main, (name) => files[name]);
  const problem = loaded.diagnostics.find(({ severity }) => severity === 'error');
  if (problem !== undefined) return { value: `! ${problem.code} ${problem.message}`, printed: [] };
  const { code } = compileProgram(loaded, checkProgram(loaded, builtins));
  const printed: string[] = [];
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
    print: (line) => void printed.push(line),
    log: () => {},
    store: createMemoryStore(),
    onStoreFailed: (error) => assert.fail(String(error)),
    sendOutside: undefined,
  });
  try {
    return { value: display(await host.run(await importProgram(code))), printed };
  } catch (thrown) {
    return { value: `! ${programErrorText(thrown)}`, printed };
  }
}

/** What a program does: why it is there, its text, and its display form or `! ` with a part of its error. */
export type Row = readonly [why: string, program: string, expected: string];

export async function checkRow([, program, expected]: Row): Promise<void> {
  const { value } = await runProgram({ 'main.rl': program });
  if (!expected.startsWith('! ')) assert.equal(value, expected);
  else assert.ok(value.startsWith('! ') && value.includes(expected.slice(2)), `${value} is not ${expected}`);
}
