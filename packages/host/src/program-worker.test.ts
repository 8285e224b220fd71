import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import {
  type Call,
  type Caller,
  type CallHandler,
  createFailure,
  homeAddress,
  mainAddress,
  type Outcome,
  type Service,
} from '@relay/protocol';
import { ManualClock } from '@relay/testkit';
import { type RunningProgram, type StartProgramOptions, startProgram } from './program.ts';

// The modules here are written by hand in the form the compiler gives, so that they can do what no program can: loop without
// looking at a budget, end the thread, ask for eval.

/** Time stands still unless a test moves it; the end of a turn is a real one, since another thread takes part. */
class TurnClock extends ManualClock {
  override defer(run: () => void): void {
    setImmediate(run);
  }
}

const PRELUDE = `
const serve = ($, message, name, fields, methods) => $.startServer(message, {
  name, implements: undefined,
  fields: Object.keys(fields).map((field) => ({ name: field, type: undefined })),
  receives: Object.entries(methods).map(([method, run]) => $.receive({
    name: method, effect: 'calls', level: 'writes', suspends: true, run,
    params: Array.from({ length: run.length - 1 }, (_, at) => ({ name: 'p' + at, type: undefined })),
  })),
}, Object.values(fields), 0);
const forever = ($, m) => { for (;;) if (--m.steps < 0) $.over(m); };
export default (runtime, message) => {
  const $ = runtime.open({ files: ['hand.rl'], places: [0, 7, 3], operands: [] });
`;

interface Hand extends RunningProgram {
  readonly clock: TurnClock;
  readonly lines: string[];
  ask(service: string, method: string, params?: unknown, more?: Partial<Call>): Promise<unknown>;
}

const running: RunningProgram[] = [];

async function start(
  body: string,
  names: readonly string[],
  options: Partial<StartProgramOptions> = {},
): Promise<Hand> {
  const clock = new TurnClock();
  const lines: string[] = [];
  const program = await startProgram(
    { code: `${PRELUDE}${body}\n};`, services: names.map((name) => ({ name, doc: undefined, methods: [] })) },
    {
      clock,
      nodeId: () => 'alice.home@main.test',
      log: (level, line) => lines.push(`${level}: ${line}`),
      print: (line) => lines.push(line),
      ...options,
    },
  );
  running.push(program);
  const ask = async (service: string, method: string, params: unknown = null, more: Partial<Call> = {}) => {
    const outcome = await askOf(named(program.services, service), method, params, more);
    if (outcome.kind === 'failure') return outcome.failure;
    return JSON.parse(new TextDecoder().decode(outcome.body)) as unknown;
  };
  return { ...program, clock, lines, ask };
}

after(() => Promise.all(running.map((program) => program.close())));

function named(services: readonly Service[], name: string): Service {
  const found = services.find(({ offer }) => offer.name === name);
  assert(found);
  return found;
}

function callOf(service: string, method: string, params: unknown, more: Partial<Call> = {}): Call {
  return {
    service,
    method,
    params: new TextEncoder().encode(JSON.stringify(params)),
    deadline: 60_000,
    source: mainAddress('main.test'),
    caller: { kind: 'http', node: 'client' },
    path: [],
    ttl: 10,
    priority: 5,
    trace: false,
    traceparent: '',
    callPath: [],
    ...more,
  };
}

function askOf(
  service: Service,
  method: string,
  params: unknown,
  more: Partial<Call> = {},
): Promise<Outcome> {
  return new Promise((resolve) => service.handle(callOf(service.offer.name, method, params, more), resolve));
}

/** Turns of this thread until a promise settles. */
async function turnsUntil(promise: Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await promise;
  isOver = true;
  return turns;
}

