// What the other side has asked over one link and this side has not answered yet.

import type { Body, BodyRest, Call, Cancel, Outcome, Settle } from '../call.ts';
import { CLOSE_CODES } from '../close-code.ts';
import type { Failure } from '../failure.ts';
import { CHUNK_BYTES, FIRST_PART_BYTES } from '../limits.ts';
import type { CallId, CancelMessage, RequestMessage } from '../message.ts';
import { outOfBuffers, overloaded, tooLarge, unsendable, type Wire } from './wire.ts';

/** A call that came in and has no outcome yet. */
interface IncomingCall {
  readonly id: CallId;
  readonly priority: number;
  cancel: Cancel | undefined;
}

export class IncomingCalls {
  readonly #wire: Wire;
  readonly #serve: (call: Call, settle: Settle) => Cancel;
  readonly #open = new Map<CallId, IncomingCall>();

  constructor(wire: Wire, serve: (call: Call, settle: Settle) => Cancel) {
    this.#wire = wire;
    this.#serve = serve;
  }

  get size(): number {
    return this.#open.size;
  }

  onRequest(message: RequestMessage): void {
    const { id } = message;
    const wire = this.#wire;
    if (this.#open.has(id)) {
      wire.close(CLOSE_CODES.malformed, `message_id: ${id} is still open`);
      return;
    }
    if (this.#open.size >= wire.limits.inFlight) {
      this.#sendError(id, overloaded(wire, `over ${wire.limits.inFlight} calls at once`));
      return;
    }
    if (wire.budget.isTight) {
      this.#sendError(id, outOfBuffers(wire));
      return;
    }
    const incoming: IncomingCall = { id, priority: message.priority, cancel: undefined };
    this.#open.set(id, incoming);
    const deadline = wire.clock.now() + message.timeoutMs;
    if (message.continues !== true) {
      this.#start(incoming, message, message.body, undefined, deadline);
      return;
    }
    const rest = wire.assembly.begin('request', id, message.body, {
      tooLarge: () => {
        this.#answer(incoming, { kind: 'failure', failure: tooLarge(wire, 'params') });
        incoming.cancel?.('abandon');
      },
    });
    if (rest === undefined) return;
    if (wire.takesParts) this.#start(incoming, message, message.body, rest, deadline);
    else rest.whole((body) => this.#start(incoming, message, body, undefined, deadline));
  }

  onCancel({ correlationId: id, mode }: CancelMessage): void {
    // Also after the outcome: the body of a result may still be under way.
    this.#wire.outbox.drop('response', id, mode);
    const incoming = this.#open.get(id);
    if (incoming === undefined) return;
    this.#open.delete(id);
    this.#wire.assembly.drop('request', id);
    incoming.cancel?.(mode);
  }

  /** The link has ended: nobody waits for these any more. */
  end(): void {
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const incoming of all) incoming.cancel?.('abandon');
  }

  #start(
    incoming: IncomingCall,
    message: RequestMessage,
    params: Body,
    rest: BodyRest | undefined,
    deadline: number,
  ): void {
    const wire = this.#wire;
    const call: Call = {
      // One shape for every call; members that are undefined count as absent for every reader.
      destination: message.destinationNode as Call['destination'] & {},
      service: message.serverName,
      method: message.method,
      params,
      rest,
      takesParts: wire.takesParts && wire.isBinary,
      deadline,
      hasDefaultTimeout: message.hasDefaultTimeout,
      source: message.sourceNode,
      caller: message.caller,
      path: message.routingPath,
      ttl: message.ttl,
      priority: message.priority,
      trace: message.trace,
      traceparent: message.traceparent,
      callPath: message.callPath,
      idempotencyKey: message.idempotencyKey as string,
    };
    const cancel = this.#serve(call, (outcome) => this.#answer(incoming, outcome));
    incoming.cancel = cancel;
  }

  #answer(incoming: IncomingCall, outcome: Outcome): void {
    const { id } = incoming;
    const wire = this.#wire;
    // Cancelled, answered already, or the link has gone.
    if (this.#open.get(id) !== incoming) {
      if (outcome.kind === 'result') outcome.rest?.stop('abandon');
      return;
    }
    this.#open.delete(id);
    // Params that are still under way are of no use any more.
    wire.assembly.drop('request', id);
    if (outcome.kind === 'failure') {
      this.#sendError(id, outcome.failure, outcome.trace);
      return;
    }
    const { body, rest } = outcome;
    const isLong = wire.isBinary && body.length > CHUNK_BYTES;
    const isSplit = isLong || rest !== undefined;
    if (body.length > wire.limits.bodyBytes) {
      this.#sendError(id, tooLarge(wire, 'result'));
      return;
    }
    if (isSplit && !wire.outbox.hasRoom(body.length)) {
      rest?.stop('abandon');
      const failure = overloaded(wire, 'too many big results wait for this link');
      this.#sendError(id, { ...failure, executed: 'yes' });
      return;
    }
    try {
      wire.outbox.add({
        type: 'response',
        correlationId: id,
        body: isLong ? body.subarray(0, FIRST_PART_BYTES) : body,
        continues: isSplit,
        trace: outcome.trace as NonNullable<Outcome['trace']>,
      });
    } catch (error) {
      this.#sendError(id, unsendable(wire, error, 'result', body.length));
      rest?.stop('abandon');
      return;
    }
    if (isSplit) this.#stream(incoming, body, rest);
  }

  #stream({ id, priority }: IncomingCall, body: Body, rest: BodyRest | undefined): void {
    const wire = this.#wire;
    wire.outbox.stream({
      of: 'response',
      id,
      priority,
      body,
      sentBytes: body.length > CHUNK_BYTES ? FIRST_PART_BYTES : body.length,
      rest,
      onFail: (failure) => {
        wire.outbox.drop('response', id);
        this.#sendError(id, failure);
      },
    });
  }

  #sendError(id: CallId, failure: Failure, trace?: Outcome['trace']): void {
    try {
      this.#wire.send({
        type: 'error',
        correlationId: id,
        failure,
        trace: trace as NonNullable<Outcome['trace']>,
      });
    } catch {
      // Its value or its trace is too big for this link; that it failed, and how, must arrive all the same.
      const { data: _value, ...rest } = failure;
      const message = rest.message.slice(0, 1_000);
      this.#wire.send({ type: 'error', correlationId: id, failure: { ...rest, message } });
    }
  }
}
