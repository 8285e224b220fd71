// One service at one node, as this node knows it. The registry owns these objects; router and gateway read them and count on them.

import { formatAddress, type NodeAddress, type Service, type ServiceDescription } from '@relay/protocol';

/** Where an instance was learned: the own program, a connected Home, a peer Main, a direct P2P peer. */
export type Origin = 'self' | 'home' | 'peer' | 'p2p';

/** The node that vouches for an instance: while it cannot be reached, neither can the instance. */
export interface Holder {
  readonly isReachable: boolean;
  /** When we last heard of it, ms since 1970. */
  readonly lastSeen: number;
  /** When its entries end unless it is heard of again, ms since 1970; undefined while they live with a session. */
  readonly expiresAt: number | undefined;
}

/** What calls through this node showed of an instance. */
export interface InstanceStats {
  inFlight: number;
  calls: number;
  failures: number;
  /** Exponential moving average over answered calls; 0 before the first. */
  averageLatencyMs: number;
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

export function createInstance(fields: Omit<Instance, 'address' | 'stats'>, earlier?: Instance): Instance {
  return {
    ...fields,
    address: formatAddress(fields.node),
    stats: earlier?.stats ?? { inFlight: 0, calls: 0, failures: 0, averageLatencyMs: 0 },
  };
}

export function isCallable(instance: Instance): boolean {
  return instance.isHealthy && instance.holder.isReachable;
}

/** Weight of the newest call in the moving average of latency. */
const NEWEST = 0.2;

export function countOutcome(stats: InstanceStats, latencyMs: number, ok: boolean): void {
  stats.inFlight -= 1;
  stats.calls += 1;
  if (!ok) stats.failures += 1;
  stats.averageLatencyMs =
    stats.averageLatencyMs === 0
      ? latencyMs
      : stats.averageLatencyMs + NEWEST * (latencyMs - stats.averageLatencyMs);
}
