// The composition root: a running Main or Home with real sockets, time and files. Everything below takes what it needs from here.

import path from 'node:path';
import {
  CALL_LIMITS,
  type Call,
  type CallHandler,
  type NodeType,
  NodeTypeHome,
  NodeTypeMain,
  type Service,
} from '@relay/protocol';
import { type BalanceOptions, resolveBalanceOptions } from './balance/options.ts';
import { systemClock, systemRandom } from './clock.ts';
import { createDnsResolver, type DnsResolverOptions } from './discovery/dns-resolver.ts';
import { createHttpServer, type HttpServer } from './gateway/http-server.ts';
import type { HttpServerOptions } from './gateway/options.ts';
import { type GatewayContext, homeGatewayPorts, mainGatewayPorts, p2pGatewayPorts } from './gateway-ports.ts';
import type { HeldPort } from './held-port.ts';
import { HomeNode } from './home-node.ts';
import { Admission, type AdmissionMode } from './identity/admission.ts';
import { ADMITTED_FILE, createFileAdmissionStore } from './identity/admission-store.ts';
import { openInvites } from './identity/invites.ts';
import { loadOrCreateIdentity } from './identity/keys.ts';
import { createFileMainKeys, MAIN_KEYS_FILE } from './identity/main-keys.ts';
import type { P2pPeerEvents } from './legacy/p2p-dialler.ts';
import { p2pSockets, p2pUpgrades } from './legacy/p2p-sockets.ts';
import { acceptUpgrades } from './link/accept.ts';
import { dialWebSocket } from './link/dial-websocket.ts';
import { MainNode } from './main-node.ts';
import { homeFigures, mainFigures, p2pFigures } from './node-figures.ts';
import type { ArrivalLimits } from './nodes/arrivals.ts';
import type { NodeEvents } from './nodes/node-event.ts';
import type { Log } from './observe/log.ts';
import type { CollectorOptions } from './observe/otlp-sender.ts';
import type { ProgramFigures } from './observe/program-families.ts';
import { P2pNode } from './p2p-node.ts';
import { createWatches, endWatching, serveFigures } from './watching.ts';

export interface RelayOptions {
  readonly nodeType: NodeType | 'p2p';
  readonly nodeId: string;
  /** Of the build. */
  readonly version: string;
  /** Bound before anything else of the node was taken. */
  readonly port: HeldPort;
  /** The folder of this node: key, remembered ids. Locked by the caller. */
  readonly folder: string;
  readonly services: readonly Service[];
  /** What the own program says of itself; absent: there is none. */
  readonly program?: ProgramFigures;
  readonly log: Log;
  readonly events: NodeEvents;
  /** Home: federation URLs, complete with path; the Main first, then its fallbacks. */
  readonly urls?: readonly string[];
  /** Main: URLs of peers, complete with path, or `dns://NAME`. */
  readonly peers?: readonly string[];
  /** Main: how URLs that arrive by HTTP are read, as those of `-peers`. */
  readonly parsePeerUrl?: GatewayContext['parsePeerUrl'];
  /** `host:port` told to others. */
  readonly advertise?: string;
  /** An IP address for a host name, instead of DNS. */
  readonly resolve?: (host: string) => string | undefined;
  /** Name servers for `dns://NAME`, `IP` or `IP:PORT`. Default: those of the system. */
  readonly dnsServers?: readonly string[];
  /** Shown when this node joins. */
  readonly token?: string;
  /** Home: links held at once, each to another Main. Default 1. */
  readonly uplinks?: number;
  /** Home: how long Mains that a lost Main named are remembered; 0: not at all. Default an hour. */
  readonly keepAlternativesMs?: number;
  /** Main: between two pings of a peer. Default 30 s. */
  readonly healthCheckMs?: number;
  /** Main: how long services of a peer are kept without a word from it. Default 10 minutes. */
  readonly serviceTtlMs?: number;
  /** Main: who may join. Default `open`. */
  readonly admission?: AdmissionMode;
  /** Main: what one address may ask. */
  readonly arrivals?: ArrivalLimits;
  /** Main: upgrades a second, of all together. Default 1,000. */
  readonly admissionRate?: number;
  /** Main and P2P mode: peers of the former protocol to dial, and what becomes of that. */
  readonly addPeers?: readonly string[];
  readonly p2pEvents?: P2pPeerEvents;
  /** Shown and required on `/ws/p2p`. */
  readonly p2pToken?: string;
  /** Time for sessions to move away at the end. Default 30 s. */
  readonly drainMs?: number;
  /** Main: how calls are spread, and when an instance is left alone. Home: what its Main is told of its services, and timeouts. */
  readonly balance?: BalanceOptions;
  /** Of a call that names no timeout. Default 60 s, in P2P mode 30 s. */
  readonly timeoutMs?: number;
  /** Where `/metrics` is served instead of on the HTTP port. */
  readonly metricsListen?: { readonly host: string; readonly port: number };
  /** Gets the kept calls as spans. */
  readonly collector?: CollectorOptions & {
    /** Of this node, beside its version: `service.name` and the like. */
    readonly attributes: Readonly<Record<string, string>>;
  };
  readonly http?: Omit<HttpServerOptions, 'host' | 'port'>;
}

