// Calls that this node made over P2P links and that wait for their answer. Each ends exactly once. Source: legacy-p2p.md §5.7, §5.13.

import { type Clock, createFailure, type FailedStage, type Failure } from '@relay/protocol';

export type P2pEnd =
  | { readonly kind: 'result'; readonly value: unknown }
  /** The text is that of the node that raised it, without the words of who called. */
  | { readonly kind: 'failure'; readonly stage: FailedStage; readonly failure: Failure };

export interface PendingP2pCall {
  /** The called node: only it may answer. */
  readonly target: string;
  /** The neighbour to which the call was handed. */
  readonly via: string;
  readonly end: (end: P2pEnd) => void;
}

export class PendingP2pCalls {
  readonly #self: string;
  readonly #clock: Clock;
  readonly #calls = new Map<string, PendingP2pCall & { readonly timer: Disposable }>();

  constructor(self: string, clock: Clock) {
    this.#self = self;
    this.#clock = clock;
  }

  get size(): number {
    return this.#calls.size;
  }

  add(id: string, call: PendingP2pCall, timeoutMs: number): void {
    const timer = this.#clock.after(timeoutMs, () => {
      const failure = createFailure('timeout', `timeout waiting for reply from ${call.target}`, this.#self);
      this.end(id, { kind: 'failure', stage: 'timeout', failure });
    });
    this.#calls.set(id, { ...call, timer });
  }

  find(id: string): PendingP2pCall | undefined {
    return this.#calls.get(id);
  }

  end(id: string, end: P2pEnd): void {
    this.forget(id)?.end(end);
  }

  /** Nobody waits any more. */
  forget(id: string): PendingP2pCall | undefined {
    const call = this.#calls.get(id);
    if (call === undefined) return undefined;
    this.#calls.delete(id);
    call.timer[Symbol.dispose]();
    return call;
  }

  /** The neighbour is gone, and with it every answer that would have come through it. */
  lost(via: string): void {
    for (const [id, call] of [...this.#calls]) {
      if (call.via !== via) continue;
      const failure = createFailure('home_disconnected', `connection to ${via} lost`, this.#self, {
        executed: 'unknown',
      });
      this.end(id, { kind: 'failure', stage: 'lost', failure });
    }
  }
}
