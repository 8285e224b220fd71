import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome } from '@relay/protocol';
import { call, offer, Scene, send, type TestHome, type TestMain } from './scene.test.ts';

async function twoUplinks(scene: Scene, names: readonly string[]) {
  const mains = names.map((name) => scene.main(name));
  const home = scene.home(
    'alice.home',
    mains.map(({ url }) => url),
    { uplinks: 2 },
  );
  home.manager.offer([offer('shop')]);
  home.manager.start();
  await scene.clock.advance(500);
  return { mains: mains as [TestMain, TestMain, ...TestMain[]], home };
}

const linkedTo = ({ manager }: TestHome): string[] => manager.sessions.map(({ nodeId }) => nodeId).toSorted();
const knows = ({ owner }: TestMain): boolean => owner.serviceCount('alice.home') === 1;

async function isAnswered(scene: Scene, main: TestMain): Promise<boolean> {
  const way = main.manager.home('alice.home');
  if (way === undefined) return false;
  const { outcomes } = send(way, call('echo', { deadline: scene.clock.now() + 1_000 }));
  await scene.clock.advance(100);
  return outcomes[0]?.kind === 'result';
}

describe('a Home with two uplinks', () => {
  it('is registered at two Mains under one instance and takes calls over both', async () => {
    const scene = new Scene();
    const { mains, home } = await twoUplinks(scene, ['relay-a', 'relay-b']);
    assert.deepEqual(linkedTo(home), ['relay-a', 'relay-b']);
    const [a, b] = mains;
    assert.ok(knows(a) && knows(b));
    assert.equal(a.manager.home('alice.home')?.instance, b.manager.home('alice.home')?.instance);
    assert.ok((await isAnswered(scene, a)) && (await isAnswered(scene, b)));
    assert.equal(home.manager.session?.nodeId, 'relay-a');
  });

  it('goes on over the other when one Main crashes, and has both again after', async () => {
    const scene = new Scene();
    const { mains, home } = await twoUplinks(scene, ['relay-a', 'relay-b']);
    scene.network.crash('relay-a');
    await scene.clock.advance(60_000);
    assert.deepEqual(linkedTo(home), ['relay-b']);
    assert.ok(await isAnswered(scene, mains[1]));
    assert.equal(home.manager.session?.nodeId, 'relay-b');
    scene.network.restart('relay-a');
    const again = scene.main('relay-a');
    await scene.clock.advance(70_000);
    assert.deepEqual(linkedTo(home), ['relay-a', 'relay-b']);
    assert.ok(knows(again) && (await isAnswered(scene, again)));
    assert.equal(mains[1].owner.opened.length, 1, 'the other link was not touched');
  });

  it('does not hold two links to one Main, whatever its addresses', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const alias = main.url.replace('/ws/federation', '/ws/./federation');
    const home = scene.home('alice.home', [main.url, alias], { uplinks: 2 });
    home.manager.start();
    await scene.clock.advance(300_000);
    assert.deepEqual(linkedTo(home), ['relay-a']);
    assert.ok(main.owner.opened.length <= 2, `${main.owner.opened.length} sessions in five minutes`);
  });

  it('has a link to a third Main before it leaves one that drains', async () => {
    const scene = new Scene();
    const { mains, home } = await twoUplinks(scene, ['relay-a', 'relay-b', 'relay-c']);
    const [a, , c] = mains;
    const drained = a.manager.drain(5_000);
    await scene.clock.runUntil(() => a.manager.home('alice.home') === undefined, 5_000, 'the Home to leave');
    assert.ok(c !== undefined && knows(c), 'it is registered at relay-c by then');
    await scene.clock.advance(100);
    await drained;
    assert.deepEqual(linkedTo(home), ['relay-b', 'relay-c']);
  });

  it('takes its services back everywhere when it stops', async () => {
    const scene = new Scene();
    const { mains, home } = await twoUplinks(scene, ['relay-a', 'relay-b']);
    const stopped = home.manager.stop({ drain: true });
    await scene.clock.advance(500);
    await stopped;
    for (const main of mains) {
      assert.equal(main.owner.serviceCount('alice.home'), 0);
      assert.deepEqual(
        main.owner.closed.map(({ reason }) => reason.code),
        [1000],
      );
    }
  });
});

