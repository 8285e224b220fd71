// A Main's links: the Homes and clients it has accepted, and one session with each of its peers, whoever dialled.

import {
  type BufferBudget,
  CLOSE_CODES,
  type Clock,
  type CloseReason,
  codecFor,
  encodeBase64url,
  type Hello,
  heartbeatMsFor,
  INSTANCE_BYTES,
  LINK_LIMITS,
  type Link,
  mainAddress,
  PEER_LINK_LIMITS,
  type Random,
  type Role,
  Session,
  type SessionIdentity,
  type SessionOwner,
  type Welcome,
  withOverrides,
} from '@relay/protocol';
import type { Admission } from '../identity/admission.ts';
import type { OwnerRole } from '../identity/admission-store.ts';
import type { Identity } from '../identity/keys.ts';
import type { Dial } from '../link/dial.ts';
import { acceptHandshake, type Claimant } from '../link/handshake.ts';
import { HandshakeLine } from '../link/handshake-line.ts';
import { type ArrivalLimits, Arrivals, createLimited } from './arrivals.ts';
import { inboundView, type PeerSource, type PeerView } from './configured-peer.ts';
import { ForgottenKeys } from './forgotten-keys.ts';
import { HandshakeMeter } from './handshake-meter.ts';
import type { NodeEvents } from './node-event.ts';
import { replaces } from './peer-choice.ts';
import { type AddPeerResult, PeerDialler, peerLinkOf, reasonText } from './peer-dialler.ts';
import { Takeovers } from './takeovers.ts';
import { until } from './until-quiet.ts';

export type { PeerSource, PeerView } from './configured-peer.ts';
export type { AddPeerResult } from './peer-dialler.ts';

/** What a Main's sessions need beside what every session needs. */
export interface MainSessionOwner extends SessionOwner {
  /** Whether the services of this Home stand since the registration `seq` of this instance, so that it need not send them. */
  canResume(nodeId: string, instance: string, seq: number): boolean;
  /** Services that this Home has registered; for display. */
  serviceCount(nodeId: string): number;
  /** The key of this Home was forgotten: nothing that it registered may be taken up by the next owner of its id. */
  homeForgotten(nodeId: string): void;
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
  /** What one address may ask. */
  readonly arrivals?: ArrivalLimits;
  /** What all links together may make this node hold. */
  readonly budget?: BufferBudget;
  /** Between two pings of a peer. Default 30 s. */
  readonly healthCheckMs?: number;
}

/** Sessions a second that may come back after a drain. */
const RETURNS_PER_SECOND = 500;
/** Random bytes of a session's text. */
const SESSION_BYTES = 12;

export class MainRelayConnectionManager {
  /** The instance of AUTH: this start of this node. */
  readonly instance: string;
  /** Where links that came in wait for the steps of their handshake. */
  readonly handshakeLine: HandshakeLine;
  readonly handshakes = new HandshakeMeter();
  /** What was refused because there was too much of it, by which bound. */
  readonly limited = createLimited();
  readonly #options: MainConnectionOptions;
  readonly #owner: SessionOwner;
  readonly #homes = new Map<string, Session>();
  readonly #peers = new Map<string, Session>();
  readonly #clients = new Set<Session>();
  readonly #dialler: PeerDialler;
  readonly #handshakes = new Set<Link>();
  readonly #takeovers = new Takeovers();
  readonly #arrivals: Arrivals;
  readonly #forgottenKeys: ForgottenKeys;
  /** Homes whose coming has been told. */
  readonly #announced = new WeakSet<Session>();
  /** Sessions end because this Main does; their nodes have not left. */
  #isLeaving = false;
  #isStopped = false;

