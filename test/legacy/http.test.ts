// The rows H1 to H34 of legacy-p2p.md §11: what programs and tools that were written for existing nodes ask over HTTP. Real processes,
// on a Main and in P2P mode.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { waitFor } from '@relay/testkit';
import { WebSocket } from 'ws';
import { ask, Machine, type Reply, type RunningNode, rpc } from './processes.ts';

const SERVER = `
server h {
    state { count: number = 0, text: string = "first" }
    receive fn count() -> number { state.count }
    receive fn up() -> number { state.set("count", state.count + 1) }
    receive fn text() -> string { state.text }
    receive fn write(text: string) -> string { state.set("text", text) }
    receive fn echo(value) { value }
    receive fn sum(a: number, b: number) -> number { a + b }
    receive fn keep(data: object) { data }
    receive fn turned(a, b, c) { [c, b, a] }
    receive fn size(list: [number]) -> number { list.length() }
    receive fn reach() { send "h@nowhere" count {} }
}
`;

const machine = new Machine();
after(() => machine[Symbol.asyncDispose]());

/** Calls in this order on a fresh node, with the result of each. */
const CALLS: readonly { row: string; calls: readonly [string, unknown, unknown][] }[] = [
  { row: 'H1: a method without parameters', calls: [['h.count', undefined, 0]] },
  {
    row: 'H2: a change of state is visible to the next call',
    calls: [
      ['h.up', undefined, 1],
      ['h.count', [], 1],
      ['h.count', null, 1],
    ],
  },
  {
    row: 'H3: text state',
    calls: [
      ['h.text', undefined, 'first'],
      ['h.write', ['grüße "你好"'], 'grüße "你好"'],
      ['h.text', {}, 'grüße "你好"'],
    ],
  },
  { row: 'H4: one text', calls: [['h.echo', ['t'], 't']] },
  { row: 'H5: two numbers', calls: [['h.sum', [10, 20], 30]] },
  {
    row: 'H9: object params, one parameter of another name',
    calls: [['h.echo', { a: 1, b: [2] }, { a: 1, b: [2] }]],
  },
  {
    row: 'H10: an array in the array is one argument',
    calls: [
      ['h.echo', [[1, 2, 3, 4, 5]], [1, 2, 3, 4, 5]],
      ['h.size', [[1, 2, 3, 4, 5]], 5],
    ],
  },
  { row: 'H11: three values', calls: [['h.turned', ['hello', 42, true], [true, 42, 'hello']]] },
  {
    row: 'H21: object params to a method that wants one object',
    calls: [['h.keep', { title: 'a', tags: ['x'] }, { title: 'a', tags: ['x'] }]],
  },
];

/** JSON that is a value of a program and the same JSON again. */
const VALUES: readonly { row: string; values: readonly unknown[] }[] = [
  {
    row: 'H25: null, bool, number and text',
    values: [null, true, false, 0, -1, 1.5, 1e21, 9_007_199_254_740_991, '', 'a"\\\n\u0000ü🎉'],
  },
  {
    row: 'H26: array and object',
    values: [[], [1, [2, [null]]], {}, { a: { b: [true, 'x'] }, 'not a name': 1, length: 2 }],
  },
];

/** Calls that fail: status 200, this number, and a message like this. */
const REFUSED: readonly { row: string; method: string; params?: unknown; code: number; message: RegExp }[] = [
  { row: 'H6: an unknown server', method: 'nosuch.m', code: -32601, message: /^Server 'nosuch' not found$/ },
  {
    row: 'H7: an unknown method of a known server',
    method: 'h.nosuch',
    code: -32601,
    message: /^Server 'h' has no method 'nosuch'$/,
  },
  {
    row: 'H8: a name without a dot',
    method: 'nosuch',
    code: -32601,
    message: /^method must be in format 'server_name\.method_name': nosuch$/,
  },
  {
    row: 'H23: an unknown server, with params',
    method: 'nosuch.m',
    params: [1],
    code: -32601,
    message: /not found/,
  },
  { row: 'H23: a bad name', method: '..', code: -32601, message: /^invalid method format: \.\.$/ },
  {
    row: 'H27: server.method.extra is split at the first dot',
    method: 'h.count.extra',
    code: -32601,
    message: /^Server 'h' has no method 'count\.extra'$/,
  },
  { row: 'H27: x', method: 'x', code: -32601, message: /^method must be in format/ },
  { row: 'H27: .m', method: '.m', code: -32601, message: /^invalid method format: \.m$/ },
  { row: 'H27: s.', method: 's.', code: -32601, message: /^invalid method format: s\.$/ },
];

