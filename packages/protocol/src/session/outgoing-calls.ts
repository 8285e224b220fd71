// What this side has asked over one link and has no answer to yet: calls, and registrations.

import type { Body, BodyRest, Call, CallHandler, Cancel, CancelMode, Settle, TraceRecord } from '../call.ts';
import { CLOSE_CODES } from '../close-code.ts';
import { MalformedMessage } from '../codec.ts';
import { decodeRegistrationAnswer } from '../control-json.ts';
import { createFailure, type Failure } from '../failure.ts';
import { CHUNK_BYTES, FIRST_PART_BYTES, UNASKED_BYTES } from '../limits.ts';
import type { CloseReason } from '../link.ts';
import type {
  ErrorMessage,
  RegistrationAnswer,
  RegistrationMessage,
  RequestMessage,
  ResponseMessage,
} from '../message.ts';
import { PendingCalls } from '../pending-calls.ts';
import type { IncomingBody } from './incoming-body.ts';
import { shareOf } from './outbox.ts';
import { withWholeParams } from './whole-params.ts';
import { lost, nameOf, outOfBuffers, overloaded, tooLarge, unsendable, type Wire } from './wire.ts';

export type AnswerSettle = (answer: RegistrationAnswer | undefined) => void;

interface OutgoingCall {
  readonly kind: 'call';
  readonly settle: Settle;
  /** Number of the write with which the request leaves (`Outbox.batch`). */
  readonly batch: number;
  readonly takesParts: boolean;
  /** The rest of a result whose first part has settled the call already. */
  result: IncomingBody | undefined;
}

type Outgoing = OutgoingCall | { readonly kind: 'registration'; readonly settle: AnswerSettle };

const NOTHING_TO_CANCEL: Cancel = () => {};

