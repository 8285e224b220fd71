// One link of a Home to one Main: dials for ever, registers what the Home offers, moves on when its Main leaves. With several of
// them (`-uplinks`) each leads to another Main.

import {
  type Challenge,
  CLOSE_CODES,
  type CloseReason,
  codecFor,
  type DrainMessage,
  encodeBase64url,
  homeAddress,
  isFinalClose,
  type Link,
  type ServiceOffer,
  Session,
  type SessionOwner,
  withOverrides,
} from '@relay/protocol';
import { type DialHandshakeResult, dialHandshake, HandshakeError } from '../link/handshake.ts';
import { type Reconnect, SUPERSEDED_MS } from '../link/reconnect.ts';
import type { HomeConnectionOptions, HomeConnectionStatus } from './home-relay-connection-manager.ts';
import { Registration } from './registration.ts';
import { targetOf } from './target.ts';
import { LAST_CALLS_MS, LEAVE_MS, until, untilQuiet } from './until-quiet.ts';

/** What an uplink needs beside what all of them share. */
export interface UplinkOptions extends HomeConnectionOptions {
  /** Of AUTH, the same for all. */
  readonly instance: string;
  /** Addresses of its own order; those that refused are shared by all. */
  readonly reconnect: Reconnect;
  readonly nextSeq: () => number;
  /** Another uplink has this Main already. */
  readonly isTaken: (mainId: string) => boolean;
}

