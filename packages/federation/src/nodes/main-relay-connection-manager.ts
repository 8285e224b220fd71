// A Main's links: the Homes and clients it has accepted, and one session with each of its peers, whoever dialled.

import {
  type Challenge,
  CLOSE_CODES,
  type Clock,
  type CloseReason,
  encodeBase64url,
  type Hello,
  INSTANCE_BYTES,
  isFinalClose,
  LINK_LIMITS,
  type Link,
  mainAddress,
  PEER_LINK_LIMITS,
  type Random,
  type Role,
  type Welcome,
} from '@relay/protocol';
import type { Admission } from '../identity/admission.ts';
import type { OwnerRole } from '../identity/admission-store.ts';
import type { Identity } from '../identity/keys.ts';
import type { Dial } from '../link/dial.ts';
import {
  acceptHandshake,
  type Claimant,
  type DialHandshakeResult,
  dialHandshake,
  HandshakeError,
} from '../link/handshake.ts';
import { SUPERSEDED_MS } from '../link/reconnect.ts';
import { heartbeatMsFor, Session, type SessionIdentity } from '../link/session.ts';
import { type SessionOwner, withOverrides } from '../link/session-owner.ts';
import { codecFor } from './codec-for.ts';
import { ConfiguredPeer, inboundView, type PeerSource, type PeerView } from './configured-peer.ts';
import type { NodeEvents } from './node-event.ts';
import { replaces } from './peer-choice.ts';
import { Takeovers } from './takeovers.ts';
import { targetOf } from './target.ts';
import { until } from './until-quiet.ts';

export type { PeerSource, PeerView } from './configured-peer.ts';

/** What a Main's sessions need beside what every session needs. */
export interface MainSessionOwner extends SessionOwner {
  /** Whether the services of this Home stand since the registration `seq` of this instance, so that it need not send them. */
  canResume(nodeId: string, instance: string, seq: number): boolean;
  /** Services that this Home has registered; for display. */
  serviceCount(nodeId: string): number;
  /** Whether a client with this token (undefined: none) may come in. */
  isClientAdmitted(token: string | undefined): boolean;
}

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

export type AddPeerResult =
  | { readonly kind: 'added'; readonly peer: PeerView }
  | { readonly kind: 'unchanged'; readonly peer: PeerView }
  /** `expectedId` is already configured with another URL. */
  | { readonly kind: 'conflict'; readonly peer: PeerView };

/** Sessions a second that may come back after a drain. */
const RETURNS_PER_SECOND = 500;
/** Random bytes of a session's text. */
const SESSION_BYTES = 12;

/** A link we dialled that has passed CHALLENGE and waits for WELCOME. */
interface Attempt {
  readonly link: Link;
  /** Given up for a link of the other side; what becomes of it is no failure. */
  hasYielded: boolean;
}

export class MainRelayConnectionManager {
  /** The instance of AUTH: this start of this node. */
  readonly instance: string;
  readonly #options: MainConnectionOptions;
  readonly #owner: SessionOwner;
  readonly #homes = new Map<string, Session>();
  readonly #peers = new Map<string, Session>();
  readonly #clients = new Set<Session>();
  readonly #configured = new Map<string, ConfiguredPeer>();
  readonly #attempts = new Map<string, Attempt>();
  readonly #handshakes = new Set<Link>();
  readonly #takeovers = new Takeovers();
  /** Homes whose coming has been told. */
  readonly #announced = new WeakSet<Session>();
  #isStopped = false;

