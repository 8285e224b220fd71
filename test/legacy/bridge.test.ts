// P2P links over real sockets: a Main as the bridge between the federation and nodes of the former protocol, and the registry
// endpoints of both kinds of node. The existing node is made by hand: it only accepts, says no hello, and drops what does not come
// from its neighbour.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { createLog, holdPort, type RelayNode, startRelay, systemClock } from '@relay/federation';
import { createFailure, encodeUtf8, type Service } from '@relay/protocol';
import { waitFor } from '@relay/testkit';
import { WebSocket, WebSocketServer } from 'ws';

// biome-ignore lint/suspicious/noExplicitAny: answers are compared field by field, and a missing one fails the comparison.
type Json = any;

const started: (() => unknown)[] = [];
after(async () => {
  for (const stop of started.reverse()) await stop();
});

/** A service that answers its arguments, its own node's id, or a failure. */
function service(name: string, nodeId: string): Service {
  const method = (one: string) => ({ name: one, params: [], returns: 'any', effect: 'writes' }) as const;
  return {
    offer: {
      name,
      methods: ['echo', 'where', 'fail', 'never'].map(method),
      visibility: 'federated',
      weight: 1,
    },
    handle: (call, settle) => {
      if (call.method === 'echo') settle({ kind: 'result', body: call.params });
      else if (call.method === 'where') settle({ kind: 'result', body: encodeUtf8(JSON.stringify(nodeId)) });
      else if (call.method === 'fail')
        settle({ kind: 'failure', failure: createFailure('internal_error', 'boom', nodeId) });
      return () => {};
    },
  };
}

async function startNode(
  nodeType: 'main' | 'home' | 'p2p',
  nodeId: string,
  more: Partial<Parameters<typeof startRelay>[0]> = {},
): Promise<RelayNode> {
  const folder = mkdtempSync(path.join(tmpdir(), 'relay-bridge-'));
  const node = await startRelay({
    nodeType,
    nodeId,
    version: '0.0.0',
    port: await holdPort({ host: '127.0.0.1', port: 0 }),
    folder,
    services: [service(`${nodeId.replace(/\W/g, '_')}_service`, nodeId)],
    log: createLog({ level: 'error', format: 'text', write: () => {}, clock: systemClock }),
    events: { emit: () => {} },
    drainMs: 0,
    ...more,
  });
  node.connect();
  started.push(async () => {
    await node.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return node;
}

/** Follows §9: accepts, says no hello, and hears its neighbours only. */
async function existingNode(
  id: string,
): Promise<{ address: string; neighbour: () => WebSocket | undefined; got: Json[] }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const got: Json[] = [];
  let current: WebSocket | undefined;
  server.on('connection', (socket, request) => {
    current = socket;
    const neighbour = new URL(request.url ?? '', 'http://x').searchParams.get('node_id');
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Json;
      if (message.from !== neighbour) return;
      got.push(message);
      if (message.type !== 'server_call') return;
      const { response_id, call } = message.data;
      const answer =
        call.method === 'fail' ? { success: false, error: 'boom' } : { success: true, result: call.args };
      if (call.method === 'never') return;
      const data_ = { node_id: id, response_id, ...answer };
      socket.send(
        JSON.stringify({
          type: 'server_response',
          id: '1',
          from: id,
          to: neighbour,
          data: data_,
          route: [id],
          ttl: 9,
        }),
      );
    });
  });
  started.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, neighbour: () => current, got };
}

async function get(node: RelayNode, target: string): Promise<Json> {
  return (await fetch(node.url + target)).json();
}

async function send(
  node: RelayNode,
  method: string,
  target: string,
  body: string,
): Promise<{ status: number; json: Json }> {
  const answer = await fetch(node.url + target, { method, body });
  return { status: answer.status, json: await answer.json() };
}

async function remoteCall(node: RelayNode, params: object): Promise<Json> {
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 });
  return (await send(node, 'POST', '/rpc', body)).json;
}

