// Every row of the table of failures, provoked at real nodes over HTTP: http-api.md §7.2. What the page says stands here as literals.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FAILURES, homeAddress, mainAddress } from '@relay/protocol';
import { type StartedProcess, waitFor } from '@relay/testkit';
import { type Answer, Machine, untilAnswers } from './connections/nodes.ts';
import { advertise, joinStrangely, type StrangeNode } from './errors/strange-node.ts';

/** Rows that no test here provokes, with the reason. One that can be provoked does not belong here. */
const NOT_PROVOKED: Readonly<Record<string, string>> = {};

/** One message at a time and one that waits. `mute` never answers. */
const ALICE = `
config { limits: { mailbox: 1 } }
server desk {
  receive fn echo(value) { value }
  receive fn bug() { 1 / 0 }
  receive fn refuse() { throw {error: "not today", until: "noon"} }
  receive fn spin() { while true { } }
  receive fn big() { set text = "0123456789abcdef"; for n in range(1, 17) { set text = text + text }; text }
}
server fragile { receive fn bug() { 1 / 0 } }
server slow { receive fn wait() { send "mute" nap {} } }
server keyed { receive fn wait(value) { send "mute" nap {} } }
`;
const GONE = 'server attic { receive fn ready() { true } receive fn wait() { send "mute" nap {} } }\n';
const TWINS = 'server one { receive fn hello() { 1 } }\nserver two { receive fn hello() { 2 } }\n';

const BEARER = { authorization: 'Bearer secret' };

interface Seen extends Answer {
  readonly status: number;
  readonly headers: Headers;
}

interface Row {
  readonly name: keyof typeof FAILURES;
  readonly why: string;
  readonly code: number;
  readonly message: string;
  readonly executed: 'no' | 'yes' | 'unknown';
  /** Default 200. */
  readonly status?: number;
  /** `data.message`. */
  readonly says: RegExp;
  readonly at?: string;
  /** Members of `data` beside those of every failure; `trace_id` is one of those once a call exists. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly isBeforeCall?: boolean;
  readonly provoke: () => Promise<Seen>;
}

const isWait = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;

describe('failures over HTTP', () => {
  let machine: Machine;
  let url = '';
  let guarded = { url: '', node: undefined as StartedProcess | undefined };
  let gone: StartedProcess;
  let x: StrangeNode;
  let y: StrangeNode;

  async function post(to: string, body: string, headers: Record<string, string> = {}): Promise<Seen> {
    const response = await fetch(`${to}/rpc`, { method: 'POST', body, headers });
    const answer = (await response.json()) as Answer | readonly Answer[];
    return { ...(answer as Answer), status: response.status, headers: response.headers };
  }

  function call(method: string, params: unknown = [], headers: Record<string, string> = {}): Promise<Seen> {
    return post(url, JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 }), headers);
  }

  function remote(params: Readonly<Record<string, unknown>>): Promise<Seen> {
    return call('remote_call', { timeout: 10, method: 'any', ...params });
  }

  /** A call to `service` that has come as far as `mute` before this resolves. */
  async function begin(service: string, more: Readonly<Record<string, unknown>> = {}) {
    const count = x.calls.length;
    const answer = remote({ service_name: service, method: 'wait', ...more });
    await waitFor(() => x.calls.length > count, { limitMs: 20_000, what: `${service} to call mute` });
    return { answer };
  }

  before(async () => {
    machine = new Machine();
    const file = (name: string, text: string): string => {
      const full = path.join(machine.dir, `${name}.rl`);
      writeFileSync(full, text);
      return full;
    };
    const [a, t] = await Promise.all([
      machine.main('relay-a', file('twins', TWINS)),
      machine.main('relay-t', '', { RELAY_API_TOKEN: 'secret' }),
    ]);
    url = a.url;
    guarded = t;
    const home = (id: string, text: string) =>
      machine.relay(`${file(id, text)} -node-id ${id} -connect 127.0.0.1:${a.port}`, id);
    home('alice.home', ALICE);
    gone = home('gone.home', GONE);
    // A peer that sends calls on which it must not: back, further, or in the name of another.
    x = await joinStrangely(`127.0.0.1:${a.port}`, 'main', 'relay-x', (session, received, settle) => {
      const sent = { ...received, source: homeAddress('far.home', 'relay-x') };
      const onwards = homeAddress('any.home', 'relay-y');
      if (received.service === 'again') session.call(sent, settle);
      if (received.service === 'onwards')
        session.call({ ...sent, path: ['far.home'], destination: onwards }, settle);
      if (received.service === 'pretend') session.call({ ...sent, source: mainAddress('relay-y') }, settle);
    });
    y = await joinStrangely(`127.0.0.1:${a.port}`, 'main', 'relay-y');
    advertise(x, 'relay-x', 'dup.home', 'mute');
    advertise(y, 'relay-y', 'dup.home', 'other');
    await joinStrangely(`127.0.0.1:${t.port}`, 'home', 'patient.home');
    await untilAnswers(url, 'desk.echo', [1]);
    await untilAnswers(url, 'attic.ready');
  });

