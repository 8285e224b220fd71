// `rpc.discover`: an OpenRPC 1.3 document of what can be called from here. It promises what a call would find: of a service with
// several instances the methods of the preferred one, since a call does not look further. Source: http-api.md §6.

import type { MethodDescription, ParameterDescription } from '@relay/protocol';
import { PAGE_INSTANCES, readLimit } from './federation-registry.ts';
import { addressText, isLocal } from './instance-view.ts';
import type { InstanceView, NodeIdentity, RegistrySource } from './ports.ts';

export interface DiscoverParams {
  readonly service?: string;
  /** Instances described at most; a service is never divided. */
  readonly limit?: number;
  /** `x-relay.next` of the document before. */
  readonly after?: string;
}

/** By position or by name; undefined if they do not bind. */
export function readDiscoverParams(params: unknown): DiscoverParams | undefined {
  if (params === undefined || params === null) return {};
  if (typeof params !== 'object') return undefined;
  const named = Array.isArray(params)
    ? { service: params[0], limit: params[1], after: params[2] }
    : (params as Record<string, unknown>);
  const { service, limit, after } = named as Record<string, unknown>;
  if (!isTextOrNone(service) || !isTextOrNone(after)) return undefined;
  const count = readLimit(limit as number | undefined);
  if (count === undefined) return undefined;
  return {
    ...(typeof service === 'string' && { service }),
    ...(typeof after === 'string' && { after }),
    limit: count,
  };
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string';
}

export function openRpcDocument(
  identity: NodeIdentity,
  registry: Pick<RegistrySource, 'instances'>,
  params: DiscoverParams,
  canCallRemotely = true,
): unknown {
  const { service, after, limit = PAGE_INSTANCES } = params;
  const byService = new Map<string, InstanceView[]>();
  for (const instance of registry.instances(service === undefined ? undefined : { service })) {
    if (service !== undefined && instance.service !== service) continue;
    if (after !== undefined && instance.service <= after) continue;
    const known = byService.get(instance.service);
    if (known === undefined) byService.set(instance.service, [instance]);
    else known.push(instance);
  }
  const names = [...byService.keys()].sort();
  const methods: unknown[] = after === undefined ? [...(canCallRemotely ? [REMOTE_CALL] : []), DISCOVER] : [];
  let described = 0;
  let next: string | undefined;
  for (const [index, name] of names.entries()) {
    const instances = byService.get(name) ?? [];
    if (index > 0 && described + instances.length > limit) {
      next = names[index - 1];
      break;
    }
    described += instances.length;
    for (const method of instances[0]?.methods ?? []) methods.push(serviceMethod(name, method, instances));
  }
  const address = identity.address();
  return {
    openrpc: '1.3.2',
    info: { title: `Relay ${identity.nodeId}`, version: identity.version },
    servers: [{ name: identity.nodeId, url: address === undefined ? '/rpc' : `http://${address}/rpc` }],
    methods,
    ...(next !== undefined && { 'x-relay': { next } }),
  };
}

function serviceMethod(
  service: string,
  method: MethodDescription,
  instances: readonly InstanceView[],
): unknown {
  return {
    name: `${service}.${method.name}`,
    ...(method.doc !== undefined && { description: method.doc }),
    params: method.params.map((param) => parameter(param)),
    result: { name: 'result', schema: schemaOf(method.returns) },
    'x-relay': {
      effect: method.effect,
      instances: instances.map((instance) => ({
        address: addressText(instance),
        is_local: isLocal(instance),
        is_healthy: instance.isHealthy,
      })),
    },
  };
}

/** No argument is ever required: a missing one is nil. */
function parameter({ name, type }: Pick<ParameterDescription, 'name' | 'type'>): unknown {
  return { name, required: false, schema: schemaOf(type) };
}

const PLAIN_TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'number',
  bool: 'boolean',
  object: 'object',
};

/** JSON Schema of a type in the language's notation; what has no counterpart is anything. */
export function schemaOf(type: string): unknown {
  const text = type.trim();
  if (Object.hasOwn(PLAIN_TYPES, text)) return { type: PLAIN_TYPES[text] };
  const lists = /^\[+/.exec(text)?.[0].length ?? 0;
  const item = text.slice(lists, -lists || undefined);
  // A notation nested deeper than anybody writes is no reason to build a schema of that depth.
  if (lists === 0 || lists > 8 || text.slice(-lists) !== ']'.repeat(lists)) return {};
  let schema = schemaOf(item);
  for (let i = 0; i < lists; i++) schema = { type: 'array', items: schema };
  return schema;
}

const DISCOVER = {
  name: 'rpc.discover',
  description: 'This document; pages of at most 1,000 instances.',
  params: [
    parameter({ name: 'service', type: 'string' }),
    parameter({ name: 'limit', type: 'number' }),
    parameter({ name: 'after', type: 'string' }),
  ],
  result: { name: 'result', schema: { type: 'object' } },
};

const REMOTE_CALL = {
  name: 'remote_call',
  description: 'Calls a method of a service on any node of the federation.',
  params: [
    parameter({ name: 'node_id', type: 'string' }),
    parameter({ name: 'service_name', type: 'string' }),
    parameter({ name: 'server_name', type: 'string' }),
    { name: 'method', required: true, schema: { type: 'string' } },
    { name: 'args', required: false, schema: { type: ['array', 'object', 'null'] } },
    { name: 'timeout', required: false, schema: { type: 'number', exclusiveMinimum: 0, maximum: 3600 } },
    parameter({ name: 'trace', type: 'bool' }),
    parameter({ name: 'idempotency_key', type: 'string' }),
  ],
  result: { name: 'result', schema: {} },
};
