// The HTTP side of a node: Fastify with the rules that hold for every endpoint (http-api.md §2). The WebSocket paths are answered
// by whoever listens to `upgrade` on the server; here a plain GET on them is told what they are.

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, NodeTypeHome, NodeTypeMain } from '@relay/protocol';
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { createAccess, createCors, isPageRequestAllowed, type Verdict } from './access.ts';
import { limitConnections } from './connection-limits.ts';
import { FEDERATION_ROUTES } from './federation-endpoints.ts';
import { HEALTH_ROUTES } from './health-endpoints.ts';
import { HOME_ROUTES } from './home-endpoints.ts';
import { LOG_ROUTES } from './log-endpoint.ts';
import { METRICS_ROUTES } from './metrics-endpoint.ts';
import { type HttpServerOptions, resolveHttpOptions } from './options.ts';
import { addPages, assertNoCollision, isFormPost } from './pages.ts';
import type { GatewayPorts, NodeRole } from './ports.ts';
import { REGISTRY_ROUTES } from './registry-endpoints.ts';
import { createReplies, type Replies } from './replies.ts';
import { type Context, methodsAt, pathOf, type Route, refuse, roleAt } from './route.ts';
import { createRpcEndpoint, RPC_PATHS } from './rpc-endpoint.ts';
import { TRACE_ROUTES } from './trace-endpoints.ts';

const LINK_ROUTES: readonly Route[] = ['/ws/federation', '/ws/peers', '/ws/p2p'].map((path) => ({
  method: 'GET',
  path,
  servedBy: path === '/ws/p2p' ? [NodeTypeMain, 'p2p'] : [NodeTypeMain],
  needsRegistry: true,
  answer: () => refuse('upgrade_required', `${path} takes WebSocket connections only`),
}));

/** Everything served today but JSON-RPC. */
export const ROUTES: readonly Route[] = [
  ...HEALTH_ROUTES,
  ...METRICS_ROUTES,
  ...REGISTRY_ROUTES,
  ...FEDERATION_ROUTES,
  ...TRACE_ROUTES,
  ...LOG_ROUTES,
  ...HOME_ROUTES,
  ...LINK_ROUTES,
];

/** Longer than load balancers keep an idle connection, so that it is they who end it: then no request crosses its end. */
const KEEP_ALIVE_MS = 72_000;

/** What answers get to leave when the server ends. */
const LAST_ANSWERS_MS = 3_000;

export interface HttpServer {
  /** For `upgrade`. */
  readonly server: http.Server;
  /**
   * Resolves once the server answers: on host and port of the options, or on a port that somebody opened earlier and hands over.
   */
  listen(held?: {
    handOver(server: http.Server): Promise<void>;
  }): Promise<{ readonly host: string; readonly port: number }>;
  /** Takes no new connections and ends idle ones; resolves when the last answer is out, or nobody takes it. Idempotent. */
  close(): Promise<void>;
}

export function createHttpServer(ports: GatewayPorts, options: HttpServerOptions = {}): HttpServer {
  const config = resolveHttpOptions(options);
  const context: Context = { ports, limits: config.limits, isRegistryDisabled: config.disableRegistry };
  const replies = createReplies(ports);
  const app = fastify({
    logger: false,
    bodyLimit: config.limits.bodyBytes,
    // An idle probe must not keep a node from ending, nor may a drain refuse probes.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 2_048 },
    serverFactory: (answer) => openServer(config, answer, ports.clock),
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => replies.fault(error, request, reply),
  });
  app.decorateRequest('startedAt', 0);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  addRules(app, ports, config, replies);
  addRoutes(app, context, config, replies);

  let closing: Promise<void> | undefined;
  return {
    server: app.server,
    async listen(held) {
      if (held === undefined) await app.listen({ host: config.host, port: config.port });
      else {
        await app.ready();
        await held.handOver(app.server);
      }
      const { address, port } = app.server.address() as AddressInfo;
      return { host: address, port };
    },
    close() {
      closing ??= close(app, ports.clock);
      return closing;
    },
  };
}

