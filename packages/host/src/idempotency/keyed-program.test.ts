import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtins, checkProgram, compileProgram, loadProgram } from '@relay/language';
import { KEPT_MS, type KeptOutcome } from '@relay/protocol';
import { ManualClock } from '@relay/testkit';
import { ProgramHost } from '../program-host.ts';
import { importProgram } from '../program-module.ts';
import { ProgramSession } from '../program-session.ts';
import { createMemoryStore } from '../state-store/memory.ts';
import { StateNotSaved, type StateStore } from '../state-store/state-store.ts';
import { type FromWorker, textOfBody } from '../worker-wire.ts';
import { KeyedMessages } from './keyed-messages.ts';

const PROGRAM = `
config { limits: { mailbox: 1 } }
server s {
  state { count: number = 0 }
  receive fn add(by: number) -> number { state.set("count", state.count + by); state.count }
  receive fn get() -> number { state.count }
  receive fn fail(by: number) { state.set("count", state.count + by); throw {error: "never", by: by} }
  receive fn broken() -> number { nil + 1 }
  receive fn endless() { while true { } }
  receive fn big(size: number) -> string { 
    state.set("count", state.count + 1)
    set text = "x"
    while text.length < size { set text = text + text }
    text
  }
  receive fn slow() -> number { state.set("count", state.count + 1); send "outside" wait {}; state.count }
}`;

/** A program in this thread and in virtual time, asked as its worker is asked. */
class World {
  readonly clock = new ManualClock();
  readonly answers = new Map<number, FromWorker>();
  readonly results: string[] = [];
  /** What each commit held. */
  readonly commits: { readonly state: string | undefined; readonly outcome: KeptOutcome | undefined }[] = [];
  /** Undefined: a commit is durable at once. */
  durable: Promise<void> | undefined;
  readonly #session: ProgramSession;
  readonly #store: StateStore;
  #lastId = 0;
  #sends: number[] = [];

  constructor() {
    const memory = createMemoryStore();
    this.#store = {
      ...memory,
      commit: (server, state, previous, outcome) => {
        this.commits.push({ state: state && String(state.get('count')), outcome });
        if (this.durable === undefined) return memory.commit(server, state, previous, outcome);
        return this.durable.then(() => memory.commit(server, state, previous, outcome));
      },
    };
    this.#session = new ProgramSession(
      (message) => this.#take(message),
      () => this.clock.now(),
      1_000_000,
    );
  }

  static async start(): Promise<World> {
    const world = new World();
    const { clock } = world;
    const loaded = loadProgram('main.rl', (name) => (name === 'main.rl' ? PROGRAM : undefined));
    const checked = checkProgram(loaded, builtins);
    assert.deepEqual(
      [...loaded.diagnostics, ...checked.diagnostics].filter(({ severity }) => severity === 'error'),
      [],
    );
    const host = new ProgramHost({
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      after: (delayMs, run) => clock.after(delayMs, run),
      schedule: (run) => queueMicrotask(run),
      breathe: () => {},
      random: () => 0.5,
      uuid: () => '',
      print: () => {},
      log: () => {},
      store: world.#store,
      onStoreFailed: (error) => assert.fail(String(error)),
      sendOutside: (message, settle) => world.#session.sendOutside(message, settle),
    });
    const keyed = new KeyedMessages({
      find: (id) => world.#store.findOutcome(id),
      wallNow: () => clock.wallNow(),
      count: (result) => world.results.push(result),
    });
    world.#session.attach(host, keyed);
    await host.run(await importProgram(compileProgram(loaded, checked).code));
    return world;
  }

  /** Returns the number of the call. */
  ask(method: string, args: string, key?: string, timeoutMs = 60_000): number {
    const id = ++this.#lastId;
    const scope = key === undefined ? undefined : `caller s ${method} ${key}`;
    this.#session.handle(['call', id, 's', method, args, 'plain', timeoutMs, '', '', scope]);
    return id;
  }

  async answer(method: string, args: string, key?: string): Promise<string> {
    const id = this.ask(method, args, key);
    await this.clock.settle();
    return this.told(id);
  }

  told(id: number): string {
    const answer = this.answers.get(id);
    if (answer === undefined) return 'nothing';
    if (answer[0] === 'result') return textOfBody(answer[2]);
    assert(answer[0] === 'failure');
    const [, , name, message, executed, value] = answer;
    return `${name} ${executed}: ${message}${value === undefined ? '' : ` ${value}`}`;
  }

  cancel(id: number, mode: 'kill' | 'abandon'): void {
    this.#session.handle(['cancel', id, mode]);
  }

  /** Answers every send to the outside. */
  async answerSends(): Promise<void> {
    for (const id of this.#sends.splice(0)) this.#session.handle(['result', id, 'null']);
    await this.clock.settle();
  }

  #take(message: FromWorker): void {
    if (message[0] === 'send') this.#sends.push(message[1]);
    else if (message[0] === 'result' || message[0] === 'failure') this.answers.set(message[1], message);
  }
}

