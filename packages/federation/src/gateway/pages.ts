// Routes of the program: pages, static files, forms. Built-in paths always win; http-api.md §13.

import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { encodeUtf8, type Failure, type Outcome } from '@relay/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { isForeignForm, mediaTypeOf, readForm, redirectOf } from './pages-form.ts';
import type { PageAnswer, ProgramPages } from './pages-port.ts';
import { isFresh, openStatic } from './pages-static.ts';
import type { GatewayPorts, InstanceView } from './ports.ts';
import { JSON_TYPE, type Replies, RPC_PATHS } from './replies.ts';
import { methodsAt, pathOf, type Route } from './route.ts';
import { httpCaller } from './trace-link.ts';

const HTML_TYPE = 'text/html; charset=utf-8';
const STATIC = '/static/';

/** Posts here are forms: §2.2 does not apply to them, the rule for forms does. */
export function isFormPost({ method, url }: IncomingMessage): boolean {
  return method === 'POST' && url?.startsWith('/api/') === true;
}

export interface PageParts {
  readonly ports: GatewayPorts;
  readonly replies: Replies;
  readonly pages: ProgramPages;
  readonly callers: readonly onRequestHookHandler[];
}

export function addPages(app: FastifyInstance, parts: PageParts): void {
  const onRequest = [...parts.callers];
  // HEAD comes with it.
  app.get('/*', { onRequest }, (request, reply) => getPage(parts, request, reply));
  app.post('/api/:name', { onRequest }, (request, reply) => postForm(parts, request, reply));
}

/** A page nobody would ever see. */
export class PageCollision extends Error {
  override readonly name = 'PageCollision';
}

/** The root is no such case: there the node takes posts only. */
export function assertNoCollision(
  { paths }: ProgramPages,
  routes: readonly Route[],
  role: Route['servedBy'][number],
): void {
  for (const { path, place } of paths) {
    const isRpc = path !== '/' && (RPC_PATHS as readonly string[]).includes(path);
    if (!isRpc && methodsAt(routes, path, role).length === 0) continue;
    throw new PageCollision(`${place}: the template answers ${path}, which is a path of the node itself`);
  }
}

function getPage(parts: PageParts, request: FastifyRequest, reply: FastifyReply): void {
  const path = pathOf(request);
  const query = (request.raw.url ?? '').slice(path.length + 1);
  const cancel = parts.pages.get(path, query, (answer) => sendPage(parts, request, reply, answer));
  if (cancel !== undefined) {
    // Nobody waits for the page any more; what its function did stays done.
    reply.raw.once('close', () => cancel('abandon'));
  } else if (path.startsWith(STATIC)) {
    sendStatic(parts, request, reply, path.slice(STATIC.length)).catch((error: unknown) =>
      parts.replies.fault(error as Parameters<Replies['fault']>[0], request, reply),
    );
  } else reply.callNotFound();
}

function sendPage(
  { replies }: PageParts,
  request: FastifyRequest,
  reply: FastifyReply,
  answer: PageAnswer,
): void {
  guardContent(reply);
  if (answer.kind === 'page') {
    reply.header('cache-control', 'no-cache');
    replies.content(request, reply, 200, answer.contentType, Buffer.from(answer.body));
    return;
  }
  if (answer.status === 503) reply.header('retry-after', '1');
  refuse(replies, request, reply, answer.status, answer.message);
}

const CODES = { 400: 'bad_request', 404: 'not_found', 500: 'internal', 503: 'unavailable' } as const;

/** A page for people, the usual shape for programs. */
function refuse(
  replies: Replies,
  request: FastifyRequest,
  reply: FastifyReply,
  status: keyof typeof CODES,
  message: string,
): void {
  if (!wantsHtml(request.raw)) {
    replies.refusal(request, reply, CODES[status], message);
    return;
  }
  const text = message.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
  const body = `<!doctype html><meta charset="utf-8"><title>${status}</title><h1>${status}</h1><p>${text}</p>\n`;
  replies.content(request, reply, status, HTML_TYPE, Buffer.from(body));
}

/** What a browser is told about its content it must believe. */
function guardContent(reply: FastifyReply): void {
  reply.header('x-content-type-options', 'nosniff');
}

