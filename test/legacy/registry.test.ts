// The rows R1 to R11 of legacy-p2p.md §11 over real sockets, on a Main and in P2P mode.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, it } from 'node:test';
import { waitFor } from '@relay/testkit';
import { WebSocket } from 'ws';
import {
  addPeer,
  existingNode,
  get,
  type Json,
  remoteCall,
  send,
  startNode,
  stopAll,
  wsOf,
} from './nodes.ts';

after(stopAll);

/** Status of the answer and its `error.message`. */
async function refusal(answer: Promise<{ status: number; json: Json }>): Promise<[number, string]> {
  const { status, json } = await answer;
  return [status, json.error?.message];
}

for (const kind of ['main', 'p2p'] as const) {
  describe(`the registry of a node (${kind})`, async () => {
    const node = await startNode(kind, 'n1');
    const add = (body: string) => send(node, 'POST', '/registry/peers/add', body);
    const remove = (body: string) => send(node, 'DELETE', '/registry/peers/remove', body);
    const peer = async (id: string): Promise<Json> => (await get(node, '/registry/peers'))[id];

    it('R1: GET /registry lists the running servers', async () => {
      const { status, json } = await send(node, 'GET', '/registry');
      assert.equal(status, 200);
      const { name, node_id, methods, is_local, is_healthy, origin } = json.servers.n1_service;
      assert.deepEqual(
        [name, node_id, methods, is_local, is_healthy, origin],
        ['n1_service', 'n1', ['echo', 'where', 'fail', 'never'], true, true, 'self'],
      );
    });

    it('R2: POST /registry is not allowed', async () => {
      assert.deepEqual(await refusal(send(node, 'POST', '/registry')), [405, 'Method not allowed']);
    });

    it('R3: a peer that is added is dialled, and healthy within 5 s', async () => {
      const { address } = await existingNode('n2');
      assert.deepEqual(await add(JSON.stringify({ node_id: 'n2', address })), {
        status: 200,
        json: { status: 'success', message: 'Peer n2 added successfully' },
      });
      await waitFor(async () => (await peer('n2')).is_healthy, { what: 'n2 healthy', limitMs: 5_000 });
      assert.equal((await peer('n2')).address, address);
    });

    it('R3: an address may be written as a URL, and adding a peer again moves it', async () => {
      const [first, second] = [await existingNode('n4'), await existingNode('n4')];
      await addPeer(node, 'n4', `http://${first.address}`);
      first.neighbour()?.terminate();
      await addPeer(node, 'n4', `ws://${second.address}`);
      await waitFor(async () => (await peer('n4')).address === second.address, { what: 'the new address' });
      await waitFor(() => second.neighbour() !== undefined, { what: 'a link to the new address' });
      await remove('{"node_id":"n4"}');
    });

    it('R4: peers/add without an address or an id', async () => {
      for (const body of ['{"node_id":"x"}', '{"address":"h:1"}', '{"node_id":"","address":""}', '{}']) {
        assert.deepEqual(await refusal(add(body)), [400, 'node_id and address are required'], body);
      }
    });

    it('R4: peers/add with an address that is none, or for the node itself', async () => {
      for (const address of ['ftp://h', 'h:0', 'h:70000', 'a b', 'u@h:1', 'http://h/path', '']) {
        const message = address === '' ? 'node_id and address are required' : `invalid address: ${address}`;
        assert.deepEqual(await refusal(add(JSON.stringify({ node_id: 'x', address }))), [400, message]);
      }
      const own = add('{"node_id":"n1","address":"h:1"}');
      assert.deepEqual(await refusal(own), [400, 'cannot add this node as its own peer']);
    });

    it('R5: peers/add with broken JSON', async () => {
      for (const body of ['{', '', '[]', 'null', '"x"']) {
        assert.deepEqual(await refusal(add(body)), [400, 'Invalid JSON'], body);
      }
    });

    it('R6: GET /registry/peers/add is not allowed', async () => {
      assert.deepEqual(await refusal(send(node, 'GET', '/registry/peers/add')), [405, 'Method not allowed']);
    });

    it('R7: a peer that is removed is closed and not dialled again', async () => {
      const { address, neighbour } = await existingNode('n5');
      await addPeer(node, 'n5', address);
      const socket = neighbour();
      assert.ok(socket);
      const gone = once(socket, 'close');
      assert.deepEqual(await remove('{"node_id":"n5"}'), {
        status: 200,
        json: { status: 'success', message: 'Peer n5 removed successfully' },
      });
      await gone;
      assert.equal(await peer('n5'), undefined);
      assert.equal(neighbour(), socket, 'dialled again');
    });

    it('R7: removing an unknown peer is a success too', async () => {
      assert.equal((await remove('{"node_id":"nobody"}')).status, 200);
      assert.equal((await send(node, 'DELETE', '/registry/peers/remove?node_id=nobody')).status, 200);
    });

    it('R8: peers/remove without an id', async () => {
      assert.deepEqual(await refusal(remove('{}')), [400, 'node_id is required']);
      assert.deepEqual(await refusal(remove('{')), [400, 'Invalid JSON']);
    });

    it('R9: /registry/health has its six fields', async () => {
      const { status, json } = await send(node, 'GET', '/registry/health');
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(json), [
        'status',
        'node_id',
        'node_address',
        'server_count',
        'peer_count',
        'timestamp',
      ]);
      assert.deepEqual([json.status, json.node_id, json.server_count], ['healthy', 'n1', 1]);
    });

    it('R11: a peer that dies is unhealthy with the last_seen it had, and healthy again after its return', async () => {
      const { address, neighbour } = await existingNode('n3');
      await addPeer(node, 'n3', address);
      const { last_seen: before } = await peer('n3');
      neighbour()?.terminate();
      await waitFor(async () => (await peer('n3')).is_healthy === false, { what: 'n3 unhealthy' });
      assert.equal((await peer('n3')).last_seen, before);
      await waitFor(async () => (await peer('n3')).is_healthy, { what: 'n3 healthy', limitMs: 35_000 });
      assert.ok((await peer('n3')).last_seen > before);
    });
  });
}