describe('a program called with an idempotency key', () => {
  it('runs once, and gives the first result to who asks again', async () => {
    const world = await World.start();
    assert.equal(await world.answer('add', '[5]', 'k'), '5');
    assert.equal(await world.answer('add', '[5]', 'k'), '5');
    assert.equal(await world.answer('get', ''), '5');
    assert.deepEqual(world.results, ['first', 'replayed']);
  });

  it('runs twice without the key (negative control)', async () => {
    const world = await World.start();
    assert.equal(await world.answer('add', '[5]'), '5');
    assert.equal(await world.answer('add', '[5]'), '10');
    assert.equal(await world.answer('add', '[5]', 'another'), '15');
    assert.equal(await world.answer('add', '[5]', 'and another'), '20');
  });

  it('commits the outcome together with the change, and nothing of a call without a key', async () => {
    const world = await World.start();
    await world.answer('add', '[5]', 'k');
    await world.answer('add', '[1]');
    const [keyed, keyless] = world.commits;
    assert.deepEqual([keyed?.state, keyed?.outcome?.kind, keyed?.outcome?.text], ['5', 'result', '5']);
    assert.deepEqual([keyless?.state, keyless?.outcome], ['6', undefined]);
  });

  it('keeps the outcome of a method that changes nothing', async () => {
    const world = await World.start();
    assert.equal(await world.answer('get', '[]', 'k'), '0');
    assert.deepEqual(
      world.commits.map(({ state }) => state),
      [undefined],
    );
    await world.answer('add', '[5]');
    assert.equal(await world.answer('get', '[]', 'k'), '0');
    assert.equal(await world.answer('get', '[]'), '5');
  });

  it('refuses the key with other arguments, and does not mind how the same ones are written', async () => {
    const world = await World.start();
    await world.answer('add', '[5]', 'k');
    const conflict = 'idempotency_conflict no: this idempotency key was used with other arguments';
    assert.equal(await world.answer('add', '[6]', 'k'), conflict);
    assert.equal(await world.answer('add', '{"by":5}', 'k'), conflict);
    assert.equal(await world.answer('add', ' [ 5.0 ]', 'k'), '5');
  });

  it('says that the first call still runs, then gives its outcome', async () => {
    const world = await World.start();
    const first = world.ask('slow', '[]', 'k');
    await world.clock.settle();
    assert.equal(
      await world.answer('slow', '[]', 'k'),
      'idempotency_in_progress no: the first call with this idempotency key still runs',
    );
    assert.match(await world.answer('slow', '[1]', 'k'), /^idempotency_conflict no/);
    await world.answerSends();
    assert.equal(world.told(first), '1');
    assert.equal(await world.answer('slow', '[]', 'k'), '1');
  });

  it('says so until the outcome is durable', async () => {
    const world = await World.start();
    const disk = Promise.withResolvers<void>();
    world.durable = disk.promise;
    const first = world.ask('add', '[5]', 'k');
    await world.clock.settle();
    assert.equal(world.told(first), 'nothing');
    assert.match(await world.answer('add', '[5]', 'k'), /^idempotency_in_progress/);
    disk.resolve();
    await world.clock.settle();
    assert.equal(world.told(first), '5');
    assert.equal(await world.answer('add', '[5]', 'k'), '5');
  });

  for (const { why, method, args, says } of [
    { why: 'a thrown value', method: 'fail', args: '[2]', says: /^application_error yes: never .*"by":2/ },
    { why: 'a run-time error', method: 'broken', args: '[]', says: /^internal_error yes: main\.rl/ },
    { why: 'a budget used up', method: 'endless', args: '[]', says: /^budget_exceeded yes: budget exceeded/ },
  ]) {
    it(`keeps ${why}: the method ran`, async () => {
      const world = await World.start();
      const first = await world.answer(method, args, 'k');
      assert.match(first, says);
      assert.equal(await world.answer(method, args, 'k'), first);
      assert.deepEqual(world.results, ['first', 'replayed']);
      assert.equal(await world.answer('get', ''), '0');
      assert.deepEqual(
        world.commits.map(({ state }) => state),
        [undefined],
      );
    });
  }

  for (const { why, method, args, says } of [
    { why: 'an unknown method', method: 'nothing', args: '[]', says: /^method_not_found no/ },
    { why: 'arguments that do not fit', method: 'add', args: '["x"]', says: /^invalid_params no/ },
    { why: 'too many arguments', method: 'add', args: '[1,2]', says: /^invalid_params no/ },
  ]) {
    it(`does not keep a refusal for ${why}`, async () => {
      const world = await World.start();
      assert.match(await world.answer(method, args, 'k'), says);
      assert.match(await world.answer(method, args, 'k'), says);
      assert.deepEqual(world.results, ['first', 'first']);
      assert.deepEqual(world.commits, []);
    });
  }

  it('does not keep that it was overloaded, or that the time was up before it began', async () => {
    const world = await World.start();
    const blocker = world.ask('slow', '[]');
    await world.clock.settle();
    const late = world.ask('add', '[5]', 'late', 1_000);
    assert.match(await world.answer('add', '[5]', 'full'), /^overloaded no/);
    await world.clock.advance(2_000);
    await world.answerSends();
    assert.equal(world.told(blocker), '1');
    assert.match(world.told(late), /^timeout no/);
    assert.equal(await world.answer('add', '[5]', 'late'), '6');
    assert.equal(await world.answer('add', '[5]', 'full'), '11');
  });

  it('keeps what a method does whose caller has gone, and lets it go on', async () => {
    const world = await World.start();
    const first = world.ask('slow', '[]', 'k');
    await world.clock.settle();
    world.cancel(first, 'abandon');
    assert.match(await world.answer('slow', '[]', 'k'), /^idempotency_in_progress/);
    await world.answerSends();
    assert.equal(world.told(first), 'nothing');
    assert.equal(await world.answer('slow', '[]', 'k'), '1');
    assert.equal(await world.answer('get', ''), '1');
  });

  it('runs again after it was killed and rolled back, or taken back before it began', async () => {
    const world = await World.start();
    const killed = world.ask('slow', '[]', 'killed');
    await world.clock.settle();
    const waiting = world.ask('add', '[5]', 'waiting');
    world.cancel(waiting, 'abandon');
    world.cancel(killed, 'kill');
    await world.clock.settle();
    assert.equal(await world.answer('get', ''), '0');
    assert.equal(await world.answer('add', '[5]', 'waiting'), '5');
    const again = world.ask('slow', '[]', 'killed');
    await world.clock.settle();
    await world.answerSends();
    assert.equal(world.told(again), '6');
  });

  it('runs again after its change could not be saved', async () => {
    const world = await World.start();
    world.durable = Promise.reject(new StateNotSaved('no space left on the disk', 'yes'));
    assert.match(await world.answer('add', '[5]', 'k'), /^internal_error yes: no space left/);
    world.durable = undefined;
    assert.equal(await world.answer('add', '[5]', 'k'), '5');
    assert.equal(await world.answer('add', '[5]', 'k'), '5');
  });

  it('does not run a second time for a result that is too large to keep, and says so', async () => {
    const world = await World.start();
    assert.equal((await world.answer('big', '[70000]', 'k')).length, 131_074);
    assert.equal(
      await world.answer('big', '[70000]', 'k'),
      'payload_too_large yes: the method has run; its answer of more than 65536 bytes was not kept',
    );
    assert.equal(await world.answer('get', ''), '1');
  });

  it('runs again after a day, and not before', async () => {
    const world = await World.start();
    assert.equal(await world.answer('add', '[5]', 'k'), '5');
    await world.clock.advance(KEPT_MS - 1);
    assert.equal(await world.answer('add', '[5]', 'k'), '5');
    await world.clock.advance(1);
    assert.equal(await world.answer('add', '[5]', 'k'), '10');
  });
});
