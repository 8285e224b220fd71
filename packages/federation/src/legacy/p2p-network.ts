// The mesh of the former peer-to-peer protocol as one node sees it. Every message that arrives is looked at here and goes one of three
// ways: to a part of this node, on to a neighbour, or nowhere. Nothing here knows services, sockets or the federation.
// Source: legacy-p2p.md §2, §5.

import { CLOSE_CODES, type Clock, type Link, type P2pMessage, type Random, readP2p } from '@relay/protocol';
import type { Log } from '../observe/log.ts';
import { type ArrivedCallHandler, ArrivedCalls } from './arrived-calls.ts';
import { Forwarding } from './forwarding.ts';
import { readHello } from './hello.ts';
import { HelloSender } from './hello-sender.ts';
import type { Neighbour, P2pService } from './neighbour.ts';
import { Neighbours } from './neighbours.ts';
import { OutgoingP2pCalls, type P2pCallRequest } from './outgoing-p2p-calls.ts';
import { OwnMessages } from './own-messages.ts';
import { P2pAnswers } from './p2p-answers.ts';
import type { P2pEnd } from './pending-p2p-calls.ts';
import { nextHop } from './ways.ts';

/** Other nodes that this one answers for: the Homes of a bridging Main. */
export interface NodesBelow {
  has(id: string): boolean;
  ids(): Iterable<string>;
}

export interface P2pNetworkOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly handle: ArrivedCallHandler;
  /** What neighbours are told to be here. */
  readonly services: () => readonly P2pService[];
  readonly below?: NodesBelow;
  /** A neighbour came, went, or offers something else now. */
  readonly onChange?: (neighbour: Neighbour) => void;
  /** Every socket to this id is completely closed. */
  readonly onGone?: (id: string) => void;
}

const TICK_MS = 1_000;

export class P2pNetwork {
  readonly #options: P2pNetworkOptions;
  readonly #neighbours: Neighbours;
  readonly #hellos: HelloSender;
  readonly #messages: OwnMessages;
  readonly #answers: P2pAnswers;
  readonly #arrived: ArrivedCalls;
  readonly #calls: OutgoingP2pCalls;
  readonly #forwarding: Forwarding;
  #tick: Disposable | undefined;
  #isClosed = false;

