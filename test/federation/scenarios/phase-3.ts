// Tasks 3.1 to 3.3: health of peers and failover, balancing, tracing, circuits, figures.

import assert from 'node:assert/strict';
import type { Federation } from '../federation.ts';
import { get, HOMES, type Json, remoteCall, type Scenario, traced, until, untilWhole } from './scenario.ts';

const CALLS = 10;
const BLOG = { service_name: 'blog_service', method: 'get_posts' };
const NEWS = { service_name: 'news_service', method: 'get_headlines' };

/** Which Homes answered, and how often. */
async function whoAnswers(
  on: Federation,
  call: Readonly<Record<string, unknown>>,
): Promise<ReadonlyMap<string, number>> {
  const answered = new Map<string, number>();
  for (let calls = 0; calls < CALLS; calls += 1) {
    const { path } = await traced(on.main('relay-a.com'), call);
    const home = path.at(-1) ?? '';
    answered.set(home, (answered.get(home) ?? 0) + 1);
  }
  return answered;
}

export const PHASE_3: readonly Scenario[] = [
  {
    number: '3.1 test 1',
    title: 'a Main connects to both peers that it was given',
    run: async (on) => {
      const { process } = on.main('relay-c.com');
      await process.waitForLine(/^Connected to peer relay-a\.com/);
      await process.waitForLine(/^Connected to peer relay-b\.com/);
      return 'relay-c.com to relay-a.com and relay-b.com';
    },
  },
  {
    number: '3.1 test 2',
    title: '/federation/peers shows the health of each peer',
    run: async (on) => {
      const { peers } = await get(on.main('relay-c.com'), '/federation/peers');
      assert.deepEqual(
        peers.map((peer: Json) => [peer.id, peer.state, peer.is_healthy, peer.services]).toSorted(),
        [
          ['relay-a.com', 'connected', true, 2],
          ['relay-b.com', 'connected', true, 2],
        ],
      );
      return 'two healthy peers';
    },
  },
  {
    number: '3.1 test 3',
    title: 'relay-b is killed: calls go on over relay-c',
    run: async (on) => {
      const both = await whoAnswers(on, NEWS);
      assert.deepEqual([...both.keys()].toSorted(), ['charlie.home', 'dora.home']);
      const b = on.main('relay-b.com');
      await b.kill();
      try {
        const left = await whoAnswers(on, NEWS);
        assert.deepEqual([...left], [['dora.home', CALLS]]);
        await until('the loss to show', async () => {
          return (await get(on.main('relay-c.com'), '/federation/health')).status === 'degraded';
        });
      } finally {
        await b.start();
        await untilWhole(on);
      }
      return `${CALLS} of ${CALLS} calls answered by dora.home, then whole again`;
    },
  },
  {
    number: '3.2 test 1',
    title: 'calls by service name alternate between the instances',
    run: async (on) => {
      const answered = await whoAnswers(on, BLOG);
      assert.deepEqual([...answered].toSorted(), [
        ['alice1.home', CALLS / 2],
        ['alice2.home', CALLS / 2],
      ]);
      return `${CALLS / 2} and ${CALLS / 2}`;
    },
  },
  {
    number: '3.2 test 2',
    title: 'alice1 is stopped: calls go to alice2',
    run: async (on) => {
      const alice1 = on.home('alice1.home');
      await alice1.stop();
      try {
        const answered = await whoAnswers(on, BLOG);
        assert.deepEqual([...answered], [['alice2.home', CALLS]]);
      } finally {
        await alice1.start();
        await untilWhole(on);
      }
      return `${CALLS} of ${CALLS} calls answered by alice2.home`;
    },
  },
  {
    number: '3.3 test 1',
    title: 'a traced call shows its way and times',
    run: async (on) => {
      const { result } = await remoteCall(on.main('relay-a.com'), {
        node_id: 'bob.home@relay-b.com',
        server_name: 'shop_service',
        method: 'get_products',
        trace: true,
      });
      const { path, hops, total_ms: totalMs, spans } = result.trace;
      assert.deepEqual(path, ['client', 'relay-a.com', 'relay-b.com', 'bob.home']);
      assert.equal(hops, 3);
      assert.ok(totalMs > 0 && spans.length >= path.length);
      return `${path.join(' → ')}, ${totalMs} ms`;
    },
  },
  {
    number: '3.3 test 2',
    title: 'after five failures in a row the circuit is open, until it is reset',
    run: async (on) => {
      const c = on.main('relay-c.com');
      const fail = { service_name: 'ledger', method: 'fail' };
      const codes: string[] = [];
      for (let calls = 0; calls < CALLS; calls += 1) codes.push((await remoteCall(c, fail)).error.data.code);
      assert.deepEqual(codes, [...Array(5).fill('internal_error'), ...Array(5).fill('circuit_open')]);
      assert.equal((await get(c, '/federation/health')).open_circuits, 1);
      await fetch(`${c.url}/federation/circuits/reset`, { method: 'POST', body: '{"service":"ledger"}' });
      assert.equal((await remoteCall(c, fail)).error.data.code, 'internal_error');
      return '5 failures, 5 times circuit_open';
    },
  },
  {
    number: '3.3 test 3',
    title: '/federation/health is the dashboard of the plan',
    run: async (on) => {
      await until('all to be healthy', async () => {
        const health = await get(on.main('relay-a.com'), '/federation/health');
        return health.status === 'healthy' && health.failed_services === 0;
      });
      const health = await get(on.main('relay-a.com'), '/federation/health');
      assert.deepEqual(Object.keys(health).slice(0, 6), [
        'status',
        'connected_homes',
        'connected_peers',
        'total_services',
        'failed_services',
        'average_latency',
      ]);
      assert.deepEqual(
        [health.connected_homes, health.connected_peers, health.total_services],
        [2, 2, HOMES.length],
      );
      assert.match(health.average_latency, /^\d+ms$/);
      return `${health.status}, average latency ${health.average_latency}`;
    },
  },
];