function openServer(config: Config, answer: http.RequestListener, clock: Clock): http.Server {
  const server = http.createServer({
    maxHeaderSize: config.headerBytes,
    headersTimeout: config.headersTimeoutMs,
    requestTimeout: config.requestTimeoutMs,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  // One more than allowed: Node drops the rest without a word, and a dropped header could be the credential.
  server.maxHeadersCount = config.headerLines + 1;
  server.timeout = config.socketStallMs;
  limitConnections(server, answer, config, clock);
  return server;
}

async function close(app: FastifyInstance, clock: Clock): Promise<void> {
  // Nobody keeps a node by not reading what it was answered.
  using _late = clock.after(LAST_ANSWERS_MS, () => app.server.closeAllConnections());
  await app.close();
  // Fastify closes only what it opened itself.
  if (app.server.listening) await new Promise<void>((resolve) => app.server.close(() => resolve()));
}

type Config = ReturnType<typeof resolveHttpOptions>;

/** What is asked of every request before its body is read. */
function addRules(app: FastifyInstance, ports: GatewayPorts, config: Config, replies: Replies): void {
  const { clock } = ports;
  const cors = createCors(config);
  const headers = Object.keys(config.headers).length === 0 ? undefined : config.headers;
  const maxRaw = config.headerLines * 2;

  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request;
    request.startedAt = clock.now();
    if (headers !== undefined) reply.headers(headers);
    if (cors !== undefined) reply.headers(cors(raw.headers.origin) ?? {});
    // A connection that stays idle would end with the port, maybe just when its caller writes the next request.
    if (ports.lifecycle.state() === 'draining') reply.header('connection', 'close');
    if (raw.rawHeaders.length > maxRaw) {
      replies.refusal(
        request,
        reply,
        'payload_too_large',
        `more than ${config.headerLines} header lines`,
        431,
      );
    } else if (raw.method === 'OPTIONS') {
      replies.empty(request, reply, 200);
    } else if (raw.headers['content-encoding'] !== undefined) {
      replies.refusal(request, reply, 'unsupported_media_type', 'Content-Encoding is not supported');
    } else if (!isPageRequestAllowed(raw) && !(config.pages !== undefined && isFormPost(raw))) {
      replies.refusal(
        request,
        reply,
        'unsupported_media_type',
        'a request with an Origin must be application/json',
      );
    } else {
      // From here on nobody looks at it: plain `curl -d` sends a form type, others send none or a broken one.
      if (raw.headers['content-type'] !== undefined) raw.headers['content-type'] = undefined;
      done();
    }
  });

  app.setErrorHandler<FastifyError>((error, request, reply) => replies.fault(error, request, reply));
}

function addRoutes(app: FastifyInstance, context: Context, config: Config, replies: Replies): void {
  const { ports } = context;
  const role = ports.identity.nodeType;
  const access = createAccess(config);
  const guard = (ask: (request: http.IncomingMessage) => Verdict) => {
    return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
      const verdict = ask(request.raw);
      if (verdict.kind === 'allowed') done();
      else replies.refusal(request, reply, verdict.kind, verdict.message);
    };
  };
  const callers = access.mayCall === undefined ? [] : [guard(access.mayCall)];
  const admins = [guard((request) => access.mayAdminister(request))];

  const rpc = createRpcEndpoint(context, replies);
  for (const url of RPC_PATHS) app.post(url, { onRequest: callers }, rpc);

  for (const route of ROUTES) {
    if (!route.servedBy.includes(role) || (route.needsRegistry && config.disableRegistry)) continue;
    // The admin token opens both doors, so whoever administers need not be asked twice unless only callers have a token.
    const guards = route.isPublic ? [] : route.isAdmin ? [...callers, ...admins] : callers;
    app.route({
      method: route.method,
      url: route.path,
      onRequest: guards,
      handler: (request, reply) => {
        const answer = route.answer(context, request);
        if (answer instanceof Promise)
          return answer.then((settled) => replies.answer(request, reply, settled));
        replies.answer(request, reply, answer);
        return undefined;
      },
    });
  }

  if (config.pages !== undefined) {
    const served = ROUTES.filter((route) => !route.needsRegistry || !config.disableRegistry);
    assertNoCollision(config.pages, served, role);
    addPages(app, { ports, replies, pages: config.pages, callers });
  }

  app.setNotFoundHandler({ preHandler: callers }, (request, reply) => {
    const path = pathOf(request);
    if ((RPC_PATHS as readonly string[]).includes(path)) {
      reply.header('allow', 'POST');
      replies.refusal(request, reply, 'method_not_allowed', 'Only POST method is allowed');
      return;
    }
    const served = config.disableRegistry ? ROUTES.filter(({ needsRegistry }) => !needsRegistry) : ROUTES;
    const allowed = methodsAt(served, path, role);
    if (allowed.length > 0) {
      reply.header('allow', allowed.join(', '));
      replies.refusal(request, reply, 'method_not_allowed', 'Method not allowed');
      return;
    }
    replies.refusal(request, reply, 'not_found', notFoundText(ports, path, roleAt(served, path)));
  });
}

function notFoundText(ports: GatewayPorts, path: string, other: NodeRole | undefined): string {
  const { nodeType } = ports.identity;
  if (other === undefined || other === nodeType) return `no such path: ${path.slice(0, 200)}`;
  const own = nodeType === 'p2p' ? 'a P2P node' : 'a Main Relay';
  if (other === NodeTypeHome) return `${path} is served by Home Relays; this node is ${own}`;
  if (nodeType === 'p2p') return `${path} is served by Main Relays; this node is ${own}`;
  const main =
    ports.mainLink?.uplinks().find(({ connectedSince }) => connectedSince !== null)?.id ?? undefined;
  const where =
    main === undefined ? 'this Home is not connected to one' : `this Home is connected to ${main}`;
  return `${path} is served by Main Relays; ${where}`;
}

/** What is not HTTP, is too big in its headers or takes too long has no request to answer to, only a socket. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, code, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'payload_too_large', 'the headers are too large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'bad_request', 'the request took too long']
        : ['400 Bad Request', 'bad_request', 'not an HTTP request'];
  const body = `${JSON.stringify({ error: { code, message } })}\n`;
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroy(error);
}
