// A link after its handshake: its lifetime, heartbeats and control messages. Calls in flight are kept by their own classes, one for each
// direction; what a call may do is the owner's to decide.

import type { CallHandler } from '../call.ts';
import type { Clock, Random } from '../clock.ts';
import { CLOSE_CODES } from '../close-code.ts';
import { type Codec, MalformedMessage, SUBPROTOCOL_BINARY } from '../codec.ts';
import { encodeRegistrationAnswer } from '../control-json.ts';
import { HEARTBEAT, type LinkLimits } from '../limits.ts';
import type { CloseReason, Link } from '../link.ts';
import type { Discovery, FederationMessage, HeartbeatMessage, RegistrationMessage } from '../message.ts';
import { BodyAssembly } from './body-assembly.ts';
import { BufferBudget } from './buffer-budget.ts';
import { Heartbeat } from './heartbeat.ts';
import { IncomingCalls } from './incoming-calls.ts';
import { Outbox } from './outbox.ts';
import { type AnswerSettle, OutgoingCalls } from './outgoing-calls.ts';
import type { SessionOwner } from './session-owner.ts';
import type { SessionRole, Wire } from './wire.ts';

export type { SessionRole } from './wire.ts';

/** What the handshake has settled. */
export interface SessionIdentity {
  /** Unique text, that of WELCOME. */
  readonly id: string;
  /** Role of the other side. */
  readonly role: SessionRole;
  /** Empty for an anonymous client. */
  readonly nodeId: string;
  /** Start of the other process; empty where CHALLENGE does not tell it. */
  readonly instance: string;
  readonly epoch: number;
  readonly direction: 'inbound' | 'outbound';
  readonly url?: string | undefined;
  readonly advertise?: string | undefined;
  readonly remoteAddress: string;
  readonly limits: LinkLimits;
  readonly heartbeatMs: number;
}

export interface SessionOptions {
  /** Id of this node, for failures it raises and paths it appends itself to. */
  readonly self: string;
  /** This node is a Main: two Mains ping each other. */
  readonly isMain: boolean;
  readonly link: Link;
  readonly codec: Codec;
  readonly identity: SessionIdentity;
  readonly owner: SessionOwner;
  readonly clock: Clock;
  readonly random: Random;
  /** Of all links of this node; default: this one for itself, without a bound. */
  readonly budget?: BufferBudget;
}

/** Unfinished bodies that one link may make this node hold, in units of the largest body. */
const ASSEMBLED_BODIES = 6;

export class Session {
  readonly id: string;
  readonly role: SessionRole;
  readonly nodeId: string;
  readonly epoch: number;
  readonly direction: 'inbound' | 'outbound';
  readonly url: string | undefined;
  /** Where the other side says that others reach it. */
  readonly advertise: string | undefined;
  readonly remoteAddress: string;
  /** Wall ms. */
  readonly connectedAt: number;
  readonly limits: LinkLimits;
  /** Sends a call to the other side. Bound, so that it can be handed on. */
  readonly call: CallHandler;

  readonly #isMain: boolean;
  readonly #owner: SessionOwner;
  readonly #clock: Clock;
  readonly #link: Link;
  readonly #codec: Codec;
  readonly #outbox: Outbox;
  readonly #heartbeat: Heartbeat;
  readonly #outgoing: OutgoingCalls;
  readonly #incoming: IncomingCalls;
  readonly #assembly: BodyAssembly;
  readonly #budget: BufferBudget;
  readonly #onCloses: ((reason: CloseReason) => void)[] = [];
  #instance: string;
  #closed: CloseReason | undefined;
  #bytesReceived = 0;
  #unknownMessages = 0;