  constructor(options: P2pNetworkOptions) {
    this.#options = options;
    const { self, clock, log, handle, services, below } = options;
    const messages = new OwnMessages(options);
    const neighbours = new Neighbours({
      clock,
      log,
      messages,
      onMessage: (message, neighbour) => this.#onMessage(message, neighbour),
      onChange: (neighbour) => this.#changed(neighbour),
      onLost: (neighbour) => {
        this.#calls.lost(neighbour.id);
        this.#arrived.lost(neighbour);
        this.#forwarding.lost(neighbour.id);
      },
      onGone: (id) => options.onGone?.(id),
    });
    const drop = this.#drop.bind(this);
    this.#messages = messages;
    this.#neighbours = neighbours;
    this.#hellos = new HelloSender({
      self,
      clock,
      log,
      messages,
      neighbours: () => neighbours,
      services,
      below: () => below?.ids() ?? [],
    });
    this.#answers = new P2pAnswers({ self, messages, neighbours });
    this.#arrived = new ArrivedCalls({ self, answers: this.#answers, handle, drop });
    this.#calls = new OutgoingP2pCalls({ self, clock, messages, neighbours });
    const { answers, calls } = { answers: this.#answers, calls: this.#calls };
    this.#forwarding = new Forwarding({ self, clock, messages, neighbours, answers, calls, drop });
  }

  /** Takes an open link to `id`, whoever dialled it. */
  adopt(link: Link, id: string, address: string): void {
    if (this.#isClosed) {
      link.close(CLOSE_CODES.goingAway, 'shutting down');
      return;
    }
    const neighbour = this.#neighbours.add(link, id, address);
    this.#tick ??= this.#options.clock.after(TICK_MS, () => this.#onTick());
    this.#hellos.send(neighbour);
    this.#changed(neighbour);
  }

  neighbours(): Iterable<Neighbour> {
    return this.#neighbours;
  }

  neighbour(id: string): Neighbour | undefined {
    return this.#neighbours.get(id);
  }

  /** Whether a socket to this id is open or has not closed completely. */
  isLinked(id: string): boolean {
    return this.#neighbours.get(id) !== undefined;
  }

  /** A healthy neighbour. */
  isDirect(id: string): boolean {
    return this.#neighbours.get(id)?.isHealthy ?? false;
  }

  canReach(id: string): boolean {
    return nextHop(this.#neighbours, id) !== undefined;
  }

  /** Closes every link to this id. */
  disconnect(id: string): void {
    this.#neighbours.close(id, CLOSE_CODES.done, 'removed');
  }

  /** What this node offers has changed: the neighbours hear of it soon. */
  servicesChanged(): void {
    this.#tellSoon();
  }

  /** Exactly one end unless the returned function was called. */
  call(request: P2pCallRequest, end: (end: P2pEnd) => void): () => void {
    return this.#calls.call(request, end);
  }

  get callsInFlight(): number {
    return this.#calls.size;
  }

  close(): void {
    this.#isClosed = true;
    this.#tick?.[Symbol.dispose]();
    this.#tick = undefined;
    this.#hellos.close();
    this.#neighbours.closeAll(CLOSE_CODES.goingAway, 'shutting down');
  }

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
    else this.#forwarding.forward(message, neighbour);
  }

  #isHere(id: string): boolean {
    const { self, below } = this.#options;
    return id === '' || id === self || (below?.has(id) ?? false);
  }

  #deliver(message: P2pMessage, neighbour: Neighbour): void {
    switch (message.type) {
      case 'ping': {
        const data = {
          pong_time: Math.floor(this.#options.clock.wallNow() / 1000),
          timestamp: message.data?.['timestamp'] ?? null,
        };
        this.#answers.sendBack(this.#messages.create('pong', message.from, data), neighbour.id);
        return;
      }
      case 'pong':
        return;
      case 'server_call':
        this.#arrived.take(message, neighbour);
        return;
      case 'server_response': {
        const ignored = this.#calls.answered(message);
        if (ignored !== undefined) this.#drop(message, neighbour, ignored);
        return;
      }
      case 'error':
        this.#calls.failed(message);
        return;
      case 'registry_sync':
        if (message.from === neighbour.id) this.#onHello(message, neighbour);
        else this.#drop(message, neighbour, 'a hello of another node');
        return;
      default:
        this.#drop(message, neighbour, 'unknown type');
    }
  }

  #onHello(message: P2pMessage, neighbour: Neighbour): void {
    const hello = readHello(message.data ?? {}, this.#options.self);
    neighbour.saidHello = true;
    neighbour.services = hello.services;
    neighbour.routes = hello.routes;
    neighbour.routesAt = this.#options.clock.now();
    this.#changed(neighbour);
  }

  #drop(message: P2pMessage, neighbour: Neighbour, reason: string): void {
    const { log } = this.#options;
    log.info('P2P message dropped', { from: neighbour.id, type: message.type.slice(0, 64), reason });
  }

  #changed(neighbour: Neighbour): void {
    this.#options.onChange?.(neighbour);
    this.#tellSoon();
  }

  #tellSoon(): void {
    if (!this.#isClosed && this.#neighbours.size > 0) this.#hellos.sendSoon();
  }

  #onTick(): void {
    const { clock } = this.#options;
    this.#tick = this.#neighbours.size === 0 ? undefined : clock.after(TICK_MS, () => this.#onTick());
    this.#neighbours.check();
    for (const neighbour of this.#neighbours) this.#hellos.sendDue(neighbour);
    this.#forwarding.forgetExpired();
  }
}