export class OutgoingCalls {
  readonly #wire: Wire;
  readonly #open: PendingCalls<Outgoing>;
  #sent = 0;
  #failed = 0;
  /** Of the last call, and the same with this node at its end. */
  #lastPath: readonly string[] = [];
  #lastPathOn: readonly string[];

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#lastPathOn = [wire.self];
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
    const { params, rest } = call;
    // In the JSON form nothing goes in parts.
    if (rest !== undefined && !wire.isBinary) return withWholeParams(call, settle, this.call, wire);
    const id = this.#open.open(
      {
        kind: 'call',
        settle,
        batch: wire.outbox.batch,
        takesParts: call.takesParts === true,
        result: undefined,
      },
      call.deadline,
    );
    if (id === undefined) {
      return settleNow(settle, overloaded(wire, `${wire.limits.inFlight} calls are open to ${nameOf(wire)}`));
    }
    const isLong = wire.isBinary && params.length > CHUNK_BYTES;
    const isSplit = isLong || rest !== undefined;
    const message: RequestMessage = {
      type: 'request',
      id,
      sourceNode: call.source,
      // One shape for every request; members that are undefined count as absent for every reader.
      destinationNode: call.destination as RequestMessage['destinationNode'] & {},
      serverName: call.service,
      method: call.method,
      timeoutMs: Math.max(1, Math.floor(call.deadline - wire.clock.now())),
      hasDefaultTimeout: call.hasDefaultTimeout === true,
      body: isLong ? params.subarray(0, FIRST_PART_BYTES) : params,
      continues: isSplit,
      routingPath: this.#pathOf(call),
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
    this.#sent += 1;
    if (isSplit) this.#stream(id, call);
    return (mode) => {
      const outgoing = this.#open.get(id);
      // With the first part of a result the call has had its outcome.
      if (outgoing?.kind !== 'call' || outgoing.result !== undefined) return;
      this.#open.cancel(id);
      this.#abandon(id, mode);
    };
  };

  #pathOf({ path }: Call): readonly string[] {
    if (path !== this.#lastPath) {
      this.#lastPath = path;
      this.#lastPathOn = [...path, this.#wire.self];
    }
    return this.#lastPathOn;
  }

  #stream(id: number, { params, priority, rest }: Call): void {
    const sentBytes = params.length > CHUNK_BYTES ? FIRST_PART_BYTES : params.length;
    this.#wire.outbox.stream({ of: 'request', id, priority, body: params, sentBytes, rest });
  }

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
    // A late outcome: its further parts find no one either. A second one too.
    const outgoing = this.#open.get(id);
    if (outgoing?.kind !== 'call' || outgoing.result !== undefined) return;
    const rest = this.#wire.assembly.begin('response', id, message.body, {
      tooLarge: () => {
        this.#open.settle(id);
        this.#wire.send({ type: 'cancel', correlationId: id, mode: 'abandon' });
        this.#end(outgoing, tooLarge(this.#wire, 'result'));
      },
      // What it still waits for is the other link.
      arrived: () => void this.#open.settle(id),
      stopped: (mode) => {
        if (this.#open.settle(id) !== undefined) this.#wire.send({ type: 'cancel', correlationId: id, mode });
      },
    });
    if (rest === undefined) return;
    if (!outgoing.takesParts) {
      rest.whole((body) => this.#onResult(id, message, body, outgoing));
      return;
    }
    outgoing.result = rest;
    this.#wire.outbox.drop('request', id);
    this.#settle(outgoing, message, message.body, rest);
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
    const { failure, trace } = message;
    this.#end(outgoing, failure, trace);
    this.#wire.assembly.drop('response', id);
  }

  /** The link has ended; what left with a write before `batch` may have been received. */
  end({ code, reason }: CloseReason, batch: number): void {
    const why = reason === '' ? `closed with ${code}` : reason;
    const { outbox } = this.#wire;
    this.#open.failAll((id, outgoing) => {
      if (outgoing.kind === 'registration') {
        outgoing.settle(undefined);
        return;
      }
      // A method does not begin before its params are whole.
      const executed = outgoing.batch < batch && !outbox.holds('request', id) ? 'unknown' : 'no';
      this.#end(outgoing, lost(this.#wire, why, executed));
    });
  }

  #onResult(id: number, message: ResponseMessage, body: Body, outgoing = this.#open.settle(id)): void {
    // A late outcome of a call that was cancelled or ran out of time.
    if (outgoing === undefined) return;
    if (outgoing.kind === 'registration') {
      this.#onRegistrationAnswer(outgoing.settle, body);
      return;
    }
    this.#wire.outbox.drop('request', id);
    this.#settle(outgoing, message, body, undefined);
  }

  #settle(
    { settle }: OutgoingCall,
    { trace }: ResponseMessage,
    body: Body,
    rest: BodyRest | undefined,
  ): void {
    settle(trace === undefined ? { kind: 'result', body, rest } : { kind: 'result', body, rest, trace });
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
    const message = `no answer from ${nameOf(this.#wire)} in time`;
    this.#end(outgoing, createFailure('timeout', message, this.#wire.self));
    this.#abandon(id, 'abandon');
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
    if (wire.outbox.isCongestedFor(call.priority))
      return overloaded(wire, `the link to ${nameOf(wire)} is congested`);
    if (call.params.length > wire.limits.bodyBytes) return tooLarge(wire, 'params');
    if (wire.budget.isTight) return outOfBuffers(wire);
    const share = shareOf(call.priority);
    if (share < 1 && this.#open.size >= wire.limits.inFlight * share) {
      return overloaded(wire, `most of ${wire.limits.inFlight} calls are open to ${nameOf(wire)}`);
    }
    const waiting = call.rest === undefined ? call.params.length : UNASKED_BYTES;
    if (waiting > CHUNK_BYTES && !wire.outbox.hasRoom(waiting)) {
      return overloaded(wire, `too many big requests wait for the link to ${nameOf(wire)}`);
    }
    return undefined;
  }

  /** The call has failed: its outcome, or the end of a result that is under way. */
  #end({ settle, result }: OutgoingCall, failure: Failure, trace?: TraceRecord): void {
    this.#failed += 1;
    if (result !== undefined) result.fail(failure);
    else settle(trace === undefined ? { kind: 'failure', failure } : { kind: 'failure', failure, trace });
  }
}

function settleNow(settle: Settle, failure: Failure): Cancel {
  settle({ kind: 'failure', failure });
  return NOTHING_TO_CANCEL;
}
