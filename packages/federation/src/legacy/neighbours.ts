// Who is linked: neighbours by id, each with its links, and when a link is silent, broken or over. Source: legacy-p2p.md §2.5, §5.1, §5.12.

import {
  CLOSE_CODES,
  type Clock,
  decodeP2p,
  encodeP2p,
  type Link,
  P2P_LIMITS,
  type P2pMessage,
} from '@relay/protocol';
import type { Log } from '../observe/log.ts';
import { Neighbour, type NeighbourLink } from './neighbour.ts';
import type { OwnMessages } from './own-messages.ts';

export interface NeighboursOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly messages: OwnMessages;
  /** Throws `MalformedMessage` for what is malformed deeper down. */
  readonly onMessage: (message: P2pMessage, neighbour: Neighbour) => void;
  /** It came, went, or can be used again or no more. */
  readonly onChange: (neighbour: Neighbour) => void;
  /** Its last link is on its way out. */
  readonly onLost: (neighbour: Neighbour) => void;
  /** Every socket to this id is completely closed. */
  readonly onGone: (id: string) => void;
}

/** Close code for a neighbour that breaks the rules. */
const POLICY = 1008;
const MALFORMED_WINDOW_MS = 60_000;

export class Neighbours implements Iterable<Neighbour> {
  readonly #options: NeighboursOptions;
  readonly #byId = new Map<string, Neighbour>();
  /** Whether each was of use when last looked at. */
  readonly #usable = new Map<string, boolean>();

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  [Symbol.iterator](): Iterator<Neighbour> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Neighbour | undefined {
    return this.#byId.get(id);
  }

  /** Takes an open link to `id`, whoever dialled it. */
  add(link: Link, id: string, address: string): Neighbour {
    const { clock } = this.#options;
    const neighbour = this.#byId.get(id) ?? new Neighbour(id, clock);
    this.#byId.set(id, neighbour);
    const now = clock.now();
    const state: NeighbourLink = {
      link,
      address,
      openedAt: now,
      lastHeard: now,
      nextPingAt: now + P2P_LIMITS.pingMs,
      isClosing: false,
      malformedAt: [],
    };
    neighbour.links.push(state);
    neighbour.lastSeen = clock.wallNow();
    const open = neighbour.links.filter(({ isClosing }) => !isClosing);
    if (open.length > P2P_LIMITS.linksPerId && open[0] !== undefined) {
      this.#close(neighbour, open[0], POLICY, 'too many links with one id');
    }
    link.listen({
      onData: (data) => this.#onData(neighbour, state, data),
      onClose: () => this.#onClose(neighbour, state),
    });
    return neighbour;
  }

  /** Closes every link to this id. */
  close(id: string, code: number, reason: string): void {
    const neighbour = this.#byId.get(id);
    for (const state of [...(neighbour?.links ?? [])]) {
      if (neighbour !== undefined) this.#close(neighbour, state, code, reason);
    }
  }

  closeAll(code: number, reason: string): void {
    for (const id of [...this.#byId.keys()]) this.close(id, code, reason);
  }

  /** Pings, closes what is silent, and notices who has become of use or of none. To be called every second. */
  check(): void {
    const { clock, messages, onChange } = this.#options;
    const now = clock.now();
    for (const neighbour of [...this.#byId.values()]) {
      for (const state of [...neighbour.links]) {
        if (state.isClosing) continue;
        if (now - state.lastHeard >= P2P_LIMITS.silentMs) {
          this.#close(neighbour, state, CLOSE_CODES.goingAway, 'no sign of life');
        } else if (now >= state.nextPingAt) {
          state.nextPingAt = now + P2P_LIMITS.pingMs;
          const data = { timestamp: Math.floor(clock.wallNow() / 1000) };
          state.link.send(encodeP2p(messages.stamped(messages.create('ping', neighbour.id, data))));
        }
      }
      const isUsable = neighbour.isHealthy && neighbour.isSettled;
      const hasFewerWays = neighbour.forgetOldRoutes();
      if (this.#usable.get(neighbour.id) === isUsable && !hasFewerWays) continue;
      this.#usable.set(neighbour.id, isUsable);
      onChange(neighbour);
    }
  }

  #onData(neighbour: Neighbour, state: NeighbourLink, data: string | Uint8Array): void {
    const { clock, log, onMessage } = this.#options;
    state.lastHeard = clock.now();
    neighbour.lastSeen = clock.wallNow();
    if (typeof data !== 'string') return;
    try {
      const message = decodeP2p(data);
      if (this.#isOtherNode(message, neighbour, state)) return;
      onMessage(message, neighbour);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn('P2P message dropped', { from: neighbour.id, reason });
      const since = clock.now() - MALFORMED_WINDOW_MS;
      state.malformedAt = [...state.malformedAt.filter((at) => at > since), clock.now()];
      if (state.malformedAt.length >= P2P_LIMITS.malformedPerMinute) {
        this.#close(neighbour, state, POLICY, 'too many malformed messages');
      }
    }
  }

  /** A hello that names another node than the one this link leads to ends it. */
  #isOtherNode({ type, data }: P2pMessage, neighbour: Neighbour, state: NeighbourLink): boolean {
    const id = data?.['node_id'];
    if (type !== 'registry_sync' || typeof id !== 'string' || id === neighbour.id) return false;
    const reason = `peer ${state.address} is ${id.slice(0, 128)}, not ${neighbour.id}`;
    this.#options.log.warn(reason);
    this.#close(neighbour, state, POLICY, reason);
    return true;
  }

  #close(neighbour: Neighbour, state: NeighbourLink, code: number, reason: string): void {
    if (state.isClosing) return;
    state.isClosing = true;
    state.link.close(code, reason);
    if (!neighbour.isOpen) this.#lost(neighbour);
  }

  #onClose(neighbour: Neighbour, state: NeighbourLink): void {
    const wasOpen = neighbour.isOpen;
    const place = neighbour.links.indexOf(state);
    if (place >= 0) neighbour.links.splice(place, 1);
    if (wasOpen && !neighbour.isOpen) this.#lost(neighbour);
    if (neighbour.links.length > 0) return;
    if (this.#byId.get(neighbour.id) === neighbour) this.#byId.delete(neighbour.id);
    this.#usable.delete(neighbour.id);
    this.#options.onGone(neighbour.id);
  }

  #lost(neighbour: Neighbour): void {
    neighbour.forget();
    this.#options.onLost(neighbour);
    this.#options.onChange(neighbour);
  }
}
