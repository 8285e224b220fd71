// The rows W1 to W23 of the conformance table of the former protocol, in virtual time. W19 is a matter of who asks: p2p-remote-call.test.ts.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMesh, Mesh, remote, resultOf, textOf } from './mesh.test.ts';
import type { P2pNetwork } from './p2p-network.ts';
import type { P2pEnd } from './pending-p2p-calls.ts';

describe('a node that follows the rules answers a hand-made client', () => {
  it('W1: a ping with a timestamp gets a pong with the same one', async () => {
    const { client, clock } = createMesh();
    const timestamp = '2026-11-22T10:58:50.368609608Z';
    await client.say({
      type: 'ping',
      id: '7',
      from: 'c1',
      to: 'n',
      data: { timestamp: 1795345130 },
      timestamp,
      route: ['c1'],
      ttl: 9,
    });
    const [pong] = client.got;
    assert.deepEqual(Object.keys(pong), ['type', 'id', 'from', 'to', 'data', 'timestamp', 'route', 'ttl']);
    assert.deepEqual([pong.type, pong.from, pong.to, pong.ttl, pong.route], ['pong', 'n', 'c1', 9, ['n']]);
    assert.deepEqual(pong.data, { pong_time: Math.floor(clock.wallNow() / 1000), timestamp: 1795345130 });
  });

  it('W2: a ping without a timestamp gets null', async () => {
    const { client } = createMesh();
    await client.say({ type: 'ping', from: 'c1', to: 'n', data: null });
    assert.equal(client.got[0]?.data.timestamp, null);
  });

  it('W3: a ping in another name is dropped', async () => {
    const { client } = createMesh();
    await client.say({ type: 'ping', from: 'c9', to: 'n', data: null });
    assert.deepEqual(client.got, []);
    assert.equal(client.closeCode(), undefined);
  });

  it('W4: a ping for another neighbour is passed on', async () => {
    const { mesh, node, client } = createMesh();
    const other = mesh.client('c2', node);
    await client.say({
      type: 'ping',
      id: '1',
      from: 'c1',
      to: 'c2',
      data: { timestamp: 5 },
      route: ['c1'],
      ttl: 9,
    });
    const ping = other.all.find(({ from }) => from === 'c1');
    assert.deepEqual([ping.type, ping.to, ping.route, ping.ttl], ['ping', 'c2', ['c1', 'n'], 8]);
  });

  it('W5: a timestamp that is no date drops the message and keeps the link', async () => {
    const { client } = createMesh();
    await client.say({ type: 'ping', from: 'c1', to: 'n', timestamp: 'yesterday' });
    assert.deepEqual(client.got, []);
    await client.say({ type: 'ping', from: 'c1', to: 'n' });
    assert.equal(client.got.length, 1);
  });

  it('closes with 1008 after ten broken frames within a minute, and not for nine', async () => {
    const { client } = createMesh();
    for (let count = 0; count < 9; count += 1) await client.say('{');
    assert.equal(client.closeCode(), undefined);
    await client.say('[]');
    assert.equal(client.closeCode(), 1008);
  });

  it('keeps a link with nine broken frames in any minute, however many come in all', async () => {
    const { client, clock } = createMesh();
    for (let minute = 0; minute < 5; minute += 1) {
      for (let count = 0; count < 9; count += 1) await client.say('{');
      await clock.advance(61_000);
    }
    assert.equal(client.closeCode(), undefined);
    await client.say({ type: 'ping', from: 'c1', to: 'n' });
    assert.equal(client.got.length, 1);
  });

  it('ignores binary frames, and takes a newline at the end of a text', async () => {
    const { client } = createMesh();
    for (let count = 0; count < 20; count += 1) client.link.send(new Uint8Array([123]));
    await client.say('{"type":"ping","from":"c1","to":"n"}\n');
    assert.deepEqual([client.got.length, client.closeCode()], [1, undefined]);
  });

  it('looks into an envelope once, and drops what another node has put into it', async () => {
    const { mesh, node, client } = createMesh();
    const third = mesh.client('c3', node);
    const ping = { type: 'ping', from: 'c1', to: 'c3', data: null, route: ['c1'], ttl: 9 };
    const wrapped = (original_message: object): object => ({
      type: 'route_message',
      from: 'c1',
      to: 'n',
      data: { original_message },
      ttl: 8,
    });
    await client.say(wrapped(wrapped(ping)));
    await client.say(wrapped({ ...ping, route: ['c9'] }));
    await client.say(wrapped({ ...ping, from: 'c9', route: [] }));
    const passed = (): unknown[] => third.all.filter(({ from }) => from !== 'n');
    assert.deepEqual(passed(), []);
    await client.say(wrapped(ping));
    assert.equal(passed().length, 1);
  });

  it('W6: a good server_call gets its result', async () => {
    const { client } = createMesh();
    await client.call('n', 'echo', 'say', [{ b: null }], 'r1');
    const [answer] = client.got;
    assert.deepEqual(answer.data, { node_id: 'n', response_id: 'r1', result: { b: null }, success: true });
    assert.deepEqual(
      [answer.type, answer.from, answer.to, answer.reply_to],
      ['server_response', 'n', 'c1', 'r1'],
    );
  });

  it('W6: takes the least that a call must have', async () => {
    const { client } = createMesh();
    await client.say({
      type: 'server_call',
      from: 'c1',
      data: { call: { server_name: 'echo', method: 'say' }, response_id: 'r' },
    });
    assert.deepEqual(client.got[0]?.data, { node_id: 'n', response_id: 'r', result: null, success: true });
  });

  for (const { row, server, method, error, code } of [
    {
      row: 'W7: an unknown server',
      server: 'nosuch',
      method: 'say',
      error: 'server nosuch not found',
      code: 'service_not_found',
    },
    {
      row: 'W8: an unknown method',
      server: 'echo',
      method: 'no',
      error: "server 'echo' has no method 'no'",
      code: 'method_not_found',
    },
    {
      row: 'W8: arguments that do not bind',
      server: 'echo',
      method: 'bind',
      error: "method 'bind' expects 1 arguments, got 2",
      code: 'invalid_params',
    },
    {
      row: 'W8: a failing handler',
      server: 'echo',
      method: 'fail',
      error: 'a.rl:1:1: boom',
      code: 'internal_error',
    },
  ]) {
    it(`${row} is a failure with text`, async () => {
      const { client } = createMesh();
      await client.call('n', server, method, [], 'r1');
      assert.deepEqual(client.got[0]?.data, { error, node_id: 'n', response_id: 'r1', success: false, code });
    });
  }

  it('W9: a call that is no object is a failure with text', async () => {
    const { client } = createMesh();
    await client.say({ type: 'server_call', from: 'c1', to: 'n', data: { call: 7, response_id: 'r1' } });
    const [answer] = client.got;
    assert.equal(answer?.data.success, false);
    assert.match(answer?.data.error, /call must be an object/);
  });

  const envelope = (original: object): object => ({
    type: 'route_message',
    id: '1',
    from: 'c1',
    to: 'n',
    data: { original_message: original },
    ttl: 8,
  });

  it('W10: an envelope for a third neighbour is delivered plain', async () => {
    const { mesh, node, client } = createMesh();
    const third = mesh.client('c3', node);
    const data = { call: { server_name: 's', method: 'm', args: [] }, response_id: 'r' };
    await client.say(
      envelope({ type: 'server_call', id: 'r', from: 'c1', to: 'c3', data, route: ['c1'], ttl: 9 }),
    );
    const [call] = third.got;
    assert.deepEqual(
      [call.type, call.from, call.to, call.route, call.ttl, call.data],
      ['server_call', 'c1', 'c3', ['c1', 'n'], 8, data],
    );
  });

  it('W11: an envelope whose inner target is this node is handled here', async () => {
    const { client } = createMesh();
    const data = { call: { server_name: 'echo', method: 'say', args: [4] }, response_id: 'r' };
    await client.say(
      envelope({ type: 'server_call', id: 'r', from: 'far', to: 'n', data, route: ['far', 'c1'], ttl: 8 }),
    );
    const [answer] = client.got;
    assert.equal(answer.type, 'route_message');
    const inner = answer.data.original_message;
    assert.deepEqual([inner.to, inner.data.result, inner.route], ['far', 4, ['n']]);
  });

  it('W12: an envelope with inner ttl 1 is dropped, and a call gets a failure', async () => {
    const { mesh, node, client } = createMesh();
    const third = mesh.client('c3', node);
    const data = { call: { server_name: 's', method: 'm' }, response_id: 'r' };
    await client.say(
      envelope({ type: 'server_call', id: 'r', from: 'c1', to: 'c3', data, route: ['c1'], ttl: 1 }),
    );
    await client.say(envelope({ type: 'ping', from: 'c1', to: 'c3', data: null, route: ['c1'], ttl: 1 }));
    assert.deepEqual(third.got, []);
    assert.deepEqual(
      client.got.map((message) => message.data.error),
      ['message TTL exceeded'],
    );
  });

  it('says routing loop detected to a call that has been here, and no route where there is none', async () => {
    const { mesh, node, client } = createMesh();
    mesh.client('c3', node);
    const data = { call: { server_name: 's', method: 'm' }, response_id: 'r' };
    await client.say({ type: 'server_call', from: 'c1', to: 'c3', data, route: ['n', 'c1'], ttl: 8 });
    await client.call('nobody', 's', 'm', [], 'r2');
    assert.deepEqual(
      client.got.map((message) => message.data.error),
      ['routing loop detected', 'no route found to destination nobody'],
    );
  });

  it('W13: ignores answers to nothing, and those of another node than the called one', async () => {
    const { mesh, node, client, clock } = createMesh();
    const other = mesh.client('c2', node);
    const ends = remote(node, 'c1');
    await clock.settle();
    const { response_id: id } = client.got[0].data;
    await client.say({
      type: 'server_response',
      from: 'c1',
      to: 'n',
      data: { response_id: 'unknown', result: 1, success: true },
    });
    await other.say({
      type: 'server_response',
      from: 'c2',
      to: 'n',
      data: { response_id: id, result: 2, success: true },
    });
    assert.deepEqual(ends, []);
    await client.say({
      type: 'server_response',
      from: 'c1',
      to: 'n',
      data: { response_id: id, result: 3, success: true },
    });
    await client.say({
      type: 'server_response',
      from: 'c1',
      to: 'n',
      data: { response_id: id, result: 4, success: true },
    });
    assert.deepEqual(ends, [{ kind: 'result', value: 3 }]);
  });

  it('W14: an unknown type is dropped; a hello is merged into services and routes', async () => {
    const { node, client } = createMesh();
    await client.say({ type: 'gossip', from: 'c1', to: 'n', data: {} });
    assert.deepEqual(client.got, []);
    await client.hello({ servers: [{ name: 's', methods: ['m'] }], routes: { far: 2, toofar: 10 } });
    assert.deepEqual(node.neighbour('c1')?.services, [{ name: 's', methods: ['m'] }]);
    assert.deepEqual([node.canReach('far'), node.canReach('toofar')], [true, false]);
  });

  it('closes a link whose hello names another node', async () => {
    const { client } = createMesh();
    await client.say({ type: 'registry_sync', from: 'c7', to: 'n', data: { node_id: 'c7' } });
    assert.equal(client.closeCode(), 1008);
    assert.equal(client.closeText(), 'peer c1:1 is c7, not c1');
  });

  it('W15: with two links of one id calls go on over the second', async () => {
    const { mesh, node, client, clock } = createMesh();
    const second = mesh.client('c1', node);
    for (const one of [client, second]) {
      one.onMessage = ({ type, data }) => {
        if (type !== 'server_call') return;
        one.link.send(
          JSON.stringify({
            type: 'server_response',
            from: 'c1',
            to: 'n',
            data: {
              response_id: data.response_id,
              result: one === client ? 'first' : 'second',
              success: true,
            },
          }),
        );
      };
    }
    const before = remote(node, 'c1');
    await clock.settle();
    client.link.terminate();
    await clock.settle();
    const after = remote(node, 'c1');
    await clock.settle();
    assert.deepEqual([resultOf(before), resultOf(after)], ['second', 'second']);
    second.link.terminate();
    await clock.settle();
    assert.match(String(textOf(remote(node, 'c1'))), /no route found/);
  });

  it('W15: the newest of two links ends and the older takes over', async () => {
    const { mesh, node, client, clock } = createMesh();
    const second = mesh.client('c1', node);
    second.link.terminate();
    await clock.settle();
    remote(node, 'c1');
    await clock.settle();
    assert.equal(client.got.length, 1);
  });

  it('closes the oldest of more than four links with one id', async () => {
    const { mesh, node, client, clock } = createMesh();
    const more = Array.from({ length: 4 }, () => mesh.client('c1', node));
    await clock.settle();
    assert.equal(client.closeCode(), 1008);
    assert.deepEqual(
      more.map((one) => one.closeCode()),
      [undefined, undefined, undefined, undefined],
    );
  });

  it('W16: a call to the client returns what it answers', async () => {
    const { node, client, clock } = createMesh();
    const ends = remote(node, 'c1');
    await clock.settle();
    const [call] = client.got;
    assert.deepEqual([call.ttl, call.route, call.id === call.data.response_id], [9, ['n'], true]);
    assert.match(call.id, /^[0-9a-f]{32}$/);
    assert.deepEqual(call.data.call, { args: ['x'], method: 'say', server_name: 'echo', timeout: 30 });
    await client.say({
      type: 'server_response',
      from: 'c1',
      to: 'n',
      data: { node_id: 'c1', response_id: call.id, result: { local_count: 23 }, success: true },
    });
    assert.deepEqual(resultOf(ends), { local_count: 23 });
  });

  it('W17: an answer without success is a failure with its text; without a member success too', async () => {
    const { node, client, clock } = createMesh();
    for (const more of [{ success: false }, {}]) {
      const ends = remote(node, 'c1');
      await clock.settle();
      const { response_id } = client.got.at(-1).data;
      await client.say({
        type: 'server_response',
        from: 'c1',
        to: 'n',
        data: { response_id, error: 'boom', ...more },
      });
      assert.equal(textOf(ends), 'answer: boom');
    }
  });

  it('W18: a silent client fails the call exactly at its timeout', async () => {
    const { node, clock } = createMesh();
    const ends = remote(node, 'c1', 'say', 1_900);
    await clock.advance(1_899);
    assert.deepEqual(ends, []);
    await clock.advance(1);
    assert.equal(textOf(ends), 'timeout: timeout waiting for reply from c1');
  });

  it('an error of the intermediate version fails the call with its id', async () => {
    const { node, client, clock } = createMesh();
    const ends = remote(node, 'c1');
    await clock.settle();
    await client.say({
      type: 'error',
      id: client.got[0].id,
      from: 'c1',
      to: '',
      data: { error: 'no such thing' },
    });
    assert.equal(textOf(ends), 'answer: no such thing');
  });

  it('W21: every call ends when the link is cut, fifty times over', async () => {
    const { mesh, node, clock } = createMesh();
    const ended: unknown[] = [];
    for (let round = 0; round < 50; round += 1) {
      const client = mesh.client('c2', node);
      const calls = Array.from({ length: 60 }, () => remote(node, 'c2'));
      await clock.settle();
      assert.equal(node.callsInFlight, 60);
      client.link.terminate();
      await clock.settle();
      ended.push(...calls.flatMap((ends) => ends.map((end) => textOf([end]))));
    }
    assert.equal(node.callsInFlight, 0);
    assert.equal(ended.length, 50 * 60);
    assert.deepEqual([...new Set(ended)], ['lost: connection to c2 lost']);
  });

  it('takes 64 calls at once from a neighbour and refuses the next', async () => {
    const mesh = new Mesh();
    const client = mesh.client(
      'c1',
      mesh.node('n', () => {}),
    );
    for (let count = 0; count < 65; count += 1) await client.call('n', 'echo', 'say', [], `r${count}`);
    assert.deepEqual(
      client.got.map(({ data }) => [data.response_id, data.code]),
      [['r64', 'overloaded']],
    );
  });

  it('runs nothing more for a neighbour that has gone, but goes on for those behind it', async () => {
    const mesh = new Mesh();
    const node = mesh.node('n', () => {});
    const client = mesh.client('c1', node);
    await client.call('n', 'echo', 'say', [], 'own');
    const data = { call: { server_name: 'echo', method: 'say' }, response_id: 'far' };
    await client.say({ type: 'server_call', from: 'far', to: 'n', data, route: ['far', 'c1'], ttl: 8 });
    client.link.terminate();
    await mesh.clock.settle();
    assert.deepEqual(mesh.cancelled, ['n own abandon']);
  });

  it('makes 64 calls at once to a neighbour and refuses the next, until one has ended', async () => {
    const { node, client, clock } = createMesh();
    const calls = Array.from({ length: 64 }, () => remote(node, 'c1'));
    assert.equal(textOf(remote(node, 'c1')), 'send: 64 calls to c1 are in flight already');
    await clock.settle();
    const { response_id } = client.got[0].data;
    await client.say({ type: 'server_response', from: 'c1', to: 'n', data: { response_id, success: true } });
    assert.deepEqual(
      calls.map((ends) => ends.length),
      [1, ...Array.from({ length: 63 }, () => 0)],
    );
    assert.deepEqual(remote(node, 'c1'), []);
  });

  it('fails a call that finds the queue full for a second, and not sooner', async () => {
    const { mesh, node, client, clock } = createMesh();
    const other = mesh.client('c2', node);
    await clock.settle();
    client.valve.isShut = true;
    // Pings for c1 fill the queue of a hundred.
    for (let count = 0; count < 100; count += 1) {
      await other.say({ type: 'ping', from: 'c2', to: 'c1', data: null, route: ['c2'], ttl: 9 });
    }
    const call = remote(node, 'c1');
    await other.call('c1', 'echo', 'say', [], 'r1');
    await clock.advance(999);
    assert.deepEqual([call, other.got], [[], []]);
    await clock.advance(1);
    assert.equal(textOf(call), 'send: failed to send message to c1: send channel full');
    assert.deepEqual(
      other.got.map(({ data }) => [data.response_id, data.error, data.code]),
      [['r1', 'failed to send message to c1: send channel full', 'overloaded']],
    );
    assert.equal(node.callsInFlight, 0);
  });

  it('sends a call that got a place in the queue within the second', async () => {
    const { mesh, node, client, clock } = createMesh();
    const other = mesh.client('c2', node);
    await clock.settle();
    client.valve.isShut = true;
    for (let count = 0; count < 100; count += 1) {
      await other.say({ type: 'ping', from: 'c2', to: 'c1', data: null, route: ['c2'], ttl: 9 });
    }
    const call = remote(node, 'c1');
    await clock.advance(900);
    client.valve.isShut = false;
    await clock.advance(1_000);
    assert.deepEqual(call, []);
    const { response_id } = client.got.find(({ type }) => type === 'server_call').data;
    await client.say({ type: 'server_response', from: 'c1', to: 'n', data: { response_id, success: true } });
    assert.equal(resultOf(call), null);
  });

  it('W22: a handler calls another service of the calling node while that waits', async () => {
    const mesh = new Mesh();
    const b: P2pNetwork = mesh.node('b', (call, end) => {
      b.call(
        { target: call.from, server: 'echo', method: 'say', args: ['inner'], timeoutMs: 5_000 },
        (inner) => end({ kind: 'result', value: ['outer', resultOf([inner])] }),
      );
    });
    const a = mesh.node('a');
    await mesh.join('a', 'b');
    const ends = remote(a, 'b');
    await mesh.clock.settle();
    assert.deepEqual(resultOf(ends), ['outer', 'inner']);
  });
});

