// One peer address that this Main keeps dialling, and what a person wants to know about it.

import type { Random, Session } from '@relay/protocol';
import { Reconnect } from '../link/reconnect.ts';

export type PeerSource = 'flag' | 'config' | 'dns' | 'api' | 'inbound';

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

/** `idle`: a session stands, or will be looked for again when the timer runs. */
export type DialState = 'idle' | 'connecting' | 'self' | 'refused' | 'removed';

export class ConfiguredPeer {
  readonly url: string;
  readonly source: PeerSource;
  readonly expectedId: string | undefined;
  readonly reconnect: Reconnect;
  state: DialState = 'idle';
  /** Known from CHALLENGE on. */
  id: string | undefined;
  timer: Disposable | undefined;
  retryAt: number | undefined;
  /** What a draining peer asked us to wait, for the next dial only. */
  drainWaitMs: number | undefined;
  lastError: string | undefined;
  lastSeen: number | undefined;
  #forwarded = 0;
  #failed = 0;
  #sent = 0;
  #received = 0;

  constructor(url: string, source: PeerSource, expectedId: string | undefined, random: Random) {
    this.url = url;
    this.source = source;
    this.expectedId = expectedId;
    this.id = expectedId;
    this.reconnect = new Reconnect([url], random);
  }

  /** Named over HTTP or by DNS, not by the operator. */
  get isRestricted(): boolean {
    return this.source === 'api' || this.source === 'dns';
  }

  get isDialled(): boolean {
    return this.state === 'idle' || this.state === 'connecting';
  }

  /** Keeps what a session that has ended did. */
  count(session: Session): void {
    this.#forwarded += session.calls.forwarded;
    this.#failed += session.calls.failed;
    this.#sent += session.bytesSent;
    this.#received += session.bytesReceived;
    this.lastSeen = session.lastReceivedAt;
  }

  view(session: Session | undefined, now: number): PeerView {
    const past = {
      forwarded: this.#forwarded,
      failed: this.#failed,
      sent: this.#sent,
      received: this.#received,
    };
    return {
      id: this.id,
      url: this.url,
      state: this.#stateWith(session),
      source: this.source,
      reconnectAttempts: this.reconnect.attempts,
      nextRetryMs: this.retryAt === undefined ? undefined : Math.max(0, Math.round(this.retryAt - now)),
      lastError: this.lastError,
      ...sessionView(session, past, this.lastSeen),
    };
  }

  #stateWith(session: Session | undefined): PeerView['state'] {
    if (session !== undefined) return 'connected';
    switch (this.state) {
      case 'connecting':
      case 'self':
      case 'refused':
        return this.state;
      case 'idle':
      case 'removed':
        return 'down';
    }
  }
}

/** A peer that dialled us and that nobody configured here. */
export function inboundView(session: Session): PeerView {
  return {
    id: session.nodeId,
    url: session.advertise,
    state: 'connected',
    source: 'inbound',
    reconnectAttempts: 0,
    nextRetryMs: undefined,
    lastError: undefined,
    ...sessionView(session, { forwarded: 0, failed: 0, sent: 0, received: 0 }, undefined),
  };
}

function sessionView(
  session: Session | undefined,
  past: { forwarded: number; failed: number; sent: number; received: number },
  lastSeen: number | undefined,
) {
  return {
    isHealthy: session?.isHealthy ?? false,
    direction: session?.direction,
    connectedSince: session?.connectedAt,
    lastSeen: session?.lastReceivedAt ?? lastSeen,
    latencyMs: session?.latencyMs,
    calls: {
      forwarded: past.forwarded + (session?.calls.forwarded ?? 0),
      failed: past.failed + (session?.calls.failed ?? 0),
    },
    bytes: {
      sent: past.sent + (session?.bytesSent ?? 0),
      received: past.received + (session?.bytesReceived ?? 0),
    },
  };
}
