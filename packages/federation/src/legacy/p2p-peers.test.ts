// The peers that a node keeps linked, in virtual time: when it dials, whom, and what it shows of them meanwhile.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Link, linkedPair } from '@relay/protocol';
import { ManualClock, seededRandom } from '@relay/testkit';
import { SILENT_LOG } from '../observe/log.ts';
import type { P2pAddress } from './p2p-address.ts';
import { P2pUnauthorized } from './p2p-dialler.ts';
import { P2pPeers, type P2pPeerView } from './p2p-peers.ts';

/** One node, and a world in which somebody answers at an address or does not. */
class World {
  readonly clock = new ManualClock();
  readonly peers: P2pPeers;
  readonly dialled: { readonly at: number; readonly address: P2pAddress }[] = [];
  /** What the node was told of the peers of its command line. */
  readonly told: string[] = [];
  /** The other ends of its links, in order. */
  readonly ends: Link[] = [];
  readonly silent = new Set<Link>();
  /** What a dial comes to; by default a link. */
  failure: Error | undefined;
  idThere = 'p';

  constructor(seed = 1) {
    this.peers = new P2pPeers({
      self: 'n',
      clock: this.clock,
      random: seededRandom(seed),
      log: SILENT_LOG,
      handle: () => () => {},
      services: () => [],
      dial: {
        link: async (address) => {
          this.dialled.push({ at: this.clock.now(), address });
          if (this.failure !== undefined) throw this.failure;
          return this.#link();
        },
        nodeId: async () => {
          if (this.failure !== undefined) throw this.failure;
          return this.idThere;
        },
      },
      events: {
        added: (peer) => this.told.push(`added ${peer}`),
        failed: (peer, reason) => this.told.push(`failed ${peer}: ${reason}`),
      },
    });
  }

  /** As a peer that dials in. */
  comeIn(id: string): Link {
    const link = this.#link();
    this.peers.network.adopt(link, id, `${id}:9`);
    return this.ends.at(-1) as Link;
  }

  /** The other end answers pings until the test says that it is silent. */
  #link(): Link {
    const [near, far] = linkedPair(this.clock, '');
    this.ends.push(far);
    far.listen({
      onData: (data) => {
        const { type, to } = JSON.parse(String(data)) as { type: string; to: string };
        if (type !== 'ping' || this.silent.has(far)) return;
        far.send(JSON.stringify({ type: 'pong', from: to, to: 'n', data: {} }));
      },
      onClose: () => {},
    });
    return near;
  }

  view(id = 'p'): P2pPeerView | undefined {
    return this.peers.peers().find((peer) => peer.id === id);
  }

  /** Times between one dial and the next, in ms. */
  waits(): number[] {
    return this.dialled.slice(1).map(({ at }, index) => at - (this.dialled[index]?.at ?? 0));
  }
}

const REFUSED = new Error('connection refused');

