import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Call,
  type Caller,
  createFailure,
  homeAddress,
  mainAddress,
  type Outcome,
  RelayError,
  type Service,
} from '@relay/protocol';
import { ManualClock } from '@relay/testkit';
import { ApplicationError, defineService } from './typescript-service.ts';

const HTTP: Caller = { kind: 'http', node: 'client' };
const PROGRAM: Caller = { kind: 'program', node: 'other.home' };

function callOf(service: string, method: string, params: unknown, more: Partial<Call> = {}): Call {
  return {
    service,
    method,
    params: new TextEncoder().encode(JSON.stringify(params)),
    deadline: 60_000,
    source: mainAddress('main.test'),
    caller: HTTP,
    path: [],
    ttl: 10,
    priority: 5,
    trace: false,
    traceparent: 'tp',
    callPath: [],
    ...more,
  };
}

function ask(service: Service, method: string, params: unknown, more: Partial<Call> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    service.handle(callOf(service.offer.name, method, params, more), resolve);
  });
}

async function resultOf(outcome: Promise<Outcome>): Promise<unknown> {
  const settled = await outcome;
  if (settled.kind === 'failure') throw new RelayError(settled.failure);
  return JSON.parse(new TextDecoder().decode(settled.body));
}

const ports = {
  clock: new ManualClock(),
  nodeId: () => 'alice.home@main.test',
  outbound: () => () => {},
};

const echo = defineService('echo', {
  list: (_context, ...args) => args,
  pair: { params: ['a', 'b'], run: (_context, a, b) => [a ?? null, b ?? null] },
  whole: { params: { message: 'object' }, run: (_context, message) => message },
  text: { params: { message: 'string' }, run: (_context, message) => message ?? null },
  when: () => new Date(0),
  nothing: () => undefined,
});

