// `remote_call` towards P2P nodes: the table of legacy-p2p.md §7 in both columns, in virtual time. The neighbour is a client made by
// hand that answers what a row says. The row of a disabled registry is R10.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MainNode } from '@relay/federation';
import { encodeUtf8, type Failure, linkedPair, type Outcome, type Service } from '@relay/protocol';
import { ManualClock, seededRandom } from '@relay/testkit';
import { Admission } from '../../packages/federation/src/identity/admission.ts';
import { createMemoryAdmissionStore } from '../../packages/federation/src/identity/admission-store.ts';
import { createIdentity } from '../../packages/federation/src/identity/keys.ts';
import { type Json, RawClient, Valve } from '../../packages/federation/src/legacy/mesh.test.ts';
import type { P2pDial } from '../../packages/federation/src/legacy/p2p-dialler.ts';
import type { P2pPeers } from '../../packages/federation/src/legacy/p2p-peers.ts';
import { SILENT_LOG } from '../../packages/federation/src/observe/log.ts';
import { P2pNode } from '../../packages/federation/src/p2p-node.ts';
import { HttpIngress } from '../../packages/federation/src/routing/ingress.ts';

const SELF = 'n';
const NOBODY: P2pDial = {
  link: () => Promise.reject(new Error('nobody there')),
  nodeId: () => Promise.reject(new Error('nobody there')),
};

/** What the gateway asks of either kind of node. */
type Ingress = Pick<HttpIngress, 'submit'> | Pick<P2pNode, 'submit'>;

interface Asked {
  readonly outcomes: Outcome[];
  readonly cancel: () => void;
}

/** One node, and its neighbour `c1`. */
class Pair {
  readonly clock = new ManualClock();
  readonly client: RawClient;
  readonly #ingress: Ingress;
  readonly #peers: P2pPeers;

  constructor(kind: 'main' | 'p2p') {
    const { clock } = this;
    const random = seededRandom(3);
    const own: Service = {
      offer: {
        name: 'own',
        methods: [{ name: 'where', params: [], returns: 'any', effect: 'reads' }],
        visibility: 'federated',
        weight: 1,
      },
      handle: (_call, settle) => {
        settle({ kind: 'result', body: encodeUtf8(JSON.stringify(SELF)) });
        return () => {};
      },
    };
    const p2p = { dial: NOBODY, log: SILENT_LOG, addPeers: [] };
    if (kind === 'p2p') {
      const node = new P2pNode({ ...p2p, nodeId: SELF, clock, random, defaultTimeoutMs: 30_000 });
      node.setServices([own]);
      this.#ingress = node;
      this.#peers = node.peers;
    } else {
      const node = new MainNode({
        nodeId: SELF,
        identity: createIdentity(random),
        admission: new Admission({ self: SELF, store: createMemoryAdmissionStore(), clock }),
        clock,
        random,
        dial: () => Promise.reject(new Error('nobody there')),
        events: { emit: () => {} },
        peers: [],
        software: 'relay/test',
        p2p,
      });
      node.setServices([own]);
      this.#ingress = new HttpIngress({ router: node.router, clock, defaultTimeoutMs: 60_000 });
      this.#peers = node.p2p?.peers ?? assert.fail('a Main has P2P peers');
    }
    this.client = this.connect('c1');
  }

  connect(id: string): RawClient {
    const [ours, theirs] = linkedPair(this.clock, '');
    const valve = new Valve(theirs);
    const client = new RawClient(id, ours, this.clock, valve);
    this.#peers.network.adopt(valve, id, `${id}:1`);
    return client;
  }

  ask(more: { node?: string; service?: string; method?: string; timeoutMs?: number } = {}): Asked {
    const outcomes: Outcome[] = [];
    const request = {
      node: 'c1',
      service: 's',
      method: 'm',
      params: encodeUtf8('[1]'),
      direct: false,
      ...more,
    };
    const caller = { kind: 'http', remoteAddress: '127.0.0.1' } as const;
    const { cancel } = this.#ingress.submit(request, caller, (outcome) => outcomes.push(outcome));
    return { outcomes, cancel: () => cancel('abandon') };
  }

