// A Main that was started again does not know yet what its Homes and peers offer. Until those have come that it had before, or have had
// the time to, it must not call a name unknown: what is asked for may be theirs. Source: protocol.md §4 (lease), http-api.md §8.

import { type Clock, REGISTRY_LIMITS } from '@relay/protocol';
import type { Admission } from '../identity/admission.ts';

/** Peers may take so long until a Main counts as ready without them. */
const PEERS_MS = 10_000;

export interface SettlingOptions {
  readonly clock: Clock;
  readonly admission: Admission;
  /** What this Home offers is known, here or at a peer. */
  readonly hasHome: (id: string) => boolean;
  /** What this Main offers is known. */
  readonly hasMain: (id: string) => boolean;
  /** A peer that this Main dials has not said yet what it offers. */
  readonly lacksPeer: () => boolean;
}

export class Settling {
  readonly #options: SettlingOptions;
  readonly #startedAt: number;
  /** Those that have come are taken out when somebody asks, so that asking costs nothing that grows with their number. */
  readonly #homes: Set<string>;
  readonly #mains: Set<string>;
  #end: Disposable | undefined;
  #hasBegun = false;
  #hasPeers = false;

  constructor(options: SettlingOptions) {
    this.#options = options;
    const { clock, admission } = options;
    this.#startedAt = clock.now();
    this.#homes = new Set(admission.expected('home', REGISTRY_LIMITS.leaseMs));
    this.#mains = new Set(admission.expected('main', REGISTRY_LIMITS.leaseMs));
  }

  /** The Main dials and takes links. Who has not come at the end of the time is not waited for at the next start. */
  start(): void {
    this.#hasBegun = true;
    if (this.#homes.size + this.#mains.size === 0) return;
    this.#end = this.#options.clock.after(REGISTRY_LIMITS.settlingMs, () => this.#giveUp());
  }

  stop(): void {
    this.#end?.[Symbol.dispose]();
  }

  /** A name that is unknown may be that of a node which is about to come. */
  get isSettling(): boolean {
    return this.#awaitsHomes || this.awaitsPeers;
  }

  /** One of its peers has not said yet what it offers, and still has time to. */
  get awaitsPeers(): boolean {
    const { lacksPeer, hasMain } = this.#options;
    return this.#elapsedMs < PEERS_MS && (lacksPeer() || lacksAny(this.#mains, hasMain));
  }

  /** One of the peers that this Main dials has not said yet what it offers, and still has time to. Once false it stays so. */
  get awaitsDialledPeers(): boolean {
    if (this.#hasPeers) return false;
    const awaits = this.#elapsedMs < PEERS_MS && this.#options.lacksPeer();
    // A peer that goes soon after must not make this Main unready too: who balances between the two would have none left.
    this.#hasPeers = this.#hasBegun && !awaits;
    return awaits;
  }

  /** This Home was here before the start, and has not come back. */
  awaitsHome(id: string): boolean {
    return this.#elapsedMs < REGISTRY_LIMITS.settlingMs && this.#homes.has(id) && !this.#options.hasHome(id);
  }

  get #awaitsHomes(): boolean {
    return this.#elapsedMs < REGISTRY_LIMITS.settlingMs && lacksAny(this.#homes, this.#options.hasHome);
  }

  get #elapsedMs(): number {
    return this.#options.clock.now() - this.#startedAt;
  }

  #giveUp(): void {
    const { admission, hasHome, hasMain } = this.#options;
    for (const id of this.#homes) if (!hasHome(id)) admission.touch('home', id, 'left');
    for (const id of this.#mains) if (!hasMain(id)) admission.touch('main', id, 'left');
    this.#homes.clear();
    this.#mains.clear();
  }
}

function lacksAny(expected: Set<string>, has: (id: string) => boolean): boolean {
  for (const id of expected) {
    if (!has(id)) return true;
    expected.delete(id);
  }
  return false;
}
