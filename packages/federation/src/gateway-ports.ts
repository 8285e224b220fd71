// What the gateway reads, taken from the parts of a running node. Nothing is kept here: every answer is made from the living state.

import { type Clock, type NodeType, NodeTypeHome, NodeTypeMain, type Random } from '@relay/protocol';
import type { Balancer } from './balance/balancer.ts';
import { ejectedForMs, openCircuits } from './balance/circuit-report.ts';
import type { BalanceConfig } from './balance/options.ts';
import type {
  AddPeerAnswer,
  GatewayPorts,
  HomeView,
  InstanceView,
  MainLinkSource,
  NodeIdentity,
  PeerSource,
  PeerView,
  RegistryCounts,
  RegistrySource,
  TraceSource,
  UplinkView,
} from './gateway/ports.ts';
import type { HomeNode } from './home-node.ts';
import { outboundRefusal } from './link/outbound-address.ts';
import type { MainNode } from './main-node.ts';
import type { PeerView as LinkedPeer } from './nodes/main-relay-connection-manager.ts';
import type { Log } from './observe/log.ts';
import type { P2pNode } from './p2p-node.ts';
import type { FederationServiceRegistry } from './registry/federation-service-registry.ts';
import { type Instance, isCallable } from './registry/instance.ts';
import type { FederationRouter } from './routing/federation-router.ts';
import { HttpIngress } from './routing/ingress.ts';

/** What every node's gateway needs beside the node itself. */
export interface GatewayContext {
  readonly nodeId: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly defaultTimeoutMs: number;
  /** What this node says of services. */
  readonly balance: BalanceConfig;
  /** Calls worth remembering. */
  readonly traces?: TraceSource;
  /** `host:port` to show to others; undefined for a wildcard bind. */
  address(): string | undefined;
  /** Normalises the URL of a peer as the flag `-peers` does; says what is wrong with it otherwise. */
  parsePeerUrl(text: string): { readonly url: string } | { readonly reason: string };
}

export function mainGatewayPorts(node: MainNode, context: GatewayContext): GatewayPorts {
  // Homes are not waited for: behind a balancer that asks `/ready` they come in by the same door.
  const isStarting = (): boolean => node.settling.awaitsDialledPeers;
  return {
    ...commonPorts(NodeTypeMain, node.router, context, node.balancer),
    registry: registrySource(node.registry, context, node.balancer, {
      homes: () => homeViews(node),
      connectedHomes: () => node.connections.homeCount,
      troubled: () => node.health.troubled(),
    }),
    peers: peerSource(node, context),
    circuits: { reset: (service, address) => node.resetCircuits(service, address) },
    ...(node.p2p === undefined ? {} : { p2p: node.p2p.peers }),
    why: (service, method, address) => node.why(service, method, address),
    lifecycle: {
      state: () => (node.isDraining ? 'draining' : isStarting() ? 'starting' : 'running'),
      readiness: () => (node.isDraining ? ['draining'] : isStarting() ? ['starting'] : []),
    },
  };
}

/** P2P mode: the mesh and the own program, nothing of the federation. */
export function p2pGatewayPorts(node: P2pNode, context: GatewayContext): GatewayPorts {
  const { nodeId, version, clock, random, log } = context;
  const { stats } = node;
  return {
    identity: {
      nodeId,
      nodeType: 'p2p',
      version,
      startedAt: clock.wallNow(),
      address: () => context.address(),
    },
    ingress: node,
    callStats: () => ({
      total: stats.total,
      failed: stats.failed,
      inFlight: stats.inFlight,
      averageLatencyMs: stats.averageLatencyMs(),
    }),
    registry: {
      instances: (filter) => node.instances(filter),
      homes: () => [],
      ownCount: () => node.ownCount,
      counts: () => {
        const all = [...node.instances()];
        const failed = all.filter(({ isHealthy }) => !isHealthy).length;
        return { connectedHomes: 0, local: all.length, federated: 0, failed, openCircuits: 0 };
      },
    },
    p2p: node.peers,
    lifecycle: {
      state: () => (node.isDraining ? 'draining' : 'running'),
      readiness: () => (node.isDraining ? ['draining'] : []),
    },
    clock,
    random,
    log,
  };
}

