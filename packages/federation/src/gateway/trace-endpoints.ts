// Where calls went, and where one would go now. Source: http-api.md §10.5, §5.3.

import { isName, isNodeId, NodeTypeMain, parseAddress } from '@relay/protocol';
import type { FastifyRequest } from 'fastify';
import type { Candidate, Decision } from '../observe/decision.ts';
import type { KeptTrace } from '../observe/trace-ring.ts';
import { type Answer, type Context, isoTime, ok, queryText, type Route, refuse, rounded } from './route.ts';

const ON_MAIN = { servedBy: [NodeTypeMain], needsRegistry: true } as const;
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

export const TRACE_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/federation/traces', ...ON_MAIN, answer: traces },
  { method: 'GET', path: '/federation/traces/:id', ...ON_MAIN, answer: trace },
  { method: 'GET', path: '/federation/why', ...ON_MAIN, answer: why },
];

function traces({ ports }: Context, request: FastifyRequest): Answer {
  const text = queryText(request, 'limit');
  const limit = text === undefined ? DEFAULT_LIMIT : Number(text);
  if (text === null || text === '' || !Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    return refuse('bad_request', `limit must be a whole number from 1 to ${MAX_LIMIT}`);
  }
  return ok({ traces: (ports.traces?.latest(limit) ?? []).map(summary) });
}

function trace({ ports }: Context, request: FastifyRequest): Answer {
  const { id } = request.params as { readonly id: string };
  const kept = [...(ports.traces?.of(id) ?? [])].sort((a, b) => a.startedAt - b.startedAt);
  const [first, ...further] = kept;
  if (first === undefined) {
    return refuse(
      'not_found',
      `no trace ${id.slice(0, 64)}: kept are traced, failed and slow calls of the last ten minutes`,
    );
  }
  return ok({
    ...entry(first),
    // Calls that the called program made in turn have the same id.
    ...(further.length > 0 && { further: further.map(entry) }),
  });
}

function summary(kept: KeptTrace): Record<string, unknown> {
  return {
    trace_id: kept.traceId,
    method: kept.method,
    outcome: kept.outcome,
    ...(kept.at !== undefined && { at: kept.at, executed: kept.executed }),
    started: isoTime(kept.startedAt),
    total_ms: rounded(kept.totalMs),
    ...(kept.linked !== undefined && {
      linked: { trace_id: kept.linked.traceId, span_id: kept.linked.spanId },
    }),
  };
}

function entry(kept: KeptTrace): Record<string, unknown> {
  const { traceId, path, spans, totalMs, decisions } = kept;
  return {
    ...summary(kept),
    trace: {
      trace_id: traceId,
      path,
      hops: Math.max(0, path.length - 1),
      total_ms: rounded(totalMs),
      spans: spans.map(({ node, event, us }) => ({ node, event, ms: rounded(us / 1_000) })),
      ...(decisions.length > 0 && { decisions: decisions.map(decisionEntry) }),
    },
  };
}

/** As a member of a trace object, here and in the answer of a traced call. */
export function decisionEntry(decision: Decision): unknown {
  const { node, chosen, reason, strategy, candidates, candidateCount } = decision;
  return {
    node,
    chosen,
    reason,
    strategy,
    candidate_count: candidateCount,
    candidates: candidates.map(candidateEntry),
  };
}

function candidateEntry(candidate: Candidate): unknown {
  return {
    address: candidate.address,
    origin: candidate.origin,
    excluded: candidate.excluded,
    in_flight: candidate.inFlight,
    limit: rounded(candidate.limit),
    average_latency_ms: rounded(candidate.averageLatencyMs),
    score: rounded(candidate.score),
    circuit: candidate.circuit,
  };
}

/** What would become of a call now. Asks nobody and changes nothing: no turn is taken, no trial call is let through. */
function why({ ports }: Context, request: FastifyRequest): Answer {
  const service = queryText(request, 'service');
  const method = queryText(request, 'method');
  const node = queryText(request, 'node') ?? undefined;
  if (!service || !isName(service)) return refuse('bad_request', 'service must be the name of a service');
  if (!method || !isName(method)) return refuse('bad_request', 'method must be the name of a method');
  if (node !== undefined && !isNodeId(node) && parseAddress(node) === undefined) {
    return refuse('bad_request', `invalid node: ${node.slice(0, 200)}`);
  }
  if (ports.why === undefined) throw new Error('a Main knows why');
  const { decision, failure, hasMethod } = ports.why(service, method, node);
  return ok({
    service,
    method,
    ...(node !== undefined && { node_address: node }),
    timestamp: isoTime(ports.clock.wallNow()),
    outcome: failure?.name ?? 'routed',
    ...(failure !== undefined && { message: failure.message }),
    // Null where no instance is known here that could tell.
    has_method: hasMethod ?? null,
    decision: decisionEntry(decision),
  });
}