/** Lets turns pass until something is true. */
async function until(what: string, isTrue: () => boolean): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!isTrue()) {
    if (performance.now() > limit) assert.fail(`waited in vain for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a program in its worker', () => {
  it('runs top-level code once, shows its value and passes on its output in order', async () => {
    const program = await start(
      `runtime.effects.print('one'); runtime.effects.log('warn', 'two'); runtime.effects.print('three'); return 41 + 1;`,
      [],
    );
    assert.equal(program.result, '42');
    assert.deepEqual(program.lines, ['one', 'warn: two', 'three']);
    assert.equal((await start('return null;', [])).result, undefined);
  });

  it('does not start if top-level code fails', async () => {
    await assert.rejects(start(`$.fail('division by zero', 0);`, []), {
      name: 'ProgramFailed',
      message: 'hand.rl:7:3: runtime error: division by zero',
    });
    await assert.rejects(start(`$.raise($.array([1, 'a']), 0);`, []), {
      message: 'hand.rl:7:3: runtime error: uncaught throw: [1, "a"]',
    });
  });

  it('answers in the form the caller reads', async () => {
    const program = await start(
      `return serve($, message, 's', {}, { now: (m) => $.datetime(0), same: (m, v) => v });`,
      ['s'],
    );
    const iso = '1970-01-01T00:00:00.000Z';
    const tagged = { _type: 'datetime', value: iso };
    const as = (kind: Caller['kind']): Partial<Call> => ({ caller: { kind, node: 'x' } });
    for (const kind of ['http', 'client', 'p2p'] as const)
      assert.equal(await program.ask('s', 'now', null, as(kind)), iso);
    assert.deepEqual(await program.ask('s', 'now', null, as('program')), tagged);
    assert.deepEqual(await program.ask('s', 'same', [tagged], as('program')), tagged);
    const big = 'ü'.repeat(100_000);
    assert.equal(await program.ask('s', 'same', [big]), big);
    assert.equal(await program.ask('s', 'same', 7), 7);
    assert.equal(await program.ask('s', 'same', null), null);
  });

  it('tells failures by their names, and where and whether the method ran', async () => {
    const program = await start(
      `return serve($, message, 's', {}, {
        thrown: (m) => $.raise($.array([1]), 0), bug: (m) => $.fail('oops', 0), deep: (m) => $.deep(),
        out: (m) => runtime.effects.send(m, 'blog', 'x', { kind: 'positional', values: [] }),
      });`,
      ['s'],
    );
    const fails = async (method: string, params: unknown, more: Partial<Call> = {}) => {
      const { name, message, executed, data } = (await program.ask('s', method, params, more)) as ReturnType<
        typeof createFailure
      >;
      return [name, message, executed, data];
    };
    assert.deepEqual(await fails('thrown', null), ['application_error', '[1]', 'yes', { value: [1] }]);
    assert.deepEqual(await fails('bug', null), ['internal_error', 'hand.rl:7:3: oops', 'yes', undefined]);
    assert.deepEqual(await fails('deep', null), [
      'budget_exceeded',
      'budget exceeded: depth',
      'yes',
      { limit: { name: 'depth', max: 1000 } },
    ]);
    assert.deepEqual(await fails('out', null), [
      'internal_error',
      "server 'blog' not found",
      'yes',
      undefined,
    ]);
    assert.deepEqual(await fails('none', null), [
      'method_not_found',
      "Server 's' has no method 'none'",
      'no',
      undefined,
    ]);
    assert.deepEqual(await fails('bug', { a: 1 }), [
      'invalid_params',
      "method 'bug' has no parameter 'a'",
      'no',
      undefined,
    ]);
    const path = ['s@alice.home@main.test', 'blog@bob'];
    assert.deepEqual(await fails('bug', null, { callPath: path }), [
      'loop_detected',
      'call cycle: s -> blog@bob -> s',
      'no',
      undefined,
    ]);
  });

  it('gives nobody eval', async () => {
    const program = await start(
      `return serve($, message, 's', {}, { evil: (m) => (() => {}).constructor('return 1')() });`,
      ['s'],
    );
    const failure = (await program.ask('s', 'evil')) as { readonly message: string };
    assert.match(failure.message, /Code generation from strings disallowed/);
  });
});

describe('a program that computes without end', () => {
  it('costs its own call only, while this thread goes on', async () => {
    const program = await start(
      `serve($, message, 'other', {}, { get: (m) => 'fine' });
       return serve($, message, 's', { n: 1 }, {
         spin: (m) => { $.setState(m, 'n', 2, 0); return forever($, m); }, get: (m) => m.state.get('n') });`,
      ['s', 'other'],
    );
    const spinning = program.ask('s', 'spin');
    const next = [program.ask('s', 'get'), program.ask('other', 'get')];
    const turns = await turnsUntil(spinning);
    assert.partialDeepStrictEqual(await spinning, {
      name: 'budget_exceeded',
      message: 'budget exceeded: steps',
      executed: 'yes',
      at: 'alice.home',
      data: { limit: { name: 'steps', max: 10_000_000 } },
    });
    assert(turns > 20, `${turns} turns`);
    assert.deepEqual(await Promise.all(next), [1, 'fine']);
  });

  it('ends at its next budget check when its call is killed, and leaves no trace', async () => {
    const program = await start(
      `return serve($, message, 's', { n: 1 }, {
         spin: (m) => { $.setState(m, 'n', 2, 0); runtime.effects.print('begun'); return forever($, m); },
         get: (m) => m.state.get('n') });`,
      ['s'],
      { limits: { steps: Infinity, timeMs: Infinity } },
    );
    const cancel = named(program.services, 's').handle(callOf('s', 'spin', null), () =>
      assert.fail('settled'),
    );
    await until('the handler to begin', () => program.lines.includes('begun'));
    const next = program.ask('s', 'get');
    cancel('kill');
    assert.equal(await next, 1);
  });

  it('is ended with its worker if it looks at no budget, and the program starts anew', async () => {
    const program = await start(
      `runtime.effects.print('top-level');
       return serve($, message, 's', {}, { hang: (m) => { for (;;); }, get: (m) => 'fine' });`,
      ['s'],
    );
    const hanging = program.ask('s', 'hang');
    await program.clock.advance(15_000);
    assert.partialDeepStrictEqual(await hanging, { name: 'internal_error', executed: 'unknown' });
    assert.partialDeepStrictEqual(await program.ask('s', 'get'), {
      name: 'no_healthy_instance',
      executed: 'no',
    });
    await until('the new worker', () => program.lines.filter((line) => line === 'top-level').length === 2);
    assert.equal(await program.ask('s', 'get'), 'fine');
  });
});

describe('the death of a worker', () => {
  const MORTAL = `serve($, message, 's', { n: 0 }, {
      die: (m) => { process.exit(1); },
      inc: (m) => $.setState(m, 'n', m.state.get('n') + 1, 0),
    }); runtime.effects.print('up'); return null;`;

  it('fails the calls that wait, and stays down after too many', async () => {
    const changes: number[] = [];
    const program = await start(MORTAL, ['s'], {
      onServicesChanged: (services) => changes.push(services.length),
    });
    const [service] = program.services;
    assert(service);
    for (let deaths = 1; deaths <= 6; deaths += 1) {
      await until('a worker', () => program.lines.filter((line) => line === 'up').length === deaths);
      const outcome = await askOf(service, 'die', null);
      assert.partialDeepStrictEqual(outcome, { failure: { name: 'internal_error', executed: 'unknown' } });
    }
    assert.deepEqual(changes, [0]);
    const last = await askOf(service, 'inc', null);
    assert.partialDeepStrictEqual(last, {
      failure: { name: 'no_healthy_instance', message: 'server s is not running' },
    });
  });

  it('takes nothing of what was committed', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'relay-host-'));
    after(() => rmSync(folder, { recursive: true }));
    const storeModule = `
      import fs from 'node:fs';
      export function openStateStore(folder, codec) {
        const file = (server) => folder + '/' + server;
        return {
          load: (server) => fs.existsSync(file(server))
            ? new Map(codec.decode(fs.readFileSync(file(server), 'utf8')).entries()) : undefined,
          commit: async (server, state) => { await fs.promises.writeFile(file(server), codec.encode(state)); },
          close: () => {},
        };
      }`;
    const url = `data:text/javascript,${encodeURIComponent(storeModule)}`;
    const program = await start(MORTAL, ['s'], { store: { kind: 'module', url, options: folder } });
    assert.equal(await program.ask('s', 'inc'), 1);
    assert.equal(await program.ask('s', 'inc'), 2);
    await program.ask('s', 'die');
    await until('a worker', () => program.lines.filter((line) => line === 'up').length === 2);
    assert.equal(await program.ask('s', 'inc'), 3);
  });
});

describe('a send to another node', () => {
  const ASKING = `return serve($, message, 'shop', {}, {
      ask: async (m, target) => {
        try { return await runtime.effects.send(m, target, 'get', { kind: 'positional', values: [$.datetime(0)] }); }
        catch (thrown) { return $.array([thrown.code, thrown.executed, thrown.message, thrown.data]); }
      } });`;

  it('becomes a call that carries where it comes from and how long it may take', async () => {
    const calls: Call[] = [];
    const outbound: CallHandler = (call, settle) => {
      calls.push(call);
      settle({ kind: 'result', body: call.params });
      return () => {};
    };
    const program = await start(ASKING, ['shop']);
    program.setOutbound(outbound);
    const result = await program.ask('shop', 'ask', ['blog@bob@main.test'], {
      deadline: 500,
      traceparent: 'tp',
      callPath: ['first@carol'],
    });
    assert.deepEqual(result, ['1970-01-01T00:00:00.000Z']);
    const [call] = calls;
    assert(call);
    assert.deepEqual(call.destination, homeAddress('bob', 'main.test'));
    assert.deepEqual(call.source, homeAddress('alice.home', 'main.test'));
    assert.deepEqual(call.caller, { kind: 'program', node: 'alice.home' });
    assert.deepEqual([call.service, call.method, call.traceparent], ['blog', 'get', 'tp']);
    assert.deepEqual(call.callPath, ['first@carol', 'shop@alice.home@main.test']);
    assert(call.deadline <= 500 && call.deadline > 0);
    assert.equal(
      new TextDecoder().decode(call.params),
      '[{"_type":"datetime","value":"1970-01-01T00:00:00.000Z"}]',
    );
  });

  it('fails with the codes of the language', async () => {
    let failure = createFailure('service_not_found', 'no blog', 'main.test');
    const program = await start(ASKING, ['shop'], {
      outbound: (_call, settle) => {
        settle({ kind: 'failure', failure });
        return () => {};
      },
    });
    for (const [given, code] of [
      [createFailure('node_ambiguous', 'which bob', 'm'), 'unknown_server'],
      [createFailure('invalid_params', 'bad', 'm'), 'bad_arguments'],
      [createFailure('budget_exceeded', 'steps', 'm'), 'budget'],
      [createFailure('loop_detected', 'again', 'm'), 'call_cycle'],
      [createFailure('circuit_open', 'open', 'm'), 'unavailable'],
      [createFailure('home_disconnected', 'gone', 'm', { executed: 'unknown' }), 'lost'],
      [createFailure('payload_too_large', 'much', 'm', { executed: 'yes' }), 'failed'],
    ] as const) {
      failure = given;
      assert.deepEqual(await program.ask('shop', 'ask', ['blog']), [
        code,
        given.executed,
        given.message,
        null,
      ]);
    }
    failure = createFailure('application_error', 'told', 'm', { data: { value: { error: 'told', n: 1 } } });
    assert.deepEqual(await program.ask('shop', 'ask', ['blog']), [
      'thrown',
      'yes',
      'told',
      { error: 'told', n: 1 },
    ]);
    assert.deepEqual(await program.ask('shop', 'ask', ['no address@']), [
      'unknown_server',
      'no',
      "server 'no address@' not found",
      null,
    ]);
  });

  it('is killed with the call it serves', async () => {
    const modes: string[] = [];
    let count = 0;
    const program = await start(ASKING, ['shop'], {
      outbound: () => {
        count += 1;
        return (mode) => modes.push(mode);
      },
    });
    const cancel = named(program.services, 'shop').handle(callOf('shop', 'ask', ['blog']), () =>
      assert.fail('settled'),
    );
    await until('the send', () => count === 1);
    cancel('kill');
    await until('the kill', () => modes.length === 1);
    assert.deepEqual(modes, ['kill']);
  });
});

describe('closing a program', () => {
  it('begins nothing any more when the node ends: what waits is refused, what runs answers nobody', async () => {
    const program = await start(
      `let begun = 0;
       serve($, message, 's', {}, { wait: (m) => { begun += 1; return new Promise(() => {}); } });
       return serve($, message, 'other', {}, { begun: (m) => begun });`,
      ['s', 'other'],
    );
    let ran: unknown;
    void program.ask('s', 'wait').then((answer) => {
      ran = answer;
    });
    while ((await program.ask('other', 'begun')) === 0);
    const waiting = [program.ask('s', 'wait'), program.ask('s', 'wait')];
    for (const service of program.services) void service.refuseWaiting?.();
    for (const answer of await Promise.all(waiting)) {
      assert.partialDeepStrictEqual(answer, {
        name: 'shutting_down',
        message: 'alice.home is shutting down',
        executed: 'no',
        at: 'alice.home',
      });
    }
    await Promise.all(program.services.map((service) => service.refuseWaiting?.()));
    assert.equal(ran, undefined);
    assert.partialDeepStrictEqual(await program.ask('other', 'begun'), { executed: 'no' });
    await program.close();
    assert.partialDeepStrictEqual(ran, { name: 'shutting_down', executed: 'unknown' });
  });

  it('ends what waits, and refuses what comes', async () => {
    const program = await start(
      `return serve($, message, 's', {}, { wait: (m) => new Promise(() => {}) });`,
      ['s'],
    );
    const waiting = program.ask('s', 'wait');
    const [service] = program.services;
    assert(service);
    await program.close();
    await program.close();
    assert.partialDeepStrictEqual(await waiting, { name: 'shutting_down', executed: 'unknown' });
    assert.partialDeepStrictEqual(await askOf(service, 'wait', null), {
      failure: { name: 'no_healthy_instance' },
    });
  });
});
