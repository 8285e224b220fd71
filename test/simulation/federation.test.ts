import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { homeAddress, mainAddress, type Outcome } from '@relay/protocol';
import { seededRandom, withSeeds } from '@relay/testkit';
import { SimulatedFederation } from './simulated-federation.ts';

/** Seeds of each random run and the first of them; the long form sets RELAY_SEEDS, in several parts RELAY_SEEDS_FROM too. */
const SEEDS = Number(process.env['RELAY_SEEDS'] ?? 300);
const FIRST_SEED = Number(process.env['RELAY_SEEDS_FROM'] ?? 1);
/** Half a second of computing for each seed, and more on a machine that does other things: no test of waiting. */
const LIMIT = { timeout: Math.max(600_000, SEEDS * 2_000) };

/** alice and bob at relay-a, charlie and dora at relay-b, which are peers of each other. */
async function createFederation(random = seededRandom(1)): Promise<SimulatedFederation> {
  const federation = new SimulatedFederation(random);
  federation.addMain('relay-a', ['relay-b']);
  federation.addMain('relay-b', ['relay-a']);
  federation.addHome('alice', ['relay-a'], ['blog']);
  federation.addHome('bob', ['relay-a'], ['shop']);
  federation.addHome('charlie', ['relay-b'], ['news', 'shop', 'mute']);
  federation.addHome('dora', ['relay-b'], ['mail']);
  await federation.converge(60_000);
  return federation;
}

function told(outcome: Outcome): string {
  return outcome.kind === 'result'
    ? `${new TextDecoder().decode(outcome.body)} by ${outcome.trace?.path.join(' ')}`
    : `${outcome.failure.name} ${outcome.failure.executed} at ${outcome.failure.at}`;
}