async function addPeer(node: RelayNode, id: string, address: string): Promise<void> {
  const { status } = await send(
    node,
    'POST',
    '/registry/peers/add',
    JSON.stringify({ node_id: id, address }),
  );
  assert.equal(status, 200);
  await waitFor(async () => (await get(node, '/registry/peers'))[id]?.is_healthy === true, {
    what: `${id} healthy`,
    limitMs: 5_000,
  });
}

const hostOf = (node: RelayNode): string => new URL(node.url).host;
const wsOf = (node: RelayNode, target: string): string => node.url.replace('http', 'ws') + target;

describe('a Main bridges the federation and the P2P mesh', async () => {
  const b = await startNode('main', 'relay-b.com');
  const a = await startNode('main', 'relay-a.com', { peers: [wsOf(b, '/ws/peers')] });
  const alice = await startNode('home', 'alice', { urls: [wsOf(a, '/ws/federation')] });
  const node2 = await startNode('p2p', 'node2');
  const node9 = await startNode('p2p', 'node9');
  const old = await existingNode('old1');
  await addPeer(b, 'node2', hostOf(node2));
  await addPeer(node2, 'node9', hostOf(node9));
  await addPeer(a, 'old1', old.address);
  const isThere = async (node: RelayNode, name: string): Promise<boolean> =>
    name in (await get(node, '/registry/servers'));
  await waitFor(() => isThere(a, 'node2_service'), { what: 'node2 at A' });
  await waitFor(() => isThere(a, 'alice_service'), { what: 'alice at A' });

  it('B1: a Home calls an existing node through its Main: value, error and timeout', async () => {
    const call = (method: string, more = {}) =>
      remoteCall(alice, { node_id: 'old1', server_name: 's', method, args: [1], ...more });
    assert.deepEqual((await call('echo')).result, [1]);
    const failed = (await call('fail')).error;
    assert.deepEqual([failed.code, failed.data.message], [-32603, 'remote server call failed: boom']);
    const late = (await call('never', { timeout: 0.3 })).error;
    assert.deepEqual([late.code, late.data.code, late.data.executed], [-32006, 'timeout', 'unknown']);
    assert.equal(old.got.find(({ type }) => type === 'server_call').from, 'relay-a.com');
  });

  it('B1: an existing node calls a Home of the Main', async () => {
    const before = old.got.length;
    const data = { call: { server_name: 'alice_service', method: 'where', args: [] }, response_id: 'q1' };
    old
      .neighbour()
      ?.send(
        JSON.stringify({ type: 'server_call', id: 'q1', from: 'old1', to: 'relay-a.com', data, ttl: 9 }),
      );
    const isAnswer = ({ type }: Json): boolean => type === 'server_response';
    await waitFor(() => old.got.slice(before).some(isAnswer), { what: 'an answer' });
    const answer = old.got.slice(before).find(isAnswer);
    assert.deepEqual(answer.data, {
      node_id: 'relay-a.com',
      response_id: 'q1',
      result: 'alice',
      success: true,
    });
  });

  it('B2: a P2P node calls a Home by service name and by its id', async () => {
    const p2p = await startNode('p2p', 'node5');
    await addPeer(p2p, 'relay-a.com', hostOf(a));
    await waitFor(() => isThere(p2p, 'alice_service'), { what: 'the services of A' });
    for (const params of [
      { service_name: 'alice_service' },
      { node_id: 'alice', server_name: 'alice_service' },
      { node_id: 'relay-a.com', server_name: 'alice_service' },
    ]) {
      assert.equal(
        (await remoteCall(p2p, { ...params, method: 'where' })).result,
        'alice',
        JSON.stringify(params),
      );
    }
  });

  it('B3: a Home of another Main calls a direct P2P peer in three hops', async () => {
    const answer = await remoteCall(alice, {
      node_id: 'node2@relay-b.com',
      server_name: 'node2_service',
      method: 'where',
      trace: true,
    });
    assert.equal(answer.result.result, 'node2');
    assert.deepEqual(
      [answer.result.trace.path, answer.result.trace.hops],
      [['alice', 'relay-a.com', 'relay-b.com', 'node2'], 3],
    );
  });

  it('B4: a node two P2P hops behind B can be called at B and not through A', async () => {
    const params = { server_name: 'node9_service', method: 'where' };
    const far = (await remoteCall(a, { ...params, node_id: 'node9@relay-b.com' })).error;
    assert.deepEqual([far.code, far.data.code], [-32001, 'node_not_found']);
    assert.equal((await remoteCall(b, { ...params, node_id: 'node9' })).result, 'node9');
  });

  it('B6: an old-style object on /ws/federation closes that session alone, with 4400', async () => {
    const socket = new WebSocket(wsOf(a, '/ws/federation'), ['relay.v1.json']);
    await once(socket, 'open');
    socket.send('{"type":"ping","from":"node1","to":"relay-a.com"}');
    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 4400);
    assert.equal(
      (await remoteCall(a, { node_id: 'alice', server_name: 'alice_service', method: 'where' })).result,
      'alice',
    );
  });

  it('says at once that a P2P node is unknown', async () => {
    const { error } = await remoteCall(a, { node_id: 'nobody', server_name: 's', method: 'm' });
    assert.deepEqual([error.code, error.data.executed], [-32001, 'no']);
  });
});

