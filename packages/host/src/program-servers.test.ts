import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type FailedSend,
  type Message,
  ObjectValue,
  type ReceiveDefinition,
  RuntimeFailure,
  type SendArguments,
  type ServerDefinition,
  Thrown,
  type Value,
} from '@relay/language';
import { ManualClock } from '@relay/testkit';
import { DEFAULT_LIMITS } from './limits.ts';
import { MessageContext } from './message-context.ts';
import { ProgramMeter } from './program-meter.ts';
import { type ProgramPorts, ProgramServers } from './program-servers.ts';
import { type Reply, toFailedSend } from './reply.ts';

const NO_ARGUMENTS: SendArguments = { kind: 'positional', values: [] };

type Body = (message: Message, ...args: Value[]) => Value | Promise<Value>;

function server(
  name: string,
  receives: Readonly<Record<string, Body>>,
  state: Readonly<Record<string, Value>> = {},
): ServerDefinition {
  const definitions = Object.entries(receives).map(([method, run]): [string, ReceiveDefinition] => [
    method,
    {
      name: method,
      params: Array.from({ length: run.length - 1 }, (_, at) => ({ name: `p${at}`, type: undefined })),
      effect: 'calls',
      level: 'writes',
      suspends: true,
      run,
    },
  ]);
  return {
    name,
    fields: Object.entries(state).map(([field, initial]) => ({ name: field, type: undefined, initial })),
    receives: new Map(definitions),
  };
}

/** A program of hand-made servers in virtual time. */
class World {
  readonly clock = new ManualClock();
  readonly commits: string[] = [];
  readonly meter = new ProgramMeter();
  readonly servers: ProgramServers;
  durable: Promise<void> | undefined;

  constructor(ports: Partial<ProgramPorts> = {}) {
    this.servers = new ProgramServers({
      now: () => this.clock.now(),
      after: (delayMs, run) => this.clock.after(delayMs, run),
      schedule: (run) => queueMicrotask(run),
      breathe: () => {},
      limits: () => DEFAULT_LIMITS,
      sendTimeoutMs: () => 60_000,
      structs: () => new Map(),
      store: {
        load: () => undefined,
        commit: (name) => {
          this.commits.push(name);
          return this.durable;
        },
        findOutcome: () => undefined,
        close: () => {},
      },
      meter: this.meter,
      onStoreFailed: (error) => assert.fail(String(error)),
      warn: (text) => assert.fail(text),
      sendOutside: undefined,
      ...ports,
    });
  }

  send(from: Message, target: string, method: string, ...values: Value[]): Promise<Value> {
    return this.servers.send(from, target, method, { kind: 'positional', values });
  }

  /** A message from outside. */
  ask(
    name: string,
    method: string,
    { deadline = Infinity, callPath = [] as string[], values = [] as Value[] } = {},
  ) {
    const replies: Reply[] = [];
    const cancel = this.servers.receive(
      { server: name, method, args: { kind: 'positional', values }, callPath, deadline, traceparent: '' },
      (reply) => replies.push(reply),
    );
    return {
      cancel,
      replies,
      get text(): string | undefined {
        const [reply] = replies;
        if (reply === undefined) return undefined;
        if (reply.kind === 'value') return String(reply.value);
        const failure = toFailedSend(reply);
        return `${failure.code} ${failure.executed}: ${failure.message}`;
      },
    };
  }

  topLevel(): Message {
    return new MessageContext({
      budgets: DEFAULT_LIMITS,
      server: undefined,
      state: undefined,
      callPath: [],
      deadline: Infinity,
      traceparent: '',
      now: () => this.clock.now(),
      breathe: () => {},
    }).message;
  }
}

const set = (message: Message, key: string, value: Value): Value => {
  message.state = message.state?.set(key, value);
  return value;
};

