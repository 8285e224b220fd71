// A Main Relay without its sockets: links, registry and routing put together. The composition root adds HTTP and WebSockets,
// tests a simulated network.

import {
  type BufferBudget,
  CALL_LIMITS,
  type Call,
  type CancelMode,
  CLOSE_CODES,
  type Clock,
  type Discovery,
  LINK_LIMITS,
  mainAddress,
  NodeTypeMain,
  parseAddress,
  type Random,
  type RegistrationMessage,
  type Service,
  type Session,
  type Settle,
} from '@relay/protocol';
import { Balancer } from './balance/balancer.ts';
import { Health } from './balance/health.ts';
import { resetCircuits } from './balance/instance-stats.ts';
import { type BalanceOptions, resolveBalanceOptions } from './balance/options.ts';
import { DnsPeers } from './discovery/dns-peers.ts';
import type { DnsResolver } from './discovery/dns-resolver.ts';
import type { Admission } from './identity/admission.ts';
import type { Identity } from './identity/keys.ts';
import { isSameSecret } from './identity/same-secret.ts';
import { P2pBridge } from './legacy/p2p-bridge.ts';
import type { P2pPeersOptions } from './legacy/p2p-peers.ts';
import type { Dial } from './link/dial.ts';
import type { ArrivalLimits } from './nodes/arrivals.ts';
import {
  type AddPeerResult,
  MainRelayConnectionManager,
  type MainSessionOwner,
  type PeerSource,
  type PeerView,
} from './nodes/main-relay-connection-manager.ts';
import type { NodeEvents } from './nodes/node-event.ts';
import { Settling } from './nodes/settling.ts';
import { LAST_CALLS_MS, refuseWaiting, until } from './nodes/until-quiet.ts';
import { type Decision, explain, type RoutingKnowledge } from './observe/decision.ts';
import { type Why, whyByName } from './observe/why.ts';
import { FederationServiceRegistry } from './registry/federation-service-registry.ts';
import type { CallObserver } from './routing/call-observer.ts';
import { FederationRouter } from './routing/federation-router.ts';
import { shuttingDown } from './routing/hops.ts';
import { programOutlet } from './routing/ingress.ts';
import { MainRouting } from './routing/main-routing.ts';
import type { CallOrigin, Route } from './routing/route.ts';

export interface MainNodeOptions {
  readonly nodeId: string;
  readonly identity: Identity;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: Dial;
  readonly events: NodeEvents;
  /** URLs of the peers to dial, complete with path, and `dns://NAME`, which needs `dns`. */
  readonly peers: readonly string[];
  /** Answers for `dns://NAME`. */
  readonly dns?: DnsResolver;
  readonly software: string;
  /** Address at which others reach this Main. */
  readonly advertise?: string;
  /** Bearer that clients have to show. */
  readonly apiToken?: string;
  /** Shown to peers that ask for one. */
  readonly token?: string;
  /** How long federated entries live without a word from their Main. Default 10 minutes. */
  readonly federatedTtlMs?: number;
  /** How calls are spread, and when an instance is left alone. */
  readonly balance?: BalanceOptions;
  /** What one address may ask. */
  readonly arrivals?: ArrivalLimits;
  /** What all its links together may make it hold. */
  readonly budget?: BufferBudget;
  /** Between two pings of a peer. Default 30 s. */
  readonly healthCheckMs?: number;
  /** Looks on while calls are routed. */
  readonly observer?: CallObserver;
  /** Links of the former protocol; absent: none. */
  readonly p2p?: Pick<P2pPeersOptions, 'dial' | 'events' | 'log'> & { readonly addPeers: readonly string[] };
}

const OWN: CallOrigin = { kind: 'own' };
const NO_PARAMS = new Uint8Array(0);

export class MainNode {
  readonly registry: FederationServiceRegistry;
  readonly connections: MainRelayConnectionManager;
  readonly router: FederationRouter;
  readonly balancer: Balancer;
  readonly health: Health;
  readonly settling: Settling;
  readonly p2p: P2pBridge | undefined;
  readonly #dns: DnsPeers | undefined;
  readonly #options: MainNodeOptions;
  readonly #routing: MainRouting;
  #slowConsumersCut = 0;
  #isDraining = false;

