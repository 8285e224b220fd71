import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createFailure, homeAddress, mainAddress } from '@relay/protocol';
import { ManualClock } from '@relay/testkit';
import { Health } from './balance/health.ts';
import { resetCircuits } from './balance/instance-stats.ts';
import { resolveBalanceOptions } from './balance/options.ts';
import { countInstances } from './gateway-ports.ts';
import { FederationServiceRegistry } from './registry/federation-service-registry.ts';
import type { Instance } from './registry/instance.ts';

const config = resolveBalanceOptions({ failures: 1, openForMs: 1_000 });

const described = (name: string) => ({
  name,
  methods: [],
  visibility: 'federated' as const,
  weight: 1,
  instance: 'i',
});

function createScene() {
  const clock = new ManualClock();
  const registry = new FederationServiceRegistry({ self: mainAddress('relay-a'), instance: 'x', clock });
  const health = new Health({
    self: 'relay-a',
    config,
    peersOf: (service) => registry.listsOf(service),
    isListed: (instance) => registry.isListed(instance),
  });
  const register = (home: string, seq: number, ...names: readonly string[]): void => {
    registry.homeConnected(home, 'i', true);
    const message = { type: 'registration', id: 1, seq, base: 0, removed: [], complete: true } as const;
    registry.register(home, { ...message, services: names.map(described) });
  };
  const learn = (home: string, main: string, service: string): void => {
    registry.peerConnected(main, { isHealthy: true });
    const entry = {
      ...described(service),
      node: homeAddress(home, main),
      healthy: true,
      capacity: 1,
      seq: 1,
    };
    registry.discover(main, { kind: 'snapshot', instance: main, seq: 1, add: [entry], complete: true });
  };
  const fail = (instance: Instance): void => {
    const failure = createFailure('internal_error', 'x', instance.address);
    health.began(instance, 'get', clock.now());
    health.ended(instance, 'get', { kind: 'failure', failure }, clock.now(), clock.now());
  };
  return {
    clock,
    registry,
    health,
    register,
    learn,
    fail,
    local: (service: string) => registry.local.of(service)[0] as Instance,
    federated: (service: string) => registry.federated.of(service)[0] as Instance,
    counted: () => {
      const { local, federated, failed, openCircuits } = countInstances(
        registry,
        health.troubled(),
        clock.now(),
        config,
      );
      return `${local}+${federated}, ${failed} failed, ${openCircuits} open`;
    },
  };
}

it('an instance that cannot be called, or has an open circuit, has failed once', () => {
  const { registry, register, fail, counted, local } = createScene();
  register('alice', 1, 'blog', 'mail');
  assert.equal(counted(), '2+0, 0 failed, 0 open');
  fail(local('blog'));
  assert.equal(counted(), '2+0, 1 failed, 1 open');
  registry.homeLost('alice', false);
  assert.equal(counted(), '2+0, 2 failed, 1 open');
  registry.homeConnected('alice', 'i', true);
  assert.equal(counted(), '2+0, 0 failed, 0 open', 'it is back: nothing is held against it');
  registry.close();
});

it('a circuit counts until it closes, however long nobody calls', () => {
  const { clock, registry, register, fail, counted, local } = createScene();
  register('alice', 1, 'blog');
  fail(local('blog'));
  clock.advanceSync(3_600_000);
  assert.equal(counted(), '1+0, 1 failed, 1 open');
  resetCircuits(local('blog').stats);
  assert.equal(counted(), '1+0, 0 failed, 0 open');
  registry.close();
});

it('circuits of what is gone are forgotten', () => {
  const { registry, health, register, fail, counted, local } = createScene();
  register('alice', 1, 'blog', 'mail');
  fail(local('blog'));
  register('alice', 2, 'mail');
  assert.equal(counted(), '1+0, 0 failed, 0 open');
  register('alice', 3, 'blog', 'mail');
  assert.equal(counted(), '2+0, 0 failed, 0 open');
  assert.deepEqual([...health.troubled()], []);
  registry.close();
});

it('circuits of the second way to a process do not count', () => {
  const { registry, register, learn, fail, counted, federated } = createScene();
  learn('alice', 'relay-b', 'blog');
  fail(federated('blog'));
  assert.equal(counted(), '0+1, 1 failed, 1 open');
  register('alice', 1, 'blog');
  assert.equal(counted(), '1+0, 0 failed, 0 open');
  registry.homeLost('alice', false);
  assert.equal(counted(), '0+1, 1 failed, 1 open');
  registry.close();
});

it('counting walks over no list of instances', () => {
  const { registry, register, counted } = createScene();
  register('alice', 1, 'blog');
  for (const index of [registry.local, registry.federated]) {
    index.all = () => assert.fail('walked over every instance');
  }
  assert.equal(counted(), '1+0, 0 failed, 0 open');
  registry.close();
});
