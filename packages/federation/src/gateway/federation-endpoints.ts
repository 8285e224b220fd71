// The federation as one Main sees it. Source: http-api.md §10.

import { isNodeId, NodeTypeMain } from '@relay/protocol';
import type { FastifyRequest } from 'fastify';
import { registryPage } from './federation-registry.ts';
import type { PeerSource, PeerView } from './ports.ts';
import { type Answer, bodyObject, type Context, isoTime, ok, type Route, refuse, rounded } from './route.ts';

const ON_MAIN = { servedBy: [NodeTypeMain], needsRegistry: true } as const;

export const FEDERATION_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/federation/registry', ...ON_MAIN, answer: registryPage },
  { method: 'GET', path: '/federation/health', ...ON_MAIN, answer: health },
  { method: 'GET', path: '/federation/peers', ...ON_MAIN, answer: peers },
  { method: 'POST', path: '/federation/peers/add', ...ON_MAIN, isAdmin: true, answer: addPeer },
  { method: 'DELETE', path: '/federation/peers/:id', ...ON_MAIN, isAdmin: true, answer: removePeer },
  { method: 'POST', path: '/federation/circuits/reset', ...ON_MAIN, isAdmin: true, answer: resetCircuits },
];

function peers({ ports }: Context): Answer {
  const list = [...(ports.peers?.peers() ?? [])].sort(byIdThenUrl).map(peerEntry);
  return ok({ node_id: ports.identity.nodeId, timestamp: isoTime(ports.clock.wallNow()), peers: list });
}

/** Peers that never answered have no id and come first. */
function byIdThenUrl(a: PeerView, b: PeerView): number {
  return compare(a.id ?? '', b.id ?? '') || compare(a.url, b.url);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function peerEntry(peer: PeerView): unknown {
  return {
    id: peer.id,
    url: peer.url,
    state: peer.state,
    is_healthy: peer.isHealthy,
    direction: peer.direction,
    source: peer.source,
    connected_since: isoTime(peer.connectedSince),
    last_seen: isoTime(peer.lastSeen),
    latency_ms: latency(peer.latencyMs),
    services: peer.services,
    reconnect_attempts: peer.reconnectAttempts,
    next_retry_ms: peer.nextRetryMs === null ? null : Math.round(peer.nextRetryMs),
    last_error: peer.lastError,
    calls: { forwarded: peer.calls.forwarded, failed: peer.calls.failed },
    bytes: { sent: peer.bytes.sent, received: peer.bytes.received },
  };
}

function latency(ms: number | null): number | null {
  return ms === null ? null : rounded(ms);
}

function addPeer(context: Context, request: FastifyRequest): Answer {
  const body = bodyObject(request);
  if (body === undefined) return refuse('bad_request', 'Invalid JSON');
  const { url, node_id: nodeId } = body;
  if (url === undefined || url === null || url === '') return refuse('bad_request', 'url is required');
  if (typeof url !== 'string') return refuse('bad_request', 'invalid url: expected a text');
  if (nodeId !== undefined && nodeId !== null && !(typeof nodeId === 'string' && isNodeId(nodeId))) {
    return refuse('bad_request', `invalid node_id: ${text(nodeId)}`);
  }
  const added = peerSource(context).addPeer(url, nodeId ?? undefined);
  switch (added.kind) {
    case 'added':
      return ok({
        status: 'success',
        message: `Peer ${added.peer.url} added`,
        peer: peerEntry(added.peer),
      });
    case 'invalid-url':
      return refuse('bad_request', `invalid url: ${added.reason}`);
    case 'forbidden':
      return refuse('forbidden', added.reason);
    case 'other-url':
      return refuse('conflict', `peer ${added.id} is already configured with another url`);
  }
}

function removePeer(context: Context, request: FastifyRequest): Answer {
  const { id } = request.params as { readonly id: string };
  const removed = peerSource(context).removePeer(id);
  return removed.kind === 'removed'
    ? ok({ status: 'success', message: `Peer ${removed.id} removed` })
    : refuse('not_found', `no such peer: ${id}`);
}

function resetCircuits({ ports }: Context, request: FastifyRequest): Answer {
  const isEmpty = !(request.body instanceof Uint8Array) || request.body.length === 0;
  const body = isEmpty ? {} : bodyObject(request);
  if (body === undefined) return refuse('bad_request', 'Invalid JSON');
  const { service, address } = body;
  if (!isTextOrAbsent(service)) return refuse('bad_request', `invalid service: ${text(service)}`);
  if (!isTextOrAbsent(address)) return refuse('bad_request', `invalid address: ${text(address)}`);
  const reset = ports.circuits?.reset(service ?? undefined, address ?? undefined) ?? 0;
  return ok({ status: 'success', reset });
}

/** Null counts as left out, empty text does not: what was meant to name one must not reset all. */
function isTextOrAbsent(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || (typeof value === 'string' && value !== '');
}

function peerSource({ ports }: Context): PeerSource {
  if (ports.peers === undefined) throw new Error('a Main has a PeerSource');
  return ports.peers;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function health({ ports }: Context): Answer {
  const { identity, registry, lifecycle, clock } = ports;
  const counts = registry.counts();
  const { failed } = counts;
  const total = counts.local + counts.federated;
  const stats = ports.callStats();
  const peers = [...(ports.peers?.peers() ?? [])].sort(byIdThenUrl);
  // An own URL in the list of peers is no peer, and one that dialled in was not configured.
  const configured = peers.filter(({ source, state }) => source !== 'inbound' && state !== 'self');
  const isDraining = lifecycle.state() === 'draining';

  const stopping = [
    ...(isDraining ? ['this node is shutting down'] : []),
    ...(lifecycle.readiness().includes('overloaded') ? ['this node is overloaded'] : []),
  ];
  const degrading = [
    ...configured.filter(({ state }) => state !== 'connected').map(missingPeer),
    ...(total > 0 && failed * 2 >= total ? [`${failed} of ${total} services failed`] : []),
  ];
  return ok({
    // Tools of the first days read these six, in this order.
    status: stopping.length > 0 ? 'unhealthy' : degrading.length > 0 ? 'degraded' : 'healthy',
    connected_homes: counts.connectedHomes,
    connected_peers: peers.filter(({ state }) => state === 'connected').length,
    total_services: total,
    failed_services: failed,
    average_latency: `${Math.round(stats.averageLatencyMs)}ms`,

    node_id: identity.nodeId,
    node_type: identity.nodeType,
    relay_version: identity.version,
    uptime_seconds: Math.max(0, Math.floor((clock.wallNow() - identity.startedAt) / 1000)),
    configured_peers: configured.length,
    p2p_peers: ports.p2p?.peers().length ?? 0,
    local_services: counts.local,
    federated_services: counts.federated,
    open_circuits: counts.openCircuits,
    calls: { total: stats.total, failed: stats.failed, in_flight: stats.inFlight },
    peers: peers.map(({ id, state, isHealthy, latencyMs }) => ({
      id,
      state,
      is_healthy: isHealthy,
      latency_ms: latency(latencyMs),
    })),
    draining: isDraining,
    reasons: [...stopping, ...degrading].slice(0, MAX_REASONS),
    timestamp: isoTime(clock.wallNow()),
  });
}

/** A Main may have any number of configured peers, and all may be away. */
const MAX_REASONS = 20;

function missingPeer({ id, url, state, lastError }: PeerView): string {
  const why = lastError === null ? '' : `: ${lastError}`;
  return `peer ${id ?? url} is ${state === 'connecting' ? 'not connected yet' : state}${why}`;
}