for (const kind of ['main', 'p2p'] as const) {
  describe(`the registry and the link of a node (${kind})`, async () => {
    const node = await startNode(kind, 'n1');
    const add = (body: string) => send(node, 'POST', '/registry/peers/add', body);
    const remove = (body: string) => send(node, 'DELETE', '/registry/peers/remove', body);

    it('R1, R2, R6: lists its services, and takes other methods nowhere', async () => {
      assert.ok('n1_service' in (await get(node, '/registry')).servers);
      for (const [method, target] of [
        ['POST', '/registry'],
        ['GET', '/registry/peers/add'],
      ] as const) {
        const answer = await fetch(node.url + target, { method });
        assert.deepEqual(
          [answer.status, ((await answer.json()) as Json).error.message],
          [405, 'Method not allowed'],
        );
      }
    });

    it('R3, R7: dials a peer that is added, and not after it was removed', async () => {
      const peer = await existingNode('n2');
      await addPeer(node, 'n2', peer.address);
      const socket = peer.neighbour();
      assert.ok(socket);
      const gone = once(socket, 'close');
      assert.deepEqual(await remove('{"node_id":"n2"}'), {
        status: 200,
        json: { status: 'success', message: 'Peer n2 removed successfully' },
      });
      await gone;
      assert.equal((await get(node, '/registry/peers')).n2, undefined);
      assert.equal((await remove('{"node_id":"nobody"}')).status, 200);
    });

    it('R4, R5, R8: says what is wrong with a body', async () => {
      const messages = await Promise.all([
        add('{"node_id":"x"}'),
        add('{'),
        remove('{}'),
        remove('{'),
        add('{"node_id":"n1","address":"h:1"}'),
        add('{"node_id":"x","address":"ftp://h"}'),
      ]);
      assert.deepEqual(
        messages.map(({ status, json }) => [status, json.error.message]),
        [
          'node_id and address are required',
          'Invalid JSON',
          'node_id is required',
          'Invalid JSON',
          'cannot add this node as its own peer',
          'invalid address: ftp://h',
        ].map((text) => [400, text]),
      );
    });

    it('R9: /registry/health has its six fields', async () => {
      assert.deepEqual(Object.keys(await get(node, '/registry/health')), [
        'status',
        'node_id',
        'node_address',
        'server_count',
        'peer_count',
        'timestamp',
      ]);
    });

    it('R11: a peer that dies is unhealthy with the last_seen it had, and is dialled again', async () => {
      const peer = await existingNode('n3');
      await addPeer(node, 'n3', peer.address);
      peer.neighbour()?.terminate();
      const view = async (): Promise<Json> => (await get(node, '/registry/peers')).n3;
      await waitFor(async () => (await view()).is_healthy === false, { what: 'n3 unhealthy' });
      await waitFor(async () => (await view()).is_healthy === true, {
        what: 'n3 healthy again',
        limitMs: 35_000,
      });
    });

    it('H28, H34: wants a node_id, and answers the ping of a raw client', async () => {
      const refused = new WebSocket(wsOf(node, '/ws/p2p'));
      const [, response] = (await once(refused, 'unexpected-response')) as [unknown, { statusCode: number }];
      assert.equal(response.statusCode, 400);
      refused.on('error', () => {});
      refused.terminate();
      const client = new WebSocket(wsOf(node, '/ws/p2p?node_id=raw'));
      const got: string[] = [];
      client.on('message', (data) => got.push((JSON.parse(String(data)) as Json).type));
      await once(client, 'open');
      client.send('{"type":"ping","from":"raw","to":"n1"}');
      await waitFor(() => got.includes('pong'), { what: 'a pong' });
      client.terminate();
    });

    it('H33: names what is missing in remote_call', async () => {
      const all = { node_id: 'x', server_name: 's', method: 'm' };
      for (const name of Object.keys(all)) {
        const { error } = await remoteCall(node, { ...all, [name]: undefined });
        assert.deepEqual([error.code, error.data.message], [-32602, `${name} is required`]);
      }
      assert.match((await remoteCall(node, { ...all, args: 'x' })).error.data.message, /^invalid args/);
    });

    it('H22: tells a call to an unconnected node as its kind does', async () => {
      const { error } = await remoteCall(node, { node_id: 'x', server_name: 's', method: 'm' });
      assert.deepEqual([error.code, error.data.code], [kind === 'p2p' ? -32603 : -32001, 'node_not_found']);
    });
  });
}