  /** Answers the call that came last. */
  async answer(data: object): Promise<void> {
    await this.clock.settle();
    const call = this.client.got.findLast(({ type }: Json) => type === 'server_call');
    const { response_id } = call.data;
    await this.client.say({
      type: 'server_response',
      from: 'c1',
      to: SELF,
      data: { node_id: 'c1', response_id, ...data },
      route: ['c1'],
      ttl: 9,
    });
  }
}

function failure({ outcomes }: Asked): Pick<Failure, 'code' | 'name' | 'message' | 'executed'> {
  assert.equal(outcomes.length, 1);
  const [outcome] = outcomes;
  if (outcome?.kind !== 'failure') return assert.fail('did not fail');
  const { code, name, message, executed } = outcome.failure;
  return { code, name, message, executed };
}

/** Answers with `success:false`: the text alone, or with a code. */
const ANSWERS: readonly {
  readonly answer: { readonly error: string; readonly code?: string };
  readonly name: string;
  readonly code: number;
  readonly executed: 'no' | 'unknown';
  /** In front of the text. */
  readonly as?: string;
}[] = [
  { answer: { error: 'boom' }, name: 'internal_error', code: -32603, executed: 'unknown' },
  { answer: { error: 'server x not found' }, name: 'service_not_found', code: -32002, executed: 'no' },
  {
    answer: { error: 'no route found to destination z' },
    name: 'node_not_found',
    code: -32001,
    executed: 'no',
    as: 'failed to send remote server call: ',
  },
  {
    answer: { error: 'message TTL exceeded' },
    name: 'too_many_hops',
    code: -32008,
    executed: 'no',
    as: 'failed to send remote server call: ',
  },
  {
    answer: { error: 'routing loop detected' },
    name: 'loop_detected',
    code: -32009,
    executed: 'no',
    as: 'failed to send remote server call: ',
  },
  {
    answer: { error: "timeout waiting for reply from server 'x'" },
    name: 'timeout',
    code: -32006,
    executed: 'unknown',
  },
  {
    answer: { error: 'failed to send message to z: send channel full' },
    name: 'overloaded',
    code: -32011,
    executed: 'no',
    as: 'failed to send remote server call: ',
  },
  {
    answer: { error: "server 'x' has no method 'm'" },
    name: 'method_not_found',
    code: -32601,
    executed: 'no',
  },
  // The code of the answer decides, whatever the text says.
  {
    answer: { error: 'too much', code: 'payload_too_large' },
    name: 'payload_too_large',
    code: -32010,
    executed: 'unknown',
  },
  {
    answer: { error: 'server x not found', code: 'timeout' },
    name: 'timeout',
    code: -32006,
    executed: 'unknown',
  },
  {
    answer: { error: 'odd', code: 'no_such_code' },
    name: 'internal_error',
    code: -32603,
    executed: 'unknown',
  },
];

