// Messages for other nodes that pass through this one, and the way back of their answers. Source: legacy-p2p.md §5.4, §5.6, §5.7, §5.10.

import {
  type Clock,
  P2P_LIMITS,
  type P2pCall,
  type P2pMessage,
  readP2pCall,
  type Undeliverable,
  undeliverableText,
  utf8Length,
} from '@relay/protocol';
import type { Neighbour } from './neighbour.ts';
import type { Neighbours } from './neighbours.ts';
import type { OutgoingP2pCalls } from './outgoing-p2p-calls.ts';
import type { OwnMessages } from './own-messages.ts';
import type { P2pAnswers } from './p2p-answers.ts';
import { nextHop } from './ways.ts';

export interface ForwardingOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly messages: OwnMessages;
  readonly neighbours: Neighbours;
  readonly answers: P2pAnswers;
  readonly calls: OutgoingP2pCalls;
  readonly drop: (message: P2pMessage, neighbour: Neighbour, reason: string) => void;
}

/** What is kept of a call that was passed on. */
interface WayBack {
  /** The neighbour it came from. */
  readonly to: string;
  /** The neighbour it went to. */
  readonly via: string;
  readonly asked: Pick<P2pMessage, 'id' | 'from' | 'to'>;
  readonly until: number;
}

export class Forwarding {
  readonly #options: ForwardingOptions;
  /** By `response_id`, in order of age. */
  readonly #returns = new Map<string, WayBack>();

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  forward(message: P2pMessage, from: Neighbour): void {
    const { self, messages, neighbours } = this.#options;
    if (message.route.includes(self)) {
      this.#undeliverable(message, from, 'loop_detected');
      return;
    }
    if (message.ttl - 1 <= 0) {
      this.#undeliverable(message, from, 'too_many_hops');
      return;
    }
    const stamped = messages.stamped(message);
    const back = message.type === 'server_response' ? this.#takeReturn(message) : undefined;
    if (back !== undefined) {
      back.send(messages.textFor(back.id, stamped));
      return;
    }
    const hop = nextHop(neighbours, message.to, message.route);
    if (hop === undefined) {
      this.#undeliverable(message, from, 'node_not_found');
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
        this.#remember(message, read.call, { to: from.id, via: hop.id });
      }
    }
    const text = messages.textFor(hop.id, stamped);
    if (utf8Length(text) > P2P_LIMITS.messageBytes) this.#undeliverable(message, from, 'payload_too_large');
    else hop.send(text, () => this.#undeliverable(message, from, 'overloaded'));
  }

  /** No answer will come through this neighbour: who waits for one need not wait until the deadline. */
  lost(via: string): void {
    const { answers, neighbours } = this.#options;
    for (const [responseId, way] of this.#returns) {
      if (way.via !== via) continue;
      this.#returns.delete(responseId);
      const back = neighbours.get(way.to);
      if (back === undefined) continue;
      const question = { message: way.asked, via: back, called: way.asked.to, responseId };
      answers.send(question, {
        kind: 'failure',
        name: 'home_disconnected',
        text: `connection to ${via} lost`,
      });
    }
  }

  /** Ways back that nobody will need any more. */
  forgetExpired(): void {
    const now = this.#options.clock.now();
    for (const [id, { until }] of this.#returns) if (until <= now) this.#returns.delete(id);
  }

  /** The neighbour whose call this answers, if it is still there; asked once for each call. */
  #takeReturn({ data }: P2pMessage): Neighbour | undefined {
    const id = data?.['response_id'];
    if (typeof id !== 'string') return undefined;
    const back = this.#returns.get(id);
    this.#returns.delete(id);
    const neighbour = back === undefined ? undefined : this.#options.neighbours.get(back.to);
    return neighbour?.isOpen === true ? neighbour : undefined;
  }

  #remember(
    { id, from, to }: P2pMessage,
    { responseId, timeoutMs }: P2pCall,
    way: Pick<WayBack, 'to' | 'via'>,
  ): void {
    const until = this.#options.clock.now() + timeoutMs + P2P_LIMITS.returnGraceMs;
    this.#returns.delete(responseId);
    this.#returns.set(responseId, { ...way, asked: { id, from, to }, until });
    if (this.#returns.size <= P2P_LIMITS.returnPaths) return;
    for (const oldest of this.#returns.keys()) {
      this.#returns.delete(oldest);
      return;
    }
  }

  #callFor(message: P2pMessage, call: P2pCall, via: Neighbour): void {
    const { answers, calls } = this.#options;
    const question = { message, via, called: message.to, responseId: call.responseId };
    calls.call({ ...call, target: message.to }, (end) => {
      if (end.kind === 'result') answers.send(question, end);
      else {
        const { name, message: text } = end.failure;
        answers.send(question, { kind: 'failure', name, text });
      }
    });
  }

  /** A call fails at its origin; of other messages nobody hears. */
  #undeliverable(message: P2pMessage, via: Neighbour, name: Undeliverable): void {
    const text = undeliverableText(name, message.to);
    this.#options.drop(message, via, text);
    if (message.type !== 'server_call') return;
    const read = readP2pCall(message);
    const responseId = read.kind === 'call' ? read.call.responseId : read.responseId;
    if (responseId === undefined) return;
    this.#options.answers.send(
      { message, via, called: message.to, responseId },
      { kind: 'failure', name, text },
    );
  }
}