describe('a node whose door is closed, and one without a registry', async () => {
  const upgrade = async (node: RelayNode, target: string, headers = {}): Promise<number> => {
    const socket = new WebSocket(wsOf(node, target), { headers });
    socket.on('error', () => {});
    const status = await new Promise<number>((resolve) => {
      socket.once('open', () => resolve(101));
      socket.once('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode));
    });
    socket.terminate();
    return status;
  };

  it('asks for the token on /ws/p2p, and lets nobody in where callers need one and this path has none', async () => {
    const withToken = await startNode('main', 't1', { p2pToken: 'secret' });
    assert.equal(await upgrade(withToken, '/ws/p2p?node_id=x'), 401);
    assert.equal(await upgrade(withToken, '/ws/p2p?node_id=x&token=secret'), 101);
    assert.equal(await upgrade(withToken, '/ws/p2p?node_id=x', { authorization: 'Bearer secret' }), 101);
    assert.equal(
      await upgrade(await startNode('main', 't2', { http: { apiToken: 'k' } }), '/ws/p2p?node_id=x'),
      401,
    );
    assert.equal(
      await upgrade(await startNode('main', 't3', { admission: 'closed' }), '/ws/p2p?node_id=x'),
      401,
    );
  });

  it('R10, H31: without the registry every such path is 404, and remote_call says so', async () => {
    const node = await startNode('main', 'alone', { http: { disableRegistry: true } });
    for (const target of [
      '/registry',
      '/registry/health',
      '/registry/peers',
      '/federation/health',
      '/ws/p2p',
    ]) {
      assert.equal((await fetch(node.url + target)).status, 404, target);
    }
    for (const target of ['/ws/p2p?node_id=x', '/ws/peers', '/ws/federation'])
      assert.equal(await upgrade(node, target), 404, target);
    const { error } = await remoteCall(node, { node_id: 'x', server_name: 's', method: 'm' });
    assert.deepEqual([error.code, error.data.message], [-32601, 'WebSocket P2P not enabled']);
    const own = await send(node, 'POST', '/rpc', '{"jsonrpc":"2.0","method":"alone_service.where","id":1}');
    assert.equal(own.json.result, 'alone');
  });

  it('serves nothing of the federation in P2P mode', async () => {
    const node = await startNode('p2p', 'p9');
    for (const target of ['/federation/health', '/ws/federation', '/ws/peers']) {
      assert.equal((await fetch(node.url + target)).status, 404, target);
    }
    const { error } = await remoteCall(node, { node_id: 'a@b', server_name: 's', method: 'm' });
    assert.deepEqual([error.code, error.data.message], [-32602, 'addresses with @ need a Main Relay']);
  });
});