  after(() => machine[Symbol.asyncDispose]());

  const rows: readonly Row[] = [
    {
      name: 'parse_error',
      why: 'a body that is not JSON',
      code: -32_700,
      message: 'Parse error',
      executed: 'no',
      status: 400,
      says: /JSON/,
      isBeforeCall: true,
      provoke: () => post(url, '{'),
    },
    {
      name: 'invalid_request',
      why: 'an empty batch',
      code: -32_600,
      message: 'Invalid Request',
      executed: 'no',
      status: 400,
      says: /batch/,
      isBeforeCall: true,
      provoke: () => post(url, '[]'),
    },
    {
      name: 'invalid_request',
      why: 'another method than POST',
      code: -32_600,
      message: 'Invalid Request',
      executed: 'no',
      status: 405,
      says: /^Only POST method is allowed$/,
      isBeforeCall: true,
      provoke: async () => {
        const response = await fetch(`${url}/rpc`);
        return { ...((await response.json()) as Answer), status: response.status, headers: response.headers };
      },
    },
    {
      name: 'invalid_request',
      why: 'an item of a batch',
      code: -32_600,
      message: 'Invalid Request',
      executed: 'no',
      says: /^a request must be an object$/,
      isBeforeCall: true,
      provoke: async () => {
        const seen = await post(url, '[7]');
        const [item] = Object.values(seen) as [Answer];
        return { ...item, status: seen.status, headers: seen.headers };
      },
    },
    {
      name: 'method_not_found',
      why: 'a service without this method',
      code: -32_601,
      message: 'Method not found',
      executed: 'no',
      says: /^Server 'desk' has no method 'nothing'$/,
      at: 'alice.home',
      provoke: () => call('desk.nothing'),
    },
    {
      name: 'method_not_found',
      why: 'a bare name that two servers of the own program have',
      code: -32_601,
      message: 'Method not found',
      executed: 'no',
      says: /^method must be in format 'server_name\.method_name': hello$/,
      extra: { candidates: ['one.hello', 'two.hello'] },
      provoke: () => call('hello'),
    },
    {
      name: 'invalid_params',
      why: 'remote_call without an object',
      code: -32_602,
      message: 'Invalid params',
      executed: 'no',
      says: /^remote_call requires object parameters$/,
      provoke: () => call('remote_call', [1]),
    },
    {
      name: 'invalid_params',
      why: 'arguments that do not bind',
      code: -32_602,
      message: 'Invalid params',
      executed: 'no',
      says: /^method 'echo' expects 1 arguments, got 2$/,
      at: 'alice.home',
      provoke: () => call('desk.echo', [1, 2]),
    },
    {
      name: 'internal_error',
      why: 'a run-time error in the method',
      code: -32_603,
      message: 'Internal error',
      executed: 'yes',
      says: /^alice\.home\.rl:5:\d+: division by zero$/,
      at: 'alice.home',
      provoke: () => call('desk.bug'),
    },
    {
      name: 'budget_exceeded',
      why: 'a method that never ends',
      code: -32_603,
      message: 'Internal error',
      executed: 'yes',
      says: /^budget exceeded: (steps|time)$/,
      at: 'alice.home',
      extra: { limit: (value: unknown) => (value as { max: number }).max > 0 },
      provoke: () => call('desk.spin'),
    },
    {
      name: 'application_error',
      why: 'a thrown value',
      code: -32_000,
      message: 'Application error',
      executed: 'yes',
      says: /^not today$/,
      at: 'alice.home',
      extra: { value: { error: 'not today', until: 'noon' } },
      provoke: () => call('desk.refuse'),
    },
    {
      name: 'node_not_found',
      why: 'an address that names nothing',
      code: -32_001,
      message: 'Service not found: unknown node',
      executed: 'no',
      says: /^node 'nobody\.home' is not known to relay-a$/,
      provoke: () => remote({ node_id: 'nobody.home', server_name: 'desk' }),
    },
    {
      name: 'service_not_found',
      why: 'a node without the service',
      code: -32_002,
      message: 'Service not found',
      executed: 'no',
      says: /^alice\.home has no service 'nothing'$/,
      provoke: () => remote({ node_id: 'alice.home', server_name: 'nothing' }),
    },
    {
      name: 'service_not_found',
      why: 'a direct call, where the service is part of the method name',
      code: -32_601,
      message: 'Method not found',
      executed: 'no',
      says: /^Server 'nothing' not found$/,
      provoke: () => call('nothing.at_all'),
    },
    {
      name: 'timeout',
      why: 'a service that does not answer',
      code: -32_006,
      message: 'Timeout',
      executed: 'unknown',
      says: /in time/,
      provoke: () => remote({ node_id: 'far.home@relay-x', server_name: 'mute', timeout: 0.3 }),
    },
    {
      name: 'circuit_open',
      why: 'a method that failed five times in a row',
      code: -32_007,
      message: 'Circuit open',
      executed: 'no',
      says: /fragile/,
      extra: { retry_after_ms: isWait },
      provoke: async () => {
        for (let count = 0; count < 5; count += 1) await call('fragile.bug');
        return call('fragile.bug');
      },
    },
    {
      name: 'too_many_hops',
      why: 'a peer that sends a call on to another peer',
      code: -32_008,
      message: 'Too many hops',
      executed: 'no',
      says: /relay-a does not pass calls of a peer on to relay-y/,
      provoke: () => remote({ node_id: 'far.home@relay-x', server_name: 'onwards' }),
    },
    {
      name: 'loop_detected',
      why: 'a peer that sends a call back',
      code: -32_009,
      message: 'Routing loop',
      executed: 'no',
      says: /relay-a/,
      provoke: () => remote({ node_id: 'far.home@relay-x', server_name: 'again' }),
    },
    {
      name: 'forbidden',
      why: 'a peer that speaks for another',
      code: -32_013,
      message: 'Forbidden',
      executed: 'no',
      says: /^relay-x sent a call that began elsewhere$/,
      provoke: () => remote({ node_id: 'far.home@relay-x', server_name: 'pretend' }),
    },
    {
      name: 'payload_too_large',
      why: 'a body over 256 KiB',
      code: -32_010,
      message: 'Payload too large',
      executed: 'no',
      status: 413,
      says: /./,
      isBeforeCall: true,
      extra: { limit: { name: 'body', max: 262_144 } },
      provoke: () => post(url, `"${'x'.repeat(262_144)}"`),
    },
    {
      name: 'payload_too_large',
      why: 'a result over 1 MiB',
      code: -32_010,
      message: 'Payload too large',
      executed: 'yes',
      says: /^the result is larger than 1048576 bytes$/,
      extra: { limit: { name: 'answer', max: 1_048_576 } },
      provoke: () => call('desk.big'),
    },
    {
      name: 'overloaded',
      why: 'a full mailbox',
      code: -32_011,
      message: 'Overloaded',
      executed: 'no',
      says: /^server slow has too many waiting messages$/,
      at: 'alice.home',
      extra: { retry_after_ms: isWait },
      provoke: async () => {
        const { answer: first } = await begin('slow', { timeout: 2 });
        const others = [1, 2].map(() => remote({ service_name: 'slow', method: 'wait', timeout: 2 }));
        const [refused] = [await Promise.race(others)];
        await Promise.all([first, ...others]);
        return refused;
      },
    },
    {
      name: 'unauthorized',
      why: 'a missing token',
      code: -32_012,
      message: 'Unauthorized',
      executed: 'no',
      status: 401,
      says: /./,
      isBeforeCall: true,
      provoke: async () => {
        const seen = await post(guarded.url, '{"jsonrpc":"2.0","method":"rpc.discover","id":1}');
        assert.equal(seen.headers.get('www-authenticate'), 'Bearer');
        return seen;
      },
    },
    {
      name: 'node_ambiguous',
      why: 'an id that two Mains know, of two processes',
      code: -32_014,
      message: 'Ambiguous node',
      executed: 'no',
      says: /^'dup\.home' is known at several Mains: dup\.home@relay-x, dup\.home@relay-y$/,
      extra: { candidates: ['dup.home@relay-x', 'dup.home@relay-y'] },
      provoke: () => remote({ node_id: 'dup.home', server_name: 'mute' }),
    },
    {
      name: 'idempotency_conflict',
      why: 'a key with other arguments',
      code: -32_015,
      message: 'Idempotency conflict',
      executed: 'no',
      says: /./,
      at: 'alice.home',
      provoke: async () => {
        await call('desk.echo', [1], { 'idempotency-key': 'k' });
        return call('desk.echo', [2], { 'idempotency-key': 'k' });
      },
    },
    {
      name: 'idempotency_in_progress',
      why: 'a key whose first call still runs',
      code: -32_016,
      message: 'Idempotent call in progress',
      executed: 'no',
      says: /./,
      at: 'alice.home',
      extra: { retry_after_ms: isWait },
      provoke: async () => {
        const more = { args: [1], idempotency_key: 'p', timeout: 2 };
        const { answer: first } = await begin('keyed', more);
        const second = await remote({ service_name: 'keyed', method: 'wait', ...more });
        await first;
        return second;
      },
    },
    {
      name: 'home_disconnected',
      why: 'a Home that is lost during the call',
      code: -32_004,
      message: 'Home Relay disconnected',
      executed: 'unknown',
      says: /gone\.home/,
      extra: { retry_after_ms: isWait },
      provoke: async () => {
        const { answer } = await begin('attic');
        gone.kill('SIGKILL');
        return answer;
      },
    },
    {
      name: 'home_disconnected',
      why: 'a Home that is not connected',
      code: -32_004,
      message: 'Home Relay disconnected',
      executed: 'no',
      says: /^gone\.home is not connected to relay-a$/,
      extra: { retry_after_ms: isWait },
      provoke: () => remote({ node_id: 'gone.home', server_name: 'attic' }),
    },
    {
      name: 'no_healthy_instance',
      why: 'a service whose only Home is gone',
      code: -32_003,
      message: 'No healthy instance',
      executed: 'no',
      says: /^no instance of 'attic' can be reached$/,
      extra: { retry_after_ms: isWait },
      provoke: () => call('attic.ready'),
    },
    {
      name: 'peer_unreachable',
      why: 'a peer that is lost during the call',
      code: -32_005,
      message: 'Main Relay unreachable',
      executed: 'unknown',
      says: /relay-y/,
      extra: { retry_after_ms: isWait },
      provoke: async () => {
        const answer = remote({ node_id: 'any.home@relay-y', server_name: 'mute' });
        await waitFor(() => y.calls.length > 0, { limitMs: 10_000, what: 'the call at relay-y' });
        y.session.terminate();
        return answer;
      },
    },
    {
      name: 'peer_unreachable',
      why: 'a peer that is not connected',
      code: -32_005,
      message: 'Main Relay unreachable',
      executed: 'no',
      says: /^relay-y is not connected to relay-a$/,
      extra: { retry_after_ms: isWait },
      provoke: () => remote({ node_id: 'any.home@relay-y', server_name: 'mute' }),
    },
    {
      name: 'shutting_down',
      why: 'a node that drains',
      code: -32_017,
      message: 'Shutting down',
      executed: 'no',
      status: 503,
      says: /shutting down/,
      isBeforeCall: true,
      extra: { retry_after_ms: isWait },
      provoke: async () => {
        // patient.home never leaves.
        guarded.node?.kill('SIGTERM');
        await guarded.node?.waitForLine(/^Shutting down/);
        const seen = await post(guarded.url, '{"jsonrpc":"2.0","method":"rpc.discover","id":1}', BEARER);
        assert.equal(seen.headers.get('retry-after'), '1');
        return seen;
      },
    },
  ];

