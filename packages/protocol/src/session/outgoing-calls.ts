// What this side has asked over one link and has no answer to yet: calls, and registrations.

import type { Body, Call, CallHandler, Cancel, CancelMode, Settle } from '../call.ts';
import { CLOSE_CODES } from '../close-code.ts';
import { MalformedMessage } from '../codec.ts';
import { decodeRegistrationAnswer } from '../control-json.ts';
import { createFailure, type Failure } from '../failure.ts';
import { CHUNK_BYTES } from '../limits.ts';
import type { CloseReason } from '../link.ts';
import type {
  ErrorMessage,
  RegistrationAnswer,
  RegistrationMessage,
  RequestMessage,
  ResponseMessage,
} from '../message.ts';
import { PendingCalls } from '../pending-calls.ts';
import { lost, nameOf, overloaded, tooLarge, unsendable, type Wire } from './wire.ts';

export type AnswerSettle = (answer: RegistrationAnswer | undefined) => void;

type Outgoing =
  | {
      readonly kind: 'call';
      readonly settle: Settle;
      /** Number of the write with which the request leaves (`Outbox.batch`). */
      readonly batch: number;
    }
  | { readonly kind: 'registration'; readonly settle: AnswerSettle };

const NOTHING_TO_CANCEL: Cancel = () => {};

