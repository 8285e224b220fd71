// The peers that this Main keeps dialling: one attempt at a time for each address, none while a session with the peer stands.

import {
  type Challenge,
  CLOSE_CODES,
  type Clock,
  type CloseReason,
  encodeBase64url,
  isFinalClose,
  type Link,
  type Random,
  type Session,
  type SessionIdentity,
} from '@relay/protocol';
import type { Admission } from '../identity/admission.ts';
import type { Identity } from '../identity/keys.ts';
import type { Dial } from '../link/dial.ts';
import { type DialHandshakeResult, dialHandshake, HandshakeError } from '../link/handshake.ts';
import { SUPERSEDED_MS } from '../link/reconnect.ts';
import { ConfiguredPeer, type PeerSource, type PeerView } from './configured-peer.ts';
import type { NodeEvents } from './node-event.ts';
import { type PeerLink, replaces } from './peer-choice.ts';
import { targetOf } from './target.ts';

export type AddPeerResult =
  | { readonly kind: 'added'; readonly peer: PeerView }
  | { readonly kind: 'unchanged'; readonly peer: PeerView }
  /** `expectedId` is already configured with another URL. */
  | { readonly kind: 'conflict'; readonly peer: PeerView };

export interface PeerDiallerOptions {
  readonly self: string;
  readonly identity: Identity;
  readonly admission: Admission;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: NodeEvents;
  readonly advertise?: string;
  readonly token?: string;
  readonly software: string;
  /** Between two pings; goes before what the other side says, for both ask and answer on their own. */
  readonly healthCheckMs?: number;
}

/** What dialling needs from who keeps the sessions. */
export interface PeerSessions {
  peer(id: string): Session | undefined;
  open(link: Link, identity: SessionIdentity & { readonly resumed: boolean }): Session;
}

/** A link we dialled that has passed CHALLENGE and waits for WELCOME. */
interface Attempt {
  readonly link: Link;
  /** Given up for a link of the other side; what becomes of it is no failure. */
  hasYielded: boolean;
}

export class PeerDialler {
  readonly #options: PeerDiallerOptions;
  readonly #instance: string;
  readonly #host: PeerSessions;
  readonly #configured = new Map<string, ConfiguredPeer>();
  readonly #attempts = new Map<string, Attempt>();
  #isStopped = false;

  /** `instance` is that of AUTH. */
  constructor(options: PeerDiallerOptions, instance: string, host: PeerSessions) {
    this.#options = options;
    this.#instance = instance;
    this.#host = host;
  }