export interface RelayNode {
  readonly nodeId: string;
  readonly nodeType: NodeType | 'p2p';
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Takes the calls that the own program makes. */
  readonly outbound: CallHandler;
  /** Calls that this node routes at the moment. */
  readonly inFlight: number;
  /** The own program offers these from now on. */
  setServices(services: readonly Service[]): void;
  /** Begins to dial; the node listens already. */
  connect(): void;
  /**
   * Drains and ends. `beforePortCloses` runs when no link and no call is left and nothing of the node writes to its folder any more.
   * Resolves when the port is closed. Idempotent.
   */
  stop(beforePortCloses?: () => void | Promise<void>): Promise<void>;
}

const DRAIN_MS = 30_000;
/** What existing nodes wait for an answer. */
const P2P_TIMEOUT_MS = 30_000;
const LAST_CALLS_MS = 10_000;

/** Starts a node on a port that is open. It dials nobody before `connect`. */
export async function startRelay(options: RelayOptions): Promise<RelayNode> {
  const { log, port, version, nodeId } = options;
  const context: GatewayContext = {
    nodeId,
    version,
    log,
    clock: systemClock,
    random: systemRandom,
    defaultTimeoutMs:
      options.timeoutMs ?? (options.nodeType === 'p2p' ? P2P_TIMEOUT_MS : CALL_LIMITS.defaultTimeoutMs),
    balance: resolveBalanceOptions(options.balance),
    address: () => options.advertise ?? (isWildcard(port.host) ? undefined : hostPort(port)),
    parsePeerUrl: options.parsePeerUrl ?? ((url) => (URL.canParse(url) ? { url } : { reason: 'not a URL' })),
  };
  switch (options.nodeType) {
    case NodeTypeMain:
      return startMain(options, context);
    case NodeTypeHome:
      return startHome(options, context);
    case 'p2p':
      return startP2p(options, context);
  }
}

