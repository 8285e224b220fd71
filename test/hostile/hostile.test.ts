// Every hostile program ends as it must, leaves its worker alive, and takes no more from others than its own budget.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RunningProgram, startProgram } from '@relay/host';
import { type Ending, HANDLERS, SOURCES } from './corpus.ts';
import { ask, compile, realClock, systemCall } from './run-hostile.ts';

/** Of all who may run: far more than any budget, for a busy machine. */
const HANG_MS = 60_000;

/** One program for all handlers: a server for each, and one that must go on answering. */
function everything(): string {
  const servers = HANDLERS.map(({ body, beside }, at) => {
    const text = body.replaceAll('SELF', `s${at}`);
    return `${beside}\nserver s${at} { state { kept: any }  receive fn go() { ${text} } }`;
  });
  return `config { limits: { time: "1s" } }
server ok { receive fn ping() { "pong" }  receive fn echo(x) { x } }
${servers.join('\n')}`;
}

function assertEnding(outcome: Awaited<ReturnType<typeof ask>>, ends: Ending): void {
  if ('value' in ends) {
    assert.equal(outcome.kind, 'value', JSON.stringify(outcome));
    assert.deepEqual(outcome.kind === 'value' && outcome.value, ends.value);
    return;
  }
  assert(outcome.kind === 'failure', `it gave ${JSON.stringify(outcome).slice(0, 200)}`);
  const { name, message } = outcome.failure;
  if ('error' in ends) {
    assert(['internal_error', 'application_error'].includes(name), `${name}: ${message}`);
    assert(message.includes(ends.error), `${message} does not contain ${ends.error}`);
    assert(!/ at .*\.(ts|js):|node:|\/packages\//.test(message), `${message} tells of the host`);
    return;
  }
  assert.equal(name, 'budget_exceeded', message);
  if (!('budget' in ends)) return;
  // Which of these two comes first is for the machine to say.
  const wanted =
    ends.budget === 'steps' ? /^budget exceeded: (steps|time)$/ : `budget exceeded: ${ends.budget}`;
  if (typeof wanted === 'string') assert.equal(message, wanted);
  else assert.match(message, wanted);
}

describe('the hostile corpus', () => {
  let program: RunningProgram;
  const complaints: string[] = [];
  before(async () => {
    const compiled = compile(everything());
    program = await startProgram(compiled, {
      clock: realClock,
      nodeId: () => 'here',
      print: () => {},
      log: (level, line) => {
        if (level === 'error') complaints.push(line);
      },
    });
  });
  after(() => program.close());

  it('has at least 150 programs, each for a reason of its own', () => {
    const reasons = [...HANDLERS, ...SOURCES].map(({ why }) => why);
    assert(reasons.length >= 150, `${reasons.length}`);
    assert.equal(new Set(reasons).size, reasons.length);
  });

  HANDLERS.forEach(({ why, ends }, at) => {
    it(`${why}`, { timeout: HANG_MS }, async () => {
      const hostile = ask(program.services, `s${at}`, 'go');
      // Asked right behind it, so it waits as long as the hostile message runs, and no longer.
      const other = ask(program.services, 'ok', 'ping');
      assertEnding(await hostile, ends);
      assert.deepEqual(await other, { kind: 'value', value: 'pong' });
      assert.deepEqual(complaints, []);
    });
  });
});

describe('hostile sources', () => {
  for (const { why, text } of SOURCES) {
    it(`refuses ${why}`, { timeout: HANG_MS }, () => assert.throws(() => compile(text), /RL\d{4}/));
  }
});

describe('a program that spins', () => {
  it('costs calls that go elsewhere nothing', { timeout: HANG_MS }, async () => {
    const compiled = compile('server s { receive fn spin() { while true { } } }');
    await using program = await startProgram(compiled, {
      clock: realClock,
      nodeId: () => 'here',
      print: () => {},
      log: () => {},
      limits: { steps: Infinity, timeMs: 1_000 },
    }).then((one) => ({ ...one, [Symbol.asyncDispose]: () => one.close() }));
    let isOver = false;
    const spinning = ask(program.services, 's', 'spin').finally(() => {
      isOver = true;
    });
    let answers = 0;
    while (!isOver) {
      assert.equal(await systemCall(answers), answers + 1);
      answers += 1;
    }
    const outcome = await spinning;
    assert(outcome.kind === 'failure' && outcome.failure.message === 'budget exceeded: time');
    // A thread that shared the processor with the program alone would manage thousands; one that waited for it, one.
    assert(answers > 50, `${answers} answers`);
  });
});
