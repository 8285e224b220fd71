// A Home's side of its link to a Main: dials for ever, registers what the Home offers, moves on when its Main leaves.

import {
  type Challenge,
  CLOSE_CODES,
  type Clock,
  type CloseReason,
  codecFor,
  type DrainMessage,
  encodeBase64url,
  homeAddress,
  INSTANCE_BYTES,
  isFinalClose,
  type Link,
  type Random,
  type ServiceOffer,
  Session,
  type SessionOwner,
  withOverrides,
} from '@relay/protocol';
import type { Identity } from '../identity/keys.ts';
import type { MainKeyStore } from '../identity/main-keys.ts';
import type { Dial } from '../link/dial.ts';
import { type DialHandshakeResult, dialHandshake, HandshakeError } from '../link/handshake.ts';
import { Reconnect, SUPERSEDED_MS } from '../link/reconnect.ts';
import type { NodeEvents } from './node-event.ts';
import { Registration } from './registration.ts';
import { targetOf } from './target.ts';
import { untilQuiet } from './until-quiet.ts';

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

/** Calls in flight may end in this time before a link that is left is closed. */
const QUIET_MS = 10_000;

export class HomeRelayConnectionManager {
  /** The instance of AUTH: this start of this node. */
  readonly instance: string;
  readonly #options: HomeConnectionOptions;
  readonly #owner: SessionOwner;
  readonly #reconnect: Reconnect;
  readonly #registration: Registration;
  #state: HomeConnectionStatus['state'] = 'disconnected';
  #session: Session | undefined;
  /** A session that is being left while calls on it end. */
  readonly #leaving = new Set<Session>();
  #mainId: string | undefined;
  #lastError: string | undefined;
  #timer: Disposable | undefined;
  #retryAt: number | undefined;
  /** What a draining Main asked us to wait, for the next dial only. */
  #drainWaitMs: number | undefined;
  #isStopped = false;
  #isDialling = false;

  constructor(options: HomeConnectionOptions) {
    this.#options = options;
    this.instance = encodeBase64url(options.random.bytes(INSTANCE_BYTES));
    this.#reconnect = new Reconnect(options.urls, options.random);
    this.#registration = new Registration({
      instance: this.instance,
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

  /** With `drain`, unregisters and lets calls in flight end before the link is closed with 1000. */
  async stop({ drain = false }: { readonly drain?: boolean } = {}): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.[Symbol.dispose]();
    this.#retryAt = undefined;
    const session = this.#session;
    if (drain && session !== undefined) {
      this.#state = 'draining';
      this.#registration.offer([]);
      await this.#registration.settled();
      await untilQuiet([session, ...this.#leaving], QUIET_MS, this.#options.clock);
    }
    const code = drain ? CLOSE_CODES.done : CLOSE_CODES.goingAway;
    for (const left of this.#leaving) left.close(code, 'stopping');
    session?.close(code, 'stopping');
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
      instance: this.instance,
      software: options.software,
      ...(options.token !== undefined && { token: options.token }),
      ...(resume !== undefined && { resume }),
      onChallenge: (challenge) => this.#checkMain(challenge, url),
    });
  }

  #checkMain({ nodeId, publicKey }: Challenge, url: string): CloseReason | undefined {
    const known = this.#options.mainKeys.get(targetOf(url));
    if (known === undefined || known === encodeBase64url(publicKey)) return undefined;
    return {
      code: CLOSE_CODES.authenticationFailed,
      reason: `key of ${nodeId} changed; 'relay forget-main ${url}' accepts the new one`,
    };
  }

  #onConnected({ link, challenge, welcome }: DialHandshakeResult, url: string): void {
    const { self, clock, random, events, mainKeys, owner } = this.#options;
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
    });
    this.#session = session;
    this.#mainId = challenge.nodeId;
    this.#state = 'connected';
    this.#lastError = undefined;
    this.#drainWaitMs = undefined;
    this.#reconnect.connected();
    this.#reconnect.learn(welcome.alternatives);
    owner.onOpened(session, welcome.resume);
    events.emit({ kind: 'connected', what: 'Main Relay', id: challenge.nodeId, url });
    session.start();
    if (session.isOpen) this.#registration.attach(session, welcome.resume);
    if (previous !== undefined) this.#leave(previous);
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
    this.#state = 'disconnected';
    const url = session.url ?? this.#reconnect.url;
    const text = reason.reason === '' ? `closed with ${reason.code}` : reason.reason;
    this.#lastError = text;
    if (isFinalClose(reason.code)) {
      this.#onRefused(url, reason.code, text, session.nodeId);
      return;
    }
    const backOffMs = this.#reconnect.failed();
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

  /** First a session elsewhere if there is an elsewhere, then the calls on this one end (protocol.md §4, "Drain"). */
  #onDrain(session: Session, message: DrainMessage): void {
    this.#options.owner.onDrain(session, message);
    if (session !== this.#session || this.#isStopped) return;
    this.#state = 'draining';
    this.#reconnect.learn(message.alternatives);
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
      this.#leave(session);
    });
  }

  #leave(session: Session): void {
    if (!session.isOpen) return;
    if (session !== this.#session) this.#leaving.add(session);
    untilQuiet([session], QUIET_MS, this.#options.clock).then(
      () => session.close(CLOSE_CODES.done, 'moved'),
      () => session.terminate(),
    );
  }
}
