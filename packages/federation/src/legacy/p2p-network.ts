// The mesh of the former peer-to-peer protocol as one node sees it: neighbours, routes, and calls that come, go and pass through.
// Nothing here knows services, sockets or the federation. Source: legacy-p2p.md §2, §5.

import {
  CLOSE_CODES,
  type Clock,
  callData,
  createFailure,
  decodeP2p,
  encodeP2p,
  type FailureName,
  failureData,
  failureOfAnswer,
  type Link,
  P2P_LIMITS,
  type P2pCall,
  type P2pMessage,
  type P2pObject,
  p2pToJson,
  type Random,
  readP2p,
  readP2pCall,
  resultData,
  type Undeliverable,
  undeliverableText,
  utf8Length,
} from '@relay/protocol';
import type { Log } from '../observe/log.ts';
import { helloData, readHello, waysFrom } from './hello.ts';
import { Neighbour, type NeighbourLink, type P2pService } from './neighbour.ts';
import { type P2pEnd, PendingP2pCalls } from './pending-p2p-calls.ts';

/** A call that has arrived for this node or for one it answers for. */
export interface ArrivedCall extends P2pCall {
  readonly from: string;
  readonly to: string;
}

export type ArrivedEnd =
  | { readonly kind: 'result'; readonly value: unknown }
  | { readonly kind: 'failure'; readonly name: string; readonly text: string };

export interface P2pNetworkOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Runs a call; calls `end` exactly once, possibly before it returns. */
  readonly handle: (call: ArrivedCall, end: (end: ArrivedEnd) => void) => void;
  /** What neighbours are told to be here. */
  readonly services: () => readonly P2pService[];
  /** Other nodes this one answers for: the Homes of a bridging Main. */
  readonly below?: () => Iterable<string>;
  /** A neighbour came, went, or offers something else now. */
  readonly onChange?: (neighbour: Neighbour) => void;
  /** Every socket to this id is completely closed. */
  readonly onGone?: (id: string) => void;
}

export interface P2pCallRequest {
  readonly target: string;
  readonly server: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly timeoutMs: number;
}

const TICK_MS = 1_000;

export class P2pNetwork {
  readonly #options: P2pNetworkOptions;
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #pending: PendingP2pCalls;
  /** `response_id` of a forwarded call → the neighbour it came from, in order of age. */
  readonly #returns = new Map<string, { readonly to: string; readonly until: number }>();
  readonly #health = new Map<string, boolean>();
  #tick: Disposable | undefined;
  #sync: Disposable | undefined;
  #isClosed = false;

  constructor(options: P2pNetworkOptions) {
    this.#options = options;
    this.#pending = new PendingP2pCalls(options.self, options.clock);
  }

  // Neighbours

  /** Takes an open link to `id`, whoever dialled it. */
  adopt(link: Link, id: string, address: string): void {
    const { clock } = this.#options;
    if (this.#isClosed) {
      link.close(CLOSE_CODES.goingAway, 'shutting down');
      return;
    }
    const neighbour = this.#neighbours.get(id) ?? new Neighbour(id, clock);
    this.#neighbours.set(id, neighbour);
    const now = clock.now();
    const state: NeighbourLink = {
      link,
      address,
      openedAt: now,
      lastHeard: now,
      nextPingAt: now + P2P_LIMITS.pingMs,
      isClosing: false,
      malformedAt: [],
    };
    neighbour.links.push(state);
    neighbour.lastSeen = clock.wallNow();
    const open = neighbour.links.filter(({ isClosing }) => !isClosing);
    if (open.length > P2P_LIMITS.linksPerId && open[0] !== undefined) {
      this.#close(neighbour, open[0], POLICY, 'too many links with one id');
    }
    link.listen({
      onData: (data) => this.#onData(neighbour, state, data),
      onClose: () => this.#onClose(neighbour, state),
    });
    this.#tick ??= clock.after(TICK_MS, () => this.#onTick());
    this.#hello(neighbour);
    this.#changed(neighbour);
  }

