// Which way a node is reached: each neighbour has a table of its own, replaced by its hellos. Source: legacy-p2p.md §4.5, §5.4, §5.5.

import { P2P_LIMITS } from '@relay/protocol';
import type { Neighbour } from './neighbour.ts';

/** What a node tells a neighbour it can reach. */
export interface Ways {
  readonly peers: readonly string[];
  /** Ids with the number of hops, in order. */
  readonly routes: readonly (readonly [string, number])[];
}

/** The neighbour that is it, else the one with the fewest hops to it. Those a message has passed do not get it again. */
export function nextHop(
  neighbours: Iterable<Neighbour>,
  to: string,
  passed: readonly string[] = [],
): Neighbour | undefined {
  let best: Neighbour | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const neighbour of neighbours) {
    if (!neighbour.isHealthy || passed.includes(neighbour.id)) continue;
    const cost = neighbour.costTo(to);
    if (cost === undefined || cost >= P2P_LIMITS.maxCost || cost >= least) continue;
    best = neighbour;
    least = cost;
  }
  return best;
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
  return { peers: peers.toSorted(), routes: [...costs].toSorted(byId) };
}

function byId([a]: readonly [string, number], [b]: readonly [string, number]): number {
  return a < b ? -1 : 1;
}
