import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Link, SUBPROTOCOL_JSON } from '@relay/protocol';
import { LinkRecord, linkContract } from './link-contract.ts';
import { ManualClock } from './manual-clock.ts';
import { SimulatedNetwork } from './network.ts';
import { seededRandom, withSeeds } from './seeded-random.ts';
import type { PathFaults } from './simulated-pipe.ts';

const URL_OF_MAIN = 'ws://main:8080/ws/federation';

interface Scene {
  readonly clock: ManualClock;
  readonly network: SimulatedNetwork;
  readonly home: Link;
  readonly main: Link;
  readonly heard: { readonly home: LinkRecord; readonly main: LinkRecord };
}

/** A home that has dialled a main. */
async function connect(faults: Partial<PathFaults> = {}, seed: number | string = 1): Promise<Scene> {
  const clock = new ManualClock();
  const network = new SimulatedNetwork(clock, seededRandom(seed), faults);
  const accepted: Link[] = [];
  network.host('main').listen('main:8080', (link) => accepted.push(link));
  let home: Link | undefined;
  void network.dial('home', URL_OF_MAIN).then((link) => {
    home = link;
  });
  await clock.runUntil(() => home !== undefined);
  const main = accepted[0];
  assert.ok(home !== undefined && main !== undefined);
  return { clock, network, home, main, heard: { home: new LinkRecord(home), main: new LinkRecord(main) } };
}

const codes = (record: LinkRecord): number[] => record.closes.map(({ code }) => code);

for (const [name, faults] of [
  ['SimulatedLink', {}],
  ['SimulatedLink with random delays', { delayMs: [0, 20] }],
  ['SimulatedLink over a slow path', { delayMs: [0, 0], bytesPerMs: 10_000 }],
] as const) {
  const clock = new ManualClock();
  const network = new SimulatedNetwork(clock, seededRandom(name), faults);
  const accepted: Link[] = [];
  network.host('main').listen('main:8080', (link) => accepted.push(link));
  linkContract(
    name,
    async () => {
      let home: Link | undefined;
      void network.dial('home', URL_OF_MAIN).then((link) => {
        home = link;
      });
      await clock.runUntil(() => home !== undefined);
      return [home as unknown as Link, accepted.pop() as Link];
    },
    {
      turn: () => clock.advance(10),
      cleanUp: async () => {
        await clock.runUntilIdle();
        assert.equal(network.linkCount('home', 'main'), 0);
      },
    },
  );
}

