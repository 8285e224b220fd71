// Answers that leave this node: of its own calls, and of calls that it made in its own name for others. Source: legacy-p2p.md §4.3, §6.

import { encodeP2p, failureData, P2P_LIMITS, type P2pMessage, resultData, utf8Length } from '@relay/protocol';
import type { Neighbour } from './neighbour.ts';
import type { Neighbours } from './neighbours.ts';
import type { OwnMessages } from './own-messages.ts';
import { nextHop } from './ways.ts';

/** How a call that arrived has ended. */
export type ArrivedEnd =
  | { readonly kind: 'result'; readonly value: unknown }
  | { readonly kind: 'failure'; readonly name: string; readonly text: string };

/** The call that is answered. */
export interface Question {
  readonly message: Pick<P2pMessage, 'id' | 'from'>;
  readonly via: Neighbour;
  /** Who was asked: this node, or one that it answers for. */
  readonly called: string;
  readonly responseId: string;
}

export interface P2pAnswersOptions {
  readonly self: string;
  readonly messages: OwnMessages;
  readonly neighbours: Neighbours;
}

/** What an envelope around an answer adds at most. */
const ENVELOPE_BYTES = 1_024;

export class P2pAnswers {
  readonly #options: P2pAnswersOptions;

  constructor(options: P2pAnswersOptions) {
    this.#options = options;
  }

  /**
   * Origins expect the called node as the sender of an answer. Only towards a neighbour of the earlier software, which would drop
   * it, this node speaks in its own name.
   */
  send({ message, via, called, responseId }: Question, end: ArrivedEnd): void {
    const { self, messages } = this.#options;
    const from = called === self || !via.saidHello ? self : called;
    const create = (end_: ArrivedEnd): P2pMessage => {
      const data =
        end_.kind === 'result'
          ? resultData(from, responseId, end_.value)
          : failureData(from, responseId, end_.text, end_.name);
      const answer = messages.create('server_response', message.from, data);
      return { ...answer, from, route: from === self ? [] : [from], replyTo: message.id };
    };
    const answer = create(end);
    if (utf8Length(encodeP2p(answer)) <= P2P_LIMITS.messageBytes - ENVELOPE_BYTES) {
      this.sendBack(answer, via.id);
      return;
    }
    const text = `the result is larger than ${P2P_LIMITS.messageBytes} bytes`;
    this.sendBack(create({ kind: 'failure', name: 'payload_too_large', text }), via.id);
  }

  /** Back the way the question came, else wherever its sender can be reached. */
  sendBack(message: P2pMessage, viaId: string): void {
    const { messages, neighbours } = this.#options;
    const via = neighbours.get(viaId);
    const hop = via?.isOpen === true ? via : nextHop(neighbours, message.to);
    hop?.send(messages.textFor(hop.id, messages.stamped(message)));
  }
}
