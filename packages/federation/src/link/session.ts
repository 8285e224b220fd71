// A link after its handshake.

import type {
  CallHandler,
  CloseReason,
  Discovery,
  RegistrationAnswer,
  RegistrationMessage,
} from '@relay/protocol';

/** What the node at the other end is. */
export type SessionRole = 'home' | 'main' | 'client';

export interface Session {
  /** Unique text, that of WELCOME. */
  readonly id: string;
  /** Role of the other side. */
  readonly role: SessionRole;
  /** Empty for an anonymous client. */
  readonly nodeId: string;
  /** Start of the other process, base64url. From a Main that we dialled: empty until it has stated its registry. */
  readonly instance: string;
  readonly epoch: number;
  readonly direction: 'inbound' | 'outbound';
  /** As dialled; undefined for inbound. */
  readonly url: string | undefined;
  /** Where the other side says that others reach it. */
  readonly advertise: string | undefined;
  readonly remoteAddress: string;
  /** Wall ms. */
  readonly connectedAt: number;
  readonly latencyMs: number | undefined;
  /** Wall ms. */
  readonly lastReceivedAt: number;
  readonly isOpen: boolean;
  /** Open, and the last ping was answered within 10 s. */
  readonly isHealthy: boolean;
  /** Over 256 KiB wait for the link: new requests are refused. */
  readonly isCongested: boolean;
  /** Calls sent over the link that have no outcome yet. */
  readonly inFlight: number;
  /** Calls received over the link that have no outcome yet. */
  readonly serving: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Sends a call to the other side. Bound, so that it can be handed on. */
  readonly call: CallHandler;
  /** Sends one part of a registration. `settle` gets undefined when the link ended first. */
  register(
    part: Omit<RegistrationMessage, 'type' | 'id'>,
    settle: (answer: RegistrationAnswer | undefined) => void,
  ): void;
  sendDiscovery(discovery: Discovery): void;
  sendDrain(reconnectInMs: number, alternatives: readonly string[]): void;
  /** Closes with a handshake; the first reason wins. */
  close(code: number, reason: string): void;
  /** Drops the link without a handshake. */
  terminate(): void;
  /** Resolved order: `run` after `SessionOwner.onClosed`. At once if already closed. */
  onClose(run: (reason: CloseReason) => void): void;
}