/** Bodies that are no request. */
const BROKEN = [
  { row: 'H14: a body that is not JSON', body: '{', code: -32700 },
  { row: 'H14: an empty body', body: '', code: -32700 },
  { row: 'H15: no jsonrpc', body: '{"method":"h.count","id":1}', code: -32600 },
  { row: 'H15: another jsonrpc', body: '{"jsonrpc":"1.0","method":"h.count","id":1}', code: -32600 },
  { row: 'H16: no method', body: '{"jsonrpc":"2.0","id":1}', code: -32600 },
  { row: 'H16: an empty method', body: '{"jsonrpc":"2.0","method":"","id":1}', code: -32600 },
] as const;

/** The plan gives each kind of node its own number for the same trouble. */
const KINDS = [
  { kind: 'main', architecture: 'hub_and_spoke', unknownNode: -32001 },
  { kind: 'p2p', architecture: 'p2p', unknownNode: -32603 },
] as const;

function failureOf({ status, json }: Reply): [number, number, string] {
  return [status, json.error.code, json.error.data.message];
}

for (const { kind, architecture, unknownNode } of KINDS) {
  describe(`a program over HTTP (${kind})`, () => {
    const id = `h-${kind}`;
    let node: RunningNode;
    before(async () => {
      const file = machine.write(`${kind}.rl`, SERVER);
      const args = [file, '-server', '-node-type', kind, '-node-id', id, '-host', '127.0.0.1', '-port', '0'];
      node = await machine.node(args);
    });

    for (const { row, calls } of CALLS) {
      it(row, async () => {
        for (const [method, params, result] of calls) {
          const { status, json } = await rpc(node, method, params);
          assert.deepEqual([status, json], [200, { jsonrpc: '2.0', result, id: 1 }]);
        }
      });
    }

    for (const { row, values } of VALUES) {
      it(`${row} come back as they were sent`, async () => {
        for (const value of values) assert.deepEqual((await rpc(node, 'h.echo', [value])).json.result, value);
        // As text too: a client that looks for `"result":1` must find it.
        const raw = await fetch(`${node.url}/rpc`, {
          method: 'POST',
          body: JSON.stringify({ jsonrpc: '2.0', method: 'h.echo', params: [values], id: 'x' }),
        });
        assert.equal(await raw.text(), `${JSON.stringify({ jsonrpc: '2.0', result: values, id: 'x' })}\n`);
      });
    }

    for (const { row, method, params, code, message } of REFUSED) {
      it(row, async () => {
        const failure = failureOf(await rpc(node, method, params));
        assert.deepEqual(failure.slice(0, 2), [200, code]);
        assert.match(failure[2], message);
      });
    }

    it('H12: /health', async () => {
      const { status, json } = await ask(`${node.url}/health`);
      assert.deepEqual([status, json.status], [200, 'healthy']);
    });

    it('H13: /info', async () => {
      const { status, json } = await ask(`${node.url}/info`);
      assert.deepEqual([status, json.jsonrpc_version, typeof json.relay_version], [200, '2.0', 'string']);
    });

    for (const { row, body, code } of BROKEN) {
      it(row, async () => {
        const { status, json } = await ask(`${node.url}/rpc`, { method: 'POST', body });
        assert.deepEqual([status, json.error.code, json.jsonrpc], [400, code, '2.0']);
      });
    }

    for (const row of ['H17', 'H24']) {
      it(`${row}: GET /rpc`, async () => {
        const { status, headers, json } = await ask(`${node.url}/rpc`);
        assert.deepEqual([status, json.error.code], [405, -32600]);
        assert.match(headers.get('content-type') ?? '', /^application\/json/);
      });
    }

    it('H22: remote_call to a node that is not connected', async () => {
      const params = { node_id: 'nowhere', server_name: 'h', method: 'count' };
      const { status, json } = await rpc(node, 'remote_call', params);
      assert.deepEqual([status, json.error.code, json.error.data.code], [200, unknownNode, 'node_not_found']);
    });

    it('H32: a program that sends to a node that is not connected fails, and the node goes on', async () => {
      const { status, json } = await rpc(node, 'h.reach');
      assert.equal(status, 200);
      assert.equal(typeof json.error.code, 'number');
      assert.equal((await ask(`${node.url}/health`)).json.status, 'healthy');
    });

    it('H32: a message over a link for a node that is not connected fails, and the link goes on', async () => {
      await using client = await openLink(node, 'raw');
      const data = { call: { server_name: 'h', method: 'count', args: [] }, response_id: 'r1' };
      client.say({ type: 'server_call', id: 'r1', from: 'raw', to: 'nowhere', data, route: ['raw'], ttl: 9 });
      const answer = await client.next('server_response');
      assert.deepEqual(
        [answer.data.success, answer.data.error, answer.data.response_id],
        [false, 'no route found to destination nowhere', 'r1'],
      );
      client.say({ type: 'ping', from: 'raw', to: id, data: {} });
      await client.next('pong');
    });

    it('H28: an upgrade without node_id', async () => {
      const refused = new WebSocket(`${node.url.replace('http', 'ws')}/ws/p2p`);
      refused.on('error', () => {});
      const [, response] = (await once(refused, 'unexpected-response')) as [unknown, { statusCode: number }];
      assert.equal(response.statusCode, 400);
      refused.terminate();
    });

    it('H29: /health, /info and /registry name the node; /info its kind, /registry the server', async () => {
      const [health, info, registry] = await Promise.all(
        ['/health', '/info', '/registry'].map(async (path) => (await ask(node.url + path)).json),
      );
      assert.deepEqual([health.node_id, info.node_id, registry.node_id], [id, id, id]);
      assert.equal(info.architecture, architecture);
      assert.deepEqual(Object.keys(registry.servers), ['h']);
    });

    it('H31: with the registry on there are both the registry and P2P links', async () => {
      assert.equal((await ask(`${node.url}/registry`)).status, 200);
      assert.equal((await ask(`${node.url}/ws/p2p`)).status, 426);
      await using client = await openLink(node, 'raw2');
      client.say({ type: 'ping', from: 'raw2', to: id, data: {} });
      await client.next('pong');
    });

    it('H33: remote_call names what is missing', async () => {
      const all = { node_id: 'x', server_name: 's', method: 'm' };
      for (const name of Object.keys(all)) {
        const failure = failureOf(await rpc(node, 'remote_call', { ...all, [name]: undefined }));
        assert.deepEqual(failure, [200, -32602, `${name} is required`]);
      }
      const failure = failureOf(await rpc(node, 'remote_call', { ...all, args: 'x' }));
      assert.deepEqual(failure, [200, -32602, 'invalid args: expected an array or an object']);
    });

    it('H34: a raw client that sends a ping gets a pong', async () => {
      await using client = await openLink(node, 'raw3');
      client.say({ type: 'ping', from: 'raw3', to: id, data: { timestamp: 1795345130 } });
      const pong = await client.next('pong');
      assert.deepEqual([pong.from, pong.to, pong.data.timestamp], [id, 'raw3', 1795345130]);
    });
  });

  describe(`settings of a program (${kind})`, () => {
    // An address of its own, so that the port is free.
    const host = `127.${210 + (process.pid % 40)}.${(process.pid >> 6) % 250}.${kind === 'main' ? 1 : 2}`;
    const config = `config { host: "${host}", port: 8123, http: { cors: false, headers: { "X-Operator": "alice" } } }`;
    let node: RunningNode;
    before(async () => {
      const file = machine.write(`settings-${kind}.rl`, config + SERVER);
      node = await machine.node([file, '-server', '-node-type', kind, '-node-id', `settings-${kind}`]);
    });

    it('H20: host and port are those of the settings', async () => {
      assert.equal(node.url, `http://${host}:8123`);
      assert.equal((await rpc(node, 'h.sum', [10, 20])).json.result, 30);
    });

    it('H30: CORS is off, and the extra header is in every answer', async () => {
      for (const [path, method] of [
        ['/health', 'GET'],
        ['/rpc', 'POST'],
        ['/nosuch', 'GET'],
        ['/rpc', 'OPTIONS'],
      ] as const) {
        const { headers } = await ask(node.url + path, { method });
        assert.equal(headers.get('x-operator'), 'alice', path);
        assert.equal(headers.get('access-control-allow-origin'), null, path);
      }
    });
  });

  describe(`web pages (${kind})`, () => {
    let node: RunningNode;
    before(async () => {
      // In P2P mode pages of every origin may call, as on existing nodes; on a Main the operator says so.
      const config = kind === 'main' ? 'config { http: { cors_origins: ["*"] } }' : '';
      const file = machine.write(`pages-${kind}.rl`, config + SERVER);
      const where = ['-host', '127.0.0.1', '-port', '0'];
      node = await machine.node([file, '-server', '-node-type', kind, '-node-id', `pages-${kind}`, ...where]);
    });

    it('H18: CORS headers on POST', async () => {
      const { headers, json } = await ask(`${node.url}/rpc`, {
        method: 'POST',
        headers: { origin: 'http://page.example', 'content-type': 'application/json' },
        body: '{"jsonrpc":"2.0","method":"h.count","id":1}',
      });
      assert.equal(json.result, 0);
      assert.equal(headers.get('access-control-allow-origin'), '*');
      assert.equal(headers.get('access-control-allow-methods'), 'GET, POST, DELETE, OPTIONS');
    });

    it('H19: OPTIONS', async () => {
      const { status, headers, json } = await ask(`${node.url}/rpc`, {
        method: 'OPTIONS',
        headers: { origin: 'http://page.example' },
      });
      assert.deepEqual([status, json], [200, null]);
      assert.equal(headers.get('access-control-allow-origin'), '*');
    });
  });
}

