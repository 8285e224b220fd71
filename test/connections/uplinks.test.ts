// A Home with two uplinks in the lists of three Mains, with real processes: http-api.md §9 and §10.1, protocol.md §8.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitFor } from '@relay/testkit';
import { Machine, rpc } from './nodes.ts';

interface Entry {
  readonly service_name: string;
  readonly address: string;
  readonly is_healthy: boolean;
  readonly ways?: readonly string[];
}

interface FederationRegistry {
  readonly local_services: number;
  readonly federated_services: number;
  readonly total_services: number;
  readonly local: readonly Entry[];
  readonly federated: readonly Entry[];
}

async function get<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}

/** What one Main shows, in short: counts, then each entry with its list, then the keys of `/registry`. */
async function shown(url: string): Promise<string> {
  const registry = await get<FederationRegistry>(`${url}/federation/registry`);
  const lists = (['local', 'federated'] as const).flatMap((list) =>
    registry[list].map(({ address, is_healthy: isHealthy, ways = [] }) =>
      [list, address, ...(isHealthy ? [] : ['unhealthy']), `(${ways.join(' ')})`].join(' '),
    ),
  );
  const { servers } = await get<{ servers: Readonly<Record<string, { readonly node_address: string }>> }>(
    `${url}/registry`,
  );
  const keys = Object.entries(servers).map(([key, { node_address: address }]) => `${key}: ${address}`);
  const health = await get<{ total_services: number; failed_services: number }>(`${url}/federation/health`);
  const { local_services: local, federated_services: federated, total_services: total } = registry;
  const counts = `${local}+${federated}=${total} health ${health.total_services}/${health.failed_services}`;
  return [counts, ...lists, ...keys].join(' | ');
}

async function untilShown(url: string, expected: string): Promise<void> {
  let last = '';
  const isShown = async (): Promise<boolean> => {
    last = await shown(url);
    return last === expected;
  };
  await waitFor(isShown, { limitMs: 30_000, what: 'the lists' }).catch(() => assert.equal(last, expected));
}

describe('a Home with two uplinks', () => {
  it('is one instance in every list and count, over the way that a call would take', async () => {
    await using machine = new Machine();
    const a = await machine.main('relay-a');
    const b = await machine.main('relay-b', `-peers 127.0.0.1:${a.port}`);
    const c = await machine.main('relay-c', `-peers 127.0.0.1:${a.port},127.0.0.1:${b.port}`);
    const home = machine.relay(
      `shop.rl -node-id bob.home -connect 127.0.0.1:${a.port} -fallback 127.0.0.1:${b.port} -uplinks 2`,
      'bob.home',
    );
    for (const main of ['relay-a', 'relay-b'])
      await home.waitForLine(new RegExp(`^Connected to Main Relay ${main}`));

    const [atA, atB] = ['bob.home@relay-a', 'bob.home@relay-b'];
    await untilShown(a.url, `1+0=1 health 1/0 | local ${atA} (${atA} ${atB}) | shop_service: ${atA}`);
    await untilShown(b.url, `1+0=1 health 1/0 | local ${atB} (${atB} ${atA}) | shop_service: ${atB}`);
    const first = await get<FederationRegistry>(`${c.url}/federation/registry`);
    assert.deepEqual([first.federated_services, first.federated.length], [1, 1]);
    for (const node of ['bob.home', atA, atB]) {
      const { federated } = await get<FederationRegistry>(`${c.url}/federation/registry?node=${node}`);
      assert.equal(federated.length, 1, `found by ${node}`);
    }
    const discovered = await rpc(c.url, 'rpc.discover', { service: 'shop_service' });
    const { methods } = discovered.result as { methods: readonly { 'x-relay'?: { instances: unknown[] } }[] };
    for (const method of methods) assert.ok((method['x-relay']?.instances.length ?? 1) === 1);

    a.node.kill('SIGKILL');
    // What relay-c knows of relay-a stays for its time, but the way that is left stands for the instance.
    await untilShown(c.url, `0+1=1 health 1/0 | federated ${atB} (${atB} ${atA}) | shop_service: ${atB}`);
    assert.equal((await home.stop()).code, 0);
  });
});
