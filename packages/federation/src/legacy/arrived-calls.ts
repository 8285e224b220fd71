// Calls that neighbours make here: read, counted, run and answered. Source: legacy-p2p.md §4.2, §5.8, §5.9, §6.

import {
  ALREADY_SETTLED,
  type Cancel,
  P2P_LIMITS,
  type P2pCall,
  type P2pMessage,
  readP2pCall,
} from '@relay/protocol';
import type { Neighbour, RunningCall } from './neighbour.ts';
import type { ArrivedEnd, P2pAnswers } from './p2p-answers.ts';

/** A call that has arrived for this node or for one it answers for. */
export interface ArrivedCall extends P2pCall {
  readonly from: string;
  readonly to: string;
}

/** Runs a call; calls `end` exactly once unless cancelled, possibly before it returns. */
export type ArrivedCallHandler = (call: ArrivedCall, end: (end: ArrivedEnd) => void) => Cancel;

export interface ArrivedCallsOptions {
  readonly self: string;
  readonly answers: P2pAnswers;
  readonly handle: ArrivedCallHandler;
  readonly drop: (message: P2pMessage, neighbour: Neighbour, reason: string) => void;
}

export class ArrivedCalls {
  readonly #options: ArrivedCallsOptions;

  constructor(options: ArrivedCallsOptions) {
    this.#options = options;
  }

  take(message: P2pMessage, via: Neighbour): void {
    const { self, answers, handle, drop } = this.#options;
    const read = readP2pCall(message);
    const called = message.to === '' ? self : message.to;
    if (read.kind === 'malformed') {
      drop(message, via, read.why);
      const { responseId, why } = read;
      if (responseId === undefined) return;
      answers.send(
        { message, via, called, responseId },
        { kind: 'failure', name: 'invalid_params', text: why },
      );
      return;
    }
    const { call } = read;
    const question = { message, via, called, responseId: call.responseId };
    if (via.running.size >= P2P_LIMITS.inFlight) {
      const text = `${P2P_LIMITS.inFlight} calls of ${via.id} are in flight already`;
      answers.send(question, { kind: 'failure', name: 'overloaded', text });
      return;
    }
    const running: RunningCall = { from: message.from, cancel: ALREADY_SETTLED };
    via.running.add(running);
    running.cancel = handle({ ...call, from: message.from, to: called }, (end) => {
      if (via.running.delete(running)) answers.send(question, end);
    });
  }

  /** Its own calls have failed at its end; for those it brought for others there may be another way back. */
  lost(neighbour: Neighbour): void {
    for (const running of neighbour.running) {
      if (running.from !== neighbour.id) continue;
      neighbour.running.delete(running);
      running.cancel('abandon');
    }
  }
}
