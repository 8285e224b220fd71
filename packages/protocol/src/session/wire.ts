// What the parts of a session share, and the failures that come from the link itself.

import type { Clock } from '../clock.ts';
import { MalformedMessage } from '../codec.ts';
import { createFailure, type Failure, type FailureName } from '../failure.ts';
import type { LinkLimits } from '../limits.ts';
import type { FederationMessage } from '../message.ts';
import type { BodyAssembly } from './body-assembly.ts';
import type { BufferBudget } from './buffer-budget.ts';
import type { Outbox } from './outbox.ts';

/** What the node at the other end is. */
export type SessionRole = 'home' | 'main' | 'client';

/** The session, as its parts see it. */
export interface Wire {
  /** Id of this node. */
  readonly self: string;
  readonly role: SessionRole;
  /** Id of the other side. */
  readonly nodeId: string;
  readonly limits: LinkLimits;
  /** Big bodies go in parts. */
  readonly isBinary: boolean;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly assembly: BodyAssembly;
  readonly budget: BufferBudget;
  /** The owner takes params in parts. */
  readonly takesParts: boolean;
  readonly isOpen: boolean;
  /** For messages of our own making, which always fit. */
  send(message: FederationMessage): void;
  close(code: number, reason: string): void;
}

/** What a refused call is told to wait before it comes again. */
const RETRY_AFTER_MS = 250;
/** What a node that was lost needs to come back at the earliest, or to be found elsewhere. */
const RETURN_MS = 1_000;

export function tooLarge(wire: Wire, what: 'params' | 'result'): Failure {
  const max = wire.isBinary ? wire.limits.bodyBytes : wire.limits.messageBytes;
  return createFailure('payload_too_large', `${what} over ${max} bytes`, wire.self, {
    executed: what === 'params' ? 'no' : 'yes',
    data: { limit: { name: 'body', max } },
  });
}

export function overloaded(wire: Wire, message: string): Failure {
  return createFailure('overloaded', message, wire.self, { retryAfterMs: RETRY_AFTER_MS });
}

/** This node holds about as much as it may. */
export function outOfBuffers(wire: Wire): Failure {
  return overloaded(wire, `${wire.self} has no room for more bodies`);
}

/** Why the encoder did not take a message with a body of this size. */
export function unsendable(
  wire: Wire,
  error: unknown,
  what: 'params' | 'result',
  bodyBytes: number,
): Failure {
  if (!(error instanceof MalformedMessage)) throw error;
  // In the JSON form a body has to fit into one message.
  if (bodyBytes > wire.limits.messageBytes / 2) return tooLarge(wire, what);
  if (what === 'params') return createFailure('invalid_params', error.message, wire.self);
  return createFailure('internal_error', error.message, wire.self, { executed: 'yes' });
}

/** The other side cannot be reached, or has gone while a call waited for it. */
export function lost(wire: Wire, why: string, executed: 'no' | 'unknown'): Failure {
  const [name, kind]: [FailureName, string] =
    wire.role === 'main' ? ['peer_unreachable', 'Main Relay'] : ['home_disconnected', 'Home Relay'];
  const message = `${kind} ${nameOf(wire)} is not reachable: ${why}`;
  return createFailure(name, message, wire.self, { executed, retryAfterMs: RETURN_MS });
}

export function nameOf(wire: Wire): string {
  return wire.nodeId === '' ? 'a client' : wire.nodeId;
}