  neighbours(): Iterable<Neighbour> {
    return this.#neighbours.values();
  }

  neighbour(id: string): Neighbour | undefined {
    return this.#neighbours.get(id);
  }

  /** Whether a socket to this id is open or has not closed completely. */
  isLinked(id: string): boolean {
    return this.#neighbours.has(id);
  }

  /** A healthy neighbour. */
  isDirect(id: string): boolean {
    return this.#neighbours.get(id)?.isHealthy ?? false;
  }

  canReach(id: string): boolean {
    return this.#nextHop(id, []) !== undefined;
  }

  /** Closes every link to this id. */
  disconnect(id: string): void {
    const neighbour = this.#neighbours.get(id);
    for (const state of [...(neighbour?.links ?? [])]) {
      if (neighbour !== undefined) this.#close(neighbour, state, CLOSE_CODES.done, 'removed');
    }
  }

  /** What this node offers has changed: the neighbours hear of it soon. */
  servicesChanged(): void {
    this.#syncSoon();
  }

  get callsInFlight(): number {
    return this.#pending.size;
  }

  close(): void {
    this.#isClosed = true;
    this.#tick?.[Symbol.dispose]();
    this.#sync?.[Symbol.dispose]();
    this.#tick = undefined;
    this.#sync = undefined;
    for (const neighbour of [...this.#neighbours.values()]) {
      for (const state of [...neighbour.links]) {
        this.#close(neighbour, state, CLOSE_CODES.goingAway, 'shutting down');
      }
    }
  }

  // Calls of this node

  /** Exactly one end unless the returned function was called. */
  call(request: P2pCallRequest, end: (end: P2pEnd) => void): () => void {
    const { self } = this.#options;
    const { target, timeoutMs } = request;
    const refuse = (name: Undeliverable): (() => void) => {
      const failure = createFailure(name, undeliverableText(name, target), self, { executed: 'no' });
      end({ kind: 'failure', stage: 'send', failure });
      return () => {};
    };
    const hop = this.#nextHop(target, []);
    if (hop === undefined) return refuse('node_not_found');
    if (hop.outgoing >= P2P_LIMITS.inFlight) {
      const text = `${P2P_LIMITS.inFlight} calls to ${hop.id} are in flight already`;
      end({ kind: 'failure', stage: 'send', failure: createFailure('overloaded', text, self) });
      return () => {};
    }
    const id = this.#newId();
    const data = callData({ ...request, responseId: id }, Math.max(1, Math.ceil(timeoutMs / 1000)));
    const message = this.#stamped(this.#message('server_call', target, data, id));
    const text = encodeP2p(this.#wrapped(message, hop));
    if (utf8Length(text) > P2P_LIMITS.messageBytes) return refuse('payload_too_large');
    hop.outgoing += 1;
    const done = (outcome: P2pEnd): void => {
      hop.outgoing -= 1;
      end(outcome);
    };
    this.#pending.add(id, { target, via: hop.id, end: done }, timeoutMs);
    hop.send(text, () => {
      const failure = createFailure('overloaded', undeliverableText('overloaded', target), self);
      this.#pending.end(id, { kind: 'failure', stage: 'send', failure });
    });
    return () => {
      if (this.#pending.forget(id) !== undefined) hop.outgoing -= 1;
    };
  }

  // Links

  #onData(neighbour: Neighbour, state: NeighbourLink, data: string | Uint8Array): void {
    const { clock, log } = this.#options;
    state.lastHeard = clock.now();
    neighbour.lastSeen = clock.wallNow();
    if (typeof data !== 'string') return;
    try {
      const message = decodeP2p(data);
      if (this.#isOtherNode(message, neighbour, state)) return;
      this.#onMessage(message, neighbour);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn('P2P message dropped', { from: neighbour.id, reason });
      const since = clock.now() - 60_000;
      state.malformedAt = [...state.malformedAt.filter((at) => at > since), clock.now()];
      if (state.malformedAt.length >= P2P_LIMITS.malformedPerMinute) {
        this.#close(neighbour, state, POLICY, 'too many malformed messages');
      }
    }
  }

  /** A hello that names another node than the one this link leads to ends it. */
  #isOtherNode({ type, data }: P2pMessage, neighbour: Neighbour, state: NeighbourLink): boolean {
    const id = data?.['node_id'];
    if (type !== 'registry_sync' || typeof id !== 'string' || id === neighbour.id) return false;
    const reason = `peer ${state.address} is ${id.slice(0, 128)}, not ${neighbour.id}`;
    this.#options.log.warn(reason);
    this.#close(neighbour, state, POLICY, reason);
    return true;
  }

  #close(neighbour: Neighbour, state: NeighbourLink, code: number, reason: string): void {
    if (state.isClosing) return;
    state.isClosing = true;
    state.link.close(code, reason);
    if (!neighbour.isOpen) this.#lost(neighbour);
  }

  #onClose(neighbour: Neighbour, state: NeighbourLink): void {
    const wasOpen = neighbour.isOpen;
    const place = neighbour.links.indexOf(state);
    if (place >= 0) neighbour.links.splice(place, 1);
    if (wasOpen && !neighbour.isOpen) this.#lost(neighbour);
    if (neighbour.links.length > 0) return;
    if (this.#neighbours.get(neighbour.id) === neighbour) this.#neighbours.delete(neighbour.id);
    this.#health.delete(neighbour.id);
    this.#options.onGone?.(neighbour.id);
  }

  #lost(neighbour: Neighbour): void {
    neighbour.drop();
    neighbour.routes = new Map();
    neighbour.services = [];
    neighbour.saidHello = false;
    neighbour.told = '';
    this.#pending.lost(neighbour.id);
    this.#changed(neighbour);
  }

