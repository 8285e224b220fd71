// Keeps links to the configured P2P peers: asks who is there, dials, and dials again after a loss, for as long as a peer is
// configured. Source: legacy-p2p.md §2.3, §2.4.

import type { Clock, Link, Random } from '@relay/protocol';
import { type P2pAddress, parseP2pAddress } from './p2p-address.ts';
import type { P2pNetwork } from './p2p-network.ts';

/** Opens sockets and asks over HTTP. Rejects with a short sentence for people. */
export interface P2pDial {
  link(address: P2pAddress): Promise<Link>;
  /** The `node_id` that `/registry/health` names. */
  nodeId(address: P2pAddress): Promise<string>;
}

/** The other side wants a credential that this node does not have. */
export class P2pUnauthorized extends Error {
  override readonly name = 'P2pUnauthorized';
}

export interface P2pPeerEvents {
  /** The first link to a peer that was named at the start; once each. */
  added(peer: string): void;
  failed(peer: string, reason: string): void;
}

export interface P2pDiallerOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: P2pDial;
  readonly network: P2pNetwork;
  readonly events?: P2pPeerEvents;
}

export interface ConfiguredPeer {
  /** As it was written. */
  readonly name: string;
  readonly address: string;
  readonly id: string | undefined;
  /** Wall clock; undefined if it was never linked. */
  readonly lastSeen: number | undefined;
  readonly services: number;
}

interface Peer {
  readonly name: string;
  address: P2pAddress;
  id: string | undefined;
  attempts: number;
  linkedAt: number | undefined;
  lastSeen: number | undefined;
  services: number;
  timer: Disposable | undefined;
  isDialling: boolean;
  isRemoved: boolean;
  /** Its events at the start were told. */
  isTold: boolean;
}

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const STABLE_MS = 60_000;
const UNAUTHORIZED_MS = 60_000;

export class P2pDialler {
  readonly #options: P2pDiallerOptions;
  readonly #peers = new Set<Peer>();
  #isClosed = false;

  constructor(options: P2pDiallerOptions) {
    this.#options = options;
  }

  /** A peer of the command line: `ID@host:port` or an address whose node is asked for its id. */
  addNamed(text: string): void {
    const address = parseP2pAddress(text);
    if (address === undefined) {
      this.#options.events?.failed(text, 'invalid address');
      return;
    }
    this.#start(text, address, address.id, false);
  }

  /** Adding a peer again updates its address. */
  add(id: string, address: P2pAddress): void {
    const known = this.#find(id);
    if (known === undefined) {
      this.#start(id, address, id, true);
      return;
    }
    known.address = address;
    known.attempts = 0;
    known.timer?.[Symbol.dispose]();
    known.timer = undefined;
    this.#advance(known);
  }

  /** Links and redialling end. */
  remove(id: string): void {
    const peer = this.#find(id);
    if (peer !== undefined) {
      peer.isRemoved = true;
      peer.timer?.[Symbol.dispose]();
      this.#peers.delete(peer);
    }
    this.#options.network.disconnect(id);
  }

  *peers(): Iterable<ConfiguredPeer> {
    for (const { name, address, id, lastSeen, services } of this.#peers) {
      yield { name, address: address.address, id, lastSeen, services };
    }
  }

  /** Every socket to `id` has closed. */
  onGone(id: string): void {
    const peer = this.#find(id);
    if (peer !== undefined && !peer.isDialling) this.#lost(peer);
  }

  /** What is remembered of a peer while it is away. */
  onSeen(id: string, lastSeen: number, services: number): void {
    const peer = this.#find(id);
    if (peer === undefined) return;
    peer.lastSeen = lastSeen;
    peer.services = services;
    if (peer.linkedAt === undefined) this.#linked(peer);
  }

  /** Its last link is on its way out; it is dialled when all have closed. */
  onLost(id: string, lastSeen: number): void {
    const peer = this.#find(id);
    if (peer !== undefined) peer.lastSeen = lastSeen;
  }

  close(): void {
    this.#isClosed = true;
    for (const peer of this.#peers) peer.timer?.[Symbol.dispose]();
  }

  #find(id: string): Peer | undefined {
    for (const peer of this.#peers) if (peer.id === id) return peer;
    return undefined;
  }

  #start(name: string, address: P2pAddress, id: string | undefined, isTold: boolean): void {
    const peer: Peer = {
      name,
      address,
      id,
      attempts: 0,
      linkedAt: undefined,
      lastSeen: undefined,
      services: 0,
      timer: undefined,
      isDialling: false,
      isRemoved: false,
      isTold,
    };
    this.#peers.add(peer);
    this.#advance(peer);
  }

  #advance(peer: Peer): void {
    if (this.#isClosed || peer.isRemoved || peer.isDialling || peer.timer !== undefined) return;
    if (peer.id !== undefined && this.#options.network.isLinked(peer.id)) {
      if (peer.linkedAt === undefined) this.#linked(peer);
      return;
    }
    peer.isDialling = true;
    void this.#attempt(peer).then(
      () => {
        peer.isDialling = false;
        // It may have come and gone again meanwhile.
        if (peer.id !== undefined && !this.#options.network.isLinked(peer.id)) this.#lost(peer);
      },
      (error: unknown) => {
        peer.isDialling = false;
        this.#failed(peer, error);
      },
    );
  }

  async #attempt(peer: Peer): Promise<void> {
    const { dial, network, self } = this.#options;
    const { address } = peer;
    if (peer.id === undefined) {
      const id = await dial.nodeId(address);
      if (id === self) throw new Error('that is this node itself');
      if (peer.isRemoved || this.#isClosed) return;
      if (this.#find(id) !== undefined) {
        this.#peers.delete(peer);
        peer.isRemoved = true;
        return;
      }
      peer.id = id;
    }
    const { id } = peer;
    if (network.isLinked(id)) {
      this.#linked(peer);
      return;
    }
    const link = await dial.link(address);
    if (peer.isRemoved || this.#isClosed) {
      link.close(1000, 'removed');
      return;
    }
    this.#linked(peer);
    network.adopt(link, id, address.address);
  }

  #linked(peer: Peer): void {
    peer.linkedAt = this.#options.clock.now();
    if (peer.isTold) return;
    peer.isTold = true;
    this.#options.events?.added(peer.name);
  }

  #lost(peer: Peer): void {
    const { clock } = this.#options;
    if (peer.isRemoved || peer.timer !== undefined) return;
    if (peer.linkedAt !== undefined && clock.now() - peer.linkedAt >= STABLE_MS) peer.attempts = 0;
    peer.linkedAt = undefined;
    this.#retry(peer, 0);
  }

  #failed(peer: Peer, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (!peer.isTold && !peer.isRemoved) {
      peer.isTold = true;
      this.#options.events?.failed(peer.name, reason);
    }
    this.#retry(peer, error instanceof P2pUnauthorized ? UNAUTHORIZED_MS : 0);
  }

  /** Full jitter, so that the nodes of a mesh do not all dial at the same moment. */
  #retry(peer: Peer, atLeastMs: number): void {
    const { clock, random } = this.#options;
    if (this.#isClosed || peer.isRemoved) return;
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(peer.attempts, 10));
    peer.attempts += 1;
    peer.timer = clock.after(Math.max(atLeastMs, random.next() * longest), () => {
      peer.timer = undefined;
      this.#advance(peer);
    });
  }
}