/** How long an uplink waits that has no address of its own to dial. */
const NO_ADDRESS_MS = 10_000;
const KEEP_ALTERNATIVES_MS = 3_600_000;

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #owner: SessionOwner;
  readonly #reconnect: Reconnect;
  readonly #registration: Registration;
  #state: HomeConnectionStatus['state'] = 'disconnected';
  #isRetiring = false;
  #session: Session | undefined;
  /** A session that is being left while calls on it end. */
  readonly #leaving = new Set<Session>();
  #mainId: string | undefined;
  #lastError: string | undefined;
  #timer: Disposable | undefined;
  #retryAt: number | undefined;
  /** Runs while there is no session: then what the last Main named is forgotten. */
  #forgetTimer: Disposable | undefined;
  /** What a draining Main asked us to wait, for the next dial only. */
  #drainWaitMs: number | undefined;
  #isStopped = false;
  #isDialling = false;
  #hasAddress = false;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#reconnect = options.reconnect;
    this.#registration = new Registration({
      instance: options.instance,
      nextSeq: options.nextSeq,
      refused: (service, why) =>
        options.events.emit({ kind: 'warned', message: `service ${service} was refused: ${why}` }),
    });
    this.#owner = withOverrides(options.owner, {
      onClosed: (session, reason) => this.#onClosed(session, reason),
      onDrain: (session, message) => this.#onDrain(session, message),
    });
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Dials for ever; returns at once. */
  start(): void {
    this.#dial();
  }

  /** Replaces what this Home offers; sent now, or when there is a session. */
  offer(services: readonly ServiceOffer[]): void {
    this.#registration.offer(services);
  }

  /** The Main has confirmed this service. */
  isRegistered(service: string): boolean {
    return this.#registration.isHeld(service);
  }

  status(): HomeConnectionStatus {
    const session = this.#session;
    return {
      state: this.#state,
      url: session?.url ?? this.#reconnect.url,
      mainId: this.#mainId,
      connectedSince: session?.connectedAt,
      lastHeartbeat: session?.lastReceivedAt,
      latencyMs: session?.latencyMs,
      reconnectAttempts: this.#reconnect.attempts,
      nextRetryMs:
        this.#retryAt === undefined
          ? undefined
          : Math.max(0, Math.round(this.#retryAt - this.#options.clock.now())),
      lastError: this.#lastError,
    };
  }

  /** Whether this address is dialled or connected to by this uplink, so that no other should. */
  claims(url: string): boolean {
    return this.#session?.url === url || (this.#hasAddress && this.#reconnect.url === url);
  }

  /** Links that are up: the one in use, and those that are being left. */
  get sessions(): readonly Session[] {
    return this.#session === undefined ? [...this.#leaving] : [this.#session, ...this.#leaving];
  }

  /** Dials no more and takes back what was offered; resolves when the Main knows, or has gone. */
  async retire(): Promise<void> {
    this.#stopTimers();
    if (this.#session === undefined) return;
    this.#state = 'draining';
    this.#registration.offer([]);
    this.#isRetiring = true;
    await this.#registration.settled();
    this.#isRetiring = false;
  }

  /** No call is in flight on its links, or its Main does not answer to the end of this Home. */
  get isQuiet(): boolean {
    return this.#isRetiring || this.sessions.every(({ isOpen, isQuiet }) => !isOpen || isQuiet);
  }

  /** Closes what is left. */
  stop(code: number): void {
    this.#stopTimers();
    for (const left of this.sessions) left.close(code, 'stopping');
    this.#state = 'disconnected';
  }

  #dialLater(delayMs: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#retryAt = this.#options.clock.now() + delayMs;
    this.#timer = this.#options.clock.after(delayMs, () => this.#dial());
  }

  #dial(): void {
    this.#retryAt = undefined;
    if (this.#isStopped || this.#isDialling) return;
    this.#hasAddress = this.#reconnect.findFree();
    if (!this.#hasAddress) {
      // The other uplinks have every address; one of them may become free.
      this.#dialLater(NO_ADDRESS_MS);
      return;
    }
    this.#isDialling = true;
    const { url } = this.#reconnect;
    if (this.#session === undefined) this.#state = 'connecting';
    this.#options.events.emit({ kind: 'connecting', what: 'Main Relay', url });
    this.#options
      .dial(url)
      .then((link) => this.#shakeHands(link, url))
      .then(
        (result) => this.#onConnected(result, url),
        (error: unknown) => this.#onDialFailed(error, url),
      );
  }

  #shakeHands(link: Link, url: string): Promise<DialHandshakeResult> {
    const options = this.#options;
    const resume = this.#registration.acceptedSeq;
    return dialHandshake(link, options.identity, {
      clock: options.clock,
      random: options.random,
      role: 'home',
      nodeId: options.self,
      target: targetOf(url),
      instance: options.instance,
      software: options.software,
      ...(options.token !== undefined && { token: options.token }),
      ...(resume !== undefined && { resume }),
      onChallenge: (challenge) => this.#checkMain(challenge, url),
    });
  }

  #checkMain({ nodeId, publicKey }: Challenge, url: string): CloseReason | undefined {
    const known = this.#options.mainKeys.get(targetOf(url));
    if (known !== undefined && known !== encodeBase64url(publicKey)) {
      return {
        code: CLOSE_CODES.authenticationFailed,
        reason: `key of ${nodeId} changed; 'relay forget-main ${url}' accepts the new one`,
      };
    }
    if (this.#options.isTaken(nodeId)) {
      return { code: CLOSE_CODES.superseded, reason: `the other uplink leads to ${nodeId} already` };
    }
    return undefined;
  }

  #onConnected({ link, challenge, welcome }: DialHandshakeResult, url: string): void {
    const { self, clock, random, events, mainKeys, owner, budget } = this.#options;
    this.#isDialling = false;
    if (this.#isStopped) {
      link.close(CLOSE_CODES.goingAway, 'stopping');
      return;
    }
    mainKeys.set(targetOf(url), encodeBase64url(challenge.publicKey));
    const previous = this.#session;
    const session = new Session({
      self,
      isMain: false,
      link,
      codec: codecFor(link, homeAddress(self, challenge.nodeId), clock, welcome.limits),
      identity: {
        id: welcome.session,
        role: 'main',
        nodeId: challenge.nodeId,
        instance: '',
        epoch: welcome.epoch,
        direction: 'outbound',
        url,
        advertise: challenge.advertise,
        remoteAddress: targetOf(url),
        limits: welcome.limits,
        heartbeatMs: welcome.heartbeatMs,
      },
      owner: this.#owner,
      clock,
      random,
      ...(budget === undefined ? {} : { budget }),
    });
    this.#session = session;
    this.#mainId = challenge.nodeId;
    this.#state = 'connected';
    this.#lastError = undefined;
    this.#drainWaitMs = undefined;
    this.#reconnect.connected();
    this.#learn(welcome.alternatives);
    owner.onOpened(session, welcome.resume);
    events.emit({ kind: 'connected', what: 'Main Relay', id: challenge.nodeId, url });
    session.start();
    if (session.isOpen) this.#registration.attach(session, welcome.resume);
    // Make before break: what is offered is known here before it is taken back there.
    if (previous !== undefined) void this.#registration.settled().then(() => this.#leave(previous));
  }

  #onDialFailed(error: unknown, url: string): void {
    this.#isDialling = false;
    if (this.#isStopped) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#lastError = reason;
    if (error instanceof HandshakeError && isFinalClose(error.code)) {
      this.#onRefused(url, error.code, reason);
      return;
    }
    const retryMs = this.#reconnect.failed((error as { retryAfterMs?: number }).retryAfterMs);
    if (this.#session === undefined) this.#state = 'disconnected';
    this.#options.events.emit({
      kind: 'dial-failed',
      what: 'Main Relay',
      url,
      reason,
      attempt: this.#reconnect.attempts,
      retryMs,
    });
    this.#dialLater(retryMs);
  }

  #onRefused(url: string, code: number, reason: string, id?: string): void {
    this.#options.events.emit({
      kind: 'refused',
      what: 'Main Relay',
      url,
      ...(id !== undefined && { id }),
      code,
      reason,
    });
    const hasOther = this.#reconnect.refused();
    if (this.#session !== undefined) return;
    this.#state = hasOther ? 'disconnected' : 'refused';
    if (hasOther) this.#dialLater(0);
  }

  #onClosed(session: Session, reason: CloseReason): void {
    this.#registration.detach(session);
    this.#options.owner.onClosed(session, reason);
    if (this.#leaving.delete(session) || this.#session !== session) return;
    this.#session = undefined;
    if (this.#isStopped) return;
    this.#forgetTimer = this.#options.clock.after(this.#keepAlternativesMs, () => this.#reconnect.learn([]));
    this.#state = 'disconnected';
    const url = session.url ?? this.#reconnect.url;
    const text = reason.reason === '' ? `closed with ${reason.code}` : reason.reason;
    this.#lastError = text;
    if (isFinalClose(reason.code)) {
      this.#onRefused(url, reason.code, text, session.nodeId);
      return;
    }
    const backOffMs = this.#reconnect.lost(this.#options.clock.wallNow() - session.connectedAt);
    const retryMs = this.#drainWaitMs ?? (reason.code === CLOSE_CODES.superseded ? SUPERSEDED_MS : backOffMs);
    this.#drainWaitMs = undefined;
    this.#options.events.emit({
      kind: 'lost',
      what: 'Main Relay',
      id: session.nodeId,
      url,
      reason: text,
      attempt: this.#reconnect.attempts,
      retryMs,
    });
    this.#dialLater(retryMs);
  }

  #stopTimers(): void {
    this.#isStopped = true;
    this.#timer?.[Symbol.dispose]();
    this.#forgetTimer?.[Symbol.dispose]();
    this.#retryAt = undefined;
  }

  get #keepAlternativesMs(): number {
    return this.#options.keepAlternativesMs ?? KEEP_ALTERNATIVES_MS;
  }

  #learn(alternatives: readonly string[]): void {
    this.#forgetTimer?.[Symbol.dispose]();
    if (this.#keepAlternativesMs > 0) this.#reconnect.learn(alternatives);
  }

  /** First a session elsewhere if there is an elsewhere, then the calls on this one end (protocol.md §4, "Drain"). */
  #onDrain(session: Session, message: DrainMessage): void {
    this.#options.owner.onDrain(session, message);
    if (session !== this.#session || this.#isStopped) return;
    this.#state = 'draining';
    this.#learn(message.alternatives);
    this.#drainWaitMs = message.reconnectInMs;
    if (this.#reconnect.hasOther) {
      this.#reconnect.moveOn();
      this.#dialLater(message.reconnectInMs);
      return;
    }
    this.#timer?.[Symbol.dispose]();
    this.#retryAt = this.#options.clock.now() + message.reconnectInMs;
    this.#timer = this.#options.clock.after(message.reconnectInMs, () => {
      this.#retryAt = undefined;
      // It has been waited for; what comes now is an ordinary redial.
      this.#drainWaitMs = undefined;
      void this.#leave(session);
    });
  }

  /** Takes back what was offered there, so that no new call is on its way when the link is closed; then calls in flight end. */
  async #leave(session: Session): Promise<void> {
    if (!session.isOpen) return;
    if (session !== this.#session) this.#leaving.add(session);
    const { clock, nextSeq } = this.#options;
    const end = clock.now() + LEAVE_MS;
    let isUnregistered = false;
    session.register({ seq: nextSeq(), base: 0, services: [], removed: [], complete: true }, () => {
      isUnregistered = true;
    });
    await until(() => !session.isOpen || isUnregistered, LAST_CALLS_MS, clock);
    await untilQuiet([session], end - clock.now(), clock);
    session.close(CLOSE_CODES.done, 'moved');
  }
}