  // Messages

  #onMessage(message: P2pMessage, neighbour: Neighbour): void {
    if (!this.#isFrom(message, neighbour)) return;
    if (message.type !== 'route_message') {
      this.#take(message, neighbour);
      return;
    }
    const inner = readP2p(message.data?.['original_message']);
    if (inner.type === 'route_message') this.#drop(inner, neighbour, 'an envelope in an envelope');
    else if (this.#isFrom(inner, neighbour)) this.#take(inner, neighbour);
  }

  /** Who sent it on must be who it came from. */
  #isFrom(message: P2pMessage, neighbour: Neighbour): boolean {
    const speaker = message.route.at(-1) ?? message.from;
    if (speaker === neighbour.id) return true;
    this.#drop(message, neighbour, `sent as ${speaker.slice(0, 128)}`);
    return false;
  }

  #take(message: P2pMessage, neighbour: Neighbour): void {
    if (this.#isHere(message.to)) this.#deliver(message, neighbour);
    else this.#forward(message, neighbour);
  }

  #isHere(id: string): boolean {
    const { self, below } = this.#options;
    if (id === '' || id === self) return true;
    for (const other of below?.() ?? []) if (other === id) return true;
    return false;
  }

  #deliver(message: P2pMessage, neighbour: Neighbour): void {
    switch (message.type) {
      case 'ping': {
        const data = {
          pong_time: Math.floor(this.#options.clock.wallNow() / 1000),
          timestamp: message.data?.['timestamp'] ?? null,
        };
        this.#sendBack(this.#message('pong', message.from, data), neighbour.id);
        return;
      }
      case 'pong':
        return;
      case 'server_call':
        this.#onCall(message, neighbour);
        return;
      case 'server_response':
        this.#onAnswer(message, neighbour);
        return;
      case 'registry_sync':
        if (message.from === neighbour.id) this.#onHello(message, neighbour);
        else this.#drop(message, neighbour, 'a hello of another node');
        return;
      case 'error': {
        const call = this.#pending.find(message.id);
        if (call === undefined || (message.from !== call.target && message.from !== call.via)) return;
        const failure = failureOfAnswer(message.data ?? {}, message.from);
        this.#pending.end(message.id, { kind: 'failure', stage: 'answer', failure });
        return;
      }
      default:
        this.#drop(message, neighbour, 'unknown type');
    }
  }

  #onCall(message: P2pMessage, neighbour: Neighbour): void {
    const { self } = this.#options;
    const read = readP2pCall(message);
    const called = message.to === '' ? self : message.to;
    if (read.kind === 'malformed') {
      this.#drop(message, neighbour, read.why);
      if (read.responseId === undefined) return;
      this.#answerFailure(message, neighbour, called, read.responseId, 'invalid_params', read.why);
      return;
    }
    const { call } = read;
    const { responseId } = call;
    if (neighbour.incoming >= P2P_LIMITS.inFlight) {
      const text = `${P2P_LIMITS.inFlight} calls of ${neighbour.id} are in flight already`;
      this.#answerFailure(message, neighbour, called, responseId, 'overloaded', text);
      return;
    }
    neighbour.incoming += 1;
    let isOver = false;
    this.#options.handle({ ...call, from: message.from, to: called }, (end) => {
      if (isOver) return;
      isOver = true;
      neighbour.incoming -= 1;
      if (end.kind === 'failure') {
        this.#answerFailure(message, neighbour, called, responseId, end.name, end.text);
      } else {
        this.#answer(message, neighbour, called, (from) => resultData(from, responseId, end.value));
      }
    });
  }

  #onAnswer(message: P2pMessage, neighbour: Neighbour): void {
    const { data, replyTo, id, from } = message;
    const responseId = data?.['response_id'];
    const key = typeof responseId === 'string' && responseId !== '' ? responseId : replyTo || id;
    const call = this.#pending.find(key);
    if (data === null || call === undefined || from !== call.target) {
      this.#drop(message, neighbour, 'answers no call');
      return;
    }
    if (data['node_id'] !== undefined && data['node_id'] !== from) {
      this.#drop(message, neighbour, 'node_id is not its sender');
      return;
    }
    this.#pending.end(
      key,
      data['success'] === true
        ? { kind: 'result', value: data['result'] ?? null }
        : { kind: 'failure', stage: 'answer', failure: failureOfAnswer(data, from) },
    );
  }

  #onHello(message: P2pMessage, neighbour: Neighbour): void {
    const hello = readHello(message.data ?? {}, this.#options.self);
    neighbour.saidHello = true;
    neighbour.services = hello.services;
    neighbour.routes = hello.routes;
    neighbour.routesAt = this.#options.clock.now();
    this.#changed(neighbour);
  }

  // Passing on

  #forward(message: P2pMessage, from: Neighbour): void {
    const { self, clock } = this.#options;
    const undeliverable = (name: Undeliverable): void => {
      this.#drop(message, from, undeliverableText(name, message.to));
      this.#failForwarded(message, from, name);
    };
    if (message.route.includes(self)) {
      undeliverable('loop_detected');
      return;
    }
    if (message.ttl - 1 <= 0) {
      undeliverable('too_many_hops');
      return;
    }
    const stamped = this.#stamped(message);
    if (message.type === 'server_response') {
      const id = message.data?.['response_id'];
      const back = typeof id === 'string' ? this.#returns.get(id) : undefined;
      const hop = back === undefined ? undefined : this.#neighbours.get(back.to);
      if (typeof id === 'string') this.#returns.delete(id);
      if (hop?.isOpen === true) {
        hop.send(encodeP2p(this.#wrapped(stamped, hop)));
        return;
      }
    }
    const hop = this.#nextHop(message.to, message.route);
    if (hop === undefined) {
      undeliverable('node_not_found');
      return;
    }
    if (message.type === 'server_call') {
      const read = readP2pCall(message);
      if (read.kind === 'call') {
        // An existing node takes messages of its neighbours only, so this node calls in its own name.
        if (hop.id === message.to && hop.isExisting) {
          this.#callFor(message, read.call, from);
          return;
        }
        const until = clock.now() + read.call.timeoutMs + P2P_LIMITS.returnGraceMs;
        this.#remember(read.call.responseId, from.id, until);
      }
    }
    const text = encodeP2p(this.#wrapped(stamped, hop));
    if (utf8Length(text) > P2P_LIMITS.messageBytes) undeliverable('payload_too_large');
    else hop.send(text, () => undeliverable('overloaded'));
  }

  #callFor(message: P2pMessage, call: P2pCall, from: Neighbour): void {
    this.call({ ...call, target: message.to }, (end) => {
      if (end.kind === 'result') {
        this.#answer(message, from, message.to, (id) => resultData(id, call.responseId, end.value));
      } else {
        const { name, message: text } = end.failure;
        this.#answerFailure(message, from, message.to, call.responseId, name, text);
      }
    });
  }

  #failForwarded(message: P2pMessage, from: Neighbour, name: Undeliverable): void {
    if (message.type !== 'server_call') return;
    const read = readP2pCall(message);
    const responseId = read.kind === 'call' ? read.call.responseId : read.responseId;
    if (responseId === undefined) return;
    this.#answerFailure(message, from, message.to, responseId, name, undeliverableText(name, message.to));
  }

  #remember(responseId: string, to: string, until: number): void {
    this.#returns.delete(responseId);
    this.#returns.set(responseId, { to, until });
    if (this.#returns.size <= P2P_LIMITS.returnPaths) return;
    for (const oldest of this.#returns.keys()) {
      this.#returns.delete(oldest);
      return;
    }
  }

  /** The neighbour that is it, else the one with the fewest hops to it. Those a message has passed do not get it again. */
  #nextHop(to: string, passed: readonly string[]): Neighbour | undefined {
    let best: Neighbour | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const neighbour of this.#neighbours.values()) {
      if (!neighbour.isHealthy || passed.includes(neighbour.id)) continue;
      const cost = neighbour.costTo(to);
      if (cost === undefined || cost >= P2P_LIMITS.maxCost || cost >= least) continue;
      best = neighbour;
      least = cost;
    }
    return best;
  }

  // Answers

  /**
   * Origins expect the called node as the sender of an answer. Only towards a neighbour of the earlier software, which would drop
   * it, this node speaks in its own name.
   */
  #answer(call: P2pMessage, via: Neighbour, called: string, data: (from: string) => P2pObject): void {
    const { self } = this.#options;
    const from = called === self || !via.saidHello ? self : called;
    const answer: P2pMessage = {
      ...this.#message('server_response', call.from, data(from)),
      from,
      route: from === self ? [] : [from],
      replyTo: call.id,
    };
    const size = utf8Length(encodeP2p(answer));
    if (size <= P2P_LIMITS.messageBytes - ENVELOPE_BYTES) {
      this.#sendBack(answer, via.id);
      return;
    }
    const id = data(from)['response_id'];
    const text = `the result is larger than ${P2P_LIMITS.messageBytes} bytes`;
    this.#sendBack({ ...answer, data: failureData(from, String(id), text, 'payload_too_large') }, via.id);
  }

  #answerFailure(
    call: P2pMessage,
    via: Neighbour,
    called: string,
    responseId: string,
    name: FailureName | string,
    text: string,
  ): void {
    this.#answer(call, via, called, (from) => failureData(from, responseId, text, name));
  }

  /** Back the way the question came, else wherever its sender can be reached. */
  #sendBack(message: P2pMessage, viaId: string): void {
    const via = this.#neighbours.get(viaId);
    const hop = via?.isOpen === true ? via : this.#nextHop(message.to, []);
    if (hop === undefined) return;
    hop.send(encodeP2p(this.#wrapped(this.#stamped(message), hop)));
  }

  #message(type: string, to: string, data: P2pObject, id = this.#newId()): P2pMessage {
    const { self: from } = this.#options;
    return {
      type,
      id,
      from,
      to,
      data,
      timestamp: this.#timestamp(),
      route: [],
      ttl: P2P_LIMITS.ttl,
      replyTo: '',
    };
  }

  #stamped(message: P2pMessage): P2pMessage {
    return { ...message, ttl: message.ttl - 1, route: [...message.route, this.#options.self] };
  }

  #wrapped(message: P2pMessage, hop: Neighbour): P2pMessage {
    if (hop.id === message.to) return message;
    return {
      ...this.#message('route_message', hop.id, { original_message: p2pToJson(message) }),
      ttl: Math.max(1, message.ttl - 1),
    };
  }

  #drop(message: P2pMessage, neighbour: Neighbour, reason: string): void {
    const { log } = this.#options;
    log.info('P2P message dropped', { from: neighbour.id, type: message.type.slice(0, 64), reason });
  }

  #newId(): string {
    return [...this.#options.random.bytes(16)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  #timestamp(): string {
    return new Date(this.#options.clock.wallNow()).toISOString();
  }

  // Telling neighbours

  #changed(neighbour: Neighbour): void {
    this.#options.onChange?.(neighbour);
    this.#syncSoon();
  }

  #syncSoon(): void {
    if (this.#isClosed || this.#neighbours.size === 0) return;
    this.#sync ??= this.#options.clock.after(P2P_LIMITS.syncDelayMs, () => {
      this.#sync = undefined;
      for (const neighbour of this.#neighbours.values()) this.#hello(neighbour);
    });
  }

  /** Says what can be reached here, if it has changed or was not said for a while. */
  #hello(neighbour: Neighbour): void {
    const { self, clock, services, below } = this.#options;
    if (!neighbour.isOpen) return;
    const ways = waysFrom(this.#neighbours.values(), neighbour.id, below?.() ?? [], self);
    const data = helloData(self, services(), ways);
    const content = JSON.stringify(data);
    const now = clock.now();
    if (content === neighbour.told && now - neighbour.toldAt < P2P_LIMITS.pingMs) return;
    neighbour.told = content;
    neighbour.toldAt = now;
    neighbour.send(encodeP2p(this.#stamped(this.#message('registry_sync', neighbour.id, data))));
  }

  #onTick(): void {
    const { clock } = this.#options;
    this.#tick = this.#neighbours.size === 0 ? undefined : clock.after(TICK_MS, () => this.#onTick());
    const now = clock.now();
    for (const neighbour of [...this.#neighbours.values()]) {
      for (const state of [...neighbour.links]) {
        if (state.isClosing) continue;
        if (now - state.lastHeard >= P2P_LIMITS.silentMs) {
          this.#close(neighbour, state, CLOSE_CODES.goingAway, 'no sign of life');
        } else if (now >= state.nextPingAt) {
          state.nextPingAt = now + P2P_LIMITS.pingMs;
          const data = { timestamp: Math.floor(clock.wallNow() / 1000) };
          state.link.send(encodeP2p(this.#stamped(this.#message('ping', neighbour.id, data))));
        }
      }
      const isUsable = neighbour.isHealthy && neighbour.isSettled;
      if (this.#health.get(neighbour.id) !== isUsable) {
        this.#health.set(neighbour.id, isUsable);
        this.#changed(neighbour);
      }
      this.#hello(neighbour);
    }
    for (const [id, { until }] of this.#returns) if (until <= now) this.#returns.delete(id);
  }
}

/** Close code for a neighbour that breaks the rules. */
const POLICY = 1008;
/** What an envelope around an answer adds at most. */
const ENVELOPE_BYTES = 1_024;