describe('SimulatedNetwork: dialling', () => {
  it('tells the acceptor who dialled and where, and agrees on the best common subprotocol', async () => {
    const clock = new ManualClock();
    const network = new SimulatedNetwork(clock, seededRandom(1));
    const arrivals: unknown[] = [];
    network
      .host('b')
      .listen('b:1', (_link, arrival) => arrivals.push(arrival), { subprotocols: [SUBPROTOCOL_JSON] });
    const dialled = network.dial('a', 'ws://b:1/ws/peers');
    await clock.advance(10);
    assert.deepEqual(arrivals, [{ from: 'a', path: '/ws/peers' }]);
    assert.equal((await dialled).subprotocol, SUBPROTOCOL_JSON);
  });

  const dialError = async (
    prepare: (network: SimulatedNetwork) => void,
  ): Promise<{ code: string; at: number }> => {
    const clock = new ManualClock();
    const network = new SimulatedNetwork(clock, seededRandom(1));
    network.host('main').listen('main:8080', () => {});
    prepare(network);
    let failure: { code: string; at: number } | undefined;
    network.dial('home', URL_OF_MAIN).catch((error) => {
      failure = { code: error.code, at: clock.now() };
    });
    await clock.advance(60_000);
    assert.ok(failure !== undefined, 'the dial has not failed');
    return failure;
  };

  for (const { why, code, at, prepare } of [
    {
      why: 'an address that refuses',
      code: 'ECONNREFUSED',
      at: 2,
      prepare: (net) => void net.refuse('ws://main:8080'),
    },
    { why: 'a process that crashed', code: 'ECONNREFUSED', at: 2, prepare: (net) => net.crash('main') },
    {
      why: 'a machine that is off',
      code: 'ETIMEDOUT',
      at: 5000,
      prepare: (net) => net.crash('main', { silent: true }),
    },
    { why: 'a partition', code: 'ETIMEDOUT', at: 5000, prepare: (net) => net.partition('home', 'main') },
  ] as { why: string; code: string; at: number; prepare: (network: SimulatedNetwork) => void }[]) {
    it(`fails at ${why} with ${code} after ${at} ms`, async () => {
      assert.deepEqual(await dialError(prepare), { code, at });
    });
  }

  it('fails for a host that nobody mentioned, and when aborted', async () => {
    const network = new SimulatedNetwork(new ManualClock(), seededRandom(1));
    await assert.rejects(network.dial('home', 'ws://nowhere:1'), { code: 'ENOTFOUND' });
    network.host('main');
    const stop = new AbortController();
    const dialled = network.dial('home', 'ws://main:1', { signal: stop.signal });
    stop.abort(new Error('stopped'));
    await assert.rejects(dialled, /stopped/);
  });

  it('does not deliver to an acceptor whose dialler gave up', async () => {
    const clock = new ManualClock();
    const network = new SimulatedNetwork(clock, seededRandom(1), { delayMs: [100, 100] });
    const records: LinkRecord[] = [];
    network.host('main').listen('main:8080', (link) => records.push(new LinkRecord(link)));
    network.dial('home', URL_OF_MAIN, { timeoutMs: 150 }).catch(() => {});
    await clock.runUntilIdle();
    assert.deepEqual(records.map(codes), [[1006]]);
    assert.equal(network.linkCount('home', 'main'), 0);
  });
});

