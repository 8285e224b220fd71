// A Home's links to its Mains: one, or two to different Mains (`-uplinks 2`), over each of which it registers what it offers.

import {
  type BufferBudget,
  CLOSE_CODES,
  type Clock,
  encodeBase64url,
  INSTANCE_BYTES,
  type Random,
  type ServiceOffer,
  type Session,
  type SessionOwner,
} from '@relay/protocol';
import type { Identity } from '../identity/keys.ts';
import type { MainKeyStore } from '../identity/main-keys.ts';
import type { Dial } from '../link/dial.ts';
import { Reconnect } from '../link/reconnect.ts';
import type { NodeEvents } from './node-event.ts';
import { LAST_CALLS_MS, RETIRE_MS, until } from './until-quiet.ts';
import { Uplink } from './uplink.ts';

export interface HomeConnectionOptions {
  /** Id of this Home. */
  readonly self: string;
  readonly identity: Identity;
  /** Federation URLs as dialled: the Main, then its fallbacks. */
  readonly urls: readonly string[];
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly owner: SessionOwner;
  readonly events: NodeEvents;
  readonly mainKeys: MainKeyStore;
  /** Shown to the Main in AUTH. */
  readonly token?: string;
  /** `relay/0.3.0`. */
  readonly software: string;
  /** Links held at once, each to another Main. Default 1. */
  readonly uplinks?: number;
  /** What all links together may make this node hold. */
  readonly budget?: BufferBudget;
  /** How long Mains are remembered that a lost Main named as alternatives; 0: not at all. Default an hour. */
  readonly keepAlternativesMs?: number;
}

export interface HomeConnectionStatus {
  readonly state: 'connecting' | 'connected' | 'disconnected' | 'refused' | 'draining';
  readonly url: string;
  readonly mainId: string | undefined;
  /** Wall ms. */
  readonly connectedSince: number | undefined;
  /** Wall ms of the last word from the Main. */
  readonly lastHeartbeat: number | undefined;
  readonly latencyMs: number | undefined;
  readonly reconnectAttempts: number;
  /** Until the next attempt. */
  readonly nextRetryMs: number | undefined;
  readonly lastError: string | undefined;
}

export class HomeRelayConnectionManager {
  /** The instance of AUTH: this start of this node. */
  readonly instance: string;
  readonly #options: HomeConnectionOptions;
  readonly #uplinks: readonly Uplink[];
  #isStopped = false;
  #retired: Promise<void> | undefined;

  constructor(options: HomeConnectionOptions) {
    this.#options = options;
    this.instance = encodeBase64url(options.random.bytes(INSTANCE_BYTES));
    const refused = new Set<string>();
    // One count for all links: a Main that is come back to never takes a number for that of another registration.
    let seq = 0;
    const nextSeq = (): number => {
      seq += 1;
      return seq;
    };
    const uplinks: Uplink[] = [];
    for (let index = 0; index < (options.uplinks ?? 1); index += 1) {
      const others = (): Uplink[] => uplinks.filter((_, other) => other !== index);
      const reconnect = new Reconnect(options.urls, options.random, {
        refused,
        isTaken: (url) => others().some((other) => other.claims(url)),
      });
      uplinks.push(
        new Uplink({
          ...options,
          instance: this.instance,
          reconnect,
          nextSeq,
          isTaken: (mainId) => others().some(({ session }) => session?.nodeId === mainId),
        }),
      );
    }
    this.#uplinks = uplinks;
  }

  /** Where calls leave: the first link that stands and is not congested, else the first that stands. */
  get session(): Session | undefined {
    const [first] = this.#uplinks;
    if (this.#uplinks.length === 1) return first?.session;
    const all = this.sessions;
    return all.find((session) => session.isHealthy && !session.isCongested) ?? all[0];
  }

  /** Every link that stands, in order. */
  get sessions(): readonly Session[] {
    return this.#uplinks.flatMap(({ session }) => session ?? []);
  }

  /** Dials for ever; returns at once. */
  start(): void {
    for (const uplink of this.#uplinks) uplink.start();
  }

  /** Replaces what this Home offers; sent now, or when there is a session. */
  offer(services: readonly ServiceOffer[]): void {
    for (const uplink of this.#uplinks) uplink.offer(services);
  }

  /** A Main has confirmed this service. */
  isRegistered(service: string): boolean {
    return this.#uplinks.some((uplink) => uplink.isRegistered(service));
  }

  /** Of each link, those that stand first. */
  statuses(): readonly HomeConnectionStatus[] {
    const all = this.#uplinks.map((uplink) => uplink.status());
    return all.toSorted((a, b) => Number(b.state === 'connected') - Number(a.state === 'connected'));
  }

  status(): HomeConnectionStatus {
    const [first] = this.statuses();
    if (first === undefined) throw new RangeError('a Home has at least one uplink');
    return first;
  }

  /** Takes back what was offered and dials no more; resolves when every Main knows or has had the time to. Idempotent. */
  retire(): Promise<void> {
    this.#retired ??= this.#retire();
    return this.#retired;
  }

  async #retire(): Promise<void> {
    let isDone = false;
    void Promise.all(this.#uplinks.map((uplink) => uplink.retire())).then(() => {
      isDone = true;
    });
    await until(() => isDone, RETIRE_MS, this.#options.clock);
  }

  /** No call is in flight on any link that is waited for, those that are being left included. */
  get isQuiet(): boolean {
    return this.#uplinks.every(({ isQuiet }) => isQuiet);
  }

  /** With `drain`, unregisters and lets calls in flight end before the links are closed with 1000. */
  async stop({ drain = false }: { readonly drain?: boolean } = {}): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (drain) {
      const end = this.#options.clock.now() + LAST_CALLS_MS;
      await this.retire();
      await until(() => this.isQuiet, end - this.#options.clock.now(), this.#options.clock);
    }
    for (const uplink of this.#uplinks) uplink.stop(drain ? CLOSE_CODES.done : CLOSE_CODES.goingAway);
  }
}
