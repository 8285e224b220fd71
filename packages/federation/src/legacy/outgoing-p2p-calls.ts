// Calls that this node makes over P2P links: how they leave, and which answer ends which. Source: legacy-p2p.md §4.2, §5.7, §6.

import {
  type Clock,
  callData,
  createFailure,
  failureOfAnswer,
  P2P_LIMITS,
  type P2pMessage,
  type Undeliverable,
  undeliverableText,
  utf8Length,
} from '@relay/protocol';
import type { Neighbours } from './neighbours.ts';
import type { OwnMessages } from './own-messages.ts';
import { type P2pEnd, PendingP2pCalls } from './pending-p2p-calls.ts';
import { nextHop } from './ways.ts';

export interface P2pCallRequest {
  readonly target: string;
  readonly server: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly timeoutMs: number;
}

export interface OutgoingP2pCallsOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly messages: OwnMessages;
  readonly neighbours: Neighbours;
}

export class OutgoingP2pCalls {
  readonly #options: OutgoingP2pCallsOptions;
  readonly #pending: PendingP2pCalls;

  constructor(options: OutgoingP2pCallsOptions) {
    this.#options = options;
    this.#pending = new PendingP2pCalls(options.self, options.clock);
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Exactly one end unless the returned function was called. */
  call(request: P2pCallRequest, end: (end: P2pEnd) => void): () => void {
    const { self, messages, neighbours } = this.#options;
    const { target, timeoutMs } = request;
    const refuse = (name: Undeliverable): (() => void) => {
      const failure = createFailure(name, undeliverableText(name, target), self, { executed: 'no' });
      end({ kind: 'failure', stage: 'send', failure });
      return () => {};
    };
    const hop = nextHop(neighbours, target);
    if (hop === undefined) return refuse('node_not_found');
    if (hop.outgoing >= P2P_LIMITS.inFlight) {
      const text = `${P2P_LIMITS.inFlight} calls to ${hop.id} are in flight already`;
      end({ kind: 'failure', stage: 'send', failure: createFailure('overloaded', text, self) });
      return () => {};
    }
    const id = messages.newId();
    const data = callData({ ...request, responseId: id }, Math.max(1, Math.ceil(timeoutMs / 1000)));
    const text = messages.textFor(hop.id, messages.stamped(messages.create('server_call', target, data, id)));
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

  /** A `server_response`; returns why it was ignored. */
  answered({ data, replyTo, id, from }: P2pMessage): string | undefined {
    const responseId = data?.['response_id'];
    const key = typeof responseId === 'string' && responseId !== '' ? responseId : replyTo || id;
    const call = this.#pending.find(key);
    if (data === null || call === undefined || from !== call.target) return 'answers no call';
    if (data['node_id'] !== undefined && data['node_id'] !== from) return 'node_id is not its sender';
    this.#pending.end(
      key,
      data['success'] === true
        ? { kind: 'result', value: data['result'] ?? null }
        : { kind: 'failure', stage: 'answer', failure: failureOfAnswer(data, from) },
    );
    return undefined;
  }

  /** An `error` of the intermediate version, which bears the id of the call's message. */
  failed({ data, id, from }: P2pMessage): void {
    const call = this.#pending.find(id);
    if (call === undefined || (from !== call.target && from !== call.via)) return;
    const failure = failureOfAnswer(data ?? {}, from);
    this.#pending.end(id, { kind: 'failure', stage: 'answer', failure });
  }

  /** The neighbour `via` is gone. */
  lost(via: string): void {
    this.#pending.lost(via);
  }
}
