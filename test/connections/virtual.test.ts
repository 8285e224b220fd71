// What calls get that a node cannot wait for any longer, in virtual time.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '@relay/testkit';
import { SimulatedFederation } from '../simulation/simulated-federation.ts';

describe('a node that stops', () => {
  for (const [who, from] of [
    ['a Main', 'relay-a'],
    ['a Home', 'alice'],
  ] as const) {
    it(`cuts calls after 10 s and says that nobody can tell whether they ran: ${who}`, async () => {
      const federation = new SimulatedFederation(seededRandom(1));
      federation.addMain('relay-a', []);
      federation.addHome('alice', ['relay-a'], []);
      federation.addHome('bob', ['relay-a'], ['mute']);
      await federation.converge(10_000);
      // A Main's own program; a Home that keeps the call would itself be gone after 10 s.
      const offer = { name: 'mute', methods: [], visibility: 'federated', weight: 1 } as const;
      if (from === 'relay-a') federation.main('relay-a').setServices([{ offer, handle: () => () => {} }]);
      const node = from === 'alice' ? federation.home('alice') : federation.main('relay-a');
      const outcomes: unknown[] = [];
      const call = {
        service: 'mute',
        method: 'who',
        params: new TextEncoder().encode('[0]'),
        deadline: federation.clock.now() + 600_000,
        source: { type: 'home', id: 'x' },
        caller: { kind: 'program', node: 'x' },
        path: [],
        ttl: 10,
        priority: 5,
        trace: false,
        traceparent: '',
        callPath: [],
      } as const;
      node.outbound(call, (outcome) => {
        const { name, executed } =
          outcome.kind === 'failure' ? outcome.failure : { name: 'result', executed: '' };
        outcomes.push([name, executed]);
      });
      await federation.clock.advance(100);
      let cut = -1;
      // The Home with the silent service keeps its link until its own limit of 10 s.
      const began = federation.clock.now();
      void (from === 'alice' ? federation.home('alice').stop() : federation.main('relay-a').stop(1_000)).then(
        (calls) => {
          cut = calls.length;
        },
      );
      await federation.clock.runUntil(() => cut >= 0, 60_000, 'the node to stop');
      assert.equal(cut, 1);
      assert.deepEqual(outcomes, [['shutting_down', 'unknown']]);
      const tookMs = federation.clock.now() - began;
      assert.ok(tookMs >= 9_900 && tookMs <= 11_500, `after ${tookMs} ms`);
    });
  }

  it('stops at once without sessions and calls', async () => {
    const federation = new SimulatedFederation(seededRandom(2));
    federation.addMain('relay-a', []);
    let isDone = false;
    void federation
      .main('relay-a')
      .stop(30_000)
      .then(() => {
        isDone = true;
      });
    await federation.clock.advance(50);
    assert.ok(isDone);
  });
});
