// What a Home says of its services reaches its Main and the peers of that: the strategy, and the time of calls that name none. cli.md §7.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RelayClient } from '@relay/client';
import { type BalanceOptions, type RelayNode, systemClock } from '@relay/federation';
import { defineService } from '@relay/host';
import { RelayError } from '@relay/protocol';
import { waitFor } from '@relay/testkit';
import { startNode } from './running-nodes.ts';

const url = (main: RelayNode, room: string): string => `${main.url.replace('http', 'ws')}/ws/${room}`;

/** A Home whose service never answers `wait`. */
async function home(nodeId: string, main: RelayNode, balance: BalanceOptions): Promise<RelayNode> {
  const wait = { params: [], effect: 'reads', run: () => new Promise(() => {}) } as const;
  const service = defineService('slow', { wait });
  const urls = [url(main, 'federation')];
  const node = await startNode({ nodeType: 'home', nodeId, services: [service], urls, balance });
  service.connect({ clock: systemClock, nodeId: () => nodeId, outbound: node.outbound });
  return node;
}

async function strategyAt(main: RelayNode): Promise<unknown> {
  const answer = await fetch(`${main.url}/federation/registry?service=slow`);
  const { local, federated } = (await answer.json()) as Record<string, readonly Record<string, unknown>[]>;
  return [...(local ?? []), ...(federated ?? [])][0]?.['load_balancing'];
}

async function untilKnown(...mains: readonly RelayNode[]): Promise<void> {
  for (const main of mains) {
    await waitFor(async () => (await strategyAt(main)) !== undefined, { what: `slow at ${main.nodeId}` });
  }
}

async function codeByHttp(node: RelayNode, timeout?: number): Promise<unknown> {
  const params = { service_name: 'slow', method: 'wait', ...(timeout === undefined ? {} : { timeout }) };
  const response = await fetch(`${node.url}/rpc`, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 }),
  });
  const { error } = (await response.json()) as { readonly error?: { readonly data: { code: string } } };
  return error?.data.code;
}

async function codeBySdk(main: RelayNode, timeoutMs?: number): Promise<unknown> {
  using client = new RelayClient(main.url);
  try {
    return await client.call('slow', 'wait', [], timeoutMs === undefined ? {} : { timeoutMs });
  } catch (error) {
    return error instanceof RelayError ? error.code : error;
  }
}

async function msOf(run: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await run();
  return performance.now() - from;
}

const SAYS: BalanceOptions = {
  services: new Map([['slow', { strategy: 'least_connections', timeoutMs: 300 }]]),
};

describe('what a Home says of its service', () => {
  it('holds at its Main and at peers, for callers by HTTP, over the SDK and from other Homes', async () => {
    // None of these calls is answered, which must not keep the later ones from being tried.
    const balance = { failures: 1_000 };
    const a = await startNode({ nodeType: 'main', nodeId: 'relay-a', balance });
    const b = await startNode({ nodeType: 'main', nodeId: 'relay-b', peers: [url(a, 'peers')], balance });
    await home('slow.home', a, SAYS);
    const asks = await startNode({ nodeType: 'home', nodeId: 'asks.home', urls: [url(b, 'federation')] });
    await untilKnown(a, b);
    assert.deepEqual([await strategyAt(a), await strategyAt(b)], ['least_connections', 'least_connections']);
    await waitFor(async () => (await fetch(`${asks.url}/ready`)).status === 200, { what: 'asks.home' });
    for (const ask of [
      () => codeByHttp(a),
      () => codeByHttp(b),
      () => codeBySdk(a),
      () => codeBySdk(b),
      () => codeByHttp(asks),
    ]) {
      const ms = await msOf(async () => assert.equal(await ask(), 'timeout'));
      // By default it is a minute.
      assert.ok(ms < 20_000, `${ms} ms`);
    }
    // Who names a time gets it.
    assert.ok((await msOf(() => codeBySdk(a, 1_200))) >= 1_100);
    assert.ok((await msOf(() => codeByHttp(b, 1.2))) >= 1_100);
    assert.ok((await msOf(() => codeByHttp(asks, 1.2))) >= 1_100);
  });

  it('gives way to what the Main says of that service, and goes before what it says of all', async () => {
    const own = new Map([['slow', { strategy: 'random', timeoutMs: 1_200 } as const]]);
    const strict = await startNode({ nodeType: 'main', nodeId: 'strict', balance: { services: own } });
    const lax = await startNode({ nodeType: 'main', nodeId: 'lax', balance: { strategy: 'sticky' } });
    await home('slow-strict.home', strict, SAYS);
    await home('slow-lax.home', lax, SAYS);
    await untilKnown(strict, lax);
    assert.deepEqual([await strategyAt(strict), await strategyAt(lax)], ['random', 'least_connections']);
    assert.ok((await msOf(() => codeBySdk(strict))) >= 1_100);
    assert.ok((await msOf(() => codeByHttp(strict))) >= 1_100);
  });

  it('is told for all its services where it names none', async () => {
    const main = await startNode({ nodeType: 'main', nodeId: 'told' });
    await home('told.home', main, { strategy: 'random' });
    await untilKnown(main);
    assert.equal(await strategyAt(main), 'random');
  });
});