async function startMain(options: RelayOptions, context: GatewayContext): Promise<RelayNode> {
  const { nodeId, folder, port, drainMs = DRAIN_MS } = options;
  const identity = loadOrCreateIdentity(folder);
  const store = createFileAdmissionStore(path.join(folder, ADMITTED_FILE));
  const invites = openInvites(folder);
  const mode = options.admission ?? 'open';
  const isStandAlone = options.http?.disableRegistry === true;
  const watches = createWatches(options, (call, from, route) => node.explain(call, from, route));
  const node: MainNode = new MainNode({
    nodeId,
    identity,
    observer: watches.calls,
    admission: new Admission({ self: nodeId, mode, store, invites, clock: systemClock }),
    clock: systemClock,
    random: systemRandom,
    budget: watches.budget,
    dial: dialWebSocket(dialOptions(options)),
    events: watches.events,
    peers: options.peers ?? [],
    dns: createDnsResolver(dnsOptions(options)),
    software: `relay/${options.version}`,
    ...(options.advertise === undefined ? {} : { advertise: `ws://${options.advertise}` }),
    ...(options.http?.apiToken === undefined ? {} : { apiToken: options.http.apiToken }),
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.arrivals === undefined ? {} : { arrivals: options.arrivals }),
    ...(options.balance === undefined ? {} : { balance: options.balance }),
    ...(options.healthCheckMs === undefined ? {} : { healthCheckMs: options.healthCheckMs }),
    ...(options.serviceTtlMs === undefined ? {} : { federatedTtlMs: options.serviceTtlMs }),
    ...(isStandAlone ? {} : { p2p: p2pOptions(options) }),
  });
  node.setServices(options.services);
  const figures = await serveFigures(options, mainFigures(node, watches), watches);
  const ports = { ...mainGatewayPorts(node, { ...context, traces: watches.calls.traces }), ...figures.ports };
  const http = createHttpServer(ports, options.http);
  acceptUpgrades(http.server, {
    paths: isStandAlone
      ? {}
      : {
          '/ws/federation': {
            origins: 'allowed',
            accept: (link, info) => node.connections.accept(link, 'federation', info),
          },
          '/ws/peers': {
            origins: 'none',
            accept: (link, info) => node.connections.accept(link, 'peers', info),
          },
        },
    clock: systemClock,
    isDraining: () => node.isDraining,
    pendingHandshakes: () => node.connections.pendingHandshakes,
    line: node.connections.handshakeLine,
    onLimited: () => {
      node.connections.limited.upgrades += 1;
    },
    onRefused: (code) => watches.denials.add(code),
    ...(node.p2p === undefined
      ? {}
      : {
          otherwise: p2pUpgrades({
            ...p2pUpgradeOptions(options, () => node.isDraining),
            isClosed: () => options.http?.apiToken !== undefined || mode !== 'open',
            onRefused: (code) => watches.denials.add(code),
            accept: (link, id, address) => node.p2p?.peers.network.adopt(link, id, address),
          }),
        }),
    ...(options.admissionRate === undefined ? {} : { perSecond: options.admissionRate }),
    ...(options.http?.corsOrigins === undefined ? {} : { corsOrigins: options.http.corsOrigins }),
  });
  await http.listen(port);
  return running(options, http, {
    outbound: node.outbound,
    inFlight: () => node.router.stats.inFlight,
    setServices: (services) => node.setServices(services),
    connect: () => node.start(),
    stop: async () => {
      const cut = await node.stop(drainMs);
      invites[Symbol.dispose]();
      await endWatching(watches, figures);
      return cut;
    },
  });
}

/** Everything as on existing nodes; nothing of the federation runs. */
async function startP2p(options: RelayOptions, context: GatewayContext): Promise<RelayNode> {
  const { nodeId, port, drainMs = LAST_CALLS_MS } = options;
  const { defaultTimeoutMs } = context;
  const node = new P2pNode({
    nodeId,
    clock: systemClock,
    random: systemRandom,
    defaultTimeoutMs,
    ...p2pOptions(options),
  });
  node.setServices(options.services);
  const watches = createWatches(options);
  const figures = await serveFigures(options, p2pFigures(node, watches), watches);
  const ports = { ...p2pGatewayPorts(node, context), ...figures.ports };
  const http = createHttpServer(ports, { corsOrigins: ['*'], ...options.http });
  http.server.on(
    'upgrade',
    p2pUpgrades({
      ...p2pUpgradeOptions(options, () => node.isDraining),
      isClosed: () => options.http?.apiToken !== undefined,
      refusesPages: false,
      onRefused: (code) => watches.denials.add(code),
      accept: (link, id, address) => node.peers.network.adopt(link, id, address),
    }),
  );
  await http.listen(port);
  return running(options, http, {
    outbound: node.outbound,
    inFlight: () => node.stats.inFlight,
    setServices: (services) => node.setServices(services),
    connect: () => node.start(),
    stop: async () => {
      await node.stop(Math.min(drainMs, LAST_CALLS_MS));
      await figures.close();
      return [];
    },
  });
}

