// The rules that keep calls from going round. Source: protocol.md §7 Hops, Path; §2 source_node.

import { CALL_LIMITS, type Call, createFailure, type Failure } from '@relay/protocol';
import type { CallOrigin } from './route.ts';

/** Why this call must not be taken any further, if so. */
export function hopFailure(call: Call, from: CallOrigin, self: string): Failure | undefined {
  if (call.path.includes(self)) {
    return createFailure(
      'loop_detected',
      `the call has been at ${self} before: ${call.path.join(' -> ')}`,
      self,
    );
  }
  if (call.callPath.length > CALL_LIMITS.callPath) {
    return createFailure(
      'loop_detected',
      `more than ${CALL_LIMITS.callPath} servers wait for this call`,
      self,
    );
  }
  if (from.kind !== 'own' && call.ttl <= 0) {
    return createFailure('too_many_hops', 'the ttl of the call is used up', self);
  }
  return undefined;
}

/** A node that ends is gone in a moment; by then another instance can be found, or the node again. */
const GONE_RETRY_MS = 1_000;

/** The node takes no new calls, or (`unknown`) has cut one that it had. */
export function shuttingDown(self: string, executed: 'no' | 'unknown' = 'no'): Failure {
  const message = executed === 'no' ? `${self} is shutting down` : `${self} shut down before the call ended`;
  return createFailure('shutting_down', message, self, { executed, retryAfterMs: GONE_RETRY_MS });
}

/** A request from a peer must have begun at that peer or at a node below it. */
export function isSourceOf(call: Call, peer: string): boolean {
  const { type, id, mainRelay } = call.source;
  return type === 'main' ? id === peer : mainRelay === peer;
}
