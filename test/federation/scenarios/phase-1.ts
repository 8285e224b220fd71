// Tasks 1.1 to 1.3: nodes by type, the messages of the federation and of the former mesh, connections.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { createJsonCodec, homeAddress, MalformedMessage, mainAddress, parseAddress } from '@relay/protocol';
import { startProcess } from '@relay/testkit';
import { WebSocket } from 'ws';
import { ROOT } from '../../connections/nodes.ts';
import { get, HOMES, type Json, remoteCall, type Scenario, traced, until, untilWhole } from './scenario.ts';

const SCRIPT_LIMIT_MS = 300_000;

export const PHASE_1: readonly Scenario[] = [
  {
    number: '1.1 test 1',
    title: 'FederationRouter initializes as Main Relay',
    run: async (on) => {
      for (const main of on.mains)
        await main.process.waitForLine(/^FederationRouter initialized as Main Relay$/);
      return `${on.mains.length} Mains`;
    },
  },
  {
    number: '1.1 test 2',
    title: 'FederationRouter initializes as Home Relay',
    run: async (on) => {
      for (const home of on.homes)
        await home.process.waitForLine(/^FederationRouter initialized as Home Relay$/);
      return `${on.homes.length} Homes`;
    },
  },
  {
    number: '1.1 test 3',
    title: 'examples/test_websocket_p2p.sh passes',
    run: async () => {
      await using script = startProcess(path.join(ROOT, 'examples/test_websocket_p2p.sh'), [], { cwd: ROOT });
      const timer = setTimeout(() => script.kill('SIGKILL'), SCRIPT_LIMIT_MS);
      const { code } = await script.exited;
      clearTimeout(timer);
      assert.equal(code, 0, script.stdout.filter((line) => line.startsWith('FAIL')).join('; '));
      return script.stdout.at(-1) ?? '';
    },
  },
  {
    number: '1.2 test 1',
    title: 'a request with source and destination keeps its fields; a malformed one is refused',
    run: async (on) => {
      const codec = createJsonCodec(
        { self: mainAddress('relay.com'), wallNow: () => 0 },
        { messageBytes: 10_000 },
      );
      const [source, destination] = [
        homeAddress('alice.home', 'relay.com'),
        homeAddress('bob.home', 'relay.com'),
      ];
      const body = new TextEncoder().encode('[]');
      codec.encoder.add({
        type: 'request',
        id: 1,
        sourceNode: source,
        destinationNode: destination,
        serverName: 'blog_service',
        method: 'get_posts',
        timeoutMs: 60_000,
        body,
        routingPath: ['alice.home'],
        ttl: 10,
        priority: 5,
        trace: false,
        traceparent: '',
        caller: { kind: 'program', node: 'alice.home' },
        callPath: [],
      });
      const [text = ''] = codec.encoder.take();
      const [read] = codec.decoder.decode(text) as readonly Json[];
      assert.deepEqual(
        [read.sourceNode, read.destinationNode, read.serverName, read.method, read.ttl],
        [source, destination, 'blog_service', 'get_posts', 10],
      );
      const broken = String(text).replace('"get_posts"', '7');
      assert.throws(() => codec.decoder.decode(broken), MalformedMessage);
      const socket = new WebSocket(`${wsOf(on.main('relay-a.com').url)}/ws/federation`, ['relay.v1.json']);
      await once(socket, 'open');
      socket.send('{"type":"request","method":7}');
      assert.equal((await once(socket, 'close'))[0], 4400);
      return 'closed with 4400';
    },
  },
  {
    number: '1.2 test 2',
    title: 'an old-style ping of a P2P node is answered',
    run: async (on) => {
      const socket = new WebSocket(`${wsOf(on.main('relay-a.com').url)}/ws/p2p?node_id=node1`);
      await once(socket, 'open');
      socket.send('{"type":"ping","from":"node1","to":"relay-a.com","data":{}}');
      let answer: Json;
      socket.on('message', (data) => {
        const message = JSON.parse(String(data));
        if (message.type === 'pong') answer = message;
      });
      await until('a pong', async () => answer !== undefined);
      socket.terminate();
      assert.deepEqual([answer.from, answer.to], ['relay-a.com', 'node1']);
      return 'pong';
    },
  },
  {
    number: '1.2 test 3',
    title: 'compound addresses are understood; wrong ones are refused',
    run: async (on) => {
      assert.deepEqual(
        parseAddress('alice.home@relay.example.com'),
        homeAddress('alice.home', 'relay.example.com'),
      );
      const a = on.main('relay-a.com');
      const call = { server_name: 'news_service', method: 'get_headlines' };
      const { result } = await remoteCall(a, { ...call, node_id: 'charlie.home@relay-b.com' });
      assert.equal(result.length, 3);
      const { error } = await remoteCall(a, { ...call, node_id: 'charlie.home@' });
      assert.equal(error.code, -32_602);
      assert.match(error.data.message, /^invalid node_id/);
      return error.data.message;
    },
  },
  {
    number: '1.3 test 1',
    title: 'each Home holds one outbound connection to its Main',
    run: async (on) => {
      for (const { id, main } of HOMES) {
        const status = await get(on.home(id), '/status');
        assert.deepEqual([status.status, status.main_relay.id], ['connected', main], id);
      }
      return `${HOMES.length} connections`;
    },
  },
  {
    number: '1.3 test 2',
    title: 'each Main has its Homes and both peers',
    run: async (on) => {
      for (const main of on.mains) {
        const { connected_homes: homes, connected_peers: peers } = await get(main, '/federation/health');
        assert.deepEqual([homes, peers], [2, 2], main.id);
      }
      return '2 Homes and 2 peers each';
    },
  },
  {
    number: '1.3 test 3',
    title: 'Homes reconnect by themselves after their Main was killed and started again',
    run: async (on) => {
      const c = on.main('relay-c.com');
      const [dora, erin] = [on.home('dora.home'), on.home('erin.home')];
      await c.kill();
      for (const home of [dora, erin]) {
        await until(`${home.id} to notice`, async () => (await get(home, '/status')).status !== 'connected');
      }
      await c.start();
      const startedAt = performance.now();
      for (const home of [dora, erin]) {
        await until(`${home.id} to be back`, async () => (await get(home, '/status')).status === 'connected');
      }
      await untilWhole(on);
      const tookS = ((performance.now() - startedAt) / 1_000).toFixed(1);
      const { path: way } = await traced(on.main('relay-a.com'), {
        node_id: 'erin.home@relay-c.com',
        server_name: 'ledger',
        method: 'read',
        args: [1],
      });
      assert.deepEqual(way, ['client', 'relay-a.com', 'relay-c.com', 'erin.home']);
      return `whole again in ${tookS} s`;
    },
  },
];

function wsOf(url: string): string {
  return url.replace('http', 'ws');
}