describe('a mesh of nodes that follow the rules', () => {
  it('W20: a call crosses the middle of a line, and its answer comes back', async () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.node('a'), mesh.node('b')];
    const c = mesh.client('c', b);
    await c.hello();
    await mesh.join('a', 'b');
    const ends = remote(a, 'c');
    await mesh.clock.settle();
    const [call] = c.got;
    assert.deepEqual([call.from, call.route, call.ttl], ['a', ['a', 'b'], 8]);
    await c.say({
      type: 'server_response',
      id: '1',
      from: 'c',
      to: 'a',
      data: { node_id: 'c', response_id: call.id, result: 42, success: true },
      route: ['c'],
      ttl: 9,
    });
    await mesh.clock.settle();
    assert.equal(resultOf(ends), 42);
  });

  it('ends a call at once that passes through it when the link to its target goes, and says that it may have run', async () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.node('a'), mesh.node('b')];
    const c = mesh.client('c', b);
    await c.hello();
    await mesh.join('a', 'b');
    const ends = remote(a, 'c');
    await mesh.clock.settle();
    assert.equal(c.got.length, 1);
    c.link.terminate();
    await mesh.clock.settle();
    assert.equal(textOf(ends), 'answer: connection to c lost');
    const [end] = ends;
    assert.ok(end?.kind === 'failure');
    assert.deepEqual([end.failure.name, end.failure.executed], ['home_disconnected', 'unknown']);
    assert.equal(ends.length, 1);
  });

  it('W23: in a ring of four every pair reaches each other, and no node sees a call twice', async () => {
    const mesh = new Mesh();
    const ids = ['a', 'b', 'c', 'd'];
    const nodes = new Map(ids.map((id) => [id, mesh.node(id)]));
    for (const [one, next] of [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'd'],
      ['d', 'a'],
    ] as const)
      await mesh.join(one, next);
    for (const from of ids) {
      for (const to of ids.filter((id) => id !== from)) {
        const node = nodes.get(from);
        assert.ok(node);
        const ends = remote(node, to);
        await mesh.clock.settle();
        assert.equal(resultOf(ends), 'x', `${from} to ${to}`);
      }
    }
    for (const [id, seen] of mesh.seen) {
      const calls = seen.map(({ responseId }) => responseId);
      assert.equal(new Set(calls).size, calls.length, id);
      assert.equal(calls.length, 3, id);
    }
  });

  it('finds another way after a link of a ring is gone, and says so at once when there is none', async () => {
    const mesh = new Mesh();
    const nodes = ['a', 'b', 'c'].map((id) => mesh.node(id));
    await mesh.join('a', 'b');
    await mesh.join('b', 'c');
    await mesh.join('c', 'a');
    nodes[0]?.disconnect('c');
    await mesh.clock.advance(1_000);
    const [a] = nodes;
    assert.ok(a);
    const around = remote(a, 'c');
    await mesh.clock.settle();
    assert.equal(resultOf(around), 'x');
    a.disconnect('b');
    await mesh.clock.advance(1_000);
    assert.equal(textOf(remote(a, 'c')), 'send: no route found to destination c');
  });

  it('forgets a neighbour that falls silent: unhealthy after 60 s, closed with 1001 after 90 s', async () => {
    const { node, client, clock } = createMesh();
    await clock.advance(59_000);
    assert.equal(node.isDirect('c1'), true);
    await clock.advance(2_000);
    assert.equal(node.isDirect('c1'), false);
    assert.equal(client.closeCode(), undefined);
    await clock.advance(31_000);
    assert.equal(client.closeCode(), 1001);
  });

  it('calls an existing node in its own name for others, and hands its answer on in the name of that node', async () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.node('a'), mesh.node('b')];
    const c = mesh.client('c', b);
    await mesh.join('a', 'b');
    assert.equal(textOf(remote(a, 'c')), 'send: no route found to destination c');
    await mesh.clock.advance(6_000);
    const ends = remote(a, 'c');
    await mesh.clock.settle();
    const [call] = c.got;
    assert.deepEqual([call.from, call.route], ['b', ['b']]);
    await c.say({
      type: 'server_response',
      from: 'c',
      to: 'b',
      data: { response_id: call.data.response_id, result: 9, success: true },
    });
    await mesh.clock.settle();
    assert.equal(resultOf(ends), 9);
  });

  it('refuses a message that is too large, and an answer that is', async () => {
    const mesh = new Mesh();
    const big = 'y'.repeat(1_048_576);
    const b = mesh.node('b', (_call, end) => end({ kind: 'result', value: big }));
    const a = mesh.node('a');
    await mesh.join('a', 'b');
    const ends: P2pEnd[] = [];
    a.call({ target: 'b', server: 's', method: 'm', args: [big], timeoutMs: 1_000 }, (end) => ends.push(end));
    assert.match(String(textOf(ends)), /^send: message to b is larger than 1048576 bytes$/);
    const answered = remote(a, 'b');
    await mesh.clock.settle();
    assert.equal(answered[0]?.kind === 'failure' && answered[0].failure.name, 'payload_too_large');
    assert.ok(b.isDirect('a'));
  });
});
