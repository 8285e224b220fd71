// A Main's links: the Homes and clients it has accepted, and its peers.

import type { Clock, Link, Random } from '@relay/protocol';
import type { Admission } from '../identity/admission.ts';
import type { Identity } from '../identity/keys.ts';
import type { Dial } from '../link/dial.ts';
import type { Session } from '../link/session.ts';
import type { SessionOwner } from '../link/session-owner.ts';
import type { NodeEvents } from './node-event.ts';

/** What a Main's sessions need beside what every session needs. */
export interface MainSessionOwner extends SessionOwner {
  /** Whether the services of this Home stand since the registration `seq` of this instance, so that it need not send them. */
  canResume(nodeId: string, instance: string, seq: number): boolean;
  /** Services that this Home has registered; for display. */
  serviceCount(nodeId: string): number;
  /** Whether a client with this token (undefined: none) may come in. */
  isClientAdmitted(token: string | undefined): boolean;
}

export type PeerSource = 'flag' | 'config' | 'dns' | 'api' | 'inbound';

export interface LinkInfo {
  readonly remoteAddress: string;
  /** The Origin header: a browser, which may only be a client. */
  readonly origin?: string | undefined;
}

export interface MainConnectionOptions {
  /** Id of this Main. */
  readonly self: string;
  readonly identity: Identity;
  readonly admission: Admission;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly owner: MainSessionOwner;
  readonly events: NodeEvents;
  /** Address at which others reach this Main, `ws://host:port`. */
  readonly advertise?: string;
  /** Names (host:port) under which this Main is known; if given, a handshake meant for another is refused. */
  readonly publicNames?: readonly string[];
  /** Shown to peers in AUTH. */
  readonly token?: string;
  readonly software: string;
}

/** http-api.md §10.2; times are wall ms. */
export interface PeerView {
  readonly id: string | undefined;
  readonly url: string | undefined;
  readonly state: 'connecting' | 'connected' | 'down' | 'self' | 'refused';
  readonly isHealthy: boolean;
  readonly direction: 'inbound' | 'outbound' | undefined;
  readonly source: PeerSource;
  readonly connectedSince: number | undefined;
  readonly lastSeen: number | undefined;
  readonly latencyMs: number | undefined;
  readonly reconnectAttempts: number;
  readonly nextRetryMs: number | undefined;
  readonly lastError: string | undefined;
  readonly calls: { readonly forwarded: number; readonly failed: number };
  readonly bytes: { readonly sent: number; readonly received: number };
}

export type AddPeerResult =
  | { readonly kind: 'added'; readonly peer: PeerView }
  | { readonly kind: 'unchanged'; readonly peer: PeerView }
  /** `expectedId` is already configured with another URL. */
  | { readonly kind: 'conflict'; readonly peer: PeerView };

export class MainRelayConnectionManager {
  readonly #options: MainConnectionOptions;

  constructor(options: MainConnectionOptions) {
    this.#options = options;
  }

  /** The instance of AUTH: this start of this node. */
  get instance(): string {
    return this.#options.self;
  }

  /** Takes a link that came in; the handshake decides about it. */
  accept(_link: Link, _path: 'federation' | 'peers', _info: LinkInfo): void {}

  /** Dials this URL until it is removed. With `expectedId` the handshake checks who answers. */
  addPeer(_url: string, _source: PeerSource, _expectedId?: string): AddPeerResult {
    throw new Error('not built yet');
  }

  /** Forgets a configured peer and closes its link. False if there is none of that id or URL. */
  removePeer(_idOrUrl: string): boolean {
    return false;
  }

  home(_id: string): Session | undefined {
    return undefined;
  }

  peer(_id: string): Session | undefined {
    return undefined;
  }

  homes(): Iterable<Session> {
    return [];
  }

  clients(): Iterable<Session> {
    return [];
  }

  peerSessions(): Iterable<Session> {
    return [];
  }

  /** Every configured peer, also one that never answered, and those that dialled us; sorted by id. */
  peers(): readonly PeerView[] {
    return [];
  }

  /** Tells all to leave, waits until Homes and clients are gone or `drainMs` is over. */
  drain(_drainMs: number): Promise<void> {
    return Promise.resolve();
  }

  /** Closes what is left with 1012 and dials no more. */
  stop(): Promise<void> {
    return Promise.resolve();
  }
}
