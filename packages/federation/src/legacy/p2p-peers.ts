// The P2P side of a node as its gateway and its composition see it: the mesh and the peers that are kept connected.

import type { Clock, Random } from '@relay/protocol';
import { outboundRefusal } from '../link/outbound-address.ts';
import type { Log } from '../observe/log.ts';
import { hostOf, parseP2pAddress } from './p2p-address.ts';
import { type P2pDial, P2pDialler, type P2pPeerEvents } from './p2p-dialler.ts';
import { P2pNetwork, type P2pNetworkOptions } from './p2p-network.ts';

export interface P2pPeersOptions
  extends Pick<P2pNetworkOptions, 'handle' | 'services' | 'below' | 'onChange'> {
  readonly self: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly dial: P2pDial;
  readonly events?: P2pPeerEvents;
}

/** One line of `/registry/peers`. */
export interface P2pPeerView {
  readonly id: string;
  readonly address: string;
  /** Wall clock; null if it was never linked. */
  readonly lastSeen: number | null;
  readonly isHealthy: boolean;
  readonly services: number;
}

export type AddP2pPeerAnswer =
  | { readonly kind: 'added' }
  | { readonly kind: 'invalid-address' }
  | { readonly kind: 'forbidden'; readonly reason: string }
  | { readonly kind: 'self' };

export class P2pPeers {
  readonly network: P2pNetwork;
  readonly #dialler: P2pDialler;
  readonly #self: string;

  constructor(options: P2pPeersOptions) {
    const { self, clock, random, dial, events } = options;
    this.#self = self;
    this.network = new P2pNetwork({
      ...options,
      onChange: (neighbour) => {
        this.#remember(neighbour.id);
        options.onChange?.(neighbour);
      },
      onGone: (id) => this.#dialler.onGone(id),
    });
    this.#dialler = new P2pDialler({
      self,
      clock,
      random,
      dial,
      network: this.network,
      ...(events === undefined ? {} : { events }),
    });
  }

  /** A peer of the command line. */
  addNamed(text: string): void {
    this.#dialler.addNamed(text);
  }

  /** A peer that somebody names over HTTP. */
  addPeer(id: string, text: string): AddP2pPeerAnswer {
    if (id === this.#self) return { kind: 'self' };
    const address = parseP2pAddress(text);
    if (address === undefined || text.includes('@')) return { kind: 'invalid-address' };
    const reason = outboundRefusal(hostOf(address));
    if (reason !== undefined) return { kind: 'forbidden', reason };
    this.#dialler.add(id, { ...address, isRestricted: true });
    return { kind: 'added' };
  }

  removePeer(id: string): void {
    this.#dialler.remove(id);
  }

  peers(): readonly P2pPeerView[] {
    const views = new Map<string, P2pPeerView>();
    for (const { id, address, lastSeen, services } of this.#dialler.peers()) {
      if (id === undefined) continue;
      views.set(id, { id, address, lastSeen: lastSeen ?? null, isHealthy: false, services });
    }
    for (const neighbour of this.network.neighbours()) {
      const { id, lastSeen, isHealthy, services, links } = neighbour;
      const configured = views.get(id);
      // One that was not configured here is shown while its link is open.
      if (configured === undefined && !neighbour.isOpen) continue;
      const address = configured?.address ?? links.at(-1)?.address ?? '';
      const count = neighbour.isOpen ? services.length : (configured?.services ?? 0);
      views.set(id, { id, address, lastSeen, isHealthy, services: count });
    }
    return [...views.values()];
  }

  close(): void {
    this.#dialler.close();
    this.network.close();
  }

  #remember(id: string): void {
    const neighbour = this.network.neighbour(id);
    if (neighbour === undefined) return;
    if (neighbour.isOpen) this.#dialler.onSeen(id, neighbour.lastSeen, neighbour.services.length);
    else this.#dialler.onLost(id, neighbour.lastSeen);
  }
}
