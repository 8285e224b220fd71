// What a Home says about itself and its Main. Source: http-api.md §10.6.

import { NodeTypeHome } from '@relay/protocol';
import type { MainLinkSource, UplinkView } from './ports.ts';
import { type Answer, type Context, isoTime, ok, type Route, rounded } from './route.ts';

export const HOME_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/services', servedBy: [NodeTypeHome], answer: services },
  { method: 'GET', path: '/status', servedBy: [NodeTypeHome], answer: status },
];

function services({ ports }: Context): Answer {
  const link = mainLink(ports.mainLink);
  return ok({
    node_id: ports.identity.nodeId,
    main_relay: link.uplinks()[0]?.id ?? null,
    services: link.services().map((service) => ({
      service_name: service.name,
      methods: service.methods,
      registered: service.registered,
      in_flight: service.inFlight,
      calls: service.calls,
      errors: service.errors,
    })),
    timestamp: isoTime(ports.clock.wallNow()),
  });
}

function status({ ports }: Context): Answer {
  const { identity, clock } = ports;
  const link = mainLink(ports.mainLink);
  const uplinks = link.uplinks().map(uplinkEntry);
  return ok({
    node_id: identity.nodeId,
    node_type: identity.nodeType,
    status: link.status(),
    main_relay: uplinks[0] ?? null,
    ...(uplinks.length > 1 && { uplinks }),
    fallbacks: link.fallbacks(),
    services: link.services().length,
    uptime_seconds: Math.max(0, Math.floor((clock.wallNow() - identity.startedAt) / 1000)),
    timestamp: isoTime(clock.wallNow()),
  });
}

function uplinkEntry(uplink: UplinkView): unknown {
  return {
    id: uplink.id,
    url: uplink.url,
    connected_since: isoTime(uplink.connectedSince),
    last_heartbeat: isoTime(uplink.lastHeartbeat),
    latency_ms: uplink.latencyMs === null ? null : rounded(uplink.latencyMs),
    reconnect_attempts: uplink.reconnectAttempts,
    next_retry_ms: uplink.nextRetryMs === null ? null : Math.round(uplink.nextRetryMs),
    last_error: uplink.lastError,
  };
}

function mainLink(source: MainLinkSource | undefined): MainLinkSource {
  if (source === undefined) throw new Error('a Home has a MainLinkSource');
  return source;
}