export class OutgoingCalls {
  readonly #wire: Wire;
  readonly #open: PendingCalls<Outgoing>;
  #sent = 0;
  #failed = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#open = new PendingCalls(wire.clock, {
      inFlight: wire.limits.inFlight,
      onDeadline: (id, outgoing) => this.#expire(id, outgoing),
    });
  }

  get size(): number {
    return this.#open.size;
  }

  /** Calls sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Those of them that failed. */
  get failed(): number {
    return this.#failed;
  }

  readonly call: CallHandler = (call, settle) => {
    const wire = this.#wire;
    const refusal = this.#refuse(call);
    if (refusal !== undefined) return settleNow(settle, refusal);
    const id = this.#open.open({ kind: 'call', settle, batch: wire.outbox.batch }, call.deadline);
    if (id === undefined) {
      return settleNow(settle, overloaded(wire, `${wire.limits.inFlight} calls are open to ${nameOf(wire)}`));
    }
    const { params } = call;
    const isSplit = wire.isBinary && params.length > CHUNK_BYTES;
    const message: RequestMessage = {
      type: 'request',
      id,
      sourceNode: call.source,
      // One shape for every request; members that are undefined count as absent for every reader.
      destinationNode: call.destination as RequestMessage['destinationNode'] & {},
      serverName: call.service,
      method: call.method,
      timeoutMs: Math.max(1, Math.floor(call.deadline - wire.clock.now())),
      body: isSplit ? params.subarray(0, CHUNK_BYTES) : params,
      continues: isSplit,
      routingPath: [...call.path, wire.self],
      ttl: call.ttl - 1,
      priority: call.priority,
      trace: call.trace,
      traceparent: call.traceparent,
      caller: call.caller,
      callPath: call.callPath,
      idempotencyKey: call.idempotencyKey as string,
    };
    try {
      wire.outbox.add(message);
    } catch (error) {
      this.#open.settle(id);
      return settleNow(settle, unsendable(wire, error, 'params', params.length));
    }
    if (isSplit) wire.outbox.stream('request', id, params, CHUNK_BYTES);
    this.#sent += 1;
    return (mode) => {
      if (this.#open.cancel(id) !== undefined) this.#abandon(id, mode);
    };
  };

  register(part: Omit<RegistrationMessage, 'type' | 'id'>, settle: AnswerSettle): void {
    // It waits as long as the link lives.
    const id = this.#wire.isOpen
      ? this.#open.open({ kind: 'registration', settle }, Number.POSITIVE_INFINITY)
      : undefined;
    if (id === undefined) settle(undefined);
    else this.#wire.send({ ...part, type: 'registration', id });
  }

  onResponse(message: ResponseMessage): void {
    const id = message.correlationId;
    if (typeof id !== 'number') return;
    if (message.continues !== true) {
      this.#onResult(id, message, message.body);
      return;
    }
    // A late outcome: its further parts find no one either.
    if (this.#open.get(id)?.kind !== 'call') return;
    this.#wire.assembly.begin(
      'response',
      id,
      message.body,
      (body) => this.#onResult(id, message, body),
      () => {
        const outgoing = this.#open.settle(id);
        if (outgoing?.kind !== 'call') return;
        this.#wire.send({ type: 'cancel', correlationId: id, mode: 'abandon' });
        this.#fail(outgoing.settle, tooLarge(this.#wire, 'result'));
      },
    );
  }

  onError(message: ErrorMessage): void {
    const id = message.correlationId;
    if (typeof id !== 'number') return;
    const outgoing = this.#open.settle(id);
    if (outgoing === undefined) return;
    if (outgoing.kind === 'registration') {
      outgoing.settle(undefined);
      return;
    }
    this.#wire.outbox.drop('request', id);
    this.#wire.assembly.drop('response', id);
    this.#failed += 1;
    const { failure, trace } = message;
    outgoing.settle(trace === undefined ? { kind: 'failure', failure } : { kind: 'failure', failure, trace });
  }

  /** The link has ended; what left with a write before `batch` may have been received. */
  end({ code, reason }: CloseReason, batch: number): void {
    const why = reason === '' ? `closed with ${code}` : reason;
    this.#open.failAll((_id, outgoing) => {
      if (outgoing.kind === 'registration') outgoing.settle(undefined);
      else this.#fail(outgoing.settle, lost(this.#wire, why, outgoing.batch < batch ? 'unknown' : 'no'));
    });
  }

  #onResult(id: number, message: ResponseMessage, body: Body): void {
    const outgoing = this.#open.settle(id);
    // A late outcome of a call that was cancelled or ran out of time.
    if (outgoing === undefined) return;
    if (outgoing.kind === 'registration') {
      this.#onRegistrationAnswer(outgoing.settle, body);
      return;
    }
    this.#wire.outbox.drop('request', id);
    const { trace } = message;
    outgoing.settle(trace === undefined ? { kind: 'result', body } : { kind: 'result', body, trace });
  }

  #onRegistrationAnswer(settle: AnswerSettle, body: Body): void {
    let answer: RegistrationAnswer | undefined;
    try {
      answer = decodeRegistrationAnswer(body);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#wire.close(CLOSE_CODES.malformed, error.message);
    }
    settle(answer);
  }

  #expire(id: number, outgoing: Outgoing): void {
    if (outgoing.kind === 'registration') {
      outgoing.settle(undefined);
      return;
    }
    this.#abandon(id, 'abandon');
    const message = `no answer from ${nameOf(this.#wire)} in time`;
    this.#fail(outgoing.settle, createFailure('timeout', message, this.#wire.self));
  }

  #abandon(id: number, mode: CancelMode): void {
    this.#wire.outbox.drop('request', id);
    this.#wire.assembly.drop('response', id);
    this.#wire.send({ type: 'cancel', correlationId: id, mode });
  }

  #refuse(call: Call): Failure | undefined {
    const wire = this.#wire;
    if (!wire.isOpen) return lost(wire, 'not connected', 'no');
    if (call.ttl < 1) return createFailure('too_many_hops', 'the call has used up its ttl', wire.self);
    if (call.deadline <= wire.clock.now()) {
      const message = 'the time was up before the call was sent on';
      return createFailure('timeout', message, wire.self, { executed: 'no' });
    }
    if (wire.outbox.isCongested) return overloaded(wire, `the link to ${nameOf(wire)} is congested`);
    if (call.params.length > wire.limits.bodyBytes) return tooLarge(wire, 'params');
    if (call.params.length > CHUNK_BYTES && !wire.outbox.hasRoom(call.params.length)) {
      return overloaded(wire, `too many big requests wait for the link to ${nameOf(wire)}`);
    }
    return undefined;
  }

  #fail(settle: Settle, failure: Failure): void {
    this.#failed += 1;
    settle({ kind: 'failure', failure });
  }
}

function settleNow(settle: Settle, failure: Failure): Cancel {
  settle({ kind: 'failure', failure });
  return NOTHING_TO_CANCEL;
}
