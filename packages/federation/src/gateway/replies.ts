// Every answer leaves through here, so that each has the right shape for its path and its line in the log (http-api.md §2.3, §2.4,
// §2.9). Answers below 400 are logged at `debug`, others at `info`: at the default level a log shows what did not work.

import type { Readable } from 'node:stream';
import { createFailure, FAILURES, type FailureName } from '@relay/protocol';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayPorts } from './ports.ts';
import { type Answer, ERROR_STATUS, type ErrorCode, pathOf } from './route.ts';
import { failureAnswer, singleBody } from './rpc-answer.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** On the node's monotonic clock. */
    startedAt: number;
  }
}

export const JSON_TYPE = 'application/json; charset=utf-8';

/** JSON-RPC is served here; an error on these paths is a JSON-RPC answer as well. */
export const RPC_PATHS = ['/rpc', '/'] as const;

/** The row of the failure table for an error that comes before any JSON-RPC is read. */
const RPC_FAILURES: Readonly<Record<ErrorCode, FailureName>> = {
  bad_request: 'invalid_request',
  unauthorized: 'unauthorized',
  forbidden: 'forbidden',
  not_found: 'invalid_request',
  method_not_allowed: 'invalid_request',
  conflict: 'invalid_request',
  payload_too_large: 'payload_too_large',
  unsupported_media_type: 'invalid_request',
  upgrade_required: 'invalid_request',
  internal: 'internal_error',
  unavailable: 'overloaded',
};

export interface Replies {
  answer(request: FastifyRequest, reply: FastifyReply, answer: Answer): void;
  /** JSON-RPC, newline included. */
  rpc(
    request: FastifyRequest,
    reply: FastifyReply,
    status: number,
    body: string | Buffer,
    traceId?: string,
  ): void;
  /** Anything that is not JSON of this node's own. */
  content(
    request: FastifyRequest,
    reply: FastifyReply,
    status: number,
    type: string,
    body: Buffer | Readable,
  ): void;
  empty(request: FastifyRequest, reply: FastifyReply, status: number, traceId?: string): void;
  /** An error in the shape of its path. `status` where the table of codes has none. */
  refusal(
    request: FastifyRequest,
    reply: FastifyReply,
    code: ErrorCode,
    message: string,
    status?: number,
  ): void;
  /** Something thrown: by Fastify while reading, or by a defect of ours. */
  fault(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void;
  /** The client went away before its answer. */
  abandoned(request: FastifyRequest, traceId?: string): void;
}

/** How much of a refused body is read before the connection ends: without it most clients see a broken pipe and no answer. */
const DRAIN_BYTES = 8_388_608;

export function createReplies({ identity, clock, log, denials }: GatewayPorts): Replies {
  const isDebug = log.isOn('debug');
  const isInfo = log.isOn('info');

  function note(request: FastifyRequest, status: number, traceId?: string): void {
    if (status < 400 ? !isDebug : !isInfo) return;
    const fields = {
      method: request.method,
      path: pathOf(request).slice(0, 200),
      status,
      ms: Math.round((clock.now() - request.startedAt) * 1000) / 1000,
      trace: traceId,
    };
    if (status < 400) log.debug('request', fields);
    else log.info('request', fields);
  }

  function json(request: FastifyRequest, reply: FastifyReply, status: number, value: unknown): void {
    note(request, status);
    void reply
      .code(status)
      .header('content-type', JSON_TYPE)
      .send(`${JSON.stringify(value)}\n`);
  }

  const replies: Replies = {
    answer(request, reply, answer) {
      if (answer.kind === 'value') json(request, reply, answer.status, answer.value);
      else if (answer.kind === 'text')
        replies.content(request, reply, 200, answer.type, Buffer.from(answer.text));
      else replies.refusal(request, reply, answer.code, answer.message);
    },

    rpc(request, reply, status, body, traceId) {
      note(request, status, traceId);
      if (traceId !== undefined) reply.header('relay-trace-id', traceId);
      void reply.code(status).header('content-type', JSON_TYPE).send(body);
    },

    content(request, reply, status, type, body) {
      note(request, status);
      void reply.code(status).header('content-type', type).send(body);
    },

    empty(request, reply, status, traceId) {
      note(request, status, traceId);
      if (traceId !== undefined) reply.header('relay-trace-id', traceId);
      void reply.code(status).send();
    },

    refusal(request, reply, code, message, status = ERROR_STATUS[code]) {
      denials?.add(code);
      if (code === 'unauthorized') reply.header('www-authenticate', 'Bearer');
      if (code === 'upgrade_required') reply.header('upgrade', 'websocket');
      if ((RPC_PATHS as readonly string[]).includes(pathOf(request))) {
        const name = RPC_FAILURES[code];
        const limit = { name: status === 431 ? 'headers' : 'body', max: request.routeOptions.bodyLimit };
        const failure = createFailure(name, message, identity.nodeId, {
          ...(status === 413 && { data: { limit } }),
          ...(FAILURES[name].executed !== 'no' && { executed: 'unknown' as const }),
        });
        replies.rpc(request, reply, status, singleBody(failureAnswer(failure, { id: 'null' })));
      } else json(request, reply, status, { error: { code, message } });
    },

    fault(error, request, reply) {
      const status = error.statusCode ?? 500;
      if (status === 413) {
        const send = (): void =>
          replies.refusal(request, reply, 'payload_too_large', 'the body is larger than the limit');
        const { raw } = request;
        const length = Number(raw.headers['content-length']);
        if (raw.complete || !(length <= DRAIN_BYTES)) send();
        else raw.once('end', send).resume();
      } else if (status >= 400 && status < 500) {
        replies.refusal(request, reply, 'bad_request', 'the request is malformed');
      } else {
        log.error('request failed', {
          method: request.method,
          path: pathOf(request).slice(0, 200),
          error: error.stack ?? error.message,
        });
        replies.refusal(request, reply, 'internal', 'internal error');
      }
    },

    abandoned(request, traceId) {
      note(request, 499, traceId);
    },
  };
  return replies;
}