async function upgrade(url: string, headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(url, { headers });
  socket.on('error', () => {});
  const status = await new Promise<number>((resolve) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode));
  });
  socket.terminate();
  return status;
}

describe('a node without a registry', async () => {
  const node = await startNode('main', 'alone', { http: { disableRegistry: true } });

  it('R10: every path of the registry and of links is 404', async () => {
    for (const [method, target] of [
      ['GET', '/registry'],
      ['GET', '/registry/servers'],
      ['GET', '/registry/health'],
      ['GET', '/registry/peers'],
      ['POST', '/registry/peers/add'],
      ['DELETE', '/registry/peers/remove'],
      ['GET', '/federation/health'],
      ['GET', '/ws/p2p'],
    ] as const) {
      assert.equal((await send(node, method, target)).status, 404, target);
    }
    for (const target of ['/ws/p2p?node_id=x', '/ws/peers', '/ws/federation']) {
      assert.equal(await upgrade(wsOf(node, target)), 404, target);
    }
  });

  it('R10: remote_call says so, and own calls work', async () => {
    const { error } = await remoteCall(node, { node_id: 'x', server_name: 's', method: 'm' });
    assert.deepEqual([error.code, error.data.message], [-32601, 'WebSocket P2P not enabled']);
    const own = await send(node, 'POST', '/rpc', '{"jsonrpc":"2.0","method":"alone_service.where","id":1}');
    assert.equal(own.json.result, 'alone');
  });
});

describe('who may open a link', () => {
  it('asks for the token on /ws/p2p, and lets nobody in where callers need one and this path has none', async () => {
    const withToken = await startNode('main', 't1', { p2pToken: 'secret' });
    const target = '/ws/p2p?node_id=x';
    assert.equal(await upgrade(wsOf(withToken, target)), 401);
    assert.equal(await upgrade(wsOf(withToken, `${target}&token=wrong`)), 401);
    assert.equal(await upgrade(wsOf(withToken, `${target}&token=secret`)), 101);
    assert.equal(await upgrade(wsOf(withToken, target), { authorization: 'Bearer secret' }), 101);
    const tokenForCallers = await startNode('main', 't2', { http: { apiToken: 'k' } });
    assert.equal(await upgrade(wsOf(tokenForCallers, target)), 401);
    const closed = await startNode('main', 't3', { admission: 'closed' });
    assert.equal(await upgrade(wsOf(closed, target)), 401);
  });

  it('refuses an id that is none, reserved or its own before the upgrade', async () => {
    const node = await startNode('p2p', 't4');
    for (const id of ['-x', 'a%20b', 'local', 'client', 't4', 'x'.repeat(129)]) {
      assert.equal(await upgrade(wsOf(node, `/ws/p2p?node_id=${id}`)), 400, id);
    }
    assert.equal((await fetch(`${node.url}/ws/p2p?node_id=x`)).status, 426);
  });
});

it('serves nothing of the federation in P2P mode', async () => {
  const node = await startNode('p2p', 'p9');
  for (const target of ['/federation/health', '/ws/federation', '/ws/peers']) {
    assert.equal((await fetch(node.url + target)).status, 404, target);
    assert.equal(await upgrade(wsOf(node, target)), 404, target);
  }
  const { error } = await remoteCall(node, { node_id: 'a@b', server_name: 's', method: 'm' });
  assert.deepEqual([error.code, error.data.message], [-32602, 'addresses with @ need a Main Relay']);
});
