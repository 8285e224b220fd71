// A link after its handshake: calls in both directions, heartbeats, control messages. What a call may do is its owner's to decide.

import {
  type Body,
  type Call,
  type CallHandler,
  type CallId,
  type Cancel,
  type CancelMessage,
  type CancelMode,
  CHUNK_BYTES,
  CLOSE_CODES,
  type Clock,
  type CloseReason,
  type Codec,
  type CreditMessage,
  createFailure,
  type Discovery,
  decodeRegistrationAnswer,
  type ErrorMessage,
  encodeRegistrationAnswer,
  type Failure,
  type FailureName,
  type FederationMessage,
  HEARTBEAT,
  type HeartbeatMessage,
  type Link,
  type LinkLimits,
  MalformedMessage,
  type Outcome,
  PendingCalls,
  type Random,
  type RegistrationAnswer,
  type RegistrationMessage,
  type RequestMessage,
  type ResponseMessage,
  type Settle,
  SUBPROTOCOL_BINARY,
} from '@relay/protocol';
import { BodyAssembly } from './body-assembly.ts';
import { Heartbeat } from './heartbeat.ts';
import { type BodyOf, Outbox } from './outbox.ts';
import type { SessionOwner } from './session-owner.ts';

/** What the node at the other end is. */
export type SessionRole = 'home' | 'main' | 'client';

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
}

/** What a refused call is told to wait before it comes again. */
const RETRY_AFTER_MS = 250;
/** Unfinished bodies that one link may make this node hold, in units of the largest body. */
const ASSEMBLED_BODIES = 6;

/** A call that came in and has no outcome yet. */
interface IncomingCall {
  readonly id: CallId;
  cancel: Cancel | undefined;
}

type AnswerSettle = (answer: RegistrationAnswer | undefined) => void;

/** A call or a registration that went out and has no answer yet. */
type Outgoing =
  | {
      readonly kind: 'call';
      readonly settle: Settle;
      /** Number of the write with which the request leaves (`Outbox.batch`). */
      readonly batch: number;
    }
  | { readonly kind: 'registration'; readonly settle: AnswerSettle };
