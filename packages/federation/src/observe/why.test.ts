import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { homeAddress, type ServiceDescription } from '@relay/protocol';
import { createMethodStats } from '../balance/instance-stats.ts';
import { resolveBalanceOptions } from '../balance/options.ts';
import { createInstance, type Instance } from '../registry/instance.ts';
import type { RoutingKnowledge } from './decision.ts';
import { whyByName } from './why.ts';

const SELF = 'relay-a.com';

function instance(id: string, more: Partial<Instance> = {}, isReachable = true): Instance {
  const description = {
    name: 'blog',
    version: '1',
    instance: id,
    weight: 1,
    methods: [{ name: 'get', params: [], returns: 'any', effect: 'reads' }],
  } as unknown as ServiceDescription;
  return createInstance({
    description,
    node: homeAddress(id, SELF),
    origin: 'home',
    capacity: 10,
    isHealthy: true,
    holder: { isReachable, lastSeen: 0, expiresAt: undefined },
    ...more,
  });
}

function knowledge(local: readonly Instance[], federated: readonly Instance[] = []): RoutingKnowledge {
  return {
    local: () => local,
    federated: () => federated,
    isSecondWay: () => false,
    isSettling: () => false,
    balance: resolveBalanceOptions(),
    now: () => 1_000,
  };
}

function why(local: readonly Instance[], federated: readonly Instance[] = [], method = 'get') {
  return whyByName(SELF, knowledge(local, federated), 'blog', method, 'round_robin');
}

function opened(id: string): Instance {
  const made = instance(id);
  made.stats.failures = 5;
  made.stats.methods.set('get', { ...createMethodStats(), circuit: { kind: 'open', until: 5_000 } });
  return made;
}

describe('why a call would go where', () => {
  it('prefers what has a link here', () => {
    const { decision, failure } = why([instance('a')], [instance('b', { origin: 'peer' })]);
    assert.equal(failure, undefined);
    assert.equal(decision.chosen, 'a@relay-a.com');
    assert.equal(decision.candidateCount, 2);
  });

  it('names none where several take turns', () => {
    const { decision } = why([instance('a'), instance('b')]);
    assert.equal(decision.chosen, null);
    assert.match(decision.reason, /one of 2$/);
  });

  it('goes to another Main while nothing here can take it, and says what is wrong here', () => {
    const { decision } = why([instance('a', {}, false), opened('c')], [instance('b', { origin: 'peer' })]);
    assert.equal(decision.chosen, 'b@relay-a.com');
    assert.deepEqual(
      decision.candidates.map(({ excluded, circuit }) => [excluded, circuit]),
      [
        ['its node is not connected', 'closed'],
        ['its circuit is open', 'open'],
        [null, 'closed'],
      ],
    );
  });

  it('says what the caller would get', () => {
    const full = instance('a');
    full.stats.inFlight = 10;
    for (const [local, name] of [
      [[], 'service_not_found'],
      [[instance('a', {}, false)], 'no_healthy_instance'],
      [[instance('a', { isHealthy: false })], 'no_healthy_instance'],
      [[opened('a')], 'circuit_open'],
      [[full, opened('b')], 'overloaded'],
    ] as const) {
      const { decision, failure } = why(local);
      assert.equal(failure?.name, name);
      assert.equal(decision.chosen, null);
    }
  });

  it('calls nothing unknown while nodes are about to come', () => {
    const settling = { ...knowledge([]), isSettling: () => true };
    const { failure } = whyByName(SELF, settling, 'blog', 'get', 'round_robin');
    assert.equal(failure?.name, 'no_healthy_instance');
    assert.match(failure?.message ?? '', /not known yet to relay-a.com, which has just started/);
  });

  it('takes an ejected instance before none', () => {
    const ejected = instance('a');
    ejected.stats.ejection = { kind: 'open', until: 5_000 };
    const { decision, failure } = why([ejected]);
    assert.equal(failure, undefined);
    assert.match(decision.reason, /ejected/);
  });

  it('tells whether the method is there', () => {
    assert.equal(why([instance('a')]).hasMethod, true);
    assert.equal(why([instance('a')], [], 'nothing').hasMethod, false);
    assert.equal(why([]).hasMethod, undefined);
  });

  it("shows a bounded number of candidates, and takes nobody's turn", () => {
    const many = Array.from({ length: 5_000 }, (_, n) => instance(`h${n}`));
    const { decision } = why(many);
    assert.equal(decision.candidates.length, 20);
    assert.equal(decision.candidateCount, 5_000);
    assert.ok(many.every(({ stats }) => stats.credit === 0 && stats.inFlight === 0));
  });
});
