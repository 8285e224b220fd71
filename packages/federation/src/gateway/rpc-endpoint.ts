// POST /rpc: one JSON-RPC request or a batch becomes calls, their outcomes become one answer. Callbacks instead of promises, and
// bodies that are copied instead of parsed: this is the way every HTTP call takes. Source: http-api.md §3–§5, §7.

import {
  type Cancel,
  createFailure,
  encodeUtf8,
  type FailureName,
  type Outcome,
  utf8Length,
} from '@relay/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Decision } from '../observe/decision.ts';
import type { CallRequest, GatewayPorts, HttpCaller, SubmittedCall } from './ports.ts';
import { readCallHeaders } from './remote-call.ts';
import type { Replies } from './replies.ts';
import type { Context } from './route.ts';
import {
  type AnswerFrame,
  batchBody,
  directFailureAnswer,
  failureAnswer,
  type RpcAnswer,
  resultAnswer,
  singleBody,
  tooLargeAnswer,
  traceText,
} from './rpc-answer.ts';
import { createPlanner, type Plan } from './rpc-plan.ts';
import { type RpcRequest, readRpc } from './rpc-request.ts';
import { httpCaller } from './trace-link.ts';

export { RPC_PATHS } from './replies.ts';

type FailureDetails = NonNullable<Parameters<typeof createFailure>[3]>;

const NO_OPTIONS = Object.freeze({});

/** A draining node is gone in a moment; whoever asks again should find another. */
const RETRY_AFTER_S = 1;

export function createRpcEndpoint(
  context: Context,
  replies: Replies,
): (request: FastifyRequest, reply: FastifyReply) => void {
  const { ports, limits } = context;
  const { nodeId } = ports.identity;
  const plan = createPlanner(context);

  /** An error of the whole HTTP request, before any call exists. */
  function refuse(
    request: FastifyRequest,
    reply: FastifyReply,
    status: number,
    name: FailureName,
    message: string,
    { id = 'null', ...more }: FailureDetails & { readonly id?: string } = {},
  ): void {
    const failure = createFailure(name, message, nodeId, more);
    replies.rpc(request, reply, status, singleBody(failureAnswer(failure, { id })));
  }

  return (request, reply) => {
    if (ports.lifecycle.state() === 'draining') {
      reply.header('retry-after', String(RETRY_AFTER_S));
      refuse(request, reply, 503, 'shutting_down', 'this node is shutting down', {
        retryAfterMs: RETRY_AFTER_S * 1000,
      });
      return;
    }
    const read = readRpc(request.body as Buffer | undefined, limits);
    if (read.kind === 'not-json') {
      refuse(request, reply, 400, 'parse_error', read.message);
      return;
    }
    if (read.kind === 'too-large') {
      const max = limits[read.limit];
      refuse(request, reply, 413, 'payload_too_large', `the body is above the limit of ${read.limit}`, {
        data: { limit: { name: read.limit, max } },
      });
      return;
    }
    const { headers } = request.raw;
    const { isBatch, items } = read;
    const [first] = items;
    if (isBatch && headers['idempotency-key'] !== undefined) {
      refuse(request, reply, 400, 'invalid_request', 'Idempotency-Key does not go with a batch');
      return;
    }
    if (!isBatch && first?.kind === 'invalid') {
      refuse(request, reply, 400, 'invalid_request', first.message, { id: first.id });
      return;
    }
    const caller = httpCaller(request.raw);
    const exchange = new Exchange(ports, replies, limits.answerBytes, request, reply, caller, isBatch);
    // The options of the headers are for one request only.
    const options = isBatch ? NO_OPTIONS : readCallHeaders(headers);
    for (const item of items) {
      if (item.kind === 'invalid') exchange.invalid(item.message);
      else if (typeof options === 'string')
        exchange.start(item, { kind: 'failed', name: 'invalid_params', message: options });
      else exchange.start(item, plan(item, options));
    }
    exchange.begun();
  };
}

/** One HTTP request on its way: the answers that are there, and the calls that are not. */
class Exchange {
  readonly #ports: GatewayPorts;
  readonly #replies: Replies;
  readonly #answerBytes: number;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #caller: HttpCaller;
  readonly #isBatch: boolean;
  /** In request order; undefined while the call runs. Notifications have no place. */
  readonly #answers: (RpcAnswer | undefined)[] = [];
  readonly #cancels: Cancel[] = [];
  #waiting = 0;
  #hasBegun = false;
  #traceId: string | undefined;

  constructor(
    ports: GatewayPorts,
    replies: Replies,
    answerBytes: number,
    request: FastifyRequest,
    reply: FastifyReply,
    caller: HttpCaller,
    isBatch: boolean,
  ) {
    this.#ports = ports;
    this.#replies = replies;
    this.#answerBytes = answerBytes;
    this.#request = request;
    this.#reply = reply;
    this.#caller = caller;
    this.#isBatch = isBatch;
  }