  constructor(options: MainConnectionOptions) {
    this.#options = options;
    this.instance = encodeBase64url(options.random.bytes(INSTANCE_BYTES));
    const { owner } = options;
    this.#owner = withOverrides(owner, {
      onRegistration: (session, message) => {
        const answer = owner.onRegistration(session, message);
        if (message.complete && answer.want === undefined) this.#announce(session);
        return answer;
      },
      onDrain: (session, message) => {
        for (const peer of this.#configuredAs(session.nodeId)) peer.drainWaitMs = message.reconnectInMs;
        owner.onDrain(session, message);
      },
      onClosed: (session, reason) => this.#onClosed(session, reason),
    });
  }

  // ---- who is there

  home(id: string): Session | undefined {
    return this.#homes.get(id);
  }

  peer(id: string): Session | undefined {
    return this.#peers.get(id);
  }

  homes(): Iterable<Session> {
    return this.#homes.values();
  }

  clients(): Iterable<Session> {
    return this.#clients;
  }

  peerSessions(): Iterable<Session> {
    return this.#peers.values();
  }

  /** Links that came in and have no session yet. */
  get pendingHandshakes(): number {
    return this.#handshakes.size;
  }

  /** Every configured peer, also one that never answered, and those that dialled us; sorted by id, unknown ids last. */
  peers(): readonly PeerView[] {
    const now = this.#options.clock.now();
    const views: PeerView[] = [];
    const seen = new Set<string>();
    for (const peer of this.#configured.values()) {
      if (peer.id !== undefined) seen.add(peer.id);
      views.push(peer.view(this.#sessionOf(peer), now));
    }
    for (const session of this.#peers.values())
      if (!seen.has(session.nodeId)) views.push(inboundView(session));
    return views.sort(
      (a, b) => compare(a.id ?? '\uffff', b.id ?? '\uffff') || compare(a.url ?? '', b.url ?? ''),
    );
  }

  // ---- links that come in

  /** Takes a link that came in; the handshake decides about it. */
  accept(link: Link, path: 'federation' | 'peers', info: LinkInfo): void {
    const { self, identity, clock, random, software, advertise } = this.#options;
    this.#handshakes.add(link);
    acceptHandshake(link, identity, {
      clock,
      random,
      self,
      software,
      ...(advertise !== undefined && { advertise }),
      onHello: (hello) => this.#checkHello(hello, path, info),
      decide: (claimant) => this.#decide(claimant),
      accepted: (released, claimant, welcome) => {
        this.#handshakes.delete(link);
        this.#open(released, identityOf(claimant, welcome, info));
      },
      failed: () => this.#handshakes.delete(link),
    });
  }

  #checkHello(
    { role, target }: Hello,
    path: 'federation' | 'peers',
    info: LinkInfo,
  ): CloseReason | undefined {
    if (this.#isStopped) return { code: CLOSE_CODES.restart, reason: 'shutting down' };
    if ((role === 'main') !== (path === 'peers')) {
      return { code: CLOSE_CODES.malformed, reason: `role: ${role} does not belong at /ws/${path}` };
    }
    if (info.origin !== undefined && role !== 'client') {
      return { code: CLOSE_CODES.notAdmitted, reason: 'not admitted: a web page may only be a client' };
    }
    const { publicNames } = this.#options;
    if (publicNames !== undefined && !publicNames.includes(target)) {
      return { code: CLOSE_CODES.authenticationFailed, reason: `target: this is not ${target.slice(0, 80)}` };
    }
    return undefined;
  }

  #decide({ hello, auth }: Claimant): Welcome | CloseReason {
    const { owner, admission, clock } = this.#options;
    const { role, nodeId } = hello;
    if (role === 'client') {
      if (!owner.isClientAdmitted(auth.token)) {
        return { code: CLOSE_CODES.authenticationFailed, reason: 'token: missing or wrong' };
      }
      return this.#welcome(role, nodeId, clock.wallNow(), false);
    }
    const publicKey = encodeBase64url(hello.publicKey);
    const claim = { role, id: nodeId, publicKey, token: auth.token };
    const refusal = admission.check(claim, (id) => this.#isKnownPeer(id), this.#isConnected);
    if (refusal !== undefined) return refusal;
    const present = (role === 'home' ? this.#homes : this.#peers).get(nodeId);
    if (role === 'main' && this.#mustKeep(nodeId, present, auth.instance)) {
      present?.probe();
      return { code: CLOSE_CODES.superseded, reason: 'duplicate link' };
    }
    if (present !== undefined && present.instance !== '' && present.instance !== auth.instance) {
      if (!this.#takeovers.allow(`${role} ${nodeId}`, clock.now())) {
        const message = `${nodeId} is claimed by several nodes with the same key`;
        this.#options.events.emit({ kind: 'warned', message });
        return { code: CLOSE_CODES.tooManyAttempts, reason: message };
      }
    }
    const resumed =
      role === 'home' && auth.resume !== undefined && owner.canResume(nodeId, auth.instance, auth.resume);
    return this.#welcome(role, nodeId, admission.admit(claim), resumed);
  }

  /** Whether the link or attempt that is there stays, and the new one of the peer goes. */
  #mustKeep(id: string, present: Session | undefined, instance: string): boolean {
    const { self } = this.#options;
    const next = { dialledBy: 'them', instance } as const;
    if (present !== undefined) return !replaces(peerLinkOf(present), next, self, id);
    const attempt = this.#attempts.get(id);
    return attempt !== undefined && !replaces({ dialledBy: 'us', instance: '' }, next, self, id);
  }

  #welcome(role: Role, nodeId: string, epoch: number, resume: boolean): Welcome {
    const { self, random } = this.#options;
    return {
      session: encodeBase64url(random.bytes(SESSION_BYTES)),
      epoch,
      name: role === 'home' ? `${nodeId}@${self}` : nodeId,
      heartbeatMs: heartbeatMsFor(role),
      limits: role === 'main' ? PEER_LINK_LIMITS : LINK_LIMITS,
      resume,
      alternatives: role === 'main' ? [] : this.#alternatives(),
    };
  }

  /** Where Homes and clients find other Mains. */
  #alternatives(): readonly string[] {
    const urls: string[] = [];
    for (const { isHealthy, advertise } of this.#peers.values()) {
      if (!isHealthy || advertise === undefined || !URL.canParse(advertise)) continue;
      const { protocol, host } = new URL(advertise);
      if (protocol === 'ws:' || protocol === 'wss:') urls.push(`${protocol}//${host}/ws/federation`);
    }
    return urls;
  }

  // ---- sessions

  #open(link: Link, identity: SessionIdentity & { readonly resumed: boolean }): Session {
    const { self, clock, random, owner, events } = this.#options;
    const { role, nodeId } = identity;
    const codec = codecFor(link, mainAddress(self), clock, identity.limits);
    const session = new Session({
      self,
      isMain: true,
      link,
      codec,
      identity,
      owner: this.#owner,
      clock,
      random,
    });
    if (role === 'client') {
      this.#clients.add(session);
    } else {
      const table = role === 'home' ? this.#homes : this.#peers;
      const older = table.get(nodeId);
      // The table first: whoever tries a call of the older one again must find the new one.
      table.set(nodeId, session);
      older?.close(CLOSE_CODES.superseded, 'superseded');
    }
    if (role === 'main') this.#onPeerOpened(session);
    owner.onOpened(session, identity.resumed);
    if (role === 'home' && identity.resumed) this.#announce(session);
    if (role === 'main' && identity.direction === 'inbound') {
      events.emit({ kind: 'peer-connected', id: nodeId, remoteAddress: identity.remoteAddress });
    }
    session.start();
    return session;
  }

  #onPeerOpened(session: Session): void {
    const attempt = this.#attempts.get(session.nodeId);
    if (attempt !== undefined && session.direction === 'inbound') {
      attempt.hasYielded = true;
      attempt.link.close(CLOSE_CODES.superseded, 'duplicate link');
    }
    for (const peer of this.#configuredAs(session.nodeId)) {
      peer.timer?.[Symbol.dispose]();
      peer.retryAt = undefined;
      peer.lastError = undefined;
      peer.drainWaitMs = undefined;
      peer.reconnect.connected();
      if (peer.state === 'refused') peer.state = 'idle';
    }
  }

  #announce(session: Session): void {
    if (this.#announced.has(session)) return;
    this.#announced.add(session);
    const services = this.#options.owner.serviceCount(session.nodeId);
    this.#options.events.emit({ kind: 'home-connected', id: session.nodeId, services });
  }

  #onClosed(session: Session, reason: CloseReason): void {
    const { owner, events, admission } = this.#options;
    const { role, nodeId } = session;
    const text = reasonText(reason);
    if (role === 'client') {
      this.#clients.delete(session);
      owner.onClosed(session, reason);
      return;
    }
    const table = role === 'home' ? this.#homes : this.#peers;
    const isCurrent = table.get(nodeId) === session;
    if (isCurrent) {
      table.delete(nodeId);
      admission.touch(role, nodeId);
    }
    owner.onClosed(session, reason);
    if (role === 'home') {
      if (isCurrent && this.#announced.has(session))
        events.emit({ kind: 'home-disconnected', id: nodeId, reason: text });
      return;
    }
    const configured = this.#configuredAs(nodeId);
    for (const peer of configured) peer.count(session);
    if (!isCurrent) return;
    for (const peer of configured) this.#onLost(peer, session, reason);
    if (session.direction === 'inbound' && configured.length === 0) {
      events.emit({ kind: 'peer-disconnected', id: nodeId, reason: text });
    }
  }

  readonly #isConnected = (role: OwnerRole, id: string): boolean =>
    (role === 'home' ? this.#homes : this.#peers).has(id);

  #isKnownPeer(id: string): boolean {
    return this.#peers.has(id) || this.#configuredAs(id).length > 0;
  }

  // ---- peers that we dial

  /** Dials this URL until it is removed. With `expectedId` the handshake checks who answers. */
  addPeer(url: string, source: PeerSource, expectedId?: string): AddPeerResult {
    const now = this.#options.clock.now();
    const same = this.#configured.get(url);
    if (same !== undefined) return { kind: 'unchanged', peer: same.view(this.#sessionOf(same), now) };
    const other = expectedId === undefined ? undefined : this.#configuredAs(expectedId)[0];
    if (other !== undefined) return { kind: 'conflict', peer: other.view(this.#sessionOf(other), now) };
    const peer = new ConfiguredPeer(url, source, expectedId, this.#options.random);
    this.#configured.set(url, peer);
    this.#dial(peer);
    return { kind: 'added', peer: peer.view(this.#sessionOf(peer), now) };
  }

  /** Forgets a configured peer and closes its link. False if there is none of that id or URL. */
  removePeer(idOrUrl: string): boolean {
    const byUrl = this.#configured.get(idOrUrl);
    const found = byUrl === undefined ? this.#configuredAs(idOrUrl) : [byUrl];
    const id = byUrl === undefined ? idOrUrl : byUrl.id;
    for (const peer of found) {
      this.#configured.delete(peer.url);
      peer.state = 'removed';
      peer.timer?.[Symbol.dispose]();
    }
    const session = id === undefined ? undefined : this.#peers.get(id);
    session?.close(CLOSE_CODES.done, 'peer removed');
    return found.length > 0 || session !== undefined;
  }

  #configuredAs(id: string): ConfiguredPeer[] {
    return [...this.#configured.values()].filter((peer) => peer.id === id);
  }

  #sessionOf(peer: ConfiguredPeer): Session | undefined {
    return peer.id === undefined ? undefined : this.#peers.get(peer.id);
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
      .dial(peer.url)
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
      instance: this.instance,
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
    if (this.#peers.has(nodeId) || this.#attempts.has(nodeId)) {
      return { code: CLOSE_CODES.superseded, reason: 'duplicate link' };
    }
    return undefined;
  }

  #onWelcome(result: DialHandshakeResult, peer: ConfiguredPeer, attempt: Attempt | undefined): void {
    const { self, admission, events } = this.#options;
    const { link, challenge, welcome } = result;
    const id = challenge.nodeId;
    if (this.#isStopped || peer.state === 'removed') {
      link.close(CLOSE_CODES.goingAway, 'not wanted any more');
      return;
    }
    peer.state = 'idle';
    const present = this.#peers.get(id);
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
    this.#open(link, {
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
      heartbeatMs: welcome.heartbeatMs,
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
    const backOffMs = peer.reconnect.failed();
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

  // ---- the end

  /** Tells all to leave, waits until Homes and clients are gone or `drainMs` is over. */
  drain(drainMs: number): Promise<void> {
    const { random, clock } = this.#options;
    const sessions = [...this.#homes.values(), ...this.#clients, ...this.#peers.values()];
    const spreadMs = Math.min(drainMs, (sessions.length / RETURNS_PER_SECOND) * 1_000);
    const alternatives = this.#alternatives();
    for (const session of sessions) {
      session.sendDrain(Math.floor(random.next() * spreadMs), session.role === 'main' ? [] : alternatives);
    }
    return until(() => this.#homes.size + this.#clients.size === 0, drainMs, clock);
  }

  /** Closes what is left with 1012 and dials no more. */
  stop(): Promise<void> {
    this.#isStopped = true;
    for (const peer of this.#configured.values()) peer.timer?.[Symbol.dispose]();
    for (const { link } of this.#attempts.values()) link.close(CLOSE_CODES.restart, 'shutting down');
    for (const link of this.#handshakes) link.close(CLOSE_CODES.restart, 'shutting down');
    for (const session of [...this.#homes.values(), ...this.#clients, ...this.#peers.values()]) {
      session.close(CLOSE_CODES.restart, 'shutting down');
    }
    return Promise.resolve();
  }
}

function identityOf(
  { hello, auth }: Claimant,
  welcome: Welcome,
  info: LinkInfo,
): SessionIdentity & { readonly resumed: boolean } {
  return {
    id: welcome.session,
    role: hello.role,
    nodeId: hello.nodeId,
    instance: auth.instance,
    epoch: welcome.epoch,
    direction: 'inbound',
    advertise: hello.advertise,
    remoteAddress: info.remoteAddress,
    limits: welcome.limits,
    heartbeatMs: welcome.heartbeatMs,
    resumed: welcome.resume,
  };
}

function peerLinkOf(session: Session): { dialledBy: 'us' | 'them'; instance: string } {
  return { dialledBy: session.direction === 'outbound' ? 'us' : 'them', instance: session.instance };
}

function reasonText({ code, reason }: CloseReason): string {
  return reason === '' ? `closed with ${code}` : reason;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