describe('a Main that drains', () => {
  it('loses no call: its Home registers elsewhere, takes back what it offered, and only then goes', async () => {
    const scene = new Scene();
    const a = scene.main('relay-a');
    const b = scene.main('relay-b');
    const home = scene.home('alice.home', [a.url, b.url]);
    home.owner.answer = (request, settle) =>
      void scene.clock.after(50, () => settle({ kind: 'result', body: request.params }));
    home.manager.offer([offer('shop')]);
    home.manager.start();
    await scene.clock.advance(500);
    const outcomes: Outcome[] = [];
    let sent = 0;
    let hadNone = 0;
    const drained = a.manager.drain(30_000);
    for (let ms = 0; ms < 3_000; ms += 1) {
      // As a router does: over the Main where it is registered.
      const main = [b, a].find((each) => knows(each) && each.manager.home('alice.home') !== undefined);
      if (main === undefined) hadNone += 1;
      else {
        sent += 1;
        const deadline = scene.clock.now() + 1_000;
        main.manager
          .home('alice.home')
          ?.call(call('echo', { deadline }), (outcome) => outcomes.push(outcome));
      }
      await scene.clock.advance(1);
    }
    await drained;
    await scene.clock.advance(1_000);
    assert.equal(hadNone, 0, 'it is registered somewhere at every moment');
    assert.equal(outcomes.length, sent);
    assert.deepEqual(
      outcomes.filter(({ kind }) => kind !== 'result'),
      [],
    );
    assert.deepEqual(
      a.owner.closed.map(({ reason }) => reason.code),
      [1000],
    );
    assert.equal(home.manager.status().mainId, 'relay-b');
  });

  it('spreads the returns of its Homes over a second per 500', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const homes = Array.from({ length: 50 }, (_, index) => scene.home(`h${index}`, [main.url]));
    for (const home of homes) home.manager.start();
    await scene.clock.advance(1_000);
    void main.manager.drain(30_000);
    await scene.clock.advance(30);
    const waits = homes.flatMap(({ owner }) => owner.drains.map(({ reconnectInMs }) => reconnectInMs));
    assert.equal(waits.length, 50);
    assert.ok(Math.max(...waits) <= 100, 'fifty have a tenth of a second');
    assert.ok(new Set(waits).size > 25 && Math.max(...waits) > 80, 'and use it');
  });
});

describe('one address', () => {
  it('that opens too many links at once is told so with 4429, and the others are not', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const greedy = scene.network.host('greedy');
    const codes: number[] = [];
    for (let count = 0; count < 30; count += 1) {
      void greedy
        .dial(main.url)
        .then((link) => link.listen({ onData: () => {}, onClose: ({ code }) => codes.push(code) }));
    }
    const home = scene.home('alice.home', [main.url]);
    home.manager.start();
    await scene.clock.advance(100);
    assert.deepEqual(new Set(codes), new Set([4429]));
    assert.equal(codes.length, 20);
    assert.equal(home.manager.status().state, 'connected');
  });

  it('has room for so many Homes and no more, until one goes', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a', { arrivals: { homesPerIp: 2 } });
    const homes = ['h1', 'h2', 'h3'].map((id) => scene.home(id, [main.url], { host: 'household' }));
    for (const { manager } of homes) {
      manager.start();
      await scene.clock.advance(100);
    }
    assert.deepEqual(
      homes.map(({ manager }) => manager.status().state),
      ['connected', 'connected', 'disconnected'],
    );
    assert.equal(homes[2]?.manager.status().lastError, 'too many Homes from this address');
    void homes[0]?.manager.stop();
    await scene.clock.advance(120_000);
    assert.equal(homes[2]?.manager.status().state, 'connected');
  });
});