  invalid(message: string): void {
    const failure = createFailure('invalid_request', message, this.#ports.identity.nodeId);
    this.#answers.push(failureAnswer(failure, { id: 'null' }));
  }

  start(item: RpcRequest, plan: Plan): void {
    const { id } = item;
    if (plan.kind === 'call') {
      this.#submit(id, plan.request);
      return;
    }
    const traceId = Buffer.from(this.#ports.random.bytes(16)).toString('hex');
    this.#traceId = traceId;
    if (id === undefined) return;
    if (plan.kind === 'value') {
      const answer = resultAnswer(encodeUtf8(JSON.stringify(plan.value)), { id }, false) ?? 'null';
      this.#answers.push(this.#bounded(answer, { id, traceId }));
      return;
    }
    const { nodeId } = this.#ports.identity;
    const data = plan.candidates === undefined ? {} : { data: { candidates: plan.candidates } };
    this.#answers.push(failureAnswer(createFailure(plan.name, plan.message, nodeId, data), { id, traceId }));
  }

  /** All items are under way: now, and not earlier, the answer may leave. */
  begun(): void {
    this.#hasBegun = true;
    if (this.#waiting === 0) this.#send();
    // The response closes also after a complete answer; then nothing waits any more.
    else this.#reply.raw.once('close', () => this.#abandon());
  }

  #submit(id: string | undefined, request: CallRequest): void {
    const { ingress } = this.#ports;
    if (id === undefined) {
      // Answered with 204 whatever happens, so nobody waits for it.
      this.#traceId = ingress.submit(request, this.#caller, ignore).traceId;
      return;
    }
    const place = this.#answers.push(undefined) - 1;
    this.#waiting += 1;
    let submitted: SubmittedCall | undefined;
    let early: Outcome | undefined;
    submitted = ingress.submit(request, this.#caller, (outcome) => {
      // The answer needs the trace id, which comes back with `submit`.
      if (submitted === undefined) early = outcome;
      else this.#settle(place, id, request, submitted.traceId, outcome);
    });
    this.#traceId = submitted.traceId;
    if (early === undefined) this.#cancels.push(submitted.cancel);
    else this.#settle(place, id, request, submitted.traceId, early);
  }

  #settle(place: number, id: string, request: CallRequest, traceId: string, outcome: Outcome): void {
    if (this.#answers[place] !== undefined) return;
    this.#answers[place] = this.#answerOf(id, request, traceId, outcome);
    this.#waiting -= 1;
    if (this.#waiting === 0 && this.#hasBegun) this.#send();
  }

  #answerOf(id: string, request: CallRequest, traceId: string, outcome: Outcome): RpcAnswer {
    const frame: AnswerFrame =
      request.trace === true
        ? {
            id,
            traceId,
            trace: traceText(outcome.trace, traceId, this.#elapsedMs(), this.#decisions(traceId)),
          }
        : { id, traceId };
    if (outcome.kind === 'result') {
      const { body } = outcome;
      const { nodeId } = this.#ports.identity;
      // Before it is copied: a body may be sixteen times as large as an answer.
      if (body.length > this.#answerBytes) return tooLargeAnswer(this.#answerBytes, nodeId, frame);
      const answer = resultAnswer(body, frame, this.#isBatch);
      return (
        answer ??
        failureAnswer(createFailure('internal_error', 'the result of the method is not JSON', nodeId), frame)
      );
    }
    const answer = request.direct
      ? directFailureAnswer(outcome.failure, request.service, frame)
      : failureAnswer(outcome.failure, frame);
    return this.#bounded(answer, frame);
  }

  #bounded(answer: RpcAnswer, frame: AnswerFrame): RpcAnswer {
    const size = typeof answer === 'string' ? utf8Length(answer) : answer.length;
    return size <= this.#answerBytes
      ? answer
      : tooLargeAnswer(this.#answerBytes, this.#ports.identity.nodeId, {
          id: frame.id,
          ...(frame.traceId !== undefined && { traceId: frame.traceId }),
        });
  }

  /** Of the call that just ended: the last one kept. */
  #decisions(traceId: string): readonly Decision[] {
    return this.#ports.traces?.of(traceId).at(-1)?.decisions ?? [];
  }

  #elapsedMs(): number {
    return this.#ports.clock.now() - this.#request.startedAt;
  }

  #send(): void {
    const traceId = this.#isBatch ? undefined : this.#traceId;
    const answers = this.#answers as readonly RpcAnswer[];
    const [first] = answers;
    if (first === undefined) this.#replies.empty(this.#request, this.#reply, 204, traceId);
    else {
      const body = this.#isBatch ? batchBody(answers) : singleBody(first);
      this.#replies.rpc(this.#request, this.#reply, 200, body, traceId);
    }
  }

  /** The client went away. Nobody waits, but what has begun may end. */
  #abandon(): void {
    if (this.#waiting === 0) return;
    this.#waiting = 0;
    for (const cancel of this.#cancels) cancel('abandon');
    this.#replies.abandoned(this.#request, this.#traceId);
  }
}

function ignore(): void {}
