// One service at one node, as this node knows it. The registry owns these objects; router and gateway read them and count on them.

import { formatAddress, type NodeAddress, type Service, type ServiceDescription } from '@relay/protocol';
import { createStats, type InstanceStats } from '../balance/instance-stats.ts';

/** Where an instance was learned: the own program, a connected Home, a peer Main, a direct P2P peer. */
export type Origin = 'self' | 'home' | 'peer' | 'p2p';

/** The node that vouches for an instance: while it cannot be reached, neither can the instance. */
export interface Holder {
  readonly isReachable: boolean;
  /** When we last heard of it, ms since 1970. */
  readonly lastSeen: number;
  /** When its entries end unless it is heard of again, ms since 1970; undefined while they live with a session. */
  readonly expiresAt: number | undefined;
  /** Of a peer Main: its process, which nodes of the former protocol behind it are advertised with. */
  readonly instance?: string;
}

export interface Instance {
  readonly description: ServiceDescription;
  readonly node: NodeAddress;
  /** Text form of `node`. */
  readonly address: string;
  readonly origin: Origin;
  /** Calls it takes at once. */
  readonly capacity: number;
  /** What its Main says of it. Whether it can be called also depends on the holder: see `isCallable`. */
  readonly isHealthy: boolean;
  readonly holder: Holder;
  readonly stats: InstanceStats;
  /** The object that answers, for the own program. */
  readonly service?: Service;
}

/**
 * `earlier`: the entry that this one replaces; what was learnt stays with the same process. `returnedAt`: when a node came back that
 * had been away, ms.
 */
export function createInstance(
  fields: Omit<Instance, 'address' | 'stats'>,
  earlier?: Instance,
  returnedAt?: number,
): Instance {
  const address = formatAddress(fields.node);
  const isSame = earlier?.description.instance === fields.description.instance;
  const stats = isSame && earlier !== undefined ? earlier.stats : createStats(address, returnedAt);
  return { ...fields, address, stats };
}

export function isCallable(instance: Instance): boolean {
  return instance.isHealthy && instance.holder.isReachable;
}
