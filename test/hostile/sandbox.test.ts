// What a program could do if it got hold of JavaScript: modules written by hand, as no compiler writes them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startProgram } from '@relay/host';
import { ManualClock } from '@relay/testkit';
import { realClock } from './run-hostile.ts';

const options = { clock: realClock, nodeId: () => 'here', log: () => {} };

async function linesOf(body: string): Promise<readonly string[]> {
  const lines: string[] = [];
  const code = `export default async (runtime) => { const print = (text) => runtime.effects.print(String(text));
    const tried = async (run) => { try { print('ran: ' + await run()); } catch (error) { print(error.message); } };
    ${body}; return null; }`;
  const program = await startProgram(
    { code, services: [] },
    { ...options, print: (line) => lines.push(line) },
  );
  await program.close();
  return lines;
}

describe('in the worker of a program', () => {
  it('no text becomes code', async () => {
    const lines = await linesOf(`
      await tried(() => eval('1'));
      await tried(() => (0, eval)('1'));
      await tried(() => new Function('return 1')());
      await tried(() => (() => {}).constructor('return 1')());
      await tried(() => (async () => {}).constructor('return 1')());
      await tried(() => (function* () {}).constructor('yield 1')());
      await tried(() => runtime.constructor.constructor('return 1')());
      await tried(() => runtime.effects.print.constructor('return 1')());
    `);
    assert.equal(lines.length, 8);
    for (const line of lines) assert.match(line, /Code generation from strings disallowed/);
    const [timer] = await linesOf(`await tried(() => setTimeout('1', 0));`);
    assert.match(timer ?? '', /"callback" argument must be of type function/);
  });

  it('there is nothing of the environment, and no collector', async () => {
    assert.deepEqual(await linesOf(`print(Object.keys(process.env).length); print(typeof gc);`), [
      '0',
      'undefined',
    ]);
  });
});

describe('top-level code of a served program', () => {
  it('may not go on for ever', async () => {
    const clock = new ManualClock();
    // Turns are real, since another thread takes part; time is the test's.
    clock.defer = (run) => void setImmediate(run);
    const starting = startProgram(
      { code: 'export default () => { for (;;); }', services: [] },
      { ...options, clock, print: () => {}, startMs: 1_000 },
    );
    const refused = assert.rejects(starting, {
      name: 'ProgramFailed',
      message: /top-level code has not ended after 1 s; long work belongs into a receive function/,
    });
    await clock.advance(1_000);
    await refused;
  });
});

describe('a handler that looks at no budget', () => {
  it('ends with its worker, and the program comes back', { timeout: 60_000 }, async () => {
    const code = `export default (runtime, message) => {
      const $ = runtime.open({ files: ['hand.rl'], places: [0, 1, 1], operands: [] });
      const receive = (name, run) => $.receive({ name, params: [], effect: 'calls', level: 'writes', suspends: false, run });
      return $.startServer(message, { name: 's', implements: undefined, fields: [],
        receives: [receive('hang', () => { for (;;); }), receive('ping', () => 'pong')] }, [], 0); }`;
    const { ask } = await import('./run-hostile.ts');
    const program = await startProgram(
      { code, services: [{ name: 's', doc: undefined, methods: [] }] },
      { ...options, print: () => {}, watchdogMs: 300 },
    );
    try {
      const outcome = await ask(program.services, 's', 'hang');
      assert(outcome.kind === 'failure' && outcome.failure.executed === 'unknown');
      let again = await ask(program.services, 's', 'ping');
      while (again.kind === 'failure' && again.failure.name === 'no_healthy_instance') {
        await new Promise((resolve) => setImmediate(resolve));
        again = await ask(program.services, 's', 'ping');
      }
      assert.deepEqual(again, { kind: 'value', value: 'pong' });
    } finally {
      await program.close();
    }
  });
});