  constructor(options: MainConnectionOptions) {
    this.#options = options;
    this.instance = encodeBase64url(options.random.bytes(INSTANCE_BYTES));
    this.handshakeLine = new HandshakeLine(options.clock);
    this.#arrivals = new Arrivals(options.clock, options.arrivals);
    this.#dialler = new PeerDialler(options, this.instance, {
      peer: (id) => this.#peers.get(id),
      open: (link, identity) => this.#open(link, identity),
    });
    const { owner, admission, clock, events } = options;
    this.#forgottenKeys = new ForgottenKeys({
      admission,
      clock,
      forgotten: (role, id) => this.#forget(role, id),
      warn: (message) => events.emit({ kind: 'warned', message }),
    });
    this.#owner = withOverrides(owner, {
      onRegistration: (session, message) => {
        const answer = owner.onRegistration(session, message);
        if (message.complete && answer.want === undefined) this.#announce(session);
        return answer;
      },
      onDrain: (session, message) => {
        this.#dialler.onDrain(session.nodeId, message.reconnectInMs);
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

  get homeCount(): number {
    return this.#homes.size;
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  peerSessions(): Iterable<Session> {
    return this.#peers.values();
  }

  /** Links that came in and have no session yet. */
  get pendingHandshakes(): number {
    return this.#handshakes.size;
  }

  /** A peer with this id is connected, or configured and has said who it is. */
  knowsPeer(id: string): boolean {
    return this.#peers.has(id) || this.#dialler.configuredAs(id).length > 0;
  }

  /** Every configured peer, also one that never answered, and those that dialled us; sorted by id, unknown ids last. */
  peers(): readonly PeerView[] {
    const views = this.#dialler.views();
    const seen = new Set(views.map(({ id }) => id));
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
    if (!this.#arrivals.allow(info.remoteAddress)) {
      this.limited.handshakes += 1;
      this.handshakes.refused(undefined, CLOSE_CODES.tooManyAttempts);
      link.close(CLOSE_CODES.tooManyAttempts, 'too many connections from this address');
      return;
    }
    this.#handshakes.add(link);
    const startedAt = clock.now();
    let said: Hello | undefined;
    acceptHandshake(link, identity, {
      clock,
      line: this.handshakeLine,
      random,
      self,
      software,
      ...(advertise !== undefined && { advertise }),
      onHello: (hello) => {
        said = hello;
        return this.#checkHello(hello, path, info);
      },
      decide: (claimant) => this.#decide(claimant, info),
      accepted: (released, claimant, welcome) => {
        this.#handshakes.delete(link);
        this.handshakes.accepted(claimant.hello.role, clock.now() - startedAt);
        this.#open(released, identityOf(claimant, welcome, info));
      },
      failed: ({ code, isOurs, message: reason }) => {
        this.#handshakes.delete(link);
        this.handshakes.refused(said?.role, isOurs ? code : undefined);
        // Two Mains that dial each other at once have one link too many, and nobody is refused.
        if (!isOurs || code === CLOSE_CODES.superseded) return;
        const { remoteAddress } = info;
        this.#options.events.emit({
          kind: 'turned-away',
          role: said?.role,
          id: said?.nodeId,
          remoteAddress,
          code,
          reason,
        });
      },
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

  #decide({ hello, auth }: Claimant, { remoteAddress }: LinkInfo): Welcome | CloseReason {
    const { owner, admission, clock } = this.#options;
    const { role, nodeId } = hello;
    if (role === 'client') {
      if (!owner.isClientAdmitted(auth.token)) {
        return { code: CLOSE_CODES.authenticationFailed, reason: 'token: missing or wrong' };
      }
      return this.#welcome(role, nodeId, clock.wallNow(), false);
    }
    this.#forgottenKeys.look();
    const publicKey = encodeBase64url(hello.publicKey);
    const claim = { role, id: nodeId, publicKey, token: auth.token };
    const refusal = admission.check(claim, (id) => this.knowsPeer(id), this.#isConnected);
    if (refusal !== undefined) return refusal;
    const present = (role === 'home' ? this.#homes : this.#peers).get(nodeId);
    const isReturning = present?.remoteAddress === remoteAddress;
    if (role === 'home' && !this.#arrivals.hasRoomForHome(remoteAddress, isReturning)) {
      this.limited.homes += 1;
      return { code: CLOSE_CODES.tooManyAttempts, reason: 'too many Homes from this address' };
    }
    if (role === 'main' && this.#mustKeep(nodeId, present, auth.instance)) {
      present?.probe();
      return { code: CLOSE_CODES.superseded, reason: 'duplicate link' };
    }
    if (present !== undefined && present.instance !== '' && present.instance !== auth.instance) {
      if (!this.#takeovers.allow(`${role} ${nodeId}`, clock.now())) {
        this.limited.takeovers += 1;
        const message = `${nodeId} is claimed by several nodes with the same key`;
        this.#options.events.emit({ kind: 'warned', message });
        return { code: CLOSE_CODES.tooManyAttempts, reason: message };
      }
    }
    const resumed =
      role === 'home' && auth.resume !== undefined && owner.canResume(nodeId, auth.instance, auth.resume);
    const entered = admission.enter(claim);
    return 'code' in entered ? entered : this.#welcome(role, nodeId, entered.epoch, resumed);
  }

  /** Whether the link or attempt that is there stays, and the new one of the peer goes. */
  #mustKeep(id: string, present: Session | undefined, instance: string): boolean {
    const { self } = this.#options;
    const next = { dialledBy: 'them', instance } as const;
    if (present !== undefined) return !replaces(peerLinkOf(present), next, self, id);
    return this.#dialler.isAttempting(id) && !replaces({ dialledBy: 'us', instance: '' }, next, self, id);
  }

  #welcome(role: Role, nodeId: string, epoch: number, resume: boolean): Welcome {
    const { self, random } = this.#options;
    return {
      session: encodeBase64url(random.bytes(SESSION_BYTES)),
      epoch,
      name: role === 'home' ? `${nodeId}@${self}` : nodeId,
      heartbeatMs: (role === 'main' ? this.#options.healthCheckMs : undefined) ?? heartbeatMsFor(role),
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
    const { self, clock, random, owner, events, budget } = this.#options;
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
      ...(budget === undefined ? {} : { budget }),
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
    if (role === 'main') this.#dialler.onOpened(session);
    if (role === 'home') this.#arrivals.homeCame(session.remoteAddress);
    owner.onOpened(session, identity.resumed);
    if (role === 'home' && identity.resumed) this.#announce(session);
    if (role === 'main' && identity.direction === 'inbound') {
      events.emit({ kind: 'peer-connected', id: nodeId, remoteAddress: identity.remoteAddress });
    }
    session.start();
    return session;
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
    if (role === 'home') this.#arrivals.homeWent(session.remoteAddress);
    const table = role === 'home' ? this.#homes : this.#peers;
    const isCurrent = table.get(nodeId) === session;
    if (isCurrent) {
      table.delete(nodeId);
      admission.touch(role, nodeId, reason.code === CLOSE_CODES.done && !this.#isLeaving ? 'left' : 'lost');
    }
    owner.onClosed(session, reason);
    if (role === 'home') {
      if (isCurrent && this.#announced.has(session))
        events.emit({ kind: 'home-disconnected', id: nodeId, reason: text });
      return;
    }
    this.#dialler.onClosed(session, reason, isCurrent);
    if (isCurrent && session.direction === 'inbound' && this.#dialler.configuredAs(nodeId).length === 0) {
      events.emit({ kind: 'peer-disconnected', id: nodeId, reason: text });
    }
  }

  /** The id has lost its owner: who stands under it goes, and may not come back with the same key as if nothing had happened. */
  #forget(role: OwnerRole, id: string): void {
    const session = (role === 'home' ? this.#homes : this.#peers).get(id);
    // A peer that we dial ourselves is dialled again, to meet its new key.
    const code = session?.direction === 'outbound' ? CLOSE_CODES.expired : CLOSE_CODES.notAdmitted;
    session?.close(code, `not admitted: the key of ${id} was forgotten here`);
    if (role === 'home') this.#options.owner.homeForgotten(id);
    else this.#dialler.retryRefused();
  }

  readonly #isConnected = (role: OwnerRole, id: string): boolean =>
    (role === 'home' ? this.#homes : this.#peers).has(id);

  /** Dials this URL until it is removed. With `expectedId` the handshake checks who answers. */
  addPeer(url: string, source: PeerSource, expectedId?: string): AddPeerResult {
    return this.#dialler.add(url, source, expectedId);
  }

  /** Forgets a configured peer and closes its link. False if there is none of that id or URL. */
  removePeer(idOrUrl: string): boolean {
    return this.#dialler.remove(idOrUrl);
  }

  // ---- the end

  /** No body is under way out of this node. */
  get hasNoBodies(): boolean {
    for (const sessions of [this.#homes.values(), this.#clients, this.#peers.values()])
      for (const { hasBodies } of sessions) if (hasBodies) return false;
    return true;
  }

  /** Tells all to leave, waits until Homes and clients are gone or `drainMs` is over. */
  drain(drainMs: number): Promise<void> {
    this.#isLeaving = true;
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
    this.#isLeaving = true;
    this.#isStopped = true;
    this.#forgottenKeys.stop();
    this.#dialler.stop();
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
