import assert from 'node:assert/strict';
import { it } from 'node:test';
import { homeAddress, mainAddress } from '@relay/protocol';
import { ManualClock } from '@relay/testkit';
import { resolveBalanceOptions } from './balance/options.ts';
import { createCount } from './gateway-ports.ts';
import { FederationServiceRegistry } from './registry/federation-service-registry.ts';

const described = (name: string) => ({
  name,
  methods: [],
  visibility: 'federated' as const,
  weight: 1,
  instance: 'i',
});

it('instances are counted again when something has changed, and only then', () => {
  const clock = new ManualClock();
  const registry = new FederationServiceRegistry({ self: mainAddress('relay-a'), instance: 'x', clock });
  let walks = 0;
  const { all } = registry.local;
  registry.local.all = () => {
    walks += 1;
    return all.call(registry.local);
  };
  let hasOpenCircuits = false;
  const count = createCount(registry, { clock, balance: resolveBalanceOptions({}) }, () => hasOpenCircuits);
  const counted = () => {
    const { local, federated, failed } = count();
    return `${local}+${federated} ${failed} failed, walk ${walks}`;
  };
  assert.equal(count().own, 0);
  assert.equal(walks, 0, 'the own services are known without a walk');

  registry.homeConnected('alice', 'i', false);
  const services = ['blog', 'mail'].map(described);
  const message = { type: 'registration', id: 1, seq: 1, base: 0, removed: [], complete: true } as const;
  registry.register('alice', { ...message, services });
  assert.equal(counted(), '2+0 0 failed, walk 1');
  assert.equal(counted(), '2+0 0 failed, walk 1');
  registry.homeLost('alice', false);
  assert.equal(counted(), '2+0 2 failed, walk 2');

  const link = { isHealthy: true };
  registry.peerConnected('relay-b', link);
  const entry = {
    ...described('shop'),
    node: homeAddress('bob', 'relay-b'),
    healthy: true,
    capacity: 1,
    seq: 1,
  };
  registry.discover('relay-b', { kind: 'snapshot', instance: 'b', seq: 1, add: [entry], complete: true });
  assert.equal(counted(), '2+1 2 failed, walk 3');
  // Nobody tells the registry of the health of a link.
  link.isHealthy = false;
  assert.equal(counted(), '2+1 3 failed, walk 4');
  link.isHealthy = true;
  assert.equal(counted(), '2+1 2 failed, walk 5');

  hasOpenCircuits = true;
  assert.equal(counted(), '2+1 2 failed, walk 6');
  assert.equal(counted(), '2+1 2 failed, walk 7');
  hasOpenCircuits = false;
  assert.equal(counted(), '2+1 2 failed, walk 7');
  registry.close();
});
