// A test case of the migration plan, tried on the federation of the full test: three Mains, two Homes at each.

import assert from 'node:assert/strict';
import { type StartedProcess, waitFor } from '@relay/testkit';
import { relayArguments, rpc } from '../../connections/nodes.ts';
import { type Federation, LEDGER, type Node, START_LIMIT_MS } from '../federation.ts';

export interface Scenario {
  /** As in the plan: task, then test. */
  readonly number: string;
  readonly title: string;
  /** Throws for a wrong answer; returns what is worth reading in the table. */
  readonly run: (on: Federation) => Promise<string>;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are compared field by field, and a missing one fails the comparison.
export type Json = any;

export const MAINS = ['relay-a.com', 'relay-b.com', 'relay-c.com'] as const;
export const HOMES = [
  { id: 'alice1.home', program: 'blog1.rl', main: 'relay-a.com', service: 'blog_service' },
  { id: 'alice2.home', program: 'blog2.rl', main: 'relay-a.com', service: 'blog_service' },
  { id: 'bob.home', program: 'shop.rl', main: 'relay-b.com', service: 'shop_service' },
  { id: 'charlie.home', program: 'news.rl', main: 'relay-b.com', service: 'news_service' },
  { id: 'dora.home', program: 'news.rl', main: 'relay-c.com', service: 'news_service' },
  { id: 'erin.home', program: LEDGER, main: 'relay-c.com', service: 'ledger' },
] as const;

export async function get(node: Node, path: string): Promise<Json> {
  return (await fetch(node.url + path)).json();
}

/** The whole answer. */
export function remoteCall(node: Node, params: Readonly<Record<string, unknown>>): Promise<Json> {
  return rpc(node.url, 'remote_call', params);
}

/** The result, and the nodes on the way. */
export async function traced(
  node: Node,
  params: Readonly<Record<string, unknown>>,
): Promise<{ readonly value: Json; readonly path: readonly string[] }> {
  const { result, error } = await remoteCall(node, { ...params, trace: true });
  assert.equal(error, undefined, JSON.stringify(error));
  return { value: result.result, path: result.trace.path };
}

export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  // A node that was started again may have cut a connection that `fetch` had kept.
  await waitFor(() => condition().catch(() => false), { what, limitMs: START_LIMIT_MS });
}

/** Until every Main reaches all six instances and says that all is well. */
export async function untilWhole(on: Federation): Promise<void> {
  for (const main of on.mains) {
    await until(`${main.id} to reach ${HOMES.length} instances and two peers`, async () => {
      const { status } = await get(main, '/federation/health');
      const { local, federated } = await get(main, '/federation/registry');
      const healthy = [...local, ...federated].filter((entry: Json) => entry.is_healthy);
      return status === 'healthy' && healthy.length === HOMES.length;
    });
  }
}

/** `./relay LINE` beside the federation, on any free port. */
export function beside(on: Federation, line: string): StartedProcess {
  return on.machine.run(process.execPath, relayArguments(line), `beside-${line.replace(/\W+/g, '-')}`, {
    RELAY_PORT: '0',
  });
}

/** `SERVICE ADDRESS` for each entry of a list of `/federation/registry`. */
export function listed(entries: Json): readonly string[] {
  return entries.map((entry: Json) => `${entry.service_name} ${entry.address}`).toSorted();
}

/** As `listed` shows the Homes of one Main. */
export function servicesAt(main: string): readonly string[] {
  return HOMES.filter((home) => home.main === main)
    .map(({ service, id }) => `${service} ${id}@${main}`)
    .toSorted();
}
