// The cases of legacy-p2p.md §9: nodes that follow the rules together with existing ones, which only accept, say no hello, and drop
// every message whose `from` is not their neighbour.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeP2p, isTimestamp } from '@relay/protocol';
import { type Json, Mesh, type RawClient, remote, resultOf, textOf } from './mesh.test.ts';
import type { P2pNetwork } from './p2p-network.ts';

/** How long a node waits for a hello. */
const HELLO_MS = 6_000;

/** As an existing node: answers calls of its neighbours, pings and says nothing else. */
function existing(mesh: Mesh, id: string, neighbour: P2pNetwork): RawClient {
  const client = mesh.client(id, neighbour);
  client.onMessage = ({ type, from, to, data }: Json) => {
    const say = (kind: string, more: object): void =>
      client.link.send(
        JSON.stringify({ type: kind, id: '1', from: id, to: from, data: more, route: [id], ttl: 9 }),
      );
    if (to !== id) return;
    if (type === 'ping') say('pong', { timestamp: data.timestamp, pong_time: 1 });
    if (type !== 'server_call') return;
    say('server_response', { response_id: data.response_id, node_id: id, result: [id, from], success: true });
  };
  return client;
}

describe('together with existing nodes', () => {
  it('an existing node that is dialled is called, and calls', async () => {
    const mesh = new Mesh();
    const node = mesh.node('b');
    const old = existing(mesh, 'c', node);
    const ends = remote(node, 'c');
    await mesh.clock.settle();
    assert.deepEqual(resultOf(ends), ['c', 'b']);
    await old.call('b', 'echo', 'say', ['x'], 'r1');
    const answer = old.got.find(({ type }) => type === 'server_response');
    assert.deepEqual([answer.from, answer.to, answer.data.result], ['b', 'c', 'x']);
  });

  it('new A – new B – existing C: a call from A to C works once it is known how to speak to C', async () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.node('a'), mesh.node('b')];
    existing(mesh, 'c', b);
    await mesh.join('a', 'b');
    assert.match(String(textOf(remote(a, 'c'))), /no route found to destination c/);
    await mesh.clock.advance(HELLO_MS);
    const ends = remote(a, 'c');
    await mesh.clock.settle();
    // C has seen B as its caller, as it would drop the call of A.
    assert.deepEqual(resultOf(ends), ['c', 'b']);
  });

  it('new A – new B – existing C: a failure of C and its silence reach A', async () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.node('a'), mesh.node('b')];
    const old = existing(mesh, 'c', b);
    await mesh.join('a', 'b');
    await mesh.clock.advance(HELLO_MS);
    old.onMessage = ({ type, data }: Json) => {
      if (type !== 'server_call' || data.call.method === 'mute') return;
      const { response_id } = data;
      old.link.send(
        JSON.stringify({ type: 'server_response', from: 'c', to: 'b', data: { response_id, error: 'boom' } }),
      );
    };
    const failing = remote(a, 'c');
    const mute = remote(a, 'c', 'mute', 2_000);
    await mesh.clock.advance(2_000);
    assert.equal(textOf(failing), 'answer: boom');
    assert.equal(mute.length, 1);
  });

  it('existing A – new B – anything: B runs calls of A, and passes on those that A does send', async () => {
    const mesh = new Mesh();
    const [b, c] = [mesh.node('b'), mesh.node('c')];
    const old = existing(mesh, 'a', b);
    await mesh.join('b', 'c');
    await mesh.clock.advance(HELLO_MS);
    await old.call('b', 'echo', 'say', [1], 'r1');
    assert.deepEqual(old.got.find(({ type }) => type === 'server_response').data.result, 1);
    // A itself refuses to send beyond B; if it did, C would be reached and B would answer in its own name.
    await old.call('c', 'echo', 'say', [2], 'r2');
    await mesh.clock.advance(100);
    const answer = old.got.findLast(({ type }) => type === 'server_response');
    assert.equal(answer.data.response_id, 'r2');
    assert.ok(c.isDirect('b'));
  });

  it('nothing goes through an existing node', async () => {
    const mesh = new Mesh();
    const a = mesh.node('a');
    const old = existing(mesh, 'b', a);
    await mesh.clock.advance(HELLO_MS);
    assert.equal(a.canReach('behind-b'), false);
    const ends = remote(a, 'behind-b');
    assert.equal(textOf(ends), 'send: no route found to destination behind-b');
    assert.deepEqual(
      old.got.filter(({ type }) => type === 'server_call'),
      [],
    );
  });

  it('every frame to an existing node is JSON with a date and comes from its neighbour', async () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.node('a'), mesh.node('b')];
    const old = existing(mesh, 'c', b);
    await mesh.join('a', 'b');
    await mesh.clock.advance(HELLO_MS);
    remote(b, 'c');
    remote(a, 'c');
    await old.call('b', 'echo', 'say', [], 'r1');
    await old.call('b', 'nosuch', 'say', [], 'r2');
    await old.call('nowhere', 'echo', 'say', [], 'r3');
    await old.say({ type: 'ping', from: 'c', to: 'b', data: {} });
    await mesh.clock.advance(120_000);
    const types = new Set<string>();
    for (const frame of old.all) {
      const { type, from, timestamp } = decodeP2p(JSON.stringify(frame));
      assert.equal(from, 'b', type);
      assert.ok(isTimestamp(timestamp), type);
      types.add(type);
    }
    assert.deepEqual([...types].sort(), ['ping', 'pong', 'registry_sync', 'server_call', 'server_response']);
  });
});
