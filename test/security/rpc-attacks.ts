// JSON-RPC as the node itself describes it: for every method of `rpc.discover` arguments that fit, and the same with one thing wrong.

import { exchange, type Reply, request } from './exchange.ts';
import type { Target } from './target.ts';
import { type Row, Tally } from './verdict.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly items?: Schema;
}

interface Method {
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly required?: boolean; readonly schema: Schema }[];
}

interface RpcAnswer {
  readonly jsonrpc?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code?: unknown; readonly data?: { readonly code?: unknown } };
  readonly id?: unknown;
}

const CODES = new Set([
  -32700,
  -32600,
  -32601,
  -32602,
  -32603,
  ...Array.from({ length: 50 }, (_, index) => -32000 - index),
]);

/** One of each JSON type, and of the values of a type those at its edges. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  string: ['', 'x', 'x'.repeat(10_000), '\u0000', '__proto__', '../..', '💥', "'; --"],
  number: [0, -1, 0.5, 1e308, -0, 2 ** 53 + 1],
  boolean: [true, false],
  array: [[], [[]], Array.from({ length: 5_000 }, () => 0)],
  object: [{}, { a: { b: { c: [] } } }, JSON.parse('{"__proto__":{"x":1}}')],
};

export async function attackRpc(target: Target, headers: readonly string[] = []): Promise<Row[]> {
  const call = (body: unknown, more: readonly string[] = []) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return exchange(target, request(target, 'POST', '/rpc', { body: text, headers: [...headers, ...more] }));
  };
  const described = answerIn(await call({ jsonrpc: '2.0', method: 'rpc.discover', id: 1 })).result as {
    methods?: Method[];
  };
  const methods = described?.methods ?? [];
  return [await forms(target, call), await schemas(target, methods, call), await remoteCalls(target, call)];
}

type Caller = (body: unknown, headers?: readonly string[]) => Promise<Reply>;

/** The request around the method. */
async function forms(target: Target, call: Caller): Promise<Row> {
  const tally = new Tally(target.name, 'JSON-RPC forms');
  const good = { jsonrpc: '2.0', method: 'rpc.discover', id: 1 };
  const invalid: readonly (readonly [string, unknown])[] = [
    ...[1, '1.0', null, {}, []].map((jsonrpc) => ['another version', { ...good, jsonrpc }] as const),
    ['no version', { method: 'x.y', id: 1 }],
    ...[1, null, '', {}, [], true].map((method) => ['a method that is none', { ...good, method }] as const),
    ...[1.5, 2 ** 53, {}, [], true, 'x'.repeat(65)].map(
      (id) => ['an id that is none', { ...good, id }] as const,
    ),
    ['an empty batch', []],
    ['a batch of 21', Array.from({ length: 21 }, () => good)],
    ['a scalar', 'true'],
    ['no JSON', '{'],
    ['nothing', ''],
    ['two documents', '{}{}'],
    ['a trailing comma', '{"jsonrpc":"2.0",}'],
    ['NaN', '{"jsonrpc":"2.0","method":"x.y","params":[NaN],"id":1}'],
  ];
  for (const [what, body] of invalid) {
    const reply = await call(body);
    tally.reply(what, reply, [400]);
    shape(tally, what, reply);
  }
  const valid: readonly (readonly [string, unknown])[] = [
    ...['', 'x'.repeat(64), 0, -1, 2 ** 53 - 1, null].map((id) => ['an id', { ...good, id }] as const),
    ...[null, [], {}, 5, 'x', true].map(
      (params) => ['params', { ...good, method: 'nobody.here', params }] as const,
    ),
    ['more members', { ...good, a: 1, __proto__: null, constructor: 1 }],
    ['a batch of 20', Array.from({ length: 20 }, () => good)],
    ['a batch with odd items', [1, null, [], {}, good]],
    ['a notification', { jsonrpc: '2.0', method: 'nobody.here' }],
    ['notifications', [{ jsonrpc: '2.0', method: 'nobody.here' }]],
    ...[
      '.',
      '.x',
      'x.',
      'x',
      'a.b.c',
      'rpc.x',
      'rpc.',
      '__proto__.x',
      'constructor.constructor',
      'x'.repeat(200_000),
    ].map((method) => ['a name', { ...good, method }] as const),
  ];
  for (const [what, body] of valid) {
    const reply = await call(body);
    tally.reply(what, reply, [200, 204]);
    if (reply.status === 200) shape(tally, what, reply);
  }
  for (const header of [
    'Relay-Timeout: x',
    'Relay-Timeout: 1e99',
    'Relay-Trace: 7',
    'Idempotency-Key: ',
    `Idempotency-Key: ${'k'.repeat(129)}`,
  ]) {
    const reply = await call({ ...good, method: 'nobody.here' }, [header]);
    tally.reply(header.slice(0, 40), reply, [200, 400]);
    shape(tally, header, reply);
  }
  return tally.row();
}