describe('a mailbox', () => {
  it('handles one message at a time, in order of arrival, while other servers run', async () => {
    const world = new World();
    const seen: Value[] = [];
    const gate = Promise.withResolvers<Value>();
    world.servers.start(server('slow', { wait: () => gate.promise }));
    world.servers.start(server('quick', { get: () => 'now' }));
    world.servers.start(
      server('s', {
        work: async (message: Message, n: Value) => {
          seen.push(`in ${n}`);
          if (n === 1) await world.send(message, 'slow', 'wait');
          seen.push(`out ${n}`);
          return n;
        },
      }),
    );
    for (const n of [1, 2, 3]) world.ask('s', 'work', { values: [n] });
    const quick = world.ask('quick', 'get');
    await world.clock.settle();
    assert.deepEqual(seen, ['in 1']);
    assert.equal(quick.text, 'now');
    gate.resolve(null);
    await world.clock.settle();
    assert.deepEqual(seen, ['in 1', 'out 1', 'in 2', 'out 2', 'in 3', 'out 3']);
  });

  it('keeps the state a message leaves, and nothing of one that fails', async () => {
    const world = new World();
    world.servers.start(
      server(
        'counter',
        {
          add: (message: Message, n: Value) =>
            set(message, 'n', (message.state?.get('n') as number) + (n as number)),
          spoil: (message: Message) => {
            set(message, 'n', 99);
            throw new RuntimeFailure('division by zero');
          },
          toss: (message: Message) => {
            set(message, 'n', 98);
            throw new Thrown(
              ObjectValue.from([
                ['error', 'no'],
                ['n', 5],
              ]),
            );
          },
          get: (message: Message) => message.state?.get('n') ?? null,
        },
        { n: 1 },
      ),
    );
    const asked = [
      world.ask('counter', 'add', { values: [4] }),
      world.ask('counter', 'spoil'),
      world.ask('counter', 'toss'),
      world.ask('counter', 'get'),
    ];
    await world.clock.settle();
    assert.deepEqual(
      asked.map(({ text }) => text),
      ['5', 'failed yes: division by zero', 'thrown yes: no', '5'],
    );
    assert.deepEqual(world.commits, ['counter']);
  });

  it('refuses what can never be handled, before any handler runs', async () => {
    const world = new World({ limits: () => ({ ...DEFAULT_LIMITS, mailbox: 2 }) });
    const gate = Promise.withResolvers<Value>();
    world.servers.start(server('s', { one: () => gate.promise, two: (_message: Message, a: Value) => a }));
    const first = world.ask('s', 'one');
    await world.clock.settle();
    const waiting = [world.ask('s', 'one'), world.ask('s', 'one')];
    assert.equal(world.ask('s', 'none').text, "unknown_method no: server 's' has no method 'none'");
    assert.equal(world.ask('t', 'none').text, "unknown_server no: Server 't' not found");
    assert.match(
      world.ask('s', 'one', { values: [1] }).text ?? '',
      /^bad_arguments no: method 'one' expects 0 arguments, got 1/,
    );
    assert.equal(
      world.ask('s', 'one', { callPath: ['x@y', 's', 'b'] }).text,
      'call_cycle no: call cycle: s -> b -> s',
    );
    assert.equal(world.ask('s', 'one').text, 'overloaded no: server s has too many waiting messages');
    gate.resolve(7);
    await world.clock.settle();
    assert.deepEqual(
      [first, ...waiting].map(({ text }) => text),
      ['7', '7', '7'],
    );
  });

  it('drops a message whose caller stopped waiting before it began, and lets one that began end', async () => {
    const world = new World();
    const gate = Promise.withResolvers<Value>();
    const begun: Value[] = [];
    world.servers.start(
      server(
        's',
        {
          work: async (message: Message, n: Value) => {
            begun.push(n);
            await gate.promise;
            return set(message, 'n', n);
          },
        },
        { n: 0 },
      ),
    );
    const running = world.ask('s', 'work', { values: [1] });
    const late = world.ask('s', 'work', { values: [2], deadline: 10 });
    const abandoned = world.ask('s', 'work', { values: [3] });
    await world.clock.settle();
    running.cancel('abandon');
    abandoned.cancel('abandon');
    await world.clock.advance(20);
    gate.resolve(null);
    await world.clock.settle();
    assert.deepEqual(begun, [1]);
    assert.deepEqual(world.commits, ['s']);
    assert.equal(late.text, 'timeout no: timeout waiting for reply from server s');
    assert.deepEqual([...running.replies, ...abandoned.replies], []);
  });

  it('ends a killed handler at its send, with all it waits for, and rolls it back', async () => {
    const world = new World();
    const gate = Promise.withResolvers<Value>();
    world.servers.start(
      server(
        'inner',
        { wait: (message: Message) => gate.promise.then(() => set(message, 'n', 1)) },
        { n: 0 },
      ),
    );
    world.servers.start(
      server(
        'outer',
        {
          work: async (message: Message) => {
            set(message, 'n', 1);
            await world.send(message, 'inner', 'wait');
            return null;
          },
          get: (message: Message) => message.state?.get('n') ?? null,
        },
        { n: 0 },
      ),
    );
    const asked = world.ask('outer', 'work');
    await world.clock.settle();
    asked.cancel('kill');
    const after = world.ask('outer', 'get');
    await world.clock.settle();
    assert.equal(after.text, '0');
    gate.resolve(null);
    await world.clock.settle();
    assert.deepEqual([world.commits, asked.replies], [[], []]);
  });

  it('hands its name to a server defined again, whose predecessor takes no more messages', async () => {
    const world = new World();
    const gate = Promise.withResolvers<Value>();
    const status = world.servers.start(server('s', { work: () => gate.promise }));
    const running = world.ask('s', 'work');
    await world.clock.settle();
    const waiting = world.ask('s', 'work');
    world.servers.start(server('s', { work: () => 'new' }));
    const next = world.ask('s', 'work');
    gate.resolve('old');
    await world.clock.settle();
    assert.equal(status.running, false);
    assert.deepEqual(
      [running, waiting, next].map(({ text }) => text),
      ['old', 'unavailable no: server s is not running', 'new'],
    );
  });
});

