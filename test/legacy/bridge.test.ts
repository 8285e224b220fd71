// The rows B1 to B4 and B6: a Main as the bridge between the federation and nodes of the former protocol.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, it } from 'node:test';
import type { RelayNode } from '@relay/federation';
import { waitFor } from '@relay/testkit';
import { WebSocket } from 'ws';
import {
  addPeer,
  addressOf,
  existingNode,
  get,
  type Json,
  remoteCall,
  startNode,
  stopAll,
  wsOf,
} from './nodes.ts';

after(stopAll);

describe('a Main bridges the federation and the P2P mesh', async () => {
  const b = await startNode('main', 'relay-b.com');
  const a = await startNode('main', 'relay-a.com', { peers: [wsOf(b, '/ws/peers')] });
  const alice = await startNode('home', 'alice', { urls: [wsOf(a, '/ws/federation')] });
  const node2 = await startNode('p2p', 'node2');
  const node9 = await startNode('p2p', 'node9');
  const old = await existingNode('old1');
  await addPeer(b, 'node2', addressOf(node2));
  await addPeer(node2, 'node9', addressOf(node9));
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
    await addPeer(p2p, 'relay-a.com', addressOf(a));
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