async function schemas(target: Target, methods: readonly Method[], call: Caller): Promise<Row> {
  const tally = new Tally(target.name, 'methods by schema');
  const own = methods.filter(({ name }) => name !== 'remote_call');
  tally.expect(
    'rpc.discover describes methods',
    own.some(({ name }) => !name.startsWith('rpc.')),
    own.length,
  );
  for (const { name, params } of own) {
    const fitting: unknown[] = params.map(({ schema }) => VALUES[typeOf(schema)]?.[0] ?? null);
    const named = Object.fromEntries(params.map((param, index) => [param.name, fitting[index]]));
    for (const right of [fitting, named]) {
      const codes = await ask(tally, call, `${name} ${JSON.stringify(right)}`, name, right);
      // `rpc.discover` takes no empty limit, and a method may say no to a value of the right type.
      if (!name.startsWith('rpc.'))
        tally.expect(`${name}: fitting arguments`, !codes.includes('invalid_params'), right);
    }
    for (const [index, param] of params.entries()) {
      const type = typeOf(param.schema);
      for (const [kind, values] of Object.entries(VALUES)) {
        for (const value of values) {
          const changed = fitting.toSpliced(index, 1, value);
          const what = `${name} with ${JSON.stringify(value)?.slice(0, 40)} as ${param.name}`;
          const codes = await ask(tally, call, what, name, changed);
          const isWrong = type !== 'any' && type !== kind;
          if (isWrong) tally.expect(what, codes.includes('invalid_params'), codes);
        }
      }
    }
    const surplus = await ask(tally, call, `${name} with one too many`, name, [...fitting, 1]);
    const unknown = await ask(tally, call, `${name} with a name too many`, name, {
      ...named,
      nothing_such: 1,
    });
    // One parameter takes an object whole (http-api.md §4.3); `rpc.` methods ignore what they do not know.
    if (!name.startsWith('rpc.')) {
      tally.expect(`${name} with one too many`, surplus.includes('invalid_params'), surplus);
      if (params.length > 1)
        tally.expect(`${name} with a name too many`, unknown.includes('invalid_params'), unknown);
    }
  }
  return tally.row();
}

/** The checks of http-api.md §5, each alone. */
async function remoteCalls(target: Target, call: Caller): Promise<Row> {
  const tally = new Tally(target.name, 'remote_call');
  const good = { node_id: 'nonexistent.home', server_name: 'fake', method: 'test', args: [] };
  const wrong: readonly (readonly [string, unknown])[] = [
    ...[null, [], 'x', 1, true].map((params) => ['params', params] as const),
    ...['', null, 1, {}, []].map((node_id) => ['node_id', { ...good, node_id }] as const),
    ...['..', 'a b', '@', 'a@', '@b', 'x'.repeat(129), 'a@b@c', '-x', 'é'].map(
      (node_id) => ['node_id', { ...good, node_id }] as const,
    ),
    ...['', null, 1, {}].map((server_name) => ['server_name', { ...good, server_name }] as const),
    ...['', null, 1, {}].map((method) => ['method', { ...good, method }] as const),
    ['both names', { ...good, service_name: 'another' }],
    ...['x', 1, true].map((args) => ['args', { ...good, args }] as const),
    ...[0, -1, 3_601, '5', Number.POSITIVE_INFINITY, {}, []].map(
      (timeout) => ['timeout', { ...good, timeout }] as const,
    ),
    ...['yes', 1, {}].map((trace) => ['trace', { ...good, trace }] as const),
    ...['', 'x'.repeat(129), 'ü', 1, 'a\n'].map(
      (idempotency_key) => ['idempotency_key', { ...good, idempotency_key }] as const,
    ),
  ];
  for (const [what, params] of wrong) {
    // A number too large for JSON would be written as null.
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 }).replace(
      '"timeout":null',
      '"timeout":1e999',
    );
    const reply = await call(text);
    tally.reply(what, reply, [200]);
    shape(tally, what, reply);
    const { error } = answerIn(reply);
    // P2P mode says -32603 for failures of remote_call (http-api.md §7.2, exception b), and knows neither services nor keys.
    if (target.role !== 'p2p') {
      tally.expect(`${what} ${JSON.stringify(params)}`, error?.code === -32602, error ?? 'accepted');
    }
  }
  for (const params of [
    good,
    { service_name: 'nobody', method: 'test' },
    { ...good, node_id: 'local' },
    { ...good, more: 1 },
  ]) {
    await ask(tally, call, JSON.stringify(params), 'remote_call', params);
  }
  return tally.row();
}

async function ask(
  tally: Tally,
  call: Caller,
  what: string,
  method: string,
  params: unknown,
): Promise<unknown[]> {
  const reply = await call({ jsonrpc: '2.0', method, params, id: 'x' });
  tally.reply(what, reply, [200]);
  shape(tally, what, reply);
  return [answerIn(reply).error?.data?.code ?? 'ok'];
}

/** Whether an answer is one of JSON-RPC, with a code of the table. */
function shape(tally: Tally, what: string, reply: Reply): void {
  let answers: RpcAnswer | RpcAnswer[];
  try {
    answers = JSON.parse(reply.body);
  } catch {
    tally.finding(`${what}: the answer is no JSON: ${reply.body.slice(0, 100)}`);
    return;
  }
  for (const answer of Array.isArray(answers) ? answers : [answers]) {
    const hasOne = 'result' in answer !== 'error' in answer;
    const isCode = answer.error === undefined || CODES.has(Number(answer.error.code));
    tally.expect(
      what,
      answer.jsonrpc === '2.0' && hasOne && 'id' in answer && isCode,
      reply.body.slice(0, 200),
    );
  }
}

function answerIn({ body }: Reply): RpcAnswer {
  try {
    return JSON.parse(body) as RpcAnswer;
  } catch {
    return {};
  }
}

function typeOf({ type }: Schema): string {
  return typeof type === 'string' ? type : 'any';
}