describe('SimulatedNetwork: faults', () => {
  it('takes its time, and keeps the order', async () => {
    const { clock, home, heard } = await connect({ delayMs: [5, 50] });
    for (let count = 0; count < 100; count++) home.send(String(count));
    await clock.advance(4);
    assert.equal(heard.main.data.length, 0);
    await clock.advance(50);
    assert.deepEqual(
      heard.main.data,
      Array.from({ length: 100 }, (_, count) => String(count)),
    );
  });

  it('counts what a slow path has not taken', async () => {
    const { clock, network, home, heard } = await connect();
    network.setFaults('home', 'main', { bytesPerMs: 10 });
    for (let count = 0; count < 10; count++) home.send('x'.repeat(100));
    assert.equal(home.bufferedBytes, 1000);
    await clock.advance(50);
    assert.equal(home.bufferedBytes, 500);
    await clock.advance(51);
    assert.equal(home.bufferedBytes, 0);
    assert.equal(heard.main.data.length, 10);
    assert.deepEqual(network.sent('home', 'main'), { messages: 10, bytes: 1000 });
  });

  it('holds everything back during a partition, one way or both, until it heals', async () => {
    const { clock, network, home, main, heard } = await connect();
    network.partitionOneWay('home', 'main');
    home.send('up');
    main.send('down');
    await clock.advance(60_000);
    assert.deepEqual(heard.home.data, ['down']);
    assert.deepEqual(heard.main.data, []);
    assert.equal(home.bufferedBytes, 2);
    network.heal();
    await clock.advance(1);
    assert.deepEqual(heard.main.data, ['up']);
  });

  it('cuts links so that both sides notice', async () => {
    const { clock, network, heard } = await connect();
    network.cut('main', 'home');
    await clock.settle();
    assert.deepEqual([codes(heard.home), codes(heard.main)], [[1006], [1006]]);
    assert.equal(network.linkCount('home', 'main'), 0);
  });

  it('cuts links so that nobody notices, and ends a close after 5 s', async () => {
    const { clock, network, home, main, heard } = await connect();
    network.cut('main', 'home', { silent: true });
    home.send('lost');
    main.send('lost');
    await clock.advance(3_600_000);
    assert.deepEqual(
      [heard.home.data, heard.main.data, codes(heard.home), codes(heard.main)],
      [[], [], [], []],
    );
    home.close(1000, '');
    await clock.advance(4999);
    assert.deepEqual(codes(heard.home), []);
    await clock.advance(1);
    assert.deepEqual(codes(heard.home), [1006]);
    assert.deepEqual(codes(heard.main), []);
  });

  it('ends the links, timers and callbacks of a process that crashes', async () => {
    const { clock, network, heard } = await connect();
    const process = network.host('main');
    process.clock.after(100, () => assert.fail('a dead process ran'));
    network.crash('main');
    assert.throws(() => network.host('main'), /main has crashed/);
    await clock.advance(1000);
    assert.deepEqual(codes(heard.home), [1006]);
    assert.deepEqual(codes(heard.main), []);
    const next = network.restart('main');
    assert.notEqual(next.random.next(), process.random.next());
    next.listen('main:8080', () => {});
    const dialled = network.dial('home', URL_OF_MAIN);
    await clock.advance(10);
    await dialled;
  });

  it('keeps the other side of a lost machine in the dark until that is up again', async () => {
    const { clock, network, home, heard } = await connect();
    network.crash('main', { silent: true });
    home.send('anyone?');
    await clock.advance(60_000);
    assert.deepEqual(codes(heard.home), []);
    network.restart('main');
    home.send('anyone now?');
    await clock.advance(2);
    assert.deepEqual(codes(heard.home), [1006]);
  });

  it('cuts, loses, doubles and reorders messages where a test asks for it', async () => {
    const count = async (faults: Partial<PathFaults>): Promise<{ data: number[]; closes: number[] }> => {
      const { clock, network, home, heard } = await connect();
      network.setFaults('*', '*', faults);
      for (let index = 0; index < 200; index++) {
        home.send(String(index));
        await clock.advance(1);
      }
      await clock.advance(100);
      return { data: heard.main.data.map(Number), closes: codes(heard.main) };
    };
    const lossy = await count({ lossRatio: 0.5 });
    assert.ok(lossy.data.length > 60 && lossy.data.length < 140);
    const doubled = await count({ duplicateRatio: 0.5 });
    assert.ok(doubled.data.length > 260 && new Set(doubled.data).size === 200);
    const reordered = await count({ reorderRatio: 0.2 });
    assert.equal(reordered.data.length, 200);
    assert.notDeepEqual(
      reordered.data,
      reordered.data.toSorted((a, b) => a - b),
    );
    const cut = await count({ cutRatio: 0.05 });
    assert.deepEqual(cut.closes, [1006]);
    assert.ok(cut.data.length < 199);
  });

  it('notices bytes that change after they were sent', async () => {
    const { clock, home } = await connect();
    const bytes = Uint8Array.of(1, 2, 3);
    home.send(bytes);
    bytes[0] = 9;
    await assert.rejects(clock.advance(1), /changed after send/);
  });

  it('plays the same game for the same seed', async () => {
    await withSeeds(5, async (random) => {
      const play = async (): Promise<string> => {
        const { clock, home, main, heard, network } = await connect({ delayMs: [1, 30] }, random.seed);
        const moves = seededRandom(random.seed).fork('moves');
        const log: string[] = [];
        for (let step = 0; step < 100; step++) {
          moves.pick([home, main]).send(String(step));
          if (moves.chance(0.1)) network.partition('home', 'main');
          if (moves.chance(0.2)) network.heal();
          await clock.advance(moves.integer(0, 10));
          log.push(`${clock.now()} ${heard.home.data.length} ${heard.main.data.length}`);
        }
        return log.join('\n');
      };
      assert.equal(await play(), await play());
    });
  });
});
