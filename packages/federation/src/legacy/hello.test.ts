import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Clock, P2P_LIMITS, utf8Length } from '@relay/protocol';
import { ManualClock, seededRandom } from '@relay/testkit';
import { SILENT_LOG } from '../observe/log.ts';
import { createHello, readHello } from './hello.ts';
import { HelloSender } from './hello-sender.ts';
import { createMesh, Mesh } from './mesh.test.ts';
import { OwnMessages } from './own-messages.ts';

const services = (count: number, methods = 3) =>
  Array.from({ length: count }, (_, index) => ({
    name: `service_${index}`,
    methods: Array.from({ length: methods }, (__, method) => `method_${method}`),
  }));
const routes = (count: number, idChars = 20) =>
  Array.from({ length: count }, (_, index) => [`${index}`.padStart(idChars, 'h'), 1] as const);

describe('a hello', () => {
  it('tells everything where that fits into one message', () => {
    const hello = createHello('n', services(1_000), { peers: ['a'], routes: routes(10_000) });
    assert.equal(hello.isCut, false);
    const read = readHello(hello.data, 'other');
    assert.deepEqual([read.services.length, read.routes.size], [1_000, 10_000]);
  });

  for (const { why, hello } of [
    {
      why: 'more services than a neighbour reads',
      hello: createHello('n', services(1_001), { peers: [], routes: [] }),
    },
    {
      why: 'more nodes than a neighbour reads',
      hello: createHello('n', [], { peers: [], routes: routes(10_001) }),
    },
    {
      why: 'long lists of methods',
      hello: createHello('n', services(1_000, 1_000), { peers: [], routes: [] }),
    },
    { why: 'long ids', hello: createHello('n', services(10), { peers: [], routes: routes(10_000, 128) }) },
  ]) {
    it(`is cut to one message, and says so: ${why}`, () => {
      assert.equal(hello.isCut, true);
      assert.ok(utf8Length(hello.json) < P2P_LIMITS.messageBytes);
      const read = readHello(hello.data, 'other');
      assert.ok(read.services.length + read.routes.size > 0);
    });
  }

  it('leaves out what is no service, no id and no number of hops', () => {
    const { services: found, routes: ways } = readHello(
      {
        servers: [{ name: 's', methods: ['m', 'not a name', 7] }, { name: '1' }, null, 'x', { methods: [] }],
        routes: { far: 2, n: 1, 'a b': 1, zero: 0, ten: 10, half: 1.5, text: '1' },
      },
      'n',
    );
    assert.deepEqual(found, [{ name: 's', methods: ['m'] }]);
    assert.deepEqual([...ways], [['far', 2]]);
    assert.deepEqual(readHello({ servers: 'x', routes: [] }, 'n'), { services: [], routes: new Map() });
  });
});

describe('neighbours are told', () => {
  const hellos = ({ all }: { readonly all: readonly { readonly type: string }[] }): number =>
    all.filter(({ type }) => type === 'registry_sync').length;

  it('when a link opens, every 30 s, and otherwise nothing', async () => {
    const { client, clock } = createMesh();
    await clock.advance(4_000);
    assert.equal(hellos(client), 1);
    await clock.advance(25_000);
    // Known as an existing node by now, but nobody else is there to be told of it.
    assert.equal(hellos(client), 1);
    await clock.advance(2_000);
    assert.equal(hellos(client), 2);
  });

  it('of a change within 200 ms', async () => {
    const { mesh, node, client, clock } = createMesh();
    await clock.advance(1_000);
    const before = hellos(client);
    const other = mesh.client('c2', node);
    await other.hello();
    await clock.advance(200);
    assert.equal(hellos(client), before + 1);
    assert.deepEqual((client.all.at(-1) as { data?: object }).data, {
      node_id: 'n',
      servers: [{ name: 'echo', methods: ['say', 'fail'] }],
      peers: ['c2'],
      routes: { c2: 1 },
    });
    other.link.terminate();
    await clock.advance(200);
    assert.equal(hellos(client), before + 2);
  });

  it('less often where telling takes long', async () => {
    const clock = new ManualClock();
    let workMs = 0;
    let rounds = 0;
    const slow: Clock = {
      now: () => clock.now() + workMs,
      wallNow: () => clock.wallNow(),
      after: (delayMs, run) => clock.after(delayMs, run),
      defer: (run) => clock.defer(run),
    };
    const sender = new HelloSender({
      self: 'n',
      clock: slow,
      log: SILENT_LOG,
      messages: new OwnMessages({ self: 'n', clock, random: seededRandom(1) }),
      neighbours: () => [],
      below: () => [],
      services: () => {
        rounds += 1;
        workMs += 80;
        return [];
      },
    });
    // A change every 10 ms, for 10 s.
    for (let count = 0; count < 1_000; count += 1) {
      sender.sendSoon();
      await clock.advance(10);
    }
    assert.ok(rounds > 5 && workMs <= 1_100, `${rounds} rounds, ${workMs} ms`);
  });

  it('of routes that were not renewed for 90 s: they lead nowhere', async () => {
    const mesh = new Mesh();
    const node = mesh.node('n');
    const [client, watcher] = [mesh.client('c1', node), mesh.client('c2', node)];
    await client.hello({ routes: { far: 1 } });
    assert.equal(node.canReach('far'), true);
    for (let count = 0; count < 10; count += 1) {
      await mesh.clock.advance(10_000);
      for (const { id, link } of [client, watcher]) link.send(JSON.stringify({ type: 'pong', from: id }));
    }
    assert.equal(node.canReach('far'), false);
    await mesh.clock.advance(1_200);
    const { data } = watcher.all.findLast(({ type }) => type === 'registry_sync');
    assert.deepEqual(data.routes, { c1: 1 });
  });
});