function wantsHtml({ headers }: IncomingMessage): boolean {
  return headers.accept?.toLowerCase().includes('text/html') === true;
}

async function sendStatic(
  { pages, replies }: PageParts,
  request: FastifyRequest,
  reply: FastifyReply,
  wanted: string,
): Promise<void> {
  const file = await openStatic(pages.staticDir, wanted);
  if (file === undefined) {
    refuse(replies, request, reply, 404, 'there is no such file');
    return;
  }
  guardContent(reply);
  reply.headers({ etag: file.etag, 'last-modified': file.lastModified, 'cache-control': 'no-cache' });
  const isKnown = isFresh(request.raw.headers, file);
  if (isKnown || request.method === 'HEAD') {
    await file.handle.close();
    if (isKnown) replies.empty(request, reply, 304);
    else {
      reply.header('content-length', file.size);
      // Something without a length of its own, or Fastify would write that of nothing.
      replies.content(request, reply, 200, file.contentType, Readable.from([]));
    }
    return;
  }
  reply.header('content-length', file.size);
  // As long as it was when it was looked at: a file that grows meanwhile would say more than its length.
  const stream =
    file.size === 0
      ? file.handle.createReadStream()
      : file.handle.createReadStream({ start: 0, end: file.size - 1 });
  replies.content(request, reply, 200, file.contentType, stream);
}

function postForm(parts: PageParts, request: FastifyRequest, reply: FastifyReply): void {
  const { ports, replies } = parts;
  guardContent(reply);
  if (isForeignForm(request.raw)) {
    replies.refusal(request, reply, 'forbidden', 'forms of other sites are not accepted');
    return;
  }
  const { name } = request.params as { readonly name: string };
  const found = ownMethods(ports, name);
  const [only] = found;
  if (only === undefined || found.length > 1) {
    const message =
      only === undefined
        ? `no server of this program has a method ${name.slice(0, 100)}`
        : `several servers of this program have a method ${name}`;
    replies.refusal(request, reply, 'not_found', message);
    return;
  }
  const { service, method } = only;
  const form = readForm(request.body as Uint8Array | undefined, mediaTypeOf(request.raw), method.params);
  if (form.kind === 'bad') {
    replies.refusal(request, reply, 'bad_request', form.message);
    return;
  }
  const caller = httpCaller(request.raw);
  const call = { node: 'local', service, method: name, params: encodeUtf8(form.json), direct: true } as const;
  let isOver = false;
  const { cancel } = ports.ingress.submit(call, caller, (outcome) => {
    isOver = true;
    answerForm(parts, request, reply, name, outcome);
  });
  reply.raw.once('close', () => {
    if (!isOver) cancel('abandon');
  });
}

function ownMethods({ registry }: GatewayPorts, name: string) {
  const found: { readonly service: string; readonly method: InstanceView['methods'][number] }[] = [];
  for (const { service, methods } of registry.instances({ origin: 'self' })) {
    const method = methods.find((one) => one.name === name);
    if (method !== undefined) found.push({ service, method });
  }
  return found;
}

function answerForm(
  { ports, replies }: PageParts,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  outcome: Outcome,
): void {
  if (outcome.kind === 'result') {
    if (wantsHtml(request.raw)) {
      reply.header('location', redirectOf(request.raw));
      replies.empty(request, reply, 303);
    } else replies.content(request, reply, 200, JSON_TYPE, Buffer.concat([outcome.body, NEWLINE]));
    return;
  }
  const { failure } = outcome;
  switch (failure.name) {
    case 'invalid_params':
      replies.refusal(request, reply, 'bad_request', failure.message);
      return;
    case 'method_not_found':
    case 'service_not_found':
      replies.refusal(request, reply, 'not_found', failure.message);
      return;
    case 'application_error':
      replies.content(request, reply, 422, JSON_TYPE, Buffer.from(thrownText(failure)));
      return;
    default:
      // The message may hold what the program threw.
      ports.log.error('form failed', { method: name, code: failure.name, at: failure.at });
      replies.refusal(request, reply, 'internal', 'the call failed');
  }
}

const NEWLINE = Buffer.from('\n');

function thrownText({ message, data }: Failure): string {
  return `${JSON.stringify({ error: { code: 'application_error', message, value: data?.value ?? null } })}\n`;
}