  for (const row of rows) {
    it(`${row.name}: ${row.why}`, async () => {
      const seen = await row.provoke();
      const { error } = seen;
      assert.ok(error !== undefined, `no error but ${JSON.stringify(seen)}`);
      assert.equal(seen.status, row.status ?? 200);
      assert.equal(seen.headers.get('content-type'), 'application/json; charset=utf-8');
      const { code, message, executed, at, trace_id: traceId, ...extra } = error.data ?? {};
      const said = { name: code, code: error.code, message: error.message, executed };
      assert.deepEqual(said, {
        name: row.name,
        code: row.code,
        message: row.message,
        executed: row.executed,
      });
      assert.match(String(message), row.says);
      const isGuarded = row.name === 'unauthorized' || row.name === 'shutting_down';
      assert.equal(at, row.at ?? (isGuarded ? 'relay-t' : 'relay-a'));
      if (row.isBeforeCall === true) assert.equal(traceId, undefined);
      else assert.match(String(traceId), /^[0-9a-f]{32}$/);
      assert.deepEqual(Object.keys(extra).toSorted(), Object.keys(row.extra ?? {}).toSorted());
      for (const [key, expected] of Object.entries(row.extra ?? {})) {
        if (typeof expected === 'function') assert.ok(expected(extra[key]), `${key}: ${extra[key]}`);
        else assert.deepEqual(extra[key], expected);
      }
    });
  }

  it('are all provoked here, or named with the reason why not', () => {
    const provoked = new Set<string>(rows.map(({ name }) => name));
    const excluded = Object.keys(NOT_PROVOKED);
    assert.deepEqual([...provoked, ...excluded].toSorted(), Object.keys(FAILURES).toSorted());
  });
});