function p2pOptions(options: RelayOptions) {
  const { nodeId: self, log, addPeers = [], p2pEvents, p2pToken, resolve } = options;
  return {
    log,
    addPeers,
    dial: p2pSockets({
      self,
      clock: systemClock,
      ...(p2pToken === undefined ? {} : { token: p2pToken }),
      ...(resolve === undefined ? {} : { resolve }),
    }),
    ...(p2pEvents === undefined ? {} : { events: p2pEvents }),
  };
}

function p2pUpgradeOptions({ nodeId: self, p2pToken }: RelayOptions, isDraining: () => boolean) {
  return {
    self,
    clock: systemClock,
    isDraining,
    refusesPages: true,
    ...(p2pToken === undefined ? {} : { token: p2pToken }),
  };
}

async function startHome(options: RelayOptions, context: GatewayContext): Promise<RelayNode> {
  const { nodeId, folder, port, urls = [] } = options;
  const watches = createWatches(options);
  const node = new HomeNode({
    observer: watches.calls,
    nodeId,
    identity: loadOrCreateIdentity(folder),
    clock: systemClock,
    random: systemRandom,
    budget: watches.budget,
    dial: dialWebSocket(dialOptions(options)),
    events: watches.events,
    mainKeys: createFileMainKeys(path.join(folder, MAIN_KEYS_FILE)),
    urls,
    software: `relay/${options.version}`,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.uplinks === undefined ? {} : { uplinks: options.uplinks }),
    ...(options.balance === undefined ? {} : { balance: options.balance }),
    ...(options.keepAlternativesMs === undefined ? {} : { keepAlternativesMs: options.keepAlternativesMs }),
  });
  node.setServices(options.services);
  const figures = await serveFigures(options, homeFigures(node, watches), watches);
  const http = createHttpServer({ ...homeGatewayPorts(node, urls, context), ...figures.ports }, options.http);
  await http.listen(port);
  return running(options, http, {
    outbound: node.outbound,
    inFlight: () => node.router.stats.inFlight,
    setServices: (services) => node.setServices(services),
    connect: () => node.start(),
    stop: async () => {
      const cut = await node.stop();
      await endWatching(watches, figures);
      return cut;
    },
  });
}

interface Parts {
  readonly outbound: CallHandler;
  readonly inFlight: () => number;
  readonly setServices: (services: readonly Service[]) => void;
  readonly connect: () => void;
  /** Resolves with the calls that were cut. */
  readonly stop: () => Promise<readonly Call[]>;
}

function running(options: RelayOptions, http: HttpServer, parts: Parts): RelayNode {
  let stopping: Promise<void> | undefined;
  return {
    nodeId: options.nodeId,
    nodeType: options.nodeType,
    url: `http://${hostPort(options.port)}`,
    outbound: parts.outbound,
    get inFlight() {
      return parts.inFlight();
    },
    setServices: parts.setServices,
    connect: parts.connect,
    stop(beforePortCloses) {
      // The port stays open while sessions leave, so that probes see the drain.
      stopping ??= (async () => {
        for (const { service, method, traceparent } of await parts.stop()) {
          const trace = traceparent.split('-')[1] ?? '';
          options.log.warn('call cut by the shutdown', { call: `${service}.${method}`, trace });
        }
        try {
          await beforePortCloses?.();
        } finally {
          await http.close();
        }
      })();
      return stopping;
    },
  };
}

function dnsOptions({ resolve, dnsServers }: RelayOptions): DnsResolverOptions {
  return {
    ...(resolve === undefined ? {} : { resolve }),
    ...(dnsServers === undefined ? {} : { servers: dnsServers }),
  };
}

function dialOptions({ resolve }: RelayOptions): Parameters<typeof dialWebSocket>[0] {
  return resolve === undefined ? {} : { resolve };
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** As a URL needs it: IPv6 in brackets. */
function hostPort({ host, port }: HeldPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