describe('a federation of two Mains and four Homes', () => {
  it('answers a call to a Home of the same Main in two hops', async () => {
    const federation = await createFederation();
    const outcome = await federation.outcomeOf(
      federation.call('alice', 'shop', homeAddress('bob', 'relay-a')),
    );
    assert.equal(told(outcome), '"bob.shop" by alice relay-a bob');
  });

  it('answers a call to a Home of another Main in three hops', async () => {
    const federation = await createFederation();
    const outcome = await federation.outcomeOf(federation.call('alice', 'news'));
    assert.equal(told(outcome), '"charlie.news" by alice relay-a relay-b charlie');
  });

  it('shows what every node did, in order', async () => {
    const federation = await createFederation();
    const outcome = await federation.outcomeOf(federation.call('alice', 'news'));
    assert.deepEqual(
      outcome.trace?.spans.map(({ node, event }) => `${node} ${event}`),
      [
        'alice received',
        'alice forwarded',
        'relay-a received',
        'relay-a forwarded',
        'relay-b received',
        'relay-b forwarded',
        'charlie received',
        'charlie executed',
        'alice answered',
      ],
    );
  });

  for (const { why, to, service, says } of [
    {
      why: 'an unknown node',
      to: homeAddress('nobody'),
      service: 'fake',
      says: 'node_not_found no at relay-a',
    },
    {
      why: 'an unknown Main',
      to: homeAddress('x', 'relay-z'),
      service: 'fake',
      says: 'node_not_found no at relay-a',
    },
    {
      why: 'an unknown Home of another Main',
      to: homeAddress('x', 'relay-b'),
      service: 'fake',
      says: 'node_not_found no at relay-b',
    },
    {
      why: 'an unknown service of a Home',
      to: homeAddress('charlie'),
      service: 'fake',
      says: 'service_not_found no at relay-b',
    },
    { why: 'an unknown service', to: undefined, service: 'fake', says: 'service_not_found no at relay-a' },
    {
      why: 'a service of a Main that has none',
      to: mainAddress('relay-b'),
      service: 'fake',
      says: 'service_not_found no at relay-b',
    },
  ]) {
    it(`says at once that ${why} is not known`, async () => {
      const federation = await createFederation();
      // A Main that has just started waits for its peers before it calls anything unknown.
      await federation.clock.advance(10_000);
      const before = federation.clock.now();
      const outcome = await federation.outcomeOf(federation.call('alice', service, to));
      assert.equal(told(outcome), says);
      assert.ok(federation.clock.now() - before < 200, `after ${federation.clock.now() - before} ms`);
    });
  }

  it('forgets a Home that leaves at once, everywhere', async () => {
    const federation = await createFederation();
    await federation.leave('charlie');
    await federation.clock.advance(200);
    assert.equal(federation.disagreement(), undefined);
    const outcome = await federation.outcomeOf(federation.call('alice', 'news'));
    assert.equal(told(outcome), 'service_not_found no at relay-a');
  });

  it('T1 ghost nodes: a Home that crashed is not called, and gone after its lease', async () => {
    const federation = await createFederation();
    federation.crash('charlie');
    await federation.clock.advance(1_000);
    const outcome = await federation.outcomeOf(federation.call('alice', 'news'));
    assert.equal(told(outcome), 'no_healthy_instance no at relay-a');
    await federation.clock.advance(92_000);
    assert.equal(federation.disagreement(), undefined);
  });

  it('finds a Home that fell silent within the heartbeat bound', async () => {
    const federation = await createFederation();
    federation.network.cut('charlie', 'relay-b', { silent: true });
    federation.network.partition('charlie', 'relay-b');
    await federation.clock.advance(46_000);
    const outcome = await federation.outcomeOf(federation.call('alice', 'news'));
    assert.equal(told(outcome), 'no_healthy_instance no at relay-a');
    federation.network.heal();
    await federation.converge(120_000);
  });

  it('ends a call that waits on a lost link at once, and says that nobody can tell whether it ran', async () => {
    const federation = await createFederation();
    const tracked = federation.call('alice', 'mute');
    await federation.clock.advance(500);
    assert.equal(tracked.outcomes.length, 0);
    federation.crash('charlie');
    const before = federation.clock.now();
    const outcome = await federation.outcomeOf(tracked);
    assert.equal(told(outcome), 'home_disconnected unknown at relay-b');
    assert.ok(federation.clock.now() - before < 1_000);
  });

  for (const { why, hasKey, keepsOutcomes, says, runs } of [
    { why: 'with a key', hasKey: true, keepsOutcomes: true, says: '"charlie.news"', runs: 1 },
    { why: 'without a key', hasKey: false, keepsOutcomes: true, says: 'home_disconnected unknown', runs: 1 },
    {
      why: 'with a key that nobody keeps (negative control)',
      hasKey: true,
      keepsOutcomes: false,
      says: '"charlie.news"',
      runs: 2,
    },
  ]) {
    it(`says ${says} after ${runs === 1 ? 'one run' : 'two runs'} when a Home crashed before its answer arrived: ${why}`, async () => {
      const federation = await createFederation();
      federation.keepsOutcomes = keepsOutcomes;
      // What a process has sent arrives even after its end; here it is held back, and lost with the link.
      federation.network.partitionOneWay('charlie', 'relay-b');
      const tracked = federation.call('alice', 'news', undefined, hasKey);
      await federation.clock.runUntil(() => federation.runs.get(tracked.number) === 1, 1_000, 'it to run');
      federation.network.cut('charlie', 'relay-b');
      federation.crash('charlie');
      federation.network.heal();
      federation.restart('charlie');
      const outcome = await federation.outcomeOf(tracked);
      assert.ok(told(outcome).startsWith(says), told(outcome));
      assert.equal(federation.runs.get(tracked.number), runs);
    });
  }

  it('goes on after a Main crashed and came back', async () => {
    const federation = await createFederation();
    federation.crash('relay-b');
    await federation.clock.advance(5_000);
    const lost = await federation.outcomeOf(federation.call('alice', 'news'));
    assert.equal(told(lost), 'no_healthy_instance no at relay-a');
    federation.restart('relay-b');
    await federation.converge(180_000);
    const outcome = await federation.outcomeOf(federation.call('alice', 'news'));
    assert.equal(told(outcome), '"charlie.news" by alice relay-a relay-b charlie');
  });

  it('keeps each side working in a partition and agrees again after it', async () => {
    const federation = await createFederation();
    federation.network.partition('relay-a', 'relay-b');
    await federation.clock.advance(90_000);
    assert.equal(
      told(await federation.outcomeOf(federation.call('alice', 'shop'))),
      '"bob.shop" by alice relay-a bob',
    );
    assert.equal(
      told(await federation.outcomeOf(federation.call('dora', 'shop'))),
      '"charlie.shop" by dora relay-b charlie',
    );
    assert.equal(
      told(await federation.outcomeOf(federation.call('alice', 'news'))),
      'no_healthy_instance no at relay-a',
    );
    federation.crash('bob');
    federation.network.heal();
    await federation.converge(240_000);
    assert.equal(
      told(await federation.outcomeOf(federation.call('alice', 'shop'))),
      '"charlie.shop" by alice relay-a relay-b charlie',
    );
  });

  it('prefers a local instance, and takes a remote one when it is gone', async () => {
    const federation = await createFederation();
    for (let count = 0; count < 4; count += 1) {
      assert.match(told(await federation.outcomeOf(federation.call('alice', 'shop'))), /^"bob\.shop"/);
    }
    await federation.leave('bob');
    assert.match(told(await federation.outcomeOf(federation.call('alice', 'shop'))), /^"charlie\.shop"/);
  });

  it('moves the Homes of a Main that leaves to their fallback', async () => {
    const federation = await createFederation();
    federation.addHome('erin', ['relay-b', 'relay-a'], ['chess']);
    await federation.converge(60_000);
    await federation.leave('relay-b');
    for (const id of ['charlie', 'dora']) federation.crash(id);
    await federation.clock.runUntil(
      () => federation.home('erin').connection.session?.nodeId === 'relay-a',
      120_000,
      'erin at relay-a',
    );
    assert.equal(
      told(await federation.outcomeOf(federation.call('alice', 'chess'))),
      '"erin.chess" by alice relay-a erin',
    );
  });
});

