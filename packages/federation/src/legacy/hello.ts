// What nodes tell their neighbours about themselves and the mesh: services here, and which nodes are reached in how many hops.
// Source: legacy-p2p.md §4.5.

import { isName, isNodeId, P2P_LIMITS, type P2pObject, utf8Length } from '@relay/protocol';
import type { P2pService } from './neighbour.ts';
import type { Ways } from './ways.ts';

export interface HelloText {
  readonly data: P2pObject;
  readonly json: string;
  /** Services or routes were left out to keep the message within its size. */
  readonly isCut: boolean;
}

/** What the rest of the message adds at most. */
const FRAME_BYTES = 2_048;

/** A hello that fits into one message: a neighbour closes the link for a larger one. */
export function createHello(self: string, services: readonly P2pService[], ways: Ways): HelloText {
  let servers = services.slice(0, P2P_LIMITS.services);
  let routes = ways.routes.slice(0, P2P_LIMITS.routes);
  let { peers } = ways;
  for (;;) {
    const data = {
      node_id: self,
      servers: servers.map(({ name, methods }) => ({ name, methods })),
      peers,
      routes: Object.fromEntries(routes),
    };
    const json = JSON.stringify(data);
    if (utf8Length(json) <= P2P_LIMITS.messageBytes - FRAME_BYTES) {
      const isCut = servers.length < services.length || routes.length < ways.routes.length;
      return { data, json, isCut: isCut || peers.length < ways.peers.length };
    }
    servers = firstHalf(servers);
    routes = firstHalf(routes);
    peers = firstHalf(peers);
  }
}

function firstHalf<T>(list: readonly T[]): T[] {
  return list.slice(0, Math.floor(list.length / 2));
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
