// Everything callable from here, in the form that existing P2P nodes and their tools read. Source: http-api.md §9.
// P2P peers are not there yet, so `peers` is an empty object.

import { NodeTypeHome, NodeTypeMain } from '@relay/protocol';
import type { FastifyRequest } from 'fastify';
import { addressText, isLocal } from './instance-view.ts';
import type { InstanceView } from './ports.ts';
import { type Answer, type Context, isoTime, ok, queryText, type Route, refuse } from './route.ts';

const BOTH = [NodeTypeMain, NodeTypeHome] as const;

export const REGISTRY_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/registry', servedBy: BOTH, needsRegistry: true, answer: registry },
  { method: 'GET', path: '/registry/servers', servedBy: BOTH, needsRegistry: true, answer: servers },
  { method: 'GET', path: '/registry/health', servedBy: BOTH, needsRegistry: true, answer: registryHealth },
  {
    method: 'GET',
    path: '/registry/peers',
    servedBy: [NodeTypeMain],
    needsRegistry: true,
    answer: () => ok({}),
  },
];

type Scope = 'all' | 'local' | 'federated';

function registry(context: Context, request: FastifyRequest): Answer {
  const { identity, clock } = context.ports;
  const scope = readScope(request);
  if (scope === undefined) return BAD_SCOPE;
  return ok({
    node_id: identity.nodeId,
    node_type: identity.nodeType,
    node_address: nodeAddress(context, request),
    servers: serverTable(context, scope),
    peers: {},
    timestamp: isoTime(clock.wallNow()),
  });
}

function servers(context: Context, request: FastifyRequest): Answer {
  const scope = readScope(request);
  return scope === undefined ? BAD_SCOPE : ok(serverTable(context, scope));
}

function registryHealth(context: Context, request: FastifyRequest): Answer {
  const { identity, clock, registry } = context.ports;
  const { local, federated } = registry.counts();
  return ok({
    status: 'healthy',
    node_id: identity.nodeId,
    node_address: nodeAddress(context, request),
    server_count: local + federated,
    peer_count: 0,
    timestamp: isoTime(clock.wallNow()),
  });
}

const BAD_SCOPE = refuse('bad_request', 'scope must be all, local or federated');

function readScope(request: FastifyRequest): Scope | undefined {
  const scope = queryText(request, 'scope');
  if (scope === undefined) return 'all';
  return scope === 'all' || scope === 'local' || scope === 'federated' ? scope : undefined;
}

/** The instance a call would take has the plain name, whatever the scope, so that a key means the same in every answer. */
function serverTable({ ports }: Context, scope: Scope): Record<string, unknown> {
  // Without a prototype, `__proto__` is a name like any other.
  const table: Record<string, unknown> = Object.create(null);
  const named = new Set<string>();
  for (const instance of ports.registry.instances()) {
    const isFirst = !named.has(instance.service);
    named.add(instance.service);
    if (scope !== 'all' && isLocal(instance) !== (scope === 'local')) continue;
    const address = addressText(instance);
    table[isFirst ? instance.service : `${instance.service}@${address}`] = serverEntry(instance, address);
  }
  return table;
}

function serverEntry(instance: InstanceView, address: string): unknown {
  return {
    name: instance.service,
    node_id: instance.nodeId,
    node_address: address,
    methods: instance.methods.map(({ name }) => name),
    last_seen: isoTime(instance.lastSeen),
    is_local: isLocal(instance),
    is_healthy: instance.isHealthy,
    origin: instance.origin,
  };
}

/** Never a wildcard: where the node cannot say, the address on which this request arrived is one that works. */
function nodeAddress({ ports }: Context, request: FastifyRequest): string {
  const configured = ports.identity.address();
  if (configured !== undefined) return configured;
  const { localAddress = '127.0.0.1', localPort = 0 } = request.raw.socket;
  const host = localAddress.replace(/^::ffff:/, '');
  return host.includes(':') ? `[${host}]:${localPort}` : `${host}:${localPort}`;
}
