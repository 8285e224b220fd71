// What a session needs from the node it belongs to, and no more. Policy (who may call what) is the owner's.

import type { Call, Cancel, Settle } from '../call.ts';
import type { CloseReason } from '../link.ts';
import type {
  Discovery,
  DrainMessage,
  RegistrationAnswer,
  RegistrationMessage,
  RegistryState,
} from '../message.ts';
import type { Session } from './session.ts';

export interface SessionOwner {
  /**
   * `onCall` takes params in parts (`Call.rest`) and settles results in parts: this node stands in the middle. Without it calls come
   * when they are whole.
   */
  readonly takesParts?: boolean | undefined;
  /**
   * The session is usable and reachable by its id. `resumed`: the services of the Home stand as they were and no
   * registration will come.
   */
  onOpened(session: Session, resumed: boolean): void;
  /** A request came in; source, caller, path and call path are as received. Same contract as `CallHandler`. */
  onCall(session: Session, call: Call, settle: Settle): Cancel;
  /** From a Home, one part of a registration; takes effect with `complete`. */
  onRegistration(session: Session, message: RegistrationMessage): RegistrationAnswer;
  /** From a peer. */
  onDiscovery(session: Session, discovery: Discovery): void;
  /** From a Main that is leaving. */
  onDrain(session: Session, message: DrainMessage): void;
  /** Stated in each heartbeat to a peer. */
  registryState(session: Session): RegistryState | undefined;
  /** What a peer stated in a heartbeat. */
  onRegistryState(session: Session, state: RegistryState): void;
  /** Stated in each heartbeat. */
  load(): { readonly inFlight: number; readonly capacity: number };
  /** Exactly once per opened session, before the calls that wait on it are settled, so that none is tried on it again. */
  onClosed(session: Session, reason: CloseReason): void;
}

/** The same owner with some of its members replaced: how a connection manager looks over its shoulder. */
export function withOverrides(owner: SessionOwner, overrides: Partial<SessionOwner>): SessionOwner {
  return {
    takesParts: owner.takesParts,
    onOpened: (session, resumed) => owner.onOpened(session, resumed),
    onCall: (session, call, settle) => owner.onCall(session, call, settle),
    onRegistration: (session, message) => owner.onRegistration(session, message),
    onDiscovery: (session, discovery) => owner.onDiscovery(session, discovery),
    onDrain: (session, message) => owner.onDrain(session, message),
    registryState: (session) => owner.registryState(session),
    onRegistryState: (session, state) => owner.onRegistryState(session, state),
    load: () => owner.load(),
    onClosed: (session, reason) => owner.onClosed(session, reason),
    ...overrides,
  };
}