describe('any federation', () => {
  it(
    `gives every call one outcome and agrees in the end, whatever crashes and parts (${SEEDS} seeds)`,
    LIMIT,
    async () => {
      await withSeeds(
        SEEDS,
        async (random) => {
          const federation = new SimulatedFederation(random);
          const mains = ['main-1', 'main-2', 'main-3'];
          const services = ['s1', 's2', 's3', 's4'];
          for (const id of mains)
            federation.addMain(
              id,
              mains.filter((other) => other !== id),
            );
          const homes = Array.from({ length: 12 }, (_, index) => `home-${index}`);
          for (const id of homes) {
            federation.addHome(
              id,
              random.shuffle(mains).slice(0, random.integer(1, 3)),
              random.shuffle(services).slice(0, 2),
            );
          }
          const hosts = [...mains, ...homes];
          federation.network.setFaults('*', '*', { delayMs: [1, random.pick([5, 50, 400])] });
          federation.isUnreliable = random.chance(0.2);
          if (federation.isUnreliable)
            federation.network.setFaults('*', '*', { duplicateRatio: 0.005, reorderRatio: 0.01 });
          for (let step = 0; step < 40; step += 1) {
            const act = random.integer(0, 99);
            const host = random.pick(hosts);
            const other = random.pick(hosts.filter((id) => id !== host));
            if (act < 50) {
              const callers = federation.running.filter((id) => homes.includes(id));
              for (const from of random.shuffle(callers).slice(0, 3)) {
                const target = random.pick([
                  undefined,
                  homeAddress(random.pick(homes)),
                  homeAddress(random.pick(homes), random.pick(mains)),
                ]);
                federation.call(from, random.pick(services), target, random.chance(0.3));
              }
            } else if (act < 60) federation.crash(host);
            else if (act < 72) federation.restart(host);
            else if (act < 80) federation.network.cut(host, other, { silent: random.chance(0.5) });
            else if (act < 86) federation.network.partition(host, other);
            else if (act < 90) federation.network.partitionOneWay(host, other);
            else if (act < 93) federation.jumpClock(host, random.integer(-86_400_000, 86_400_000));
            else federation.network.heal();
            await federation.clock.advance(random.integer(1, random.chance(0.2) ? 60_000 : 2_000));
            federation.checkCalls();
            federation.checkGhosts();
          }
          federation.network.heal();
          federation.network.setFaults('*', '*', { duplicateRatio: 0, reorderRatio: 0 });
          for (const id of hosts) if (!federation.isRunning(id)) federation.restart(id);
          await federation.converge(900_000);
          // A link that was cut in silence shows after 2.25 heartbeats; by then every call is over as well.
          await federation.clock.advance(75_000);
          federation.checkCalls();
          await federation.converge(900_000);
          // Who asks again with the key at the same node gets the outcome of what was done, once.
          const keyed = federation.calls.filter(
            ({ hasKey, destination }) => hasKey && destination !== undefined,
          );
          for (const call of keyed) await federation.outcomeOf(federation.callAgain(call));
          federation.checkCalls();
          for (const { number, to, hasKey } of federation.calls) {
            const count = federation.runs.get(number) ?? 0;
            if (hasKey) assert.ok(count <= 1, `call ${number} to ${to} with a key ran ${count} times`);
          }
          // What is agreed on also works.
          const calls = homes.flatMap((from) => services.map((service) => federation.call(from, service)));
          for (const call of calls) {
            const outcome = await federation.outcomeOf(call);
            const isOffered = homes.some((id) =>
              [...federation.home(id).registry.ownServices()].some(({ description }) =>
                call.to.startsWith(`${description.name}@`),
              ),
            );
            if (isOffered)
              assert.equal(outcome.kind, 'result', `${call.from} to ${call.to}: ${told(outcome)}`);
          }
          federation.checkCalls();
        },
        FIRST_SEED,
      );
    },
  );

  it('runs the same way twice from the same seed', async () => {
    const trace = async (): Promise<string> => {
      const federation = await createFederation(seededRandom(42));
      federation.crash('relay-b');
      await federation.clock.advance(30_000);
      federation.restart('relay-b');
      await federation.converge(180_000);
      await federation.outcomeOf(federation.call('alice', 'news'));
      return JSON.stringify([
        federation.events,
        federation.clock.now(),
        federation.calls.map(({ outcomes }) => outcomes.map(told)),
      ]);
    };
    assert.equal(await trace(), await trace());
  });
});
