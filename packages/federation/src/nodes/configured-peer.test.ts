import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ManualClock, seededRandom } from '@relay/testkit';
import { Admission } from '../identity/admission.ts';
import { createMemoryAdmissionStore } from '../identity/admission-store.ts';
import { createIdentity } from '../identity/keys.ts';
import type { DialRules } from '../link/dial.ts';
import { MainRelayConnectionManager } from './main-relay-connection-manager.ts';
import { Owner } from './scene.test.ts';

it('peers of HTTP and DNS are dialled under the rules for outbound addresses, those of the operator are not', async () => {
  const clock = new ManualClock();
  const random = seededRandom(1);
  const dialled: [string, DialRules | undefined][] = [];
  const manager = new MainRelayConnectionManager({
    self: 'relay-a',
    identity: createIdentity(random),
    admission: new Admission({ self: 'relay-a', clock, store: createMemoryAdmissionStore() }),
    dial: (url, rules) => {
      dialled.push([url, rules]);
      return Promise.reject(new Error('nobody there'));
    },
    clock,
    random,
    owner: new Owner(),
    events: { emit: () => {} },
    software: 'relay/test',
  });
  for (const source of ['flag', 'config', 'api', 'dns'] as const) manager.addPeer(`ws://${source}/`, source);
  await clock.settle();
  assert.deepEqual(dialled, [
    ['ws://flag/', { isRestricted: false }],
    ['ws://config/', { isRestricted: false }],
    ['ws://api/', { isRestricted: true }],
    ['ws://dns/', { isRestricted: true }],
  ]);
  await manager.stop();
});