  constructor(options: SessionOptions) {
    const { identity, link, clock } = options;
    this.id = identity.id;
    this.role = identity.role;
    this.nodeId = identity.nodeId;
    this.epoch = identity.epoch;
    this.direction = identity.direction;
    this.url = identity.url;
    this.advertise = identity.advertise;
    this.remoteAddress = identity.remoteAddress;
    this.limits = identity.limits;
    this.connectedAt = clock.wallNow();
    this.#instance = identity.instance;
    this.#isMain = options.isMain;
    this.#owner = options.owner;
    this.#clock = clock;
    this.#link = link;
    this.#codec = options.codec;
    this.#budget = options.budget ?? new BufferBudget(clock);
    const cut = (code: number, reason: string): void => this.close(code, reason);
    this.#outbox = new Outbox(link, options.codec.encoder, clock, cut, this.#budget);
    const { bodyBytes } = identity.limits;
    this.#assembly = new BodyAssembly({
      bodyBytes,
      totalBytes: ASSEMBLED_BODIES * bodyBytes,
      budget: this.#budget,
      giveCredit: (of, id, bytes) => this.#send({ type: 'credit', id, bytes, fromOpener: of === 'response' }),
      malformed: (reason) => this.close(CLOSE_CODES.malformed, reason),
    });
    const wire = this.#wire(options.self);
    this.#outgoing = new OutgoingCalls(wire);
    this.#incoming = new IncomingCalls(wire, (call, settle) => this.#owner.onCall(this, call, settle));
    this.call = this.#outgoing.call;
    this.#heartbeat = new Heartbeat({
      clock,
      random: options.random,
      intervalMs: identity.heartbeatMs,
      pings: identity.direction === 'outbound' || (options.isMain && identity.role === 'main'),
      sendPing: (seq) => this.#sendHeartbeat('ping', seq),
      drop: (reason) => this.#drop(reason),
    });
  }

  /** Begins to take what comes in. The owner knows the session by now. */
  start(): void {
    this.#heartbeat.start();
    this.#budget.join(this);
    this.#link.limitMessage(this.limits.messageBytes);
    this.#link.listen({
      onData: (data) => this.#onData(data),
      onClose: (reason) => this.#finish(reason),
      onDrain: () => this.#outbox.drained(),
    });
  }

  /** Start of the other process, base64url. From a Main that we dialled: empty until it has stated its registry. */
  get instance(): string {
    return this.#instance;
  }

  get latencyMs(): number | undefined {
    return this.#heartbeat.latencyMs;
  }

  /** Wall ms. */
  get lastReceivedAt(): number {
    return this.#clock.wallNow() - Math.round(this.#clock.now() - this.#heartbeat.receivedAt);
  }

  get isOpen(): boolean {
    return this.#closed === undefined;
  }

  /** Open, and the last ping was answered within 10 s. */
  get isHealthy(): boolean {
    return this.isOpen && this.#heartbeat.isAnswered;
  }

  /** Over 256 KiB wait for the link: new requests are refused. */
  get isCongested(): boolean {
    return this.#outbox.isCongested;
  }

  /** Calls sent over the link that have no outcome yet. */
  get inFlight(): number {
    return this.#outgoing.size;
  }

  /** Calls received over the link that have no outcome yet. */
  get serving(): number {
    return this.#incoming.size;
  }

  /** No call is in flight in either direction and no body is under way. */
  get isQuiet(): boolean {
    return this.#outgoing.size + this.#incoming.size === 0 && !this.#outbox.hasBodies;
  }

  /** Calls may be sent with params in parts (`Call.rest`). */
  get takesParts(): boolean {
    return this.#link.subprotocol === SUBPROTOCOL_BINARY;
  }

  /** Bytes that this node holds for the link: unfinished bodies and what waits to leave. */
  get backlogBytes(): number {
    return this.#assembly.heldBytes + this.#outbox.heldBytes;
  }

  /** Bodies are under way to the other side. */
  get hasBodies(): boolean {
    return this.isOpen && this.#outbox.hasBodies;
  }

  get bytesSent(): number {
    return this.#outbox.bytes;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** Calls sent over the link so far, and those of them that failed. */
  get calls(): { readonly forwarded: number; readonly failed: number } {
    return { forwarded: this.#outgoing.sent, failed: this.#outgoing.failed };
  }

  /** Messages of types that this node does not know. */
  get unknownMessages(): number {
    return this.#unknownMessages;
  }

  /** Sends one part of a registration. `settle` gets undefined when the link ended first. */
  register(part: Omit<RegistrationMessage, 'type' | 'id'>, settle: AnswerSettle): void {
    this.#outgoing.register(part, settle);
  }

  sendDiscovery(discovery: Discovery): void {
    this.#send({ type: 'service_discovery', discovery });
  }

  sendDrain(reconnectInMs: number, alternatives: readonly string[]): void {
    this.#send({ type: 'drain', reconnectInMs, alternatives });
  }

  /** The other side seems to have gone: it answers within 5 s or the link is dropped. */
  probe(): void {
    if (this.isOpen) this.#heartbeat.probe();
  }

  /** Closes with a handshake after what was sent before; the first reason wins. Calls waiting here end at once. */
  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.#outbox.flush();
    this.#link.close(code, reason);
    this.#finish({ code, reason });
  }

  /** This node holds too much, and most of it for this link. */
  cut(): void {
    this.close(CLOSE_CODES.overloaded, 'this node holds too many bytes');
  }

  /** Drops the link without a handshake. */
  terminate(): void {
    this.#drop('dropped');
  }

  /** Runs after `SessionOwner.onClosed`; at once if the session has ended already. */
  onClose(run: (reason: CloseReason) => void): void {
    if (this.#closed === undefined) this.#onCloses.push(run);
    else run(this.#closed);
  }

  #drop(reason: string): void {
    if (!this.isOpen) return;
    this.#link.terminate();
    this.#finish({ code: CLOSE_CODES.abnormal, reason });
  }

  #finish(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#heartbeat.stop();
    // Before it is closed: what counts is what the link had been given by now.
    const { batch } = this.#outbox;
    this.#outbox.close();
    this.#budget.leave(this);
    // First, so that nobody who tries a call again picks this session.
    this.#owner.onClosed(this, reason);
    this.#incoming.end();
    this.#outgoing.end(reason, batch);
    // Last: bodies that were passed on are told why they end.
    this.#assembly.clear();
    for (const run of this.#onCloses.splice(0)) run(reason);
  }

  #onData(data: string | Uint8Array): void {
    if (!this.isOpen) return;
    this.#heartbeat.received();
    this.#bytesReceived += data.length;
    let messages: readonly FederationMessage[];
    try {
      messages = this.#codec.decoder.decode(data);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.close(CLOSE_CODES.malformed, error.message);
      return;
    }
    for (let index = 0; index < messages.length && this.isOpen; index += 1) this.#onMessage(messages[index]!);
  }

  #onMessage(message: FederationMessage): void {
    if (!this.#mayCome(message)) {
      this.close(CLOSE_CODES.malformed, `type: a ${this.role} does not send ${message.type}`);
      return;
    }
    switch (message.type) {
      case 'request':
        this.#incoming.onRequest(message);
        break;
      case 'response':
        this.#outgoing.onResponse(message);
        break;
      case 'error':
        this.#outgoing.onError(message);
        break;
      case 'cancel':
        this.#incoming.onCancel(message);
        break;
      case 'body':
        this.#assembly.add(message);
        break;
      case 'credit':
        // The opener of the call takes its response, the other side its request.
        this.#outbox.credit(message.fromOpener ? 'response' : 'request', message.id, message.bytes);
        break;
      case 'heartbeat':
        this.#onHeartbeat(message);
        break;
      case 'registration':
        this.#onRegistration(message);
        break;
      case 'service_discovery':
        if (message.discovery.kind === 'state') this.#instance = message.discovery.state.instance;
        this.#owner.onDiscovery(this, message.discovery);
        break;
      case 'drain':
        this.#owner.onDrain(this, message);
        break;
      case 'unknown':
        this.#unknownMessages += 1;
        break;
    }
  }

  /** Whether the other side may send this at all (protocol.md §4). */
  #mayCome({ type }: FederationMessage): boolean {
    switch (type) {
      case 'response':
      case 'error':
        return this.role !== 'client';
      case 'registration':
        return this.role === 'home';
      case 'service_discovery':
        return this.role === 'main' && this.#isMain;
      case 'drain':
        return this.role === 'main';
      default:
        return true;
    }
  }

  #onHeartbeat(message: HeartbeatMessage): void {
    if (message.kind === 'pong') this.#heartbeat.ponged(message.seq);
    else this.#sendHeartbeat('pong', message.seq);
    if (message.registry === undefined || this.role !== 'main' || !this.#isMain) return;
    this.#instance = message.registry.instance;
    this.#owner.onRegistryState(this, message.registry);
  }

  #onRegistration(message: RegistrationMessage): void {
    const answer = this.#owner.onRegistration(this, message);
    this.#send({
      type: 'response',
      correlationId: message.id,
      body: encodeRegistrationAnswer(answer),
    });
  }

  /** For messages of our own making, which always fit. */
  #send(message: FederationMessage): void {
    if (this.isOpen) this.#outbox.add(message);
  }

  #sendHeartbeat(kind: 'ping' | 'pong', seq: number): void {
    const registry = this.role === 'main' && this.#isMain ? this.#owner.registryState(this) : undefined;
    const load = this.#owner.load();
    this.#send(
      registry === undefined
        ? { type: 'heartbeat', kind, seq, load }
        : { type: 'heartbeat', kind, seq, load, registry },
    );
  }

  /** This session as its parts see it. */
  #wire(self: string): Wire {
    const session = this;
    return {
      self,
      role: this.role,
      nodeId: this.nodeId,
      limits: this.limits,
      isBinary: this.#link.subprotocol === SUBPROTOCOL_BINARY,
      clock: this.#clock,
      outbox: this.#outbox,
      assembly: this.#assembly,
      budget: this.#budget,
      takesParts: this.#owner.takesParts === true,
      get isOpen() {
        return session.isOpen;
      },
      send: (message) => this.#send(message),
      close: (code, reason) => this.close(code, reason),
    };
  }
}

/** Heartbeat interval by who is at the other end. */
export function heartbeatMsFor(role: SessionRole): number {
  return role === 'main' ? HEARTBEAT.peerMs : HEARTBEAT.homeMs;
}
