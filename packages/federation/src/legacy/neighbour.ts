// A node at the other end of at least one P2P link: its links, what it told of itself, and what waits to be sent to it.
// Source: legacy-p2p.md §2.5, §5.5, §5.12, §6.

import { type Cancel, type Clock, type Link, P2P_LIMITS } from '@relay/protocol';

export interface P2pService {
  readonly name: string;
  readonly methods: readonly string[];
}

/** One link to a neighbour. */
export interface NeighbourLink {
  readonly link: Link;
  readonly address: string;
  readonly openedAt: number;
  lastHeard: number;
  nextPingAt: number;
  /** On its way out: neither used nor counted, but not closed yet either. */
  isClosing: boolean;
  /** When the last broken frames came. */
  malformedAt: number[];
}

/** A call that arrived. */
export interface RunningCall {
  /** Who waits for its answer; not always the neighbour that brought it. */
  readonly from: string;
  cancel: Cancel;
}

interface Waiting {
  readonly text: string;
  readonly onFull: () => void;
  timer: Disposable | undefined;
}

/** Bytes on a link from which on messages wait here; how often is looked whether there is room again. */
const HIGH_WATER_BYTES = 262_144;
const POLL_MS = 20;

export class Neighbour {
  readonly id: string;
  /** In order of age. */
  readonly links: NeighbourLink[] = [];
  lastSeen: number;
  /** It sent a hello, so it follows the rules. */
  saidHello = false;
  services: readonly P2pService[] = [];
  /** Ids it reaches, with the number of its hops. */
  routes: ReadonlyMap<string, number> = new Map();
  routesAt = 0;
  /** Calls that came over its links and run here. */
  readonly running = new Set<RunningCall>();
  /** Calls of this node that wait for an answer over its links. */
  outgoing = 0;
  /** Content of the last hello to it, and when. */
  told = '';
  toldAt = Number.NEGATIVE_INFINITY;
  readonly #clock: Clock;
  /** The first hundred are the queue; the others wait for a place in it. */
  readonly #waiting: Waiting[] = [];
  #poll: Disposable | undefined;

  constructor(id: string, clock: Clock) {
    this.id = id;
    this.#clock = clock;
    this.lastSeen = clock.wallNow();
  }

  /** The newest link that carries traffic; a silent one only if there is no other. */
  get current(): NeighbourLink | undefined {
    const open = this.links.filter(({ isClosing }) => !isClosing);
    return open.findLast((link) => this.#isAlive(link)) ?? open.at(-1);
  }

  get isOpen(): boolean {
    return this.links.some(({ isClosing }) => !isClosing);
  }

  get isHealthy(): boolean {
    return this.links.some((link) => !link.isClosing && this.#isAlive(link));
  }

  /** Whether it had its time to say hello. Until then nobody knows how calls through us reach it. */
  get isSettled(): boolean {
    return this.saidHello || this.isExisting;
  }

  /** Runs the earlier software. */
  get isExisting(): boolean {
    const [first] = this.links;
    return !this.saidHello && first !== undefined && this.#clock.now() - first.openedAt >= P2P_LIMITS.helloMs;
  }

  /** Hops from it to a node, 0 for itself; undefined if it does not know a way. */
  costTo(id: string): number | undefined {
    if (id === this.id) return 0;
    return this.#clock.now() - this.routesAt < P2P_LIMITS.silentMs ? this.routes.get(id) : undefined;
  }

  /** `onFull` is called if there was no room for a second; then the message was not sent. */
  send(text: string, onFull: () => void = () => {}): void {
    const current = this.current;
    if (current === undefined) return;
    if (this.#waiting.length === 0 && current.link.bufferedBytes < HIGH_WATER_BYTES) {
      current.link.send(text);
      return;
    }
    const waiting: Waiting = { text, onFull, timer: undefined };
    // Whoever waits for a place is bounded too.
    if (this.#waiting.length >= P2P_LIMITS.queue * 2) {
      onFull();
      return;
    }
    if (this.#waiting.length >= P2P_LIMITS.queue) {
      waiting.timer = this.#clock.after(P2P_LIMITS.queueFullMs, () => {
        const place = this.#waiting.indexOf(waiting);
        // It has moved up into the queue meanwhile, where it stays.
        if (place < P2P_LIMITS.queue) return;
        this.#waiting.splice(place, 1);
        onFull();
      });
    }
    this.#waiting.push(waiting);
    this.#poll ??= this.#clock.after(POLL_MS, () => this.#drain());
  }

  /** Routes that were not renewed for long lead nowhere; true if there were any. */
  forgetOldRoutes(): boolean {
    if (this.routes.size === 0 || this.#clock.now() - this.routesAt < P2P_LIMITS.silentMs) return false;
    this.routes = new Map();
    return true;
  }

  /** Its last link is over: what it told counts no more, and nothing waits for it. */
  forget(): void {
    this.#drop();
    this.routes = new Map();
    this.services = [];
    this.saidHello = false;
    this.told = '';
  }

  #drop(): void {
    this.#poll?.[Symbol.dispose]();
    this.#poll = undefined;
    for (const { timer } of this.#waiting.splice(0)) timer?.[Symbol.dispose]();
  }

  #drain(): void {
    this.#poll = undefined;
    for (;;) {
      const current = this.current;
      if (current === undefined) {
        this.#drop();
        return;
      }
      const [next] = this.#waiting;
      if (next === undefined) return;
      if (current.link.bufferedBytes >= HIGH_WATER_BYTES) break;
      this.#waiting.shift();
      next.timer?.[Symbol.dispose]();
      current.link.send(next.text);
    }
    this.#poll = this.#clock.after(POLL_MS, () => this.#drain());
  }

  #isAlive({ lastHeard }: NeighbourLink): boolean {
    return this.#clock.now() - lastHeard < P2P_LIMITS.unhealthyMs;
  }
}
