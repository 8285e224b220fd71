// Tasks 2.1 to 2.3: detection of the node type, the registry, and the way of calls.

import assert from 'node:assert/strict';
import {
  beside,
  get,
  HOMES,
  listed,
  MAINS,
  remoteCall,
  type Scenario,
  servicesAt,
  traced,
} from './scenario.ts';

/** What is said at once, and not after the time-out of a call. */
const AT_ONCE_MS = 5_000;

export const PHASE_2: readonly Scenario[] = [
  {
    number: '2.1 test 1',
    title: './relay -server is a Main Relay',
    run: async (on) => {
      await using node = beside(on, '-server');
      const [line] = await node.waitForLine(/^Starting as Main Relay with auto-generated node ID \S+$/);
      return line;
    },
  },
  {
    number: '2.1 test 2',
    title: './relay blog.rl -connect … is a Home Relay',
    run: async (on) => {
      await using node = beside(on, 'blog.rl -connect ws://127.0.0.1:1');
      const [line] = await node.waitForLine(/^Starting as Home Relay with auto-generated node ID \S+$/);
      return line;
    },
  },
  {
    number: '2.1 test 3',
    title: './relay -server -node-type home is refused',
    run: async (on) => {
      const node = beside(on, '-server -node-type home');
      assert.deepEqual(await node.exited, { code: 2, signal: null });
      assert.match(node.stderr[0] ?? '', /incompatible flags/);
      return node.stderr[0] ?? '';
    },
  },
  {
    number: '2.1 test 4',
    title: './relay -server -node-id custom.relay.com uses that id',
    run: async (on) => {
      await using node = beside(on, '-server -node-id custom.relay.com');
      const [line] = await node.waitForLine(/^Starting as Main Relay with node ID custom\.relay\.com$/);
      return line;
    },
  },
  {
    number: '2.2 test 1',
    title: '/registry shows services of own Homes as local',
    run: async (on) => {
      const { servers } = await get(on.main('relay-b.com'), '/registry');
      const { shop_service: shop, blog_service: blog } = servers;
      assert.deepEqual([shop.node_id, shop.is_local, blog.is_local], ['bob.home', true, false]);
      return 'shop_service local, blog_service not';
    },
  },
  {
    number: '2.2 test 2',
    title: '/federation/registry shows local and federated services',
    run: async (on) => {
      const { local, federated } = await get(on.main('relay-a.com'), '/federation/registry');
      assert.deepEqual(listed(local), servicesAt('relay-a.com'));
      assert.deepEqual(
        listed(federated),
        [...servicesAt('relay-b.com'), ...servicesAt('relay-c.com')].toSorted(),
      );
      return `${local.length} local, ${federated.length} federated`;
    },
  },
  {
    number: '2.2 test 3',
    title: 'services of each Main are known at each other Main',
    run: async (on) => {
      for (const main of on.mains) {
        const { local, federated } = await get(main, '/federation/registry');
        assert.deepEqual(listed([...local, ...federated]), MAINS.flatMap(servicesAt).toSorted(), main.id);
      }
      return `${HOMES.length} instances at each`;
    },
  },
  {
    number: '2.3 test 1',
    title: 'Home to Home at the same Main: two hops',
    run: async (on) => {
      const call = { node_id: 'alice2.home@relay-a.com', server_name: 'blog_service', method: 'get_posts' };
      const { value, path } = await traced(on.home('alice1.home'), call);
      assert.deepEqual(path, ['alice1.home', 'relay-a.com', 'alice2.home']);
      assert.ok(value.length > 0);
      return path.join(' → ');
    },
  },
  {
    number: '2.3 test 2',
    title: 'Home to Home at another Main: three hops',
    run: async (on) => {
      const call = {
        node_id: 'charlie.home@relay-b.com',
        server_name: 'news_service',
        method: 'get_headlines',
      };
      const { value, path } = await traced(on.home('alice1.home'), call);
      assert.deepEqual(path, ['alice1.home', 'relay-a.com', 'relay-b.com', 'charlie.home']);
      assert.equal(value.length, 3);
      return path.join(' → ');
    },
  },
  {
    number: '2.3 test 3',
    title: 'a node that nobody knows: service not found, at once',
    run: async (on) => {
      const startedAt = performance.now();
      const { error } = await remoteCall(on.main('relay-a.com'), {
        node_id: 'nonexistent.home',
        server_name: 'fake_service',
        method: 'test',
      });
      assert.ok(performance.now() - startedAt < AT_ONCE_MS);
      assert.deepEqual([error.code, error.data.executed], [-32_001, 'no']);
      assert.match(error.message, /^Service not found/);
      return `${error.code} ${error.message}`;
    },
  },
];
