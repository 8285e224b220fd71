// A Home Relay without its sockets: one link to a Main, the own services, and routing between them.

import {
  type BufferBudget,
  type Call,
  type CancelMode,
  type Clock,
  homeAddress,
  LINK_LIMITS,
  NodeTypeHome,
  type Random,
  type Service,
  type ServiceOffer,
  type SessionOwner,
  type Settle,
} from '@relay/protocol';
import { Health } from './balance/health.ts';
import { type BalanceOptions, resolveBalanceOptions } from './balance/options.ts';
import type { Identity } from './identity/keys.ts';
import type { MainKeyStore } from './identity/main-keys.ts';
import type { Dial } from './link/dial.ts';
import { HomeRelayConnectionManager } from './nodes/home-relay-connection-manager.ts';
import type { NodeEvents } from './nodes/node-event.ts';
import { LAST_CALLS_MS, refuseWaiting, until } from './nodes/until-quiet.ts';
import { FederationServiceRegistry } from './registry/federation-service-registry.ts';
import type { CallObserver } from './routing/call-observer.ts';
import { FederationRouter } from './routing/federation-router.ts';
import { HomeRouting } from './routing/home-routing.ts';
import { shuttingDown } from './routing/hops.ts';
import { programOutlet } from './routing/ingress.ts';

export interface HomeNodeOptions {
  readonly nodeId: string;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: Dial;
  readonly events: NodeEvents;
  readonly mainKeys: MainKeyStore;
  /** Federation URLs, complete with path: the Main, then its fallbacks. */
  readonly urls: readonly string[];
  readonly software: string;
  /** Shown to the Main. */
  readonly token?: string;
  /** Links held at once, each to another Main. Default 1. */
  readonly uplinks?: number;
  /** Of this, what it says of the own services, and the strategy, which is told for all of them. */
  readonly balance?: BalanceOptions;
  /** What all its links together may make it hold. */
  readonly budget?: BufferBudget;
  /** How long Mains that a lost Main named are remembered; 0: not at all. Default an hour. */
  readonly keepAlternativesMs?: number;
  /** Looks on while calls are routed. */
  readonly observer?: CallObserver;
}

export class HomeNode {
  readonly registry: FederationServiceRegistry;
  readonly connection: HomeRelayConnectionManager;
  readonly router: FederationRouter;
  readonly #clock: Clock;
  readonly #balance: BalanceOptions;
  #isDraining = false;

  constructor(options: HomeNodeOptions) {
    this.#clock = options.clock;
    this.#balance = options.balance ?? {};
    const { nodeId: self, clock, random } = options;
    this.connection = new HomeRelayConnectionManager({
      self,
      identity: options.identity,
      urls: options.urls,
      dial: options.dial,
      clock,
      random,
      events: options.events,
      mainKeys: options.mainKeys,
      software: options.software,
      owner: this.#owner(),
      ...(options.token === undefined ? {} : { token: options.token }),
      ...(options.uplinks === undefined ? {} : { uplinks: options.uplinks }),
      ...(options.budget === undefined ? {} : { budget: options.budget }),
      ...(options.keepAlternativesMs === undefined ? {} : { keepAlternativesMs: options.keepAlternativesMs }),
    });
    this.registry = new FederationServiceRegistry({
      self: homeAddress(self),
      instance: this.connection.instance,
      clock,
    });
    const routing = new HomeRouting({
      self,
      registry: this.registry,
      links: { main: () => this.connection.session, mains: () => this.connection.sessions },
    });
    this.router = new FederationRouter({
      nodeType: NodeTypeHome,
      self,
      clock,
      random,
      // A Home has one way for a call. What it counts is shown; its Main balances and protects.
      health: new Health({ self, config: resolveBalanceOptions({ isProtected: false }), peersOf: () => [] }),
      decide: (call, from) => routing.decide(call, from),
      observer: options.observer,
      refusal: () => (this.#isDraining ? shuttingDown(self) : undefined),
    });
  }

  /** Begins to dial its Main. */
  start(): void {
    this.connection.start();
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
    this.connection.offer(services.map(({ offer }) => this.#told(offer)));
  }

  /** What this node has been told of its service goes before what the service says. */
  #told(offer: ServiceOffer): ServiceOffer {
    const said = this.#balance.services?.get(offer.name);
    const strategy = said?.strategy ?? this.#balance.strategy ?? offer.strategy;
    const timeoutMs = said?.timeoutMs ?? offer.timeoutMs;
    return {
      ...offer,
      weight: said?.weight ?? offer.weight,
      ...(strategy === undefined ? {} : { strategy }),
      ...(timeoutMs === undefined ? {} : { timeoutMs: Math.max(1, Math.round(timeoutMs)) }),
    };
  }

  /** Unregisters, lets calls in flight end, closes the links. Returns the calls that it had to cut. */
  async stop(): Promise<readonly Call[]> {
    this.#isDraining = true;
    const end = this.#clock.now() + LAST_CALLS_MS;
    await this.connection.retire();
    const isQuiet = (): boolean => this.router.stats.inFlight === 0 && this.connection.isQuiet;
    await until(isQuiet, end - this.#clock.now(), this.#clock);
    if (!isQuiet()) await refuseWaiting(this.registry.ownServices(), this.#clock);
    const cut = this.router.cutCalls();
    await this.connection.stop({ drain: true });
    this.registry.close();
    return cut;
  }

  /** Ends without a word, as a crash would. For simulations. */
  crash(): void {
    for (const session of this.connection.sessions) session.terminate();
    void this.connection.stop();
    this.registry.close();
  }

  #owner(): SessionOwner {
    return {
      onOpened: () => {},
      onCall: (session, call, settle) =>
        this.router.handle(call, { kind: 'peer', id: session.nodeId }, settle),
      onRegistration: (_session, { seq }) => ({ seq }),
      onDiscovery: () => {},
      onRegistryState: () => {},
      onDrain: () => {},
      registryState: () => undefined,
      load: () => ({ inFlight: this.router.stats.inFlight, capacity: LINK_LIMITS.inFlight }),
      onClosed: () => {},
    };
  }
}