describe('a configured peer', () => {
  it('R3: is dialled at once, and healthy', async () => {
    const world = new World();
    assert.deepEqual(world.peers.addPeer('p', '10.0.0.7:8081'), { kind: 'added' });
    await world.clock.settle();
    const { address, isHealthy, lastSeen } = world.view() ?? assert.fail('not shown');
    assert.deepEqual([address, isHealthy, lastSeen], ['10.0.0.7:8081', true, world.clock.wallNow()]);
  });

  it('R7: is closed when it is removed, and never dialled again', async () => {
    const world = new World();
    world.peers.addPeer('p', 'h:1');
    await world.clock.advance(1_000);
    world.peers.removePeer('p');
    await world.clock.advance(600_000);
    assert.equal(world.view(), undefined);
    assert.equal(world.dialled.length, 1);
  });

  it('R7: is not adopted if it was removed while it was dialled', async () => {
    const world = new World();
    world.peers.addPeer('p', 'h:1');
    world.peers.removePeer('p');
    await world.clock.advance(1_000);
    assert.deepEqual([...world.peers.network.neighbours()], []);
  });

  it('R11: that falls silent is unhealthy within 90 s, and its last_seen does not move', async () => {
    const world = new World();
    world.peers.addPeer('p', 'h:1');
    await world.clock.advance(120_000);
    const before = world.view()?.lastSeen;
    world.failure = REFUSED;
    for (const end of world.ends) world.silent.add(end);
    await world.clock.advance(29_000);
    assert.equal(world.view()?.isHealthy, true);
    await world.clock.advance(61_000);
    assert.deepEqual([world.view()?.isHealthy, world.view()?.lastSeen], [false, before]);
    await world.clock.advance(600_000);
    assert.deepEqual([world.view()?.isHealthy, world.view()?.lastSeen], [false, before]);
  });

  it('R11: is healthy again within 35 s of its return, however long it was away', async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const world = new World(seed);
      world.peers.addPeer('p', 'h:1');
      await world.clock.advance(1_000);
      const before = world.view()?.lastSeen ?? 0;
      world.failure = REFUSED;
      world.ends[0]?.terminate();
      await world.clock.advance(seed * 20_000);
      assert.deepEqual([world.view()?.isHealthy, world.view()?.lastSeen], [false, before], `seed ${seed}`);
      world.failure = undefined;
      await world.clock.advance(35_000);
      assert.equal(world.view()?.isHealthy, true, `seed ${seed}`);
      assert.ok((world.view()?.lastSeen ?? 0) > before, `seed ${seed}`);
      world.peers.close();
    }
  });

  it('is redialled after 1 s at most, doubling to 30 s, never twice in the same rhythm', async () => {
    const longest: number[] = [];
    for (let seed = 1; seed <= 40; seed += 1) {
      const world = new World(seed);
      world.failure = REFUSED;
      world.peers.addPeer('p', 'h:1');
      await world.clock.runUntil(() => world.dialled.length > 8, 600_000);
      for (const [index, wait] of world.waits().entries())
        longest[index] = Math.max(longest[index] ?? 0, wait);
      world.peers.close();
    }
    for (const [index, bound] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000].entries()) {
      const wait = longest[index] ?? 0;
      assert.ok(wait <= bound && wait > bound * 0.8, `wait ${index}: ${wait} of ${bound}`);
    }
  });

  it('that stayed for a minute is redialled as if it were new, one that did not is not', async () => {
    for (const { stayed, bound } of [
      { stayed: 61_000, bound: 1_000 },
      { stayed: 50_000, bound: 30_000 },
    ]) {
      let longest = 0;
      for (let seed = 1; seed <= 30; seed += 1) {
        const world = new World(seed);
        world.failure = REFUSED;
        world.peers.addPeer('p', 'h:1');
        await world.clock.runUntil(() => world.dialled.length > 8, 600_000);
        world.failure = undefined;
        await world.clock.runUntil(() => world.view()?.isHealthy === true, 60_000);
        await world.clock.advance(stayed);
        const count = world.dialled.length;
        const since = world.clock.now();
        world.ends.at(-1)?.terminate();
        await world.clock.runUntil(() => world.dialled.length > count, 60_000);
        longest = Math.max(longest, world.clock.now() - since);
        world.peers.close();
      }
      assert.ok(longest <= bound && longest > bound * 0.8, `${longest} after ${stayed}`);
    }
  });

  it('that answers 401 is dialled no faster than every 60 s', async () => {
    const world = new World();
    world.failure = new P2pUnauthorized('HTTP 401');
    world.peers.addPeer('p', 'h:1');
    await world.clock.advance(600_000);
    assert.equal(world.dialled.length, 11);
    assert.ok(world.waits().every((wait) => wait >= 60_000));
  });

  it('is not dialled while it has a link of its own open, and is when that has ended', async () => {
    const world = new World();
    const end = world.comeIn('p');
    world.peers.addPeer('p', 'h:1');
    await world.clock.advance(300_000);
    assert.equal(world.dialled.length, 0);
    assert.equal(world.view()?.isHealthy, true);
    end.terminate();
    await world.clock.advance(2_000);
    assert.equal(world.dialled.length, 1);
  });

  it('is not dialled before the old socket is completely closed', async () => {
    const world = new World();
    // An end that takes part in nothing, so that the close is given up after 5 s only.
    const [near] = linkedPair(world.clock, '');
    world.peers.network.adopt(near, 'p', 'p:9');
    world.peers.addPeer('p', 'h:1');
    await world.clock.runUntil(() => world.view()?.isHealthy === false, 120_000);
    await world.clock.advance(30_000);
    const closing = world.clock.now();
    assert.equal(world.dialled.length, 0);
    await world.clock.runUntil(() => world.dialled.length === 1, 10_000);
    assert.ok((world.dialled[0]?.at ?? 0) - closing >= 3_000);
  });

  it('moves to another address when it is added again', async () => {
    const world = new World();
    world.failure = REFUSED;
    world.peers.addPeer('p', 'h:1');
    await world.clock.advance(100_000);
    world.failure = undefined;
    world.peers.addPeer('p', 'h:2');
    await world.clock.settle();
    assert.deepEqual([world.dialled.at(-1)?.address.address, world.view()?.isHealthy], ['h:2', true]);
  });

  it('that dialled in and is not configured is shown while its link is open', async () => {
    const world = new World();
    const end = world.comeIn('q');
    assert.equal(world.view('q')?.isHealthy, true);
    end.terminate();
    await world.clock.advance(60_000);
    assert.equal(world.view('q'), undefined);
    assert.equal(world.dialled.length, 0);
  });
});