type OutgoingCall = Outgoing & { kind: 'call' };

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

  readonly #self: string;
  readonly #isMain: boolean;
  readonly #owner: SessionOwner;
  readonly #clock: Clock;
  readonly #link: Link;
  readonly #codec: Codec;
  readonly #isBinary: boolean;
  readonly #outbox: Outbox;
  readonly #heartbeat: Heartbeat;
  readonly #outgoing: PendingCalls<Outgoing>;
  readonly #incoming = new Map<CallId, IncomingCall>();
  readonly #assembly: BodyAssembly;
  readonly #onCloses: ((reason: CloseReason) => void)[] = [];
  #instance: string;
  #closed: CloseReason | undefined;
  #bytesReceived = 0;
  #unknownMessages = 0;
  #forwarded = 0;
  #failed = 0;

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
    this.#self = options.self;
    this.#isMain = options.isMain;
    this.#owner = options.owner;
    this.#clock = clock;
    this.#link = link;
    this.#codec = options.codec;
    this.#isBinary = link.subprotocol === SUBPROTOCOL_BINARY;
    this.#outbox = new Outbox(link, options.codec.encoder, clock, (code, reason) => this.close(code, reason));
    const { bodyBytes, inFlight } = identity.limits;
    this.#outgoing = new PendingCalls(clock, {
      inFlight,
      onDeadline: (id, outgoing) => this.#expire(id, outgoing),
    });
    this.#assembly = new BodyAssembly(
      { bodyBytes, totalBytes: ASSEMBLED_BODIES * bodyBytes },
      (of, id, bytes) => this.#send({ type: 'credit', id, bytes, fromOpener: of === 'response' }),
    );
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
    this.#link.limitMessage(this.limits.messageBytes);
    this.#link.listen({
      onData: (data) => this.#onData(data),
      onClose: (reason) => this.#finish(reason),
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

  get bytesSent(): number {
    return this.#outbox.bytes;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** Calls sent over the link so far, and those of them that failed. */
  get calls(): { readonly forwarded: number; readonly failed: number } {
    return { forwarded: this.#forwarded, failed: this.#failed };
  }

  /** Messages of types that this node does not know. */
  get unknownMessages(): number {
    return this.#unknownMessages;
  }

  /** Sends a call to the other side. Bound, so that it can be handed on. */
  readonly call: CallHandler = (call, settle) => {
    const refusal = this.#refuse(call);
    if (refusal !== undefined) return this.#settleNow(settle, refusal);
    const outgoing: OutgoingCall = { kind: 'call', settle, batch: this.#outbox.batch };
    const id = this.#outgoing.open(outgoing, call.deadline);
    if (id === undefined) {
      return this.#settleNow(
        settle,
        this.#overloaded(`${this.limits.inFlight} calls are open to ${this.#name}`),
      );
    }
    const { params } = call;
    const isSplit = this.#isBinary && params.length > CHUNK_BYTES;
    const message: RequestMessage = {
      type: 'request',
      id,
      sourceNode: call.source,
      // One shape for every request; members that are undefined count as absent for every reader.
      destinationNode: call.destination as RequestMessage['destinationNode'] & {},
      serverName: call.service,
      method: call.method,
      timeoutMs: Math.max(1, Math.floor(call.deadline - this.#clock.now())),
      body: isSplit ? params.subarray(0, CHUNK_BYTES) : params,
      continues: isSplit,
      routingPath: [...call.path, this.#self],
      ttl: call.ttl - 1,
      priority: call.priority,
      trace: call.trace,
      traceparent: call.traceparent,
      caller: call.caller,
      callPath: call.callPath,
      idempotencyKey: call.idempotencyKey as string,
    };
    try {
      this.#outbox.add(message);
    } catch (error) {
      this.#outgoing.settle(id);
      return this.#settleNow(settle, this.#unsendable(error, params.length, 'no'));
    }
    if (isSplit) this.#outbox.stream('request', id, params, CHUNK_BYTES);
    this.#forwarded += 1;
    return (mode) => this.#cancelOutgoing(id, mode);
  };

  /** Sends one part of a registration. `settle` gets undefined when the link ended first. */
  register(part: Omit<RegistrationMessage, 'type' | 'id'>, settle: AnswerSettle): void {
    if (!this.isOpen) {
      settle(undefined);
      return;
    }
    const id = this.#outgoing.open({ kind: 'registration', settle }, Number.POSITIVE_INFINITY);
    if (id === undefined) settle(undefined);
    else this.#send({ ...part, type: 'registration', id });
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
    this.#assembly.clear();
    // First, so that nobody who tries a call again picks this session.
    this.#owner.onClosed(this, reason);
    const served = [...this.#incoming.values()];
    this.#incoming.clear();
    for (const call of served) call.cancel?.('abandon');
    const text = reason.reason === '' ? `closed with ${reason.code}` : reason.reason;
    this.#outgoing.failAll((_id, outgoing) => {
      if (outgoing.kind === 'registration') {
        outgoing.settle(undefined);
        return;
      }
      const executed = outgoing.batch < batch ? 'unknown' : 'no';
      this.#settleFailed(
        outgoing,
        createFailure(this.#lostName, this.#lostText(text), this.#self, { executed }),
      );
    });
    for (const run of this.#onCloses.splice(0)) run(reason);
  }

  // ---- messages in

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
        this.#onRequest(message);
        break;
      case 'response':
        this.#onResponse(message);
        break;
      case 'error':
        this.#onError(message);
        break;
      case 'cancel':
        this.#onCancel(message);
        break;
      case 'body':
        this.#assembly.add(message);
        break;
      case 'credit':
        this.#onCredit(message);
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

  #onRequest(message: RequestMessage): void {
    if (this.#incoming.has(message.id)) {
      this.close(CLOSE_CODES.malformed, `message_id: ${message.id} is still open`);
      return;
    }
    if (this.#incoming.size >= this.limits.inFlight) {
      this.#sendError(message.id, this.#overloaded(`over ${this.limits.inFlight} calls at once`));
      return;
    }
    const incoming: IncomingCall = { id: message.id, cancel: undefined };
    this.#incoming.set(message.id, incoming);
    if (message.continues !== true) {
      this.#serve(incoming, message, message.body);
      return;
    }
    const deadline = this.#clock.now() + message.timeoutMs;
    this.#assembly.begin(
      'request',
      message.id,
      message.body,
      (body) => this.#serve(incoming, message, body, deadline),
      () => this.#answer(incoming, { kind: 'failure', failure: this.#tooLarge('params', 'no') }),
    );
  }

  #serve(
    incoming: IncomingCall,
    message: RequestMessage,
    params: Body,
    deadline = this.#clock.now() + message.timeoutMs,
  ): void {
    const call: Call = {
      // One shape for every call; members that are undefined count as absent for every reader.
      destination: message.destinationNode as Call['destination'] & {},
      service: message.serverName,
      method: message.method,
      params,
      deadline,
      source: message.sourceNode,
      caller: message.caller,
      path: message.routingPath,
      ttl: message.ttl,
      priority: message.priority,
      trace: message.trace,
      traceparent: message.traceparent,
      callPath: message.callPath,
      idempotencyKey: message.idempotencyKey as string,
    };
    const cancel = this.#owner.onCall(this, call, (outcome) => this.#answer(incoming, outcome));
    incoming.cancel = cancel;
  }

  #onResponse(message: ResponseMessage): void {
    const id = message.correlationId;
    if (typeof id !== 'number') return;
    if (message.continues !== true) {
      this.#onResult(id, message, message.body);
      return;
    }
    // A late outcome: its further parts find no one either.
    if (this.#outgoing.get(id)?.kind !== 'call') return;
    this.#assembly.begin(
      'response',
      id,
      message.body,
      (body) => this.#onResult(id, message, body),
      () => {
        const call = this.#outgoing.settle(id);
        if (call?.kind !== 'call') return;
        this.#send({ type: 'cancel', correlationId: id, mode: 'abandon' });
        this.#settleFailed(call, this.#tooLarge('result', 'yes'));
      },
    );
  }

  #onResult(id: number, message: ResponseMessage, body: Body): void {
    const outgoing = this.#outgoing.settle(id);
    // A late outcome of a call that was cancelled or ran out of time.
    if (outgoing === undefined) return;
    if (outgoing.kind === 'registration') {
      this.#onRegistrationAnswer(outgoing.settle, body);
      return;
    }
    this.#outbox.drop('request', id);
    const { trace } = message;
    outgoing.settle(trace === undefined ? { kind: 'result', body } : { kind: 'result', body, trace });
  }

  #onError(message: ErrorMessage): void {
    const id = message.correlationId;
    if (typeof id !== 'number') return;
    const outgoing = this.#outgoing.settle(id);
    if (outgoing === undefined) return;
    if (outgoing.kind === 'registration') {
      outgoing.settle(undefined);
      return;
    }
    this.#outbox.drop('request', id);
    this.#assembly.drop('response', id);
    this.#failed += 1;
    const { failure, trace } = message;
    outgoing.settle(trace === undefined ? { kind: 'failure', failure } : { kind: 'failure', failure, trace });
  }

  #onCancel(message: CancelMessage): void {
    const id = message.correlationId;
    // Also after the outcome: the body of a result may still be under way.
    this.#outbox.drop('response', id);
    const incoming = this.#incoming.get(id);
    if (incoming === undefined) return;
    this.#incoming.delete(id);
    this.#assembly.drop('request', id);
    incoming.cancel?.(message.mode);
  }

  #onCredit(message: CreditMessage): void {
    // The opener of the call takes its response; the other side takes its request.
    const of: BodyOf = message.fromOpener ? 'response' : 'request';
    this.#outbox.credit(of, message.id, message.bytes);
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

  #onRegistrationAnswer(settle: AnswerSettle, body: Body): void {
    let answer: RegistrationAnswer | undefined;
    try {
      answer = decodeRegistrationAnswer(body);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.close(CLOSE_CODES.malformed, error.message);
    }
    settle(answer);
  }

  // ---- messages out

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

  #answer(incoming: IncomingCall, outcome: Outcome): void {
    const { id } = incoming;
    // Cancelled, answered already, or the link has gone.
    if (this.#incoming.get(id) !== incoming) return;
    this.#incoming.delete(id);
    if (outcome.kind === 'failure') {
      this.#assembly.drop('request', id);
      this.#sendError(id, outcome.failure, outcome.trace);
      return;
    }
    const { body } = outcome;
    const isSplit = this.#isBinary && body.length > CHUNK_BYTES;
    if (body.length > this.limits.bodyBytes) {
      this.#sendError(id, this.#tooLarge('result', 'yes'));
      return;
    }
    if (isSplit && !this.#outbox.hasRoom(body.length)) {
      this.#sendError(id, {
        ...this.#overloaded('too many big results wait for this link'),
        executed: 'yes',
      });
      return;
    }
    try {
      this.#outbox.add({
        type: 'response',
        correlationId: id,
        body: isSplit ? body.subarray(0, CHUNK_BYTES) : body,
        continues: isSplit,
        trace: outcome.trace as NonNullable<Outcome['trace']>,
      });
      if (isSplit) this.#outbox.stream('response', id, body, CHUNK_BYTES);
    } catch (error) {
      this.#sendError(id, this.#unsendable(error, body.length, 'yes'));
    }
  }

  #sendError(id: CallId, failure: Failure, trace?: Outcome['trace']): void {
    try {
      this.#send({
        type: 'error',
        correlationId: id,
        failure,
        trace: trace as NonNullable<Outcome['trace']>,
      });
    } catch {
      // Its value or its trace is too big for this link; that it failed, and how, must arrive all the same.
      const { data: _value, ...rest } = failure;
      this.#send({
        type: 'error',
        correlationId: id,
        failure: { ...rest, message: rest.message.slice(0, 1_000) },
      });
    }
  }

  #cancelOutgoing(id: number, mode: CancelMode): void {
    if (this.#outgoing.cancel(id) === undefined) return;
    this.#abandon(id, mode);
  }

  #expire(id: number, outgoing: Outgoing): void {
    if (outgoing.kind === 'registration') {
      outgoing.settle(undefined);
      return;
    }
    this.#abandon(id, 'abandon');
    this.#settleFailed(
      outgoing,
      createFailure('timeout', `no answer from ${this.#name} in time`, this.#self),
    );
  }

  #abandon(id: number, mode: CancelMode): void {
    this.#outbox.drop('request', id);
    this.#assembly.drop('response', id);
    this.#send({ type: 'cancel', correlationId: id, mode });
  }

  // ---- failures

  #refuse(call: Call): Failure | undefined {
    if (!this.isOpen) {
      return createFailure(this.#lostName, this.#lostText('not connected'), this.#self, { executed: 'no' });
    }
    if (call.ttl < 1) return createFailure('too_many_hops', 'the call has used up its ttl', this.#self);
    if (call.deadline <= this.#clock.now()) {
      return createFailure('timeout', 'the time was up before the call was sent on', this.#self, {
        executed: 'no',
      });
    }
    if (this.#outbox.isCongested) return this.#overloaded(`the link to ${this.#name} is congested`);
    if (call.params.length > this.limits.bodyBytes) return this.#tooLarge('params', 'no');
    if (call.params.length > CHUNK_BYTES && !this.#outbox.hasRoom(call.params.length)) {
      return this.#overloaded(`too many big requests wait for the link to ${this.#name}`);
    }
    return undefined;
  }

  #settleNow(settle: Settle, failure: Failure): Cancel {
    settle({ kind: 'failure', failure });
    return NOTHING_TO_CANCEL;
  }

  #settleFailed(call: OutgoingCall, failure: Failure): void {
    this.#failed += 1;
    call.settle({ kind: 'failure', failure });
  }

  #unsendable(error: unknown, bodyBytes: number, executed: 'no' | 'yes'): Failure {
    if (!(error instanceof MalformedMessage)) throw error;
    // In the JSON form a body has to fit into one message.
    if (bodyBytes > this.limits.messageBytes / 2)
      return this.#tooLarge(executed === 'no' ? 'params' : 'result', executed);
    return createFailure('invalid_params', error.message, this.#self, { executed });
  }

  #tooLarge(what: 'params' | 'result', executed: 'no' | 'yes'): Failure {
    const max = this.#isBinary ? this.limits.bodyBytes : this.limits.messageBytes;
    return createFailure('payload_too_large', `${what} over ${max} bytes`, this.#self, {
      executed,
      data: { limit: { name: 'body', max } },
    });
  }

  #overloaded(message: string): Failure {
    return createFailure('overloaded', message, this.#self, { retryAfterMs: RETRY_AFTER_MS });
  }

  get #name(): string {
    return this.nodeId === '' ? 'a client' : this.nodeId;
  }

  get #lostName(): FailureName {
    return this.role === 'main' ? 'peer_unreachable' : 'home_disconnected';
  }

  #lostText(why: string): string {
    return `${this.role === 'main' ? 'Main Relay' : 'Home Relay'} ${this.#name} is not reachable: ${why}`;
  }
}

const NOTHING_TO_CANCEL: Cancel = () => {};

/** Heartbeat interval by who is at the other end. */
export function heartbeatMsFor(role: SessionRole): number {
  return role === 'main' ? HEARTBEAT.peerMs : HEARTBEAT.homeMs;
}
