import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createFailure, homeAddress, type Outcome, type ServiceDescription } from '@relay/protocol';
import { createInstance } from '../registry/instance.ts';
import { Health } from './health.ts';
import { resolveBalanceOptions } from './options.ts';

it('circuits and ejections are counted without a look at every instance', () => {
  const made = (id: string) =>
    createInstance({
      description: { name: 'blog', instance: id, weight: 1, methods: [] } as unknown as ServiceDescription,
      node: homeAddress(id, 'relay-a.com'),
      origin: 'home',
      capacity: 10,
      isHealthy: true,
      holder: { isReachable: true, lastSeen: 0, expiresAt: undefined },
    });
  const all = ['a', 'b', 'c'].map(made);
  const config = resolveBalanceOptions({ failures: 2, openForMs: 1_000 });
  const health = new Health({ self: 'relay-a.com', config, peersOf: () => [all] });
  const failure: Outcome = { kind: 'failure', failure: createFailure('internal_error', 'x', 'a') };
  const [bad] = all;
  assert.ok(bad !== undefined);
  const run = (outcome: Outcome, now: number): void => {
    health.began(bad, 'get', now);
    health.ended(bad, 'get', outcome, now, now);
  };
  assert.deepEqual(health.circuits(0), { open: 0, probing: 0, ejected: 0 });
  run(failure, 1);
  run(failure, 2);
  assert.deepEqual(health.circuits(3), { open: 1, probing: 0, ejected: 1 });
  assert.equal(health.ejections, 1);
  run({ kind: 'result', body: new Uint8Array(0) }, 5_000);
  assert.deepEqual(health.circuits(5_001), { open: 0, probing: 0, ejected: 0 });
});

it('what nobody calls any more is not counted for ever', () => {
  const config = resolveBalanceOptions({ failures: 1, openForMs: 1_000 });
  const instance = createInstance({
    description: { name: 'blog', instance: 'i', weight: 1, methods: [] } as unknown as ServiceDescription,
    node: homeAddress('a', 'relay-a.com'),
    origin: 'home',
    capacity: 10,
    isHealthy: true,
    holder: { isReachable: true, lastSeen: 0, expiresAt: undefined },
  });
  const health = new Health({ self: 'relay-a.com', config, peersOf: () => [[instance]] });
  const failure: Outcome = { kind: 'failure', failure: createFailure('internal_error', 'x', 'a') };
  health.began(instance, 'get', 0);
  health.ended(instance, 'get', failure, 0, 1);
  assert.equal(health.circuits(2).open, 1);
  assert.equal(health.circuits(10_000_000).open, 0);
});