it('H18: a Main whose operator said nothing lets no page in', async () => {
  const file = machine.write('no-pages.rl', SERVER);
  const node = await machine.node([
    file,
    '-server',
    '-node-type',
    'main',
    '-node-id',
    'no-pages',
    '-port',
    '0',
  ]);
  const { headers } = await ask(`${node.url}/rpc`, { method: 'POST', body: '{}' });
  assert.equal(headers.get('access-control-allow-origin'), null);
});

it('H31: with the registry off there are neither the registry nor P2P links', async () => {
  const file = machine.write('alone.rl', SERVER);
  const node = await machine.node([file, '-server', '-disable-registry', '-node-id', 'alone', '-port', '0']);
  assert.equal((await ask(`${node.url}/registry`)).status, 404);
  assert.equal((await ask(`${node.url}/ws/p2p`)).status, 404);
  assert.equal((await rpc(node, 'h.count')).json.result, 0);
});

async function openLink({ url }: RunningNode, id: string) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/p2p?node_id=${id}`);
  // biome-ignore lint/suspicious/noExplicitAny: messages are compared field by field.
  const got: any[] = [];
  socket.on('message', (data) => got.push(JSON.parse(String(data))));
  await once(socket, 'open');
  return {
    say: (message: object) => socket.send(JSON.stringify(message)),
    async next(type: string) {
      await waitFor(() => got.some((message) => message.type === type), { what: `a ${type}` });
      return got.find((message) => message.type === type);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}