describe('waiting for each other', () => {
  const forward = (world: World, name: string, target: string): void => {
    world.servers.start(
      server(name, { go: (message: Message) => world.send(message, target, 'go'), end: () => 'end' }),
    );
  };

  it('is refused at once where the call comes back to a server on its path', async () => {
    const world = new World();
    forward(world, 'a', 'b');
    forward(world, 'b', 'c');
    forward(world, 'c', 'a');
    const asked = world.ask('a', 'go');
    await world.clock.settle();
    assert.equal(asked.text, 'failed yes: call cycle: a -> b -> c -> a');
  });

  it('is refused at once where messages of different origin would wait in a circle', async () => {
    const world = new World();
    const both = Promise.withResolvers<Value>();
    for (const [name, target] of [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
    ] as const) {
      world.servers.start(
        server(name, {
          go: async (message: Message) => {
            await both.promise;
            return world.send(message, target, 'end');
          },
          end: () => `end of ${name}`,
        }),
      );
    }
    const asked = ['a', 'b', 'c'].map((name) => world.ask(name, 'go'));
    await world.clock.settle();
    both.resolve(null);
    await world.clock.settle();
    // The last one to wait closes the circle; once it has failed, the others get their answers.
    assert.deepEqual(
      asked.map(({ text }) => text),
      ['end of b', 'end of c', 'failed yes: call cycle: c -> a -> b -> c'],
    );
    assert.equal(world.clock.now(), 0);
  });

  it('ends with the time of the sender, and says whether the handler began', async () => {
    const world = new World();
    const gate = Promise.withResolvers<Value>();
    world.servers.start(server('busy', { wait: () => gate.promise }));
    const first = world
      .send(world.topLevel(), 'busy', 'wait')
      .catch((error: FailedSend) => ({ ...error, message: error.message }));
    await world.clock.settle();
    const second = world
      .send(world.topLevel(), 'busy', 'wait')
      .catch((error: FailedSend) => ({ ...error, message: error.message }));
    await world.clock.advance(60_000);
    assert.partialDeepStrictEqual(await first, { code: 'timeout', executed: 'unknown' });
    assert.partialDeepStrictEqual(await second, {
      code: 'timeout',
      executed: 'no',
      message: 'timeout waiting for reply from server busy',
    });
    assert.equal(world.clock.pendingTimers, 0);
  });

  it('never lasts longer than the caller waits', async () => {
    const world = new World();
    world.servers.start(server('inner', { wait: () => new Promise<Value>(() => {}) }));
    world.servers.start(server('outer', { go: (message: Message) => world.send(message, 'inner', 'wait') }));
    const asked = world.ask('outer', 'go', { deadline: 500 });
    await world.clock.advance(499);
    assert.equal(asked.text, undefined);
    await world.clock.advance(1);
    assert.equal(asked.text, 'failed yes: timeout waiting for reply from server inner');
  });
});

describe('what leaves the program', () => {
  it('waits until the state it depends on is durable', async () => {
    const sent: string[] = [];
    const world = new World({
      sendOutside: ({ target }, settle) => {
        sent.push(target);
        settle({ kind: 'value', value: 'from afar' });
        return () => {};
      },
    });
    const disk = Promise.withResolvers<void>();
    world.durable = disk.promise;
    world.servers.start(
      server(
        's',
        {
          write: (message: Message) => set(message, 'n', 1),
          read: (message: Message) => message.state?.get('n') ?? null,
          tell: (message: Message) => world.send(message, 'blog@bob', 'post'),
        },
        { n: 0 },
      ),
    );
    const asked = ['write', 'read', 'tell'].map((method) => world.ask('s', method));
    await world.clock.settle();
    assert.deepEqual(
      asked.map(({ text }) => text),
      [undefined, undefined, undefined],
    );
    assert.deepEqual(sent, []);
    disk.resolve();
    await world.clock.settle();
    assert.deepEqual(
      asked.map(({ text }) => text),
      ['1', '1', 'from afar'],
    );
    assert.deepEqual(sent, ['blog@bob']);
  });

  it('is nothing where there is no federation', async () => {
    const world = new World();
    const failed = world.servers.send(world.topLevel(), 'nobody', 'm', NO_ARGUMENTS);
    await assert.rejects(failed, {
      code: 'unknown_server',
      executed: 'no',
      message: "server 'nobody' not found",
    });
  });

  it('starts from stored fields, and keeps those no longer declared out of sight', () => {
    const warnings: string[] = [];
    const world = new World({
      warn: (text) => warnings.push(text),
      store: {
        load: () =>
          new Map<string, Value>([
            ['n', 5],
            ['gone', 1],
          ]),
        commit: () => undefined,
        findOutcome: () => undefined,
        close: () => {},
      },
    });
    const type = { kind: 'plain', name: 'string', text: 'string', validators: [] } as const;
    world.servers.start(server('s', {}, { n: 0, m: 2 }));
    assert.deepEqual(warnings, [
      "server 's' no longer declares state field 'gone'; its stored value is kept",
    ]);
    const misfit: ServerDefinition = { ...server('s', {}), fields: [{ name: 'n', type, initial: 'x' }] };
    assert.throws(() => world.servers.start(misfit), {
      message: /^server 's' state field 'n': stored value is number, declared string/,
    });
  });
});