describe('a peer of the command line', () => {
  it('is told once when it is linked', async () => {
    const world = new World();
    world.peers.addNamed('http://h1:8080');
    await world.clock.advance(1_000);
    for (let round = 0; round < 3; round += 1) {
      world.ends.at(-1)?.terminate();
      await world.clock.advance(60_000);
    }
    assert.ok(world.dialled.length > 3);
    assert.deepEqual(world.told, ['added http://h1:8080']);
    assert.equal(world.view('p')?.address, 'h1:8080');
  });

  it('is told once when it fails; the retries are silent, and so is their success', async () => {
    const world = new World();
    world.failure = REFUSED;
    world.peers.addNamed('p@h1:8080');
    await world.clock.advance(100_000);
    world.failure = undefined;
    await world.clock.advance(40_000);
    assert.equal(world.view('p')?.isHealthy, true);
    assert.deepEqual(world.told, ['failed p@h1:8080: connection refused']);
  });

  for (const { text, told } of [
    { text: 'ftp://h', told: 'failed ftp://h: invalid address' },
    { text: 'a b@h:1', told: 'failed a b@h:1: invalid address' },
  ]) {
    it(`${text} is none`, async () => {
      const world = new World();
      world.peers.addNamed(text);
      await world.clock.advance(100_000);
      assert.deepEqual([world.told, world.dialled], [[told], []]);
    });
  }

  it('that is this node itself is not dialled', async () => {
    const world = new World();
    world.idThere = 'n';
    world.peers.addNamed('h1:8080');
    await world.clock.advance(1_000);
    assert.deepEqual([world.told, world.dialled], [['failed h1:8080: that is this node itself'], []]);
  });

  it('may be at any address, one that is named over HTTP may not', async () => {
    const world = new World();
    world.peers.addNamed('p@169.254.1.2:8080');
    await world.clock.settle();
    assert.deepEqual(world.told, ['added p@169.254.1.2:8080']);
    assert.equal(world.dialled[0]?.address.isRestricted, undefined);
    assert.deepEqual(world.peers.addPeer('q', '169.254.1.2:8080'), {
      kind: 'forbidden',
      reason: '169.254.1.2 is a link-local address, which is not dialled',
    });
    world.peers.addPeer('r', 'r.example:8080');
    await world.clock.settle();
    assert.equal(world.dialled.at(-1)?.address.isRestricted, true);
  });
});
