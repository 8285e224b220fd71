// What nodes tell their neighbours about the mesh: services here, and which nodes are reached in how many hops.
// Source: legacy-p2p.md §4.5, §5.5.

import { isName, isNodeId, P2P_LIMITS, type P2pObject } from '@relay/protocol';
import type { Neighbour, P2pService } from './neighbour.ts';

export interface Ways {
  readonly peers: readonly string[];
  readonly routes: Readonly<Record<string, number>>;
}

/** What `receiver` can reach through this node. A way that leads over the receiver itself is none. */
export function waysFrom(
  neighbours: Iterable<Neighbour>,
  receiver: string,
  below: Iterable<string>,
  self: string,
): Ways {
  const peers: string[] = [];
  const costs = new Map<string, number>();
  const offer = (id: string, cost: number): void => {
    if (id === self || id === receiver || cost > P2P_LIMITS.maxCost) return;
    if (cost < (costs.get(id) ?? Number.POSITIVE_INFINITY)) costs.set(id, cost);
  };
  for (const neighbour of neighbours) {
    if (neighbour.id === receiver || !neighbour.isHealthy) continue;
    peers.push(neighbour.id);
    // Until it is known how it has to be spoken to, nobody is sent through here.
    if (!neighbour.isSettled) continue;
    offer(neighbour.id, 1);
    for (const id of neighbour.routes.keys()) {
      const cost = neighbour.costTo(id);
      if (cost !== undefined) offer(id, cost + 1);
    }
  }
  for (const id of below) offer(id, 1);
  return { peers: peers.toSorted(), routes: Object.fromEntries([...costs].toSorted(byId)) };
}

function byId([a]: readonly [string, number], [b]: readonly [string, number]): number {
  return a < b ? -1 : 1;
}

export function helloData(self: string, services: readonly P2pService[], { peers, routes }: Ways): P2pObject {
  return { node_id: self, servers: services.map(({ name, methods }) => ({ name, methods })), peers, routes };
}

export interface Hello {
  readonly services: readonly P2pService[];
  readonly routes: ReadonlyMap<string, number>;
}

/** Lenient: what is no service or no route is left out, what is missing counts as empty. */
export function readHello(data: P2pObject, self: string): Hello {
  const services: P2pService[] = [];
  for (const server of listOf(data['servers']).slice(0, P2P_LIMITS.services)) {
    const { name, methods } = (server ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || !isName(name)) continue;
    services.push({
      name,
      methods: listOf(methods)
        .slice(0, P2P_LIMITS.services)
        .filter((method) => typeof method === 'string' && isName(method)) as string[],
    });
  }
  const routes = new Map<string, number>();
  const given = data['routes'];
  if (typeof given === 'object' && given !== null) {
    for (const [id, cost] of Object.entries(given)) {
      if (routes.size >= P2P_LIMITS.routes) break;
      if (id === self || !isNodeId(id) || !Number.isInteger(cost)) continue;
      if ((cost as number) >= 1 && (cost as number) <= P2P_LIMITS.maxCost) routes.set(id, cost as number);
    }
  }
  return { services, routes };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
