// What the peers/add endpoints may make a node dial (http-api.md §2.8, security.md S15). The bodies are those of an administrator on this
// machine, so only the address decides.

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { waitFor } from '@relay/testkit';
import { addressOf, type Json, send, startNode, stopAll } from './nodes.ts';

after(stopAll);

const FORBIDDEN = [
  ['169.254.169.254', 'link-local'],
  ['[fe80::1]', 'link-local'],
  ['2852039166', 'link-local'],
  ['0.0.0.0', 'unspecified'],
  ['239.255.255.250', 'multicast'],
  ['255.255.255.255', 'broadcast or reserved'],
] as const;
/** A peer on this machine, one at home, and one that nobody knows yet. */
const ALLOWED = ['127.0.0.1', '192.168.1.20', '10.0.0.7', '[fd12::1]', 'peer.invalid'];

for (const kind of ['main', 'p2p'] as const) {
  describe(`POST /registry/peers/add (${kind})`, async () => {
    const node = await startNode(kind, `outbound-${kind}`);
    const add = (address: string): Promise<{ status: number; json: Json }> =>
      send(node, 'POST', '/registry/peers/add', JSON.stringify({ node_id: 'x', address }));

    for (const [host, what] of FORBIDDEN) {
      it(`refuses ${host}`, async () => {
        const { status, json } = await add(`${host}:8080`);
        assert.deepEqual([status, json.error.code], [403, 'forbidden']);
        assert.match(json.error.message, new RegExp(` is a ${what} address, which is not dialled$`));
        assert.deepEqual((await send(node, 'GET', '/registry/peers')).json, {});
      });
    }

    for (const host of ALLOWED) {
      it(`takes ${host}`, async () => {
        assert.equal((await add(`${host}:8080`)).status, 200);
        assert.equal((await send(node, 'GET', '/registry/peers')).json.x.address, `${host}:8080`);
        await send(node, 'DELETE', '/registry/peers/remove', '{"node_id":"x"}');
      });
    }
  });
}

describe('POST /federation/peers/add', async () => {
  const node = await startNode('main', 'outbound-federation');
  const add = (host: string): Promise<{ status: number; json: Json }> =>
    send(node, 'POST', '/federation/peers/add', JSON.stringify({ url: `ws://${host}:8080/ws/peers` }));

  for (const [host, what] of FORBIDDEN) {
    it(`refuses ${host}`, async () => {
      const { status, json } = await add(host);
      assert.deepEqual([status, json.error.code], [403, 'forbidden']);
      assert.match(json.error.message, new RegExp(` is a ${what} address, which is not dialled$`));
    });
  }

  it('takes loopback and private addresses', async () => {
    for (const host of ALLOWED) assert.equal((await add(host)).status, 200, host);
    const { peers } = (await send(node, 'GET', '/federation/peers')).json;
    assert.equal(peers.length, ALLOWED.length);
  });
});

it('a peer that is added over HTTP is reached on this machine', async () => {
  const [a, b] = [await startNode('p2p', 'near-a'), await startNode('p2p', 'near-b')];
  const body = JSON.stringify({ node_id: 'near-b', address: addressOf(b) });
  assert.equal((await send(a, 'POST', '/registry/peers/add', body)).status, 200);
  const params = { node_id: 'near-b', server_name: 'near_b_service', method: 'where' };
  const call = JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 });
  await waitFor(async () => (await send(a, 'POST', '/rpc', call)).json.result === 'near-b', {
    what: 'an answer of near-b',
  });
});
