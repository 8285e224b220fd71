// Everything callable from here, in the form that existing P2P nodes and their tools read. Source: http-api.md §9.
// `peers` are those of the former protocol; Homes have none.

import { isNodeId, NodeTypeHome, NodeTypeMain, RESERVED_IDS } from '@relay/protocol';
import type { FastifyRequest } from 'fastify';
import { addressText, isLocal } from './instance-view.ts';
import type { InstanceView } from './ports.ts';
import {
  type Answer,
  bodyObject,
  type Context,
  isoTime,
  ok,
  queryText,
  type Route,
  refuse,
} from './route.ts';

const EVERY_ROLE = [NodeTypeMain, NodeTypeHome, 'p2p'] as const;
const WITH_P2P = { servedBy: [NodeTypeMain, 'p2p'], needsRegistry: true } as const;

export const REGISTRY_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/registry', servedBy: EVERY_ROLE, needsRegistry: true, answer: registry },
  { method: 'GET', path: '/registry/servers', servedBy: EVERY_ROLE, needsRegistry: true, answer: servers },
  {
    method: 'GET',
    path: '/registry/health',
    servedBy: EVERY_ROLE,
    needsRegistry: true,
    answer: registryHealth,
  },
  { method: 'GET', path: '/registry/peers', ...WITH_P2P, answer: (context) => ok(peerTable(context)) },
  { method: 'POST', path: '/registry/peers/add', ...WITH_P2P, isAdmin: true, answer: addPeer },
  { method: 'DELETE', path: '/registry/peers/remove', ...WITH_P2P, isAdmin: true, answer: removePeer },
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
    peers: peerTable(context),
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
    peer_count: context.ports.p2p?.peers().length ?? 0,
    timestamp: isoTime(clock.wallNow()),
  });
}

function peerTable({ ports }: Context): Record<string, unknown> {
  const table: Record<string, unknown> = Object.create(null);
  for (const { id, address, lastSeen, isHealthy, services } of ports.p2p?.peers() ?? []) {
    table[id] = {
      node_id: id,
      address,
      last_seen: isoTime(lastSeen),
      is_healthy: isHealthy,
      server_count: services,
    };
  }
  return table;
}

function addPeer({ ports }: Context, request: FastifyRequest): Answer {
  const body = bodyObject(request);
  if (body === undefined) return refuse('bad_request', 'Invalid JSON');
  const { node_id: id, address } = body;
  if (typeof id !== 'string' || id === '' || typeof address !== 'string' || address === '') {
    return refuse('bad_request', 'node_id and address are required');
  }
  if (!isNodeId(id) || RESERVED_IDS.includes(id)) {
    return refuse('bad_request', `invalid node_id: ${id.slice(0, 200)}`);
  }
  const added = ports.p2p?.addPeer(id, address);
  switch (added?.kind) {
    case 'self':
      return refuse('bad_request', 'cannot add this node as its own peer');
    case 'invalid-address':
      return refuse('bad_request', `invalid address: ${address.slice(0, 200)}`);
    case 'forbidden':
      return refuse('forbidden', added.reason);
    case 'added':
      return ok({ status: 'success', message: `Peer ${id} added successfully` });
    case undefined:
      return refuse('not_found', 'this node has no P2P links');
  }
}

function removePeer({ ports }: Context, request: FastifyRequest): Answer {
  const hasBody = request.body instanceof Uint8Array && request.body.length > 0;
  const body = hasBody ? bodyObject(request) : {};
  if (body === undefined) return refuse('bad_request', 'Invalid JSON');
  const id = body['node_id'] ?? queryText(request, 'node_id');
  if (typeof id !== 'string' || id === '') return refuse('bad_request', 'node_id is required');
  ports.p2p?.removePeer(id);
  return ok({ status: 'success', message: `Peer ${id.slice(0, 200)} removed successfully` });
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