export function homeGatewayPorts(
  node: HomeNode,
  urls: readonly string[],
  context: GatewayContext,
): GatewayPorts {
  const { strategy, services } = context.balance;
  const says: ServiceSettings = {
    strategyOf: (service) => services.get(service)?.strategy ?? strategy,
    timeoutOf: (service) => services.get(service)?.timeoutMs,
  };
  const isConnected = (): boolean => node.connection.session !== undefined;
  return {
    ...commonPorts(NodeTypeHome, node.router, context, says),
    registry: registrySource(node.registry, context, says, NO_HOMES),
    mainLink: mainLinkSource(node, urls),
    lifecycle: {
      state: () => (node.isDraining ? 'draining' : 'running'),
      readiness: () => (node.isDraining ? ['draining'] : isConnected() ? [] : ['no_main']),
    },
  };
}

function commonPorts(
  nodeType: NodeType,
  router: FederationRouter,
  context: GatewayContext,
  says: ServiceSettings,
): Pick<GatewayPorts, 'identity' | 'ingress' | 'callStats' | 'clock' | 'random' | 'log' | 'traces'> {
  const { nodeId, version, clock, random, log, defaultTimeoutMs } = context;
  const identity: NodeIdentity = {
    nodeId,
    nodeType,
    version,
    startedAt: clock.wallNow(),
    address: () => context.address(),
  };
  const { stats } = router;
  return {
    identity,
    ingress: new HttpIngress({
      router,
      clock,
      defaultTimeoutMs,
      timeoutOf: (service) => says.timeoutOf(service),
    }),
    callStats: () => ({
      total: stats.total,
      failed: stats.failed,
      inFlight: stats.inFlight,
      averageLatencyMs: stats.averageLatencyMs(),
    }),
    clock,
    random,
    log,
    ...(context.traces === undefined ? {} : { traces: context.traces }),
  };
}

/** How a service is called, as this node sees it. */
type ServiceSettings = Pick<Balancer, 'strategyOf' | 'timeoutOf'>;

/** What only a Main has, beside its registry. */
interface MainViews {
  readonly homes: () => Iterable<HomeView>;
  readonly connectedHomes: () => number;
  /** Instances that may have a circuit that is not closed. */
  readonly troubled: () => Iterable<Instance>;
}

const NO_HOMES: MainViews = { homes: () => [], connectedHomes: () => 0, troubled: () => [] };

function registrySource(
  registry: FederationServiceRegistry,
  { clock, balance }: GatewayContext,
  says: ServiceSettings,
  { homes, connectedHomes, troubled }: MainViews,
): RegistrySource {
  const view = (instance: Instance): InstanceView =>
    instanceView(instance, registry.waysOf(instance), clock.now(), balance, says);
  return {
    *instances(filter) {
      if (filter?.origin === 'self') {
        const own =
          filter.service === undefined ? registry.ownServices() : [registry.own(filter.service) ?? []].flat();
        for (const instance of own) yield view(instance);
        return;
      }
      const names =
        filter?.service === undefined
          ? new Set([...registry.local.services(), ...registry.federated.services()])
          : [filter.service];
      for (const name of names) yield* byPreference(registry, name).map(view);
    },
    homes,
    ownCount: () => registry.ownCount,
    counts: () => ({
      ...countInstances(registry, troubled(), clock.now(), balance),
      connectedHomes: connectedHomes(),
    }),
  };
}

/** Each instance once; the one a call would take first: own program, then Homes, then peers; callable ones before the others. */
function byPreference(registry: FederationServiceRegistry, service: string): readonly Instance[] {
  const all = [...registry.local.of(service), ...registry.federated.of(service)].filter(
    (instance) => registry.waysOf(instance)[0] === instance,
  );
  const rank = (instance: Instance): number =>
    (isCallable(instance) ? 0 : 3) + (instance.origin === 'self' ? 0 : instance.origin === 'peer' ? 2 : 1);
  return all.sort((a, b) => rank(a) - rank(b) || (a.address < b.address ? -1 : 1));
}

function instanceView(
  instance: Instance,
  ways: readonly Instance[],
  now: number,
  balance: BalanceConfig,
  says: ServiceSettings,
): InstanceView {
  const { description, node, origin, holder, stats } = instance;
  const circuits = openCircuits(stats, now, balance);
  const isOpen = circuits.some(({ state }) => state === 'open');
  const ejected = ejectedForMs(stats, now, balance);
  return {
    service: description.name,
    nodeId: node.id,
    origin,
    ...(ways.length > 1 && { ways: ways.map(({ address }) => address) }),
    methods: description.methods,
    isHealthy: isCallable(instance),
    lastSeen: holder.lastSeen,
    inFlight: stats.inFlight,
    calls: stats.calls,
    failures: stats.failures,
    averageLatencyMs: stats.averageLatencyMs,
    circuit: isOpen ? 'open' : circuits.length > 0 ? 'probing' : 'closed',
    circuits,
    strategy: says.strategyOf(description.name),
    ...(ejected === undefined ? {} : { ejectedForMs: ejected }),
    ...(node.mainRelay === undefined ? {} : { mainRelay: node.mainRelay }),
    ...(origin === 'peer' && holder.expiresAt !== undefined ? { expiresAt: holder.expiresAt } : {}),
  };
}

