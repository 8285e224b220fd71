// What probes, load balancers and first-time visitors ask. Source: http-api.md §8.

import {
  type HttpLimits,
  LINK_LIMITS,
  type LinkLimits,
  NodeTypeHome,
  NodeTypeMain,
  SUBPROTOCOLS,
} from '@relay/protocol';
import { type Answer, type Context, isoTime, ok, type Route } from './route.ts';

const EVERY_ROLE = [NodeTypeMain, NodeTypeHome, 'p2p'] as const;

export const HEALTH_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/health', servedBy: EVERY_ROLE, isPublic: true, answer: health },
  {
    method: 'GET',
    path: '/live',
    servedBy: EVERY_ROLE,
    isPublic: true,
    answer: () => ok({ status: 'alive' }),
  },
  { method: 'GET', path: '/ready', servedBy: EVERY_ROLE, isPublic: true, answer: ready },
  { method: 'GET', path: '/info', servedBy: EVERY_ROLE, answer: info },
  { method: 'GET', path: '/.well-known/relay', servedBy: EVERY_ROLE, isPublic: true, answer: wellKnown },
];

function health({ ports }: Context): Answer {
  const { identity, registry, clock } = ports;
  return ok({
    status: 'healthy',
    timestamp: Math.floor(clock.wallNow() / 1000),
    servers: registry.ownCount(),
    node_id: identity.nodeId,
    node_type: identity.nodeType,
  });
}

function ready({ ports }: Context): Answer {
  const reasons = ports.lifecycle.readiness();
  return reasons.length === 0 ? ok({ status: 'ready' }) : ok({ status: 'not_ready', reasons }, 503);
}

function info({ ports, isRegistryDisabled }: Context): Answer {
  const { identity, registry, clock } = ports;
  const isMain = identity.nodeType === NodeTypeMain;
  const isP2p = identity.nodeType === 'p2p';
  const hasRegistry = !isRegistryDisabled;
  const servers: string[] = [];
  for (const { origin, service } of registry.instances({ origin: 'self' })) {
    if (origin === 'self') servers.push(service);
  }
  servers.sort();
  return ok({
    relay_version: identity.version,
    jsonrpc_version: '2.0',
    node_id: identity.nodeId,
    node_type: identity.nodeType,
    architecture: isP2p ? 'p2p' : 'hub_and_spoke',
    servers,
    server_count: servers.length,
    endpoints: {
      rpc: '/rpc',
      health: '/health',
      info: '/info',
      ...(hasRegistry && { registry: '/registry' }),
      ...(hasRegistry && isMain && { federation: '/federation/registry' }),
      ...(hasRegistry && ports.p2p !== undefined && { websocket: '/ws/p2p' }),
      ...(identity.nodeType === NodeTypeHome && { services: '/services', status: '/status' }),
    },
    capabilities: [
      'jsonrpc-2.0',
      'batch',
      'openrpc',
      ...(hasRegistry ? ['remote-calls'] : []),
      ...(hasRegistry && !isP2p ? ['federation'] : []),
      ...(hasRegistry && ports.p2p !== undefined ? ['websocket-p2p'] : []),
    ],
    timestamp: isoTime(clock.wallNow()),
  });
}

function wellKnown({ ports, limits, isRegistryDisabled }: Context): Answer {
  const { nodeId, nodeType } = ports.identity;
  const hasLinks = nodeType === NodeTypeMain && !isRegistryDisabled;
  return ok({
    node_id: nodeId,
    node_type: nodeType,
    versions: [1],
    subprotocols: SUBPROTOCOLS,
    paths: { ...(hasLinks && { federation: '/ws/federation', peers: '/ws/peers' }), rpc: '/rpc' },
    limits: { ...httpLimits(limits), ...linkLimits(LINK_LIMITS) },
  });
}

function httpLimits(limits: HttpLimits): Record<string, number> {
  const { bodyBytes: body, answerBytes: answer, batch, depth, values } = limits;
  return { body, answer, batch, depth, values };
}

/** With the names they have in WELCOME. */
function linkLimits(limits: LinkLimits): Record<string, number> {
  return {
    message_bytes: limits.messageBytes,
    body_bytes: limits.bodyBytes,
    in_flight: limits.inFlight,
    services: limits.services,
    service_bytes: limits.serviceBytes,
  };
}
