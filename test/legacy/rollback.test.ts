// The way of a deployment from P2P mode to the federation and back, as docs/migration.md describes it: the same programs, ids and
// state in every role, and callers that get an answer to every call on the way. Source: legacy-p2p.md §10.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Deployment } from './deployment.ts';

const PROGRAM = 'examples/p2p_websocket_demo.rl';
const NODES = ['node1', 'node2', 'node3'] as const;
type NodeName = (typeof NODES)[number];

// Nodes come back on their ports, so they take a loopback address of their own.
const HOST = `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
/** What existing nodes were started with: one that only accepts, two that dial it. */
const OLD: Readonly<Record<NodeName, string>> = {
  node1: `${PROGRAM} -server -port 8081 -host ${HOST} -node-id node1`,
  node2: `${PROGRAM} -server -port 8082 -host ${HOST} -node-id node2 -add-peer http://${HOST}:8081`,
  node3: `${PROGRAM} -server -port 8083 -host ${HOST} -node-id node3 -add-peer http://${HOST}:8081`,
};
const MAIN = `ws://${HOST}:8081`;

describe('a deployment', { timeout: 300_000 }, () => {
  const deployment = new Deployment();
  const lines = new Map<NodeName, { readonly forward: string; readonly back: string }>();
  before(async () => {
    for (const node of NODES) {
      const role = node === 'node1' ? '' : `--main ${MAIN} `;
      lines.set(node, await deployment.migrate(`${role}-- ${OLD[node]}`));
    }
  });
  after(() => deployment[Symbol.asyncDispose]());

  const change = async (
    node: NodeName,
    way: 'forward' | 'back',
    role: string,
    signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
  ): Promise<void> => {
    const staying = NODES.filter((one) => one !== node);
    const answered = await deployment.whileCalled(staying, async () => {
      await deployment.stop(node, signal);
      await deployment.start(node, lines.get(node)?.[way] ?? '');
      await deployment.settled();
    });
    assert.ok(answered > 0);
    assert.equal(await deployment.identity(node), `${node} ${role}`);
    for (const one of NODES) await deployment.check(one);
  };
  const everyoneCallsEveryone = async (): Promise<void> => {
    for (const entry of NODES) {
      for (const target of NODES) {
        assert.equal((await deployment.remote(entry, target, 'name')).result, `name of ${target}`);
        await deployment.add(entry, target);
      }
    }
    for (const node of NODES) await deployment.check(node);
  };

  it('begins in P2P mode, started by its old lines', async () => {
    for (const node of NODES) {
      await deployment.start(node, lines.get(node)?.back ?? '');
      assert.equal(await deployment.identity(node), `${node} p2p`);
      await deployment.rpc(node, 'p2p_demo.set_name', [`name of ${node}`]);
    }
    await deployment.settled();
    await everyoneCallsEveryone();
  });

  it('becomes one Main and two Homes, node by node, under calls', async () => {
    await change('node1', 'forward', 'main');
    await change('node2', 'forward', 'home');
    await change('node3', 'forward', 'home');
    await everyoneCallsEveryone();
  });

  it('has one node, which was killed, back in P2P mode, linked to the Main, and calls both ways', async () => {
    await change('node3', 'back', 'p2p', 'SIGKILL');
    await everyoneCallsEveryone();
  });

  it('is back in P2P mode as a whole', async () => {
    await change('node2', 'back', 'p2p');
    await change('node1', 'back', 'p2p');
    await everyoneCallsEveryone();
  });

  it('has answered every call, and confirmed calls in every role', (context) => {
    for (const node of NODES) {
      const { confirmed, unknown, refused } = deployment.ledger(node);
      context.diagnostic(`${node}: ${confirmed} confirmed, ${refused} refused, ${unknown} unknown`);
      assert.ok(confirmed >= 5 * NODES.length, `${node} confirmed ${confirmed}`);
    }
  });

  it('would have noticed a lost counter', async () => {
    const ledger = deployment.ledger('node2');
    ledger.confirmed += 1 + ledger.unknown;
    await assert.rejects(deployment.check('node2'), /the total of node2 is/);
  });
});