  /** Every configured peer, in order of configuration. */
  views(): PeerView[] {
    const now = this.#options.clock.now();
    return [...this.#configured.values()].map((peer) => peer.view(this.#sessionOf(peer), now));
  }

  /** Whether a link to this peer that we dialled waits for WELCOME. */
  isAttempting(id: string): boolean {
    return this.#attempts.has(id);
  }

  /** A session stands: nothing more is dialled, and an attempt that crossed it is given up. */
  onOpened(session: Session): void {
    const attempt = this.#attempts.get(session.nodeId);
    if (attempt !== undefined && session.direction === 'inbound') {
      attempt.hasYielded = true;
      attempt.link.close(CLOSE_CODES.superseded, 'duplicate link');
    }
    for (const peer of this.configuredAs(session.nodeId)) {
      peer.timer?.[Symbol.dispose]();
      peer.retryAt = undefined;
      peer.lastError = undefined;
      peer.drainWaitMs = undefined;
      peer.reconnect.connected();
      if (peer.state === 'refused') peer.state = 'idle';
    }
  }

  /** A session has ended. If it `wasCurrent`, nothing has taken its place and the peer is dialled again. */
  onClosed(session: Session, reason: CloseReason, wasCurrent: boolean): void {
    for (const peer of this.configuredAs(session.nodeId)) {
      peer.count(session);
      if (wasCurrent) this.#onLost(peer, session, reason);
    }
  }

  /** The peer leaves, and says when to come back. */
  onDrain(id: string, reconnectInMs: number): void {
    for (const peer of this.configuredAs(id)) peer.drainWaitMs = reconnectInMs;
  }

  stop(): void {
    this.#isStopped = true;
    for (const peer of this.#configured.values()) peer.timer?.[Symbol.dispose]();
    for (const { link } of this.#attempts.values()) link.close(CLOSE_CODES.restart, 'shutting down');
  }

  /** Dials this URL until it is removed. With `expectedId` the handshake checks who answers. */
  add(url: string, source: PeerSource, expectedId?: string): AddPeerResult {
    const now = this.#options.clock.now();
    const same = this.#configured.get(url);
    if (same !== undefined) return { kind: 'unchanged', peer: same.view(this.#sessionOf(same), now) };
    const other = expectedId === undefined ? undefined : this.configuredAs(expectedId)[0];
    if (other !== undefined) return { kind: 'conflict', peer: other.view(this.#sessionOf(other), now) };
    const peer = new ConfiguredPeer(url, source, expectedId, this.#options.random);
    this.#configured.set(url, peer);
    this.#dial(peer);
    return { kind: 'added', peer: peer.view(this.#sessionOf(peer), now) };
  }

  /** A key was forgotten: who was refused for showing another may come in now. */
  retryRefused(): void {
    for (const peer of this.#configured.values()) {
      if (peer.state !== 'refused') continue;
      peer.state = 'idle';
      this.#dialLater(peer, 0);
    }
  }

  /** Forgets a configured peer and closes its link. False if there is none of that id or URL. */
  remove(idOrUrl: string): boolean {
    const byUrl = this.#configured.get(idOrUrl);
    const found = byUrl === undefined ? this.configuredAs(idOrUrl) : [byUrl];
    const id = byUrl === undefined ? idOrUrl : byUrl.id;
    for (const peer of found) {
      this.#configured.delete(peer.url);
      peer.state = 'removed';
      peer.timer?.[Symbol.dispose]();
    }
    const session = id === undefined ? undefined : this.#host.peer(id);
    session?.close(CLOSE_CODES.done, 'peer removed');
    return found.length > 0 || session !== undefined;
  }

  configuredAs(id: string): ConfiguredPeer[] {
    return [...this.#configured.values()].filter((peer) => peer.id === id);
  }

  #sessionOf(peer: ConfiguredPeer): Session | undefined {
    return peer.id === undefined ? undefined : this.#host.peer(peer.id);
  }

  #dialLater(peer: ConfiguredPeer, delayMs: number): void {
    peer.timer?.[Symbol.dispose]();
    peer.retryAt = this.#options.clock.now() + delayMs;
    peer.timer = this.#options.clock.after(delayMs, () => this.#dial(peer));
  }

  #dial(peer: ConfiguredPeer): void {
    peer.retryAt = undefined;
    // A session that stands is enough; when it ends, this is tried again.
    if (this.#isStopped || peer.state !== 'idle' || this.#sessionOf(peer) !== undefined) return;
    peer.state = 'connecting';
    this.#options.events.emit({ kind: 'connecting', what: 'peer', url: peer.url });
    let attempt: Attempt | undefined;
    let idOfAttempt: string | undefined;
    this.#options
      .dial(peer.url, { isRestricted: peer.isRestricted })
      .then((link) =>
        this.#shakeHands(link, peer, (id) => {
          attempt = { link, hasYielded: false };
          idOfAttempt = id;
          this.#attempts.set(id, attempt);
        }),
      )
      .then(
        (result) => this.#onWelcome(result, peer, attempt),
        (error: unknown) => this.#onDialFailed(error, peer, attempt?.hasYielded === true),
      )
      .finally(() => {
        if (idOfAttempt !== undefined && this.#attempts.get(idOfAttempt) === attempt)
          this.#attempts.delete(idOfAttempt);
      });
  }

  #shakeHands(link: Link, peer: ConfiguredPeer, begun: (id: string) => void): Promise<DialHandshakeResult> {
    const { identity, self, clock, random, software, token, advertise } = this.#options;
    return dialHandshake(link, identity, {
      clock,
      random,
      role: 'main',
      nodeId: self,
      target: targetOf(peer.url),
      instance: this.#instance,
      software,
      ...(token !== undefined && { token }),
      ...(advertise !== undefined && { advertise }),
      onChallenge: (challenge) => {
        const objection = this.#checkChallenge(challenge, peer);
        if (objection === undefined) begun(challenge.nodeId);
        return objection;
      },
    });
  }

  #checkChallenge({ nodeId, publicKey }: Challenge, peer: ConfiguredPeer): CloseReason | undefined {
    const { self, admission } = this.#options;
    if (nodeId === self) {
      peer.state = 'self';
      return { code: CLOSE_CODES.done, reason: 'this is myself' };
    }
    if (peer.expectedId !== undefined && nodeId !== peer.expectedId) {
      return {
        code: CLOSE_CODES.authenticationFailed,
        reason: `expected ${peer.expectedId}, found ${nodeId}`,
      };
    }
    if (admission.belongsToAnother('main', nodeId, encodeBase64url(publicKey))) {
      return { code: CLOSE_CODES.authenticationFailed, reason: `key of ${nodeId} changed` };
    }
    peer.id = nodeId;
    if (this.#host.peer(nodeId) !== undefined || this.#attempts.has(nodeId)) {
      return { code: CLOSE_CODES.superseded, reason: 'duplicate link' };
    }
    return undefined;
  }

  #onWelcome(result: DialHandshakeResult, peer: ConfiguredPeer, attempt: Attempt | undefined): void {
    const { self, admission, events, healthCheckMs } = this.#options;
    const { link, challenge, welcome } = result;
    const id = challenge.nodeId;
    if (this.#isStopped || peer.state === 'removed') {
      link.close(CLOSE_CODES.goingAway, 'not wanted any more');
      return;
    }
    peer.state = 'idle';
    const present = this.#host.peer(id);
    const next = { dialledBy: 'us', instance: '' } as const;
    if (
      attempt?.hasYielded === true ||
      (present !== undefined && !replaces(peerLinkOf(present), next, self, id))
    ) {
      link.close(CLOSE_CODES.superseded, 'duplicate link');
      present?.probe();
      return;
    }
    admission.admit({ role: 'main', id, publicKey: encodeBase64url(challenge.publicKey), token: undefined });
    this.#host.open(link, {
      id: welcome.session,
      role: 'main',
      nodeId: id,
      instance: '',
      epoch: welcome.epoch,
      direction: 'outbound',
      url: peer.url,
      advertise: challenge.advertise,
      remoteAddress: targetOf(peer.url),
      limits: welcome.limits,
      heartbeatMs: healthCheckMs ?? welcome.heartbeatMs,
      resumed: false,
    });
    events.emit({ kind: 'connected', what: 'peer', id, url: peer.url });
  }

  #onDialFailed(error: unknown, peer: ConfiguredPeer, hasYielded: boolean): void {
    const { events } = this.#options;
    if (this.#isStopped || peer.state === 'removed') return;
    const { url } = peer;
    if (peer.state === 'self') {
      events.emit({ kind: 'self-dialled', url });
      return;
    }
    peer.state = 'idle';
    // Another link to this peer stands; when it ends, this one is tried again.
    if (this.#sessionOf(peer) !== undefined) return;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof HandshakeError && isFinalClose(error.code)) {
      this.#onRefused(peer, error.code, reason);
      return;
    }
    const retryMs = peer.reconnect.failed((error as { retryAfterMs?: number }).retryAfterMs);
    this.#dialLater(peer, retryMs);
    // Two links of one peer met: nothing has failed.
    if (hasYielded || (error instanceof HandshakeError && error.code === CLOSE_CODES.superseded)) return;
    peer.lastError = reason;
    events.emit({
      kind: 'dial-failed',
      what: 'peer',
      url,
      reason,
      attempt: peer.reconnect.attempts,
      retryMs,
    });
  }

  #onLost(peer: ConfiguredPeer, session: Session, reason: CloseReason): void {
    if (this.#isStopped || !peer.isDialled) return;
    const text = reasonText(reason);
    peer.lastError = text;
    if (session.direction === 'outbound' && isFinalClose(reason.code)) {
      this.#onRefused(peer, reason.code, text);
      return;
    }
    const backOffMs = peer.reconnect.lost(this.#options.clock.wallNow() - session.connectedAt);
    const retryMs = peer.drainWaitMs ?? (reason.code === CLOSE_CODES.superseded ? SUPERSEDED_MS : backOffMs);
    peer.drainWaitMs = undefined;
    this.#dialLater(peer, retryMs);
    const { attempts: attempt } = peer.reconnect;
    const { nodeId: id } = session;
    this.#options.events.emit({
      kind: 'lost',
      what: 'peer',
      id,
      url: peer.url,
      reason: text,
      attempt,
      retryMs,
    });
  }

  #onRefused(peer: ConfiguredPeer, code: number, reason: string): void {
    peer.state = 'refused';
    peer.lastError = reason;
    const { id, url } = peer;
    this.#options.events.emit({
      kind: 'refused',
      what: 'peer',
      url,
      ...(id !== undefined && { id }),
      code,
      reason,
    });
  }
}

/** How a session looks to the choice between two links. */
export function peerLinkOf(session: Session): PeerLink {
  return { dialledBy: session.direction === 'outbound' ? 'us' : 'them', instance: session.instance };
}

export function reasonText({ code, reason }: CloseReason): string {
  return reason === '' ? `closed with ${code}` : reason;
}
