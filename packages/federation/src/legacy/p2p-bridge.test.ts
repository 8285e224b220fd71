import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Call, decodeUtf8, encodeUtf8, linkedPair, mainAddress, type Outcome } from '@relay/protocol';
import { ManualClock, seededRandom } from '@relay/testkit';
import { SILENT_LOG } from '../observe/log.ts';
import { FederationServiceRegistry } from '../registry/federation-service-registry.ts';
import { RawClient } from './mesh.test.ts';
import { P2pBridge } from './p2p-bridge.ts';

const SELF = 'relay-a';

/** A Main that bridges to a node of the earlier mesh, which answers when a test says so. */
async function bridged() {
  const clock = new ManualClock();
  const bridge = new P2pBridge({
    self: SELF,
    clock,
    random: seededRandom(3),
    log: SILENT_LOG,
    dial: { link: () => assert.fail('dials nobody'), nodeId: () => assert.fail('dials nobody') },
    registry: new FederationServiceRegistry({ self: mainAddress(SELF), instance: 'x', clock }),
    instance: 'x',
    route: () => assert.fail('calls out only'),
    createTraceparent: () => '',
  });
  const [ours, theirs] = linkedPair(clock, '');
  const old = new RawClient('old', ours, clock);
  bridge.peers.network.adopt(theirs, 'old', 'old:1');
  await old.hello({ servers: ['shop'] });
  const asked = () => old.got.filter(({ type }) => type === 'server_call');
  const ask = async (args: string, idempotencyKey?: string) => {
    const call: Call = {
      service: 'shop',
      method: 'order',
      params: encodeUtf8(args),
      deadline: clock.now() + 30_000,
      source: mainAddress(SELF),
      caller: { kind: 'http', node: SELF },
      path: [],
      ttl: 9,
      priority: 5,
      trace: false,
      traceparent: '',
      callPath: [],
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    };
    const told: { outcome?: Outcome } = {};
    const way = bridge.way('old');
    assert.ok(way !== undefined);
    const cancel = way.call(call, (outcome) => {
      told.outcome = outcome;
    });
    await clock.settle();
    return {
      cancel,
      get text() {
        const { outcome } = told;
        if (outcome === undefined) return undefined;
        return outcome.kind === 'result' ? decodeUtf8(outcome.body) : outcome.failure.name;
      },
    };
  };
  const answer = async (result: unknown) => {
    const { data } = asked().at(-1);
    await old.say({
      type: 'server_response',
      from: 'old',
      to: SELF,
      data: { response_id: data.response_id, success: true, result },
      route: ['old'],
      ttl: 9,
    });
  };
  return { clock, bridge, asked, ask, answer };
}

describe('a call with an idempotency key to a node of the earlier mesh', () => {
  it('runs once there, and who asks again gets its outcome, though the first caller has gone', async () => {
    const { bridge, asked, ask, answer } = await bridged();
    const first = await ask('[17]', 'order-17');
    first.cancel('abandon');
    assert.equal((await ask('[17]', 'order-17')).text, 'idempotency_in_progress');
    await answer({ ordered: 17 });
    assert.equal(first.text, undefined);
    assert.equal((await ask('[ 17 ]', 'order-17')).text, '{"ordered":17}');
    assert.equal((await ask('[18]', 'order-17')).text, 'idempotency_conflict');
    assert.equal(asked().length, 1);
    assert.deepEqual(bridge.idempotency, { first: 1, replayed: 1, in_progress: 1, conflict: 1 });
  });

  it('that may have run is not run again: its failure is the outcome', async () => {
    const { clock, asked, ask } = await bridged();
    const first = await ask('[17]', 'order-17');
    await clock.advance(30_000);
    assert.equal(first.text, 'timeout');
    assert.equal((await ask('[17]', 'order-17')).text, 'timeout');
    assert.equal(asked().length, 1);
  });

  it('is another call with another key, and without one every call is', async () => {
    const { asked, ask, answer } = await bridged();
    for (const key of ['a', 'b', undefined, undefined]) {
      const call = await ask('[17]', key);
      await answer(asked().length);
      assert.equal(call.text, String(asked().length));
    }
    assert.equal(asked().length, 4);
  });
});
