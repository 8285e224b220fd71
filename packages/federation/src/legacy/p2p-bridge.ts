// The bridge between the federation and the P2P mesh on a Main: its direct P2P peers enter its registry, calls go both ways, and the
// Main speaks P2P under its own id only. Source: legacy-p2p.md §8.2.

import { hash } from 'node:crypto';
import {
  ALREADY_SETTLED,
  type Call,
  type CallHandler,
  type Cancel,
  type Clock,
  homeAddress,
  type IdempotencyCounts,
  KeyedHandler,
  type ServiceDescription,
  type Settle,
  withWholeParams,
} from '@relay/protocol';
import type { FederationServiceRegistry } from '../registry/federation-service-registry.ts';
import type { ArrivedCall } from './arrived-calls.ts';
import type { Neighbour, P2pService } from './neighbour.ts';
import type { ArrivedEnd } from './p2p-answers.ts';
import { callOfArrived, callOverP2p, endOfOutcome } from './p2p-calls.ts';
import { P2pPeers, type P2pPeersOptions } from './p2p-peers.ts';

export interface P2pBridgeOptions
  extends Omit<P2pPeersOptions, 'handle' | 'services' | 'below' | 'onChange'> {
  readonly registry: FederationServiceRegistry;
  /** Of this process, as in AUTH. */
  readonly instance: string;
  /** Takes a call as one that began at this Main. */
  readonly route: (call: Call, settle: Settle) => Cancel;
  readonly createTraceparent: () => string;
}

/** A way to a P2P node. */
export interface P2pWay {
  readonly call: CallHandler;
  /** A neighbour; calls of peer Mains may go no further. */
  readonly isDirect: boolean;
}

export class P2pBridge {
  readonly peers: P2pPeers;
  readonly #options: P2pBridgeOptions;
  readonly #clock: Clock;
  /** P2P nodes know no idempotency keys: who asks again gets the outcome from here. */
  readonly #keyed: KeyedHandler;

  constructor(options: P2pBridgeOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#keyed = new KeyedHandler((call, settle) => this.#callKeyed(call, settle), {
      wallNow: () => options.clock.wallNow(),
      nodeId: () => options.self,
      digest: (text) => hash('sha256', text, 'base64url'),
    });
    this.peers = new P2pPeers({
      ...options,
      handle: (call, end) => this.#onCall(call, end),
      services: () => this.#services(),
      below: {
        has: (id) => options.registry.home(id)?.isReachable ?? false,
        ids: () => this.#homes(),
      },
      onChange: (neighbour) => this.#onNeighbour(neighbour),
    });
  }

  way(id: string): P2pWay | undefined {
    const { network } = this.peers;
    if (!network.canReach(id)) return undefined;
    const { self, clock } = this.#options;
    return {
      isDirect: network.isDirect(id),
      call: (received, settle) =>
        withWholeParams(
          received,
          settle,
          (call, done) =>
            call.idempotencyKey === undefined
              ? callOverP2p(network, { call, target: id, self, clock }, done)
              : this.#keyed.handle({ ...call, destination: homeAddress(id, self) }, done),
          { clock, self },
        ),
    };
  }

  /** Calls with an idempotency key to P2P nodes, by what became of them. */
  get idempotency(): Readonly<IdempotencyCounts> {
    return this.#keyed.counts;
  }

  /** Configured here or linked, whether it can be reached or not. */
  knows(id: string): boolean {
    return this.peers.peers().some((peer) => peer.id === id);
  }

  close(): void {
    this.peers.close();
  }

  /** Runs to its end, whoever has gone meanwhile: its outcome counts for whoever asks again. */
  #callKeyed(call: Call, settle: Settle): Cancel {
    const { self, clock } = this.#options;
    const target = call.destination?.id ?? '';
    callOverP2p(this.peers.network, { call, target, self, clock }, settle);
    return ALREADY_SETTLED;
  }

  #onCall(arrived: ArrivedCall, end: (end: ArrivedEnd) => void): Cancel {
    const { self, route, createTraceparent } = this.#options;
    const call = callOfArrived(arrived, this.#clock, createTraceparent());
    const addressed = arrived.to === self ? call : { ...call, destination: homeAddress(arrived.to, self) };
    return route(addressed, (outcome) => end(endOfOutcome(outcome, arrived.server)));
  }

  *#homes(): Iterable<string> {
    for (const { id, isReachable } of this.#options.registry.homes()) if (isReachable) yield id;
  }

  #services(): readonly P2pService[] {
    const found = new Map<string, P2pService>();
    for (const { description, origin, holder } of this.#options.registry.local.all()) {
      if (origin === 'p2p' || !holder.isReachable || found.has(description.name)) continue;
      const methods = description.methods.map(({ name }) => name);
      found.set(description.name, { name: description.name, methods });
    }
    return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  #onNeighbour(neighbour: Neighbour): void {
    const { registry, instance } = this.#options;
    const describe = ({ name, methods }: P2pService): ServiceDescription => ({
      name,
      methods: methods.map((method) => ({ name: method, params: [], returns: 'any', effect: 'writes' })),
      visibility: 'federated',
      weight: 1,
      instance,
    });
    registry.setP2pPeer(neighbour.id, neighbour.isOpen ? neighbour.services.map(describe) : [], {
      get isReachable() {
        return neighbour.isHealthy;
      },
      get lastSeen() {
        return neighbour.lastSeen;
      },
      expiresAt: undefined,
    });
  }
}