  constructor(options: MainNodeOptions) {
    this.#options = options;
    const { nodeId: self, identity, admission, clock, random, dial, events, software } = options;
    this.connections = new MainRelayConnectionManager({
      self,
      identity,
      admission,
      clock,
      random,
      dial,
      events,
      software,
      owner: this.#owner(),
      ...(options.advertise === undefined ? {} : { advertise: options.advertise }),
      ...(options.token === undefined ? {} : { token: options.token }),
      ...(options.arrivals === undefined ? {} : { arrivals: options.arrivals }),
      ...(options.budget === undefined ? {} : { budget: options.budget }),
      ...(options.healthCheckMs === undefined ? {} : { healthCheckMs: options.healthCheckMs }),
    });
    if (options.dns !== undefined) {
      this.#dns = new DnsPeers({
        resolver: options.dns,
        clock,
        peers: {
          peers: () => this.connections.peers(),
          addPeer: (url, source) => this.connections.addPeer(url, source),
          removePeer: (url) => this.removePeer(url),
        },
        warn: (message) => events.emit({ kind: 'warned', message }),
      });
    }
    this.registry = new FederationServiceRegistry({
      self: mainAddress(self),
      instance: this.connections.instance,
      clock,
      onAdvertise: (deltas) => this.#tellPeers(deltas),
      onLocalChange: () => this.p2p?.peers.network.servicesChanged(),
      ...(options.federatedTtlMs === undefined ? {} : { federatedTtlMs: options.federatedTtlMs }),
    });
    const config = resolveBalanceOptions(options.balance);
    this.health = new Health({
      self,
      config,
      peersOf: (service) => this.registry.listsOf(service),
      isListed: (instance) => this.registry.isListed(instance),
    });
    this.balancer = new Balancer(config, random, (service) => this.registry.wordOn(service));
    this.settling = new Settling({
      clock,
      admission,
      // One that has a session but has not registered yet offers nothing that is known.
      hasHome: (id) => (this.registry.home(id)?.seq ?? 0) > 0 || this.registry.waysToHome(id).length > 0,
      hasMain: (id) => this.registry.isPeerSynced(id),
      lacksPeer: () => this.peers().some((peer) => this.#lacks(peer)),
    });
    this.#routing = new MainRouting({
      self,
      registry: this.registry,
      balancer: this.balancer,
      health: this.health,
      clock,
      settling: this.settling,
      links: {
        home: (id) => this.connections.home(id),
        peer: (id) => this.connections.peer(id),
        knowsPeer: (id) => this.connections.knowsPeer(id),
        p2p: (id) => this.p2p?.way(id),
        knowsP2p: (id) => this.p2p?.knows(id) ?? false,
      },
    });
    this.router = new FederationRouter({
      nodeType: NodeTypeMain,
      self,
      clock,
      random,
      health: this.health,
      decide: (call, from, tried) => this.#routing.decide(call, from, tried),
      observer: options.observer,
      timeoutOf: (service) => this.balancer.timeoutOf(service),
      refusal: () => (this.#isDraining ? shuttingDown(self) : undefined),
    });
    if (options.p2p !== undefined) {
      this.p2p = new P2pBridge({
        ...options.p2p,
        self,
        clock,
        random,
        registry: this.registry,
        instance: this.connections.instance,
        route: (call, settle) => this.router.handle({ ...call, source: mainAddress(self) }, OWN, settle),
        createTraceparent: () => this.router.createTraceparent(),
      });
    }
  }

  /** Begins to dial the peers. */
  start(): void {
    this.settling.start();
    for (const peer of this.#options.p2p?.addPeers ?? []) this.p2p?.peers.addNamed(peer);
    for (const url of this.#options.peers) this.addPeer(url, 'flag');
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** What the own program calls to reach the federation. */
  get outbound(): (call: Call, settle: Settle) => (mode: CancelMode) => void {
    return programOutlet(this.router);
  }

  setServices(services: readonly Service[]): void {
    this.registry.setOwn(services);
  }

  /** Closes every circuit of this service at this address; absent: of all. Returns how many were not closed. */
  resetCircuits(service?: string, address?: string): number {
    let reset = 0;
    for (const index of [this.registry.local, this.registry.federated]) {
      for (const instance of service === undefined ? index.all() : index.of(service)) {
        if (address === undefined || instance.address === address || instance.node.id === address) {
          reset += resetCircuits(instance.stats);
        }
      }
    }
    return reset;
  }

  /** Every configured peer, those that dialled us, and names of which DNS knows nobody. */
  peers(): readonly PeerView[] {
    // A name that leads to several Mains leads to this one too.
    const known = this.connections
      .peers()
      .filter(({ source, state }) => source !== 'dns' || state !== 'self');
    return [...known, ...(this.#dns?.unresolved() ?? [])];
  }

  /** Dials this URL, or whom this `dns://NAME` leads to, until it is removed. With `expectedId` the handshake checks who answers. */
  addPeer(url: string, source: PeerSource, expectedId?: string): AddPeerResult {
    if (!isDnsUrl(url)) return this.connections.addPeer(url, source, expectedId);
    if (this.#dns === undefined) throw new RangeError(`no resolver for ${url}`);
    return { kind: 'added', peer: this.#dns.add(url, source) };
  }

  /** A configured peer goes: link, redialling and its federated services. */
  removePeer(idOrUrl: string): string | undefined {
    if (this.#dns?.remove(idOrUrl) === true) return idOrUrl;
    const view = this.peers().find((peer) => peer.id === idOrUrl || peer.url === idOrUrl);
    if (view === undefined || !this.connections.removePeer(idOrUrl)) return undefined;
    if (view.id !== undefined) this.registry.forgetPeer(view.id);
    return view.id ?? idOrUrl;
  }

  /**
   * Takes no new calls, tells every session to go elsewhere within `drainMs`, lets calls in flight end, then closes what is left.
   * Returns the calls that it had to cut.
   */
  async stop(drainMs: number): Promise<readonly Call[]> {
    this.#isDraining = true;
    this.settling.stop();
    this.#dns?.stop();
    await this.connections.drain(drainMs);
    const { clock } = this.#options;
    const isQuiet = (): boolean => this.router.stats.inFlight === 0 && this.connections.hasNoBodies;
    await until(isQuiet, LAST_CALLS_MS, clock);
    if (!isQuiet()) await refuseWaiting(this.registry.ownServices(), clock);
    const cut = this.router.cutCalls();
    await this.connections.stop();
    this.p2p?.close();
    this.registry.close();
    return cut;
  }

  /** Ends without a word, as a crash would. For simulations. */
  crash(): void {
    for (const sessions of [
      this.connections.homes(),
      this.connections.clients(),
      this.connections.peerSessions(),
    ]) {
      for (const session of [...sessions]) session.terminate();
    }
    this.#dns?.stop();
    this.settling.stop();
    void this.connections.stop();
    this.p2p?.close();
    this.registry.close();
  }

  /** Why this call goes where it goes. */
  explain(call: Call, from: CallOrigin, route: Route): Decision {
    const strategy = this.balancer.strategyOf(call.service);
    return explain(this.#options.nodeId, this.#knowledge, call, from, route, strategy);
  }

  /** What would become of a call now. Calls nobody. */
  why(service: string, method: string, node: string | undefined): Why {
    const { nodeId: self, clock } = this.#options;
    const named = node === 'local' ? mainAddress(self) : node === undefined ? undefined : parseAddress(node);
    if (named === undefined || named.id === self) {
      const knowledge = named === undefined ? this.#knowledge : { ...this.#knowledge, federated: () => [] };
      return whyByName(self, knowledge, service, method, this.balancer.strategyOf(service));
    }
    const call: Call = {
      destination: named,
      service,
      method,
      params: NO_PARAMS,
      deadline: clock.now() + CALL_LIMITS.defaultTimeoutMs,
      source: mainAddress(self),
      caller: { kind: 'http', node: self },
      path: [],
      ttl: CALL_LIMITS.ttl,
      priority: CALL_LIMITS.defaultPriority,
      trace: false,
      traceparent: '',
      callPath: [],
    };
    // An address leaves no choice, so deciding takes nobody's turn.
    const route = this.#routing.decide(call, OWN, []);
    const decision = this.explain(call, OWN, route);
    return route.kind === 'none' ? { decision, failure: route.failure } : { decision };
  }

  /** Sessions that ended because the other side did not take what was sent. */
  get slowConsumersCut(): number {
    return this.#slowConsumersCut;
  }

  get #knowledge(): RoutingKnowledge {
    const { registry, balancer } = this;
    return {
      local: (service) => registry.local.of(service),
      federated: (service) => registry.federated.of(service),
      isSecondWay: (instance) => registry.isSecondWay(instance),
      isSettling: () => this.settling.isSettling,
      balance: balancer.config,
      now: () => this.#options.clock.now(),
    };
  }

  /** A peer that this Main dials and that has not said yet what it offers. */
  #lacks({ source, state, id }: PeerView): boolean {
    if (source === 'inbound' || state === 'self' || state === 'refused') return false;
    return state !== 'connected' || id === undefined || !this.registry.isPeerSynced(id);
  }

  #owner(): MainSessionOwner {
    return {
      takesParts: true,
      onOpened: (session, resumed) => this.#opened(session, resumed),
      onCall: (session, call, settle) => this.router.handle(call, originOf(session), settle),
      onRegistration: (session, message) =>
        this.registry.register(session.nodeId, message as RegistrationMessage),
      onDiscovery: (session, discovery) => this.#discover(session, discovery),
      onRegistryState: (session, state) => this.#discover(session, { kind: 'state', state }),
      onDrain: () => {},
      registryState: () => this.registry.state(),
      load: () => ({ inFlight: this.router.stats.inFlight, capacity: LINK_LIMITS.inFlight }),
      onClosed: (session, { code }) => this.#closed(session, code),
      canResume: (id, instance, seq) => this.registry.canResume(id, instance, seq),
      homeForgotten: (id) => this.registry.homeLost(id, true),
      serviceCount: (id) => this.registry.home(id)?.services.size ?? 0,
      isClientAdmitted: (token) => {
        const { apiToken } = this.#options;
        return apiToken === undefined || isSameSecret(token, apiToken);
      },
    };
  }

  #opened(session: Session, resumed: boolean): void {
    if (session.role === 'home') this.registry.homeConnected(session.nodeId, session.instance, resumed);
    if (session.role !== 'main') return;
    this.registry.peerConnected(session.nodeId, session);
    session.sendDiscovery({ kind: 'state', state: this.registry.state() });
  }

  #discover(session: Session, discovery: Discovery): void {
    for (const answer of this.registry.discover(session.nodeId, discovery)) session.sendDiscovery(answer);
  }

  #closed(session: Session, code: number): void {
    const { nodeId } = session;
    if (code === CLOSE_CODES.overloaded) this.#slowConsumersCut += 1;
    // A session that was replaced says nothing about its node: the newer one speaks for it.
    if (session.role === 'home') {
      const current = this.connections.home(nodeId);
      if (current === undefined || current === session)
        this.registry.homeLost(nodeId, code === CLOSE_CODES.done);
    } else if (session.role === 'main') {
      const current = this.connections.peer(nodeId);
      if (current === undefined || current === session) this.registry.peerLost(nodeId);
    }
  }

  #tellPeers(deltas: () => readonly Discovery[]): void {
    const peers = [...this.connections.peerSessions()];
    if (peers.length === 0) return;
    for (const delta of deltas()) for (const session of peers) session.sendDiscovery(delta);
  }
}

function isDnsUrl(url: string): boolean {
  return url.startsWith('dns://');
}

function originOf(session: Session): CallOrigin {
  switch (session.role) {
    case 'home':
      return { kind: 'home', id: session.nodeId };
    case 'main':
      return { kind: 'peer', id: session.nodeId };
    case 'client':
      return { kind: 'client', id: session.nodeId || session.remoteAddress };
  }
}
