// A Home's side of its link to a Main.

import type { Clock, Random, ServiceOffer } from '@relay/protocol';
import type { Identity } from '../identity/keys.ts';
import type { MainKeyStore } from '../identity/main-keys.ts';
import type { Dial } from '../link/dial.ts';
import type { Session } from '../link/session.ts';
import type { SessionOwner } from '../link/session-owner.ts';
import type { NodeEvents } from './node-event.ts';

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
  readonly #options: HomeConnectionOptions;

  constructor(options: HomeConnectionOptions) {
    this.#options = options;
  }

  get session(): Session | undefined {
    return undefined;
  }

  /** The instance of AUTH: this start of this node. */
  get instance(): string {
    return this.#options.self;
  }

  start(): void {}

  /** Replaces what this Home offers; sent now, or when there is a session. */
  offer(_services: readonly ServiceOffer[]): void {}

  status(): HomeConnectionStatus {
    throw new Error('not built yet');
  }

  /** With `drain`, unregisters and lets calls in flight end before the link is closed with 1000. */
  stop(_how?: { readonly drain?: boolean }): Promise<void> {
    return Promise.resolve();
  }
}