/** Every instance once. Costs nothing that grows with Homes or services, except with those in trouble. */
export function countInstances(
  registry: FederationServiceRegistry,
  troubled: Iterable<Instance>,
  now: number,
  balance: BalanceConfig,
): Omit<RegistryCounts, 'connectedHomes'> {
  const { local, federated, uncallable } = registry.counts();
  let failed = uncallable;
  let found = 0;
  for (const instance of troubled) {
    const circuits = openCircuits(instance.stats, now, balance);
    const first = circuits.length === 0 ? undefined : registry.waysOf(instance)[0];
    // Of the ways to a process one stands for all.
    if (first?.stats !== instance.stats) continue;
    found += circuits.length;
    if (isCallable(first) && circuits.some(({ state }) => state === 'open')) failed += 1;
  }
  return { local, federated, failed, openCircuits: found };
}

function* homeViews(node: MainNode): Iterable<HomeView> {
  const seen = new Set<string>();
  for (const session of node.connections.homes()) {
    seen.add(session.nodeId);
    yield {
      id: session.nodeId,
      connected: true,
      connectedSince: session.connectedAt,
      lastHeartbeat: session.lastReceivedAt,
      latencyMs: session.latencyMs ?? null,
      services: node.registry.home(session.nodeId)?.services.size ?? 0,
    };
  }
  // Those that have gone and whose lease still runs.
  for (const { id, lastSeen, services } of node.registry.homes()) {
    if (seen.has(id)) continue;
    const gone = { connected: false, connectedSince: null, latencyMs: null } as const;
    yield { id, ...gone, lastHeartbeat: lastSeen, services: services.size };
  }
}

function peerSource(node: MainNode, context: GatewayContext): PeerSource {
  const view = (peer: LinkedPeer): PeerView => ({
    id: peer.id ?? null,
    url: peer.url ?? '',
    state: peer.state,
    isHealthy: peer.isHealthy,
    direction: peer.direction ?? (peer.source === 'inbound' ? 'inbound' : 'outbound'),
    source: peer.source,
    connectedSince: peer.connectedSince ?? null,
    lastSeen: peer.lastSeen ?? null,
    latencyMs: peer.latencyMs ?? null,
    services: peer.id === undefined ? 0 : node.registry.peerServices(peer.id),
    reconnectAttempts: peer.reconnectAttempts,
    nextRetryMs: peer.nextRetryMs ?? null,
    lastError: peer.lastError ?? null,
    calls: peer.calls,
    bytes: peer.bytes,
  });
  return {
    peers: () => node.peers().map(view),
    addPeer(text, nodeId): AddPeerAnswer {
      const parsed = context.parsePeerUrl(text);
      if ('reason' in parsed) return { kind: 'invalid-url', reason: parsed.reason };
      const reason = outboundRefusal(new URL(parsed.url).hostname);
      if (reason !== undefined) return { kind: 'forbidden', reason };
      const result = node.addPeer(parsed.url, 'api', nodeId);
      if (result.kind === 'conflict') return { kind: 'other-url', id: result.peer.id ?? nodeId ?? '' };
      return { kind: 'added', peer: view(result.peer) };
    },
    removePeer(idOrUrl) {
      const id = node.removePeer(idOrUrl);
      return id === undefined ? { kind: 'unknown' } : { kind: 'removed', id };
    },
  };
}

function mainLinkSource(node: HomeNode, urls: readonly string[]): MainLinkSource {
  return {
    status: () => (node.isDraining ? 'draining' : node.connection.status().state),
    uplinks(): readonly UplinkView[] {
      return node.connection.statuses().map((status) => ({
        id: status.mainId ?? null,
        url: status.url,
        connectedSince: status.connectedSince ?? null,
        lastHeartbeat: status.lastHeartbeat ?? null,
        latencyMs: status.latencyMs ?? null,
        reconnectAttempts: status.reconnectAttempts,
        nextRetryMs: status.nextRetryMs ?? null,
        lastError: status.lastError ?? null,
      }));
    },
    fallbacks: () => urls.slice(1),
    services: () =>
      [...node.registry.ownServices()].map(({ description, stats }) => ({
        name: description.name,
        methods: description.methods.map(({ name }) => name),
        registered: node.connection.isRegistered(description.name),
        inFlight: stats.inFlight,
        calls: stats.calls,
        errors: stats.failures,
      })),
  };
}
