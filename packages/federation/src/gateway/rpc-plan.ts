// What one JSON-RPC request asks for: a call, a document of this node, or nothing that exists. Decided by its method name alone;
// whether a named service exists is the business of the ingress. Source: http-api.md §4.1, §5, §6.

import type { FailureName } from '@relay/protocol';
import { openRpcDocument, readDiscoverParams } from './open-rpc.ts';
import type { CallRequest } from './ports.ts';
import { type CallOptions, readRemoteCall, shortened } from './remote-call.ts';
import type { Context } from './route.ts';
import { argsBody, paramsBody, type RpcRequest } from './rpc-request.ts';

export type Plan =
  | { readonly kind: 'call'; readonly request: CallRequest }
  | { readonly kind: 'value'; readonly value: unknown }
  | {
      readonly kind: 'failed';
      readonly name: FailureName;
      readonly message: string;
      readonly candidates?: readonly string[];
    };

export function createPlanner(context: Context): (item: RpcRequest, options: CallOptions) => Plan {
  const { identity, registry } = context.ports;
  const isClosed = context.isRegistryDisabled;

  function remoteCall(item: RpcRequest, options: CallOptions): Plan {
    if (isClosed) return failed('method_not_found', 'WebSocket P2P not enabled');
    const read = readRemoteCall(item.params);
    if (read.kind === 'invalid') return failed('invalid_params', read.message);
    if (identity.nodeType === 'p2p' && read.target.node?.includes('@') === true) {
      return failed('invalid_params', 'addresses with @ need a Main Relay');
    }
    // A header that is not read could be the key that keeps an order from being placed twice; a parameter wins over it.
    const request = { ...options, ...read.target, params: argsBody(item), direct: false };
    return { kind: 'call', request };
  }

  function ownMethod(item: RpcRequest): Plan {
    if (item.method === 'rpc.discover') {
      const params = readDiscoverParams(item.params);
      return params === undefined
        ? failed('invalid_params', 'rpc.discover takes service, limit and after')
        : { kind: 'value', value: openRpcDocument(identity, registry, params, !isClosed) };
    }
    return failed('method_not_found', `no such method: ${shortened(item.method)}`);
  }

  /** A name without a dot: whose method is it? Only the own program is asked. */
  function serviceOf(method: string): string | Plan {
    const services = new Set<string>();
    for (const { origin, service, methods } of registry.instances({ origin: 'self' })) {
      if (origin === 'self' && methods.some(({ name }) => name === method)) services.add(service);
    }
    const [only] = services;
    if (only !== undefined && services.size === 1) return only;
    const message = `method must be in format 'server_name.method_name': ${shortened(method)}`;
    return services.size === 0
      ? failed('method_not_found', message)
      : {
          ...failed('method_not_found', message),
          candidates: [...services].sort().map((service) => `${service}.${method}`),
        };
  }

  return (item, options) => {
    const { method } = item;
    if (method === 'remote_call') return remoteCall(item, options);
    const dot = method.indexOf('.');
    if (dot === 0 || dot === method.length - 1) {
      return failed('method_not_found', `invalid method format: ${shortened(method)}`);
    }
    if (dot < 0) {
      const service = serviceOf(method);
      return typeof service === 'string' ? direct(service, method, item, options) : service;
    }
    if (method.startsWith('rpc.')) return ownMethod(item);
    return direct(method.slice(0, dot), method.slice(dot + 1), item, options);
  };
}

function direct(service: string, method: string, item: RpcRequest, options: CallOptions): Plan {
  return { kind: 'call', request: { ...options, service, method, params: paramsBody(item), direct: true } };
}

function failed(name: FailureName, message: string): Plan & { readonly kind: 'failed' } {
  return { kind: 'failed', name, message };
}
