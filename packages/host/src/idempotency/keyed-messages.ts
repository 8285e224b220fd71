// Calls with an idempotency key on their way to the servers of a program: who asks again gets the first answer. The answer is kept
// by the mailbox, together with what the message changed.

import {
  type Begun,
  CONFLICT,
  type FindOutcome,
  IN_PROGRESS,
  type KeptOutcome,
  KeyedCalls,
} from '@relay/protocol';
import { type Answer, type AnsweredFailure, readAnswer, writeAnswer } from '../answer.ts';
import type { Reply } from '../reply.ts';
import { digest } from './digest.ts';

/** The key of a message while the message is on its way. */
export interface MessageKey {
  /** What is kept of how the message ended. */
  outcomeOf(reply: Extract<Reply, { kind: 'value' | 'failed' }>): KeptOutcome;
  /** Nobody works on the message any more; what is kept of it is durable. */
  over(): void;
}

export interface KeyedMessagePorts {
  readonly find: FindOutcome;
  /** In ms since 1970. */
  readonly wallNow: () => number;
  readonly count: (result: Begun['kind']) => void;
}

export type Begin =
  /** To be delivered with this key. */
  | { readonly kind: 'first'; readonly key: MessageKey }
  | { readonly kind: 'answered'; readonly answer: Answer };

export class KeyedMessages {
  readonly #ports: KeyedMessagePorts;
  readonly #calls: KeyedCalls;

  constructor(ports: KeyedMessagePorts) {
    this.#ports = ports;
    this.#calls = new KeyedCalls(ports.find, ports.wallNow);
  }

  /**
   * `scope`: caller, service, method and key; `args`: their text; `answerOf`: what the caller is told of a reply.
   */
  begin(scope: string, service: string, args: string, answerOf: (reply: Reply) => Answer): Begin {
    const id = digest(scope);
    const fingerprint = digest(args);
    let begun: Begun;
    try {
      begun = this.#calls.begin(id, fingerprint);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return refuse('internal_error', `nobody can tell whether this call has run before: ${why}`, 'unknown');
    }
    this.#ports.count(begun.kind);
    switch (begun.kind) {
      case 'replayed':
        return { kind: 'answered', answer: readAnswer(begun.outcome) };
      case 'in_progress':
        return refuse('idempotency_in_progress', IN_PROGRESS);
      case 'conflict':
        return refuse('idempotency_conflict', CONFLICT);
      case 'first':
        return {
          kind: 'first',
          key: {
            outcomeOf: (reply) => {
              const kept = writeAnswer(answerOf(reply));
              return { id, service, fingerprint, keptAt: this.#ports.wallNow(), ...kept };
            },
            over: () => this.#calls.end(id),
          },
        };
    }
  }
}

function refuse(
  name: AnsweredFailure['name'],
  message: string,
  executed: AnsweredFailure['executed'] = 'no',
): Begin {
  return { kind: 'answered', answer: { kind: 'failure', failure: { name, message, executed } } };
}