describe('a service in TypeScript', () => {
  for (const { why, method, params, result } of [
    { why: 'an array by position', method: 'list', params: [1, 'a'], result: [1, 'a'] },
    {
      why: 'an object as one argument where nothing is declared',
      method: 'list',
      params: { a: 1 },
      result: [{ a: 1 }],
    },
    { why: 'null as no arguments', method: 'list', params: null, result: [] },
    { why: 'another value as one argument', method: 'list', params: 7, result: [7] },
    { why: 'an object by name, whatever its order', method: 'pair', params: { b: 2, a: 1 }, result: [1, 2] },
    { why: 'missing arguments as undefined', method: 'pair', params: [1], result: [1, null] },
    { why: 'a whole object for a single parameter', method: 'whole', params: { x: 1 }, result: { x: 1 } },
    { why: 'the field of a single parameter', method: 'whole', params: { message: 5 }, result: 5 },
    {
      why: 'a tagged datetime as ISO text',
      method: 'list',
      params: [{ _type: 'datetime', value: 'T' }],
      result: ['T'],
    },
  ]) {
    it(`takes ${why}`, async () => {
      assert.deepEqual(await resultOf(ask(echo, method, params)), result);
    });
  }

  for (const { why, method, params, message } of [
    {
      why: 'too many arguments',
      method: 'pair',
      params: [1, 2, 3],
      message: "method 'pair' expects 2 arguments, got 3",
    },
    {
      why: 'an unknown name',
      method: 'pair',
      params: { c: 1 },
      message: "method 'pair' has no parameter 'c'",
    },
    {
      why: 'an object for a string',
      method: 'text',
      params: { c: 1 },
      message: "method 'text' has no parameter 'c'",
    },
  ]) {
    it(`refuses ${why}`, async () => {
      const outcome = await ask(echo, method, params);
      assert(outcome.kind === 'failure');
      assert.equal(outcome.failure.name, 'invalid_params');
      assert.equal(outcome.failure.message, message);
      assert.equal(outcome.failure.executed, 'no');
    });
  }

  it('says which method it does not have', async () => {
    const outcome = await ask(echo, 'toString', null);
    assert(outcome.kind === 'failure');
    assert.equal(outcome.failure.name, 'method_not_found');
    assert.equal(outcome.failure.message, "Server 'echo' has no method 'toString'");
  });

  it('gives nil for undefined, and dates in the form of the caller', async () => {
    assert.equal(await resultOf(ask(echo, 'nothing', null)), null);
    assert.equal(await resultOf(ask(echo, 'when', null)), '1970-01-01T00:00:00.000Z');
    assert.deepEqual(await resultOf(ask(echo, 'when', null, { caller: PROGRAM })), {
      _type: 'datetime',
      value: '1970-01-01T00:00:00.000Z',
    });
  });

  it('publishes what its methods say about themselves', () => {
    const { offer } = defineService('weather', {
      forecast: {
        params: { city: 'string', days: 'optional(number)' },
        returns: '[number]',
        effect: 'reads',
        doc: 'Degrees.',
        run: () => [],
      },
    });
    assert.deepEqual(offer.methods, [
      {
        name: 'forecast',
        params: [
          { name: 'city', type: 'string', optional: false },
          { name: 'days', type: 'optional(number)', optional: true },
        ],
        returns: '[number]',
        effect: 'reads',
        doc: 'Degrees.',
      },
    ]);
    assert.throws(() => defineService('no name', {}), RangeError);
  });

  it('fails with what its methods throw, and never with a stack', async () => {
    const logged: string[] = [];
    const failing = defineService('failing', {
      value: () => {
        throw new ApplicationError({ error: 'too late', at: new Date(0) });
      },
      chosen: async () => {
        throw new RelayError(createFailure('overloaded', 'busy', 'alice'));
      },
      bug: async () => {
        throw new TypeError('oops');
      },
      circle: () => {
        const self: unknown[] = [];
        self.push(self);
        return self;
      },
    });
    failing.connect({ ...ports, log: (text) => logged.push(text) });
    const failure = async (method: string) => {
      const outcome = await ask(failing, method, null);
      assert(outcome.kind === 'failure');
      return outcome.failure;
    };
    const thrown = await failure('value');
    assert.deepEqual(
      [thrown.name, thrown.message, thrown.executed, thrown.at, thrown.data?.value],
      [
        'application_error',
        'too late',
        'yes',
        'alice.home@main.test',
        { error: 'too late', at: '1970-01-01T00:00:00.000Z' },
      ],
    );
    assert.deepEqual(await failure('chosen'), createFailure('overloaded', 'busy', 'alice'));
    const bug = await failure('bug');
    assert.deepEqual([bug.name, bug.message, bug.executed], ['internal_error', 'oops', 'yes']);
    assert.match(logged[0] ?? '', /oops[\s\S]*typescript-service/);
    assert.equal((await failure('circle')).name, 'internal_error');
  });

  it('calls others on behalf of its caller', async () => {
    const calls: Call[] = [];
    const asking = defineService('asking', {
      both: async (context) => [await context.call('blog@bob@main.test', 'get', [1]), context.remainingMs()],
      wrong: (context) => context.call('no name', 'get'),
    });
    asking.connect({
      ...ports,
      outbound: (call, settle) => {
        calls.push(call);
        settle({ kind: 'result', body: new TextEncoder().encode('{"_type":"datetime","value":"T"}') });
        return () => {};
      },
    });
    const result = await resultOf(ask(asking, 'both', null, { deadline: 500, callPath: ['shop@x'] }));
    assert.deepEqual(result, ['T', 500]);
    const [call] = calls;
    assert.deepEqual(call?.destination, homeAddress('bob', 'main.test'));
    assert.equal(call?.service, 'blog');
    assert.equal(call?.deadline, 500);
    assert.equal(call?.traceparent, 'tp');
    assert.deepEqual(call?.callPath, ['shop@x', 'asking@alice.home@main.test']);
    await assert.rejects(resultOf(ask(asking, 'wrong', null)), { code: 'service_not_found' });
  });

  it('aborts its signal when killed, and lets the method finish when abandoned', async () => {
    for (const mode of ['kill', 'abandon'] as const) {
      const seen: boolean[] = [];
      const release = Promise.withResolvers<void>();
      const slow = defineService('slow', {
        wait: async (context) => {
          await release.promise;
          seen.push(context.signal.aborted);
        },
      });
      const cancel = slow.handle(callOf('slow', 'wait', null), () => assert.fail('settled after a cancel'));
      cancel(mode);
      release.resolve();
      await release.promise;
      await Promise.resolve();
      assert.deepEqual(seen, [mode === 'kill']);
    }
  });
});
