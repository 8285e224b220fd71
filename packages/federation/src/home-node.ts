// A Home Relay without its sockets: one link to a Main, the own services, and routing between them.

import {
  type Call,
  type CancelMode,
  type Clock,
  createFailure,
  homeAddress,
  LINK_LIMITS,
  NodeTypeHome,
  type Random,
  type Service,
  type SessionOwner,
  type Settle,
} from '@relay/protocol';
import type { Identity } from './identity/keys.ts';
import type { MainKeyStore } from './identity/main-keys.ts';
import type { Dial } from './link/dial.ts';
import { HomeRelayConnectionManager } from './nodes/home-relay-connection-manager.ts';
import type { NodeEvents } from './nodes/node-event.ts';
import { FederationServiceRegistry } from './registry/federation-service-registry.ts';
import { FederationRouter } from './routing/federation-router.ts';
import { HomeRouting } from './routing/home-routing.ts';
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
}

export class HomeNode {
  readonly registry: FederationServiceRegistry;
  readonly connection: HomeRelayConnectionManager;
  readonly router: FederationRouter;
  #isDraining = false;

  constructor(options: HomeNodeOptions) {
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
    });
    this.registry = new FederationServiceRegistry({
      self: homeAddress(self),
      instance: this.connection.instance,
      clock,
    });
    const routing = new HomeRouting({
      self,
      registry: this.registry,
      links: { main: () => this.connection.session },
    });
    this.router = new FederationRouter({
      nodeType: NodeTypeHome,
      self,
      clock,
      random,
      decide: (call, from) => routing.decide(call, from),
      refusal: () =>
        this.#isDraining ? createFailure('shutting_down', `${self} is shutting down`, self) : undefined,
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
    this.connection.offer(services.map((service) => service.offer));
  }

  /** Unregisters, lets calls in flight end, closes the link. */
  async stop(): Promise<void> {
    this.#isDraining = true;
    await this.connection.stop({ drain: true });
    this.registry.close();
  }

  /** Ends without a word, as a crash would. For simulations. */
  crash(): void {
    this.connection.session?.terminate();
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
