// The calls that programs and TypeScript services make: one place that turns `service@node` into a Call of the federation.

import { CALL_LIMITS, type Call, homeAddress, isName, type NodeAddress, parseAddress } from '@relay/protocol';

export interface OutboundRequest {
  /** `service`, any instance, or `service@node` with the text form of a node's address. */
  readonly target: string;
  readonly method: string;
  readonly params: Uint8Array;
  readonly deadline: number;
  /** Text form of this node's address. */
  readonly nodeId: string;
  readonly callPath: readonly string[];
  /** Of the call that led to this one; empty where a program began by itself. */
  readonly traceparent: string;
}

/** Undefined if the target is no address or the method no name: nothing can be there. */
export function createOutboundCall(request: OutboundRequest): Call | undefined {
  const { target, method, nodeId } = request;
  const at = target.indexOf('@');
  const service = at < 0 ? target : target.slice(0, at);
  const destination = at < 0 ? undefined : parseAddress(target.slice(at + 1));
  if (!isName(service) || !isName(method) || (at >= 0 && destination === undefined)) return undefined;
  const source: NodeAddress = parseAddress(nodeId) ?? homeAddress(nodeId);
  return {
    ...(destination === undefined ? {} : { destination }),
    service,
    method,
    params: request.params,
    deadline: request.deadline,
    // A send names no time: that it waits at all is a setting of its node.
    hasDefaultTimeout: true,
    source,
    caller: { kind: 'program', node: source.id },
    path: [],
    ttl: CALL_LIMITS.ttl,
    priority: CALL_LIMITS.defaultPriority,
    trace: false,
    traceparent: request.traceparent,
    callPath: request.callPath,
  };
}