for (const kind of ['p2p', 'main'] as const) {
  /** In P2P mode every failed `remote_call` has the number it always had. */
  const number = (code: number): number => (kind === 'p2p' ? -32603 : code);

  describe(`remote_call towards a P2P node (${kind})`, () => {
    it('unknown node, at once', () => {
      const asked = new Pair(kind).ask({ node: 'z' });
      assert.deepEqual(failure(asked), {
        code: number(-32001),
        name: 'node_not_found',
        message:
          kind === 'p2p'
            ? 'failed to send remote server call: no route found to destination z'
            : "node 'z' is not known to n",
        executed: 'no',
      });
    });

    it('W16, W17: a result, nil and a failure', async () => {
      const pair = new Pair(kind);
      for (const [data, value] of [
        [{ success: true, result: { local_count: 23 } }, '{"local_count":23}'],
        [{ success: true, result: null }, 'null'],
        [{ success: true }, 'null'],
      ] as const) {
        const { outcomes } = pair.ask();
        await pair.answer(data);
        const [outcome] = outcomes;
        assert.equal(outcome?.kind === 'result' && new TextDecoder().decode(outcome.body), value);
      }
    });

    for (const { answer, name, code, executed, as = 'remote server call failed: ' } of ANSWERS) {
      it(`answer success:false, «${answer.error}»${answer.code === undefined ? '' : ` as ${answer.code}`}`, async () => {
        const pair = new Pair(kind);
        const asked = pair.ask();
        await pair.answer({ success: false, ...answer });
        assert.deepEqual(failure(asked), { code: number(code), name, message: as + answer.error, executed });
      });
    }

    it('queue full', async () => {
      const pair = new Pair(kind);
      const other = pair.connect('c2');
      await pair.clock.settle();
      pair.client.valve.isShut = true;
      for (let count = 0; count < 100; count += 1) {
        await other.say({ type: 'ping', from: 'c2', to: 'c1', data: null, route: ['c2'], ttl: 9 });
      }
      const asked = pair.ask();
      await pair.clock.advance(999);
      assert.deepEqual(asked.outcomes, []);
      await pair.clock.advance(1);
      assert.deepEqual(failure(asked), {
        code: number(-32011),
        name: 'overloaded',
        message: 'failed to send remote server call: failed to send message to c1: send channel full',
        executed: 'no',
      });
    });

    it('W18: no answer in time, exactly at the requested time', async () => {
      const pair = new Pair(kind);
      const asked = pair.ask({ timeoutMs: 1_900 });
      await pair.clock.advance(1_899);
      assert.deepEqual(asked.outcomes, []);
      await pair.clock.advance(1);
      assert.deepEqual(failure(asked), {
        code: number(-32006),
        name: 'timeout',
        message: 'remote server call timed out',
        executed: 'unknown',
      });
    });

    it(`no answer to a call without a timeout: ${kind === 'p2p' ? 30 : 60} s`, async () => {
      const pair = new Pair(kind);
      // Pongs keep the link for that long.
      pair.client.onMessage = ({ type }) => {
        if (type === 'ping') pair.client.link.send('{"type":"pong","from":"c1","to":"n"}');
      };
      const asked = pair.ask();
      await pair.clock.advance((kind === 'p2p' ? 30_000 : 60_000) - 1);
      assert.deepEqual(asked.outcomes, []);
      await pair.clock.advance(1);
      assert.equal(failure(asked).message, 'remote server call timed out');
    });

    it('link lost during the call', async () => {
      const pair = new Pair(kind);
      const asked = pair.ask();
      await pair.clock.settle();
      pair.client.link.terminate();
      await pair.clock.settle();
      assert.deepEqual(failure(asked), {
        code: number(-32004),
        name: 'home_disconnected',
        message: 'remote server call failed: connection to c1 lost',
        executed: 'unknown',
      });
    });

    for (const node of [SELF, 'local']) {
      it(`W19: the own id as the target (${node}) is a local call, and no message leaves`, async () => {
        const pair = new Pair(kind);
        await pair.clock.advance(1_000);
        const before = pair.client.all.length;
        const { outcomes } = pair.ask({ node, service: 'own', method: 'where' });
        await pair.clock.settle();
        const [outcome] = outcomes;
        assert.equal(outcome?.kind === 'result' && new TextDecoder().decode(outcome.body), '"n"');
        assert.equal(pair.client.all.length, before);
      });
    }

    it('a call that nobody waits for any more makes room for another', async () => {
      const pair = new Pair(kind);
      const calls = Array.from({ length: 64 }, () => pair.ask());
      const refused = pair.ask();
      assert.deepEqual([failure(refused).name, failure(refused).executed], ['overloaded', 'no']);
      calls[0]?.cancel();
      assert.deepEqual(pair.ask().outcomes, []);
    });
  });
}
