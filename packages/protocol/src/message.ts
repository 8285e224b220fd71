// The logical messages of a federation link, one union over `type`. Both codecs carry the same messages; nothing past a decoder
// sees unknown fields. Source: protocol.md §4. Members are in camelCase here and have the plan's names on the wire.

import type { NodeAddress } from './address.ts';
import type { Body, Caller, CancelMode, TraceRecord } from './call.ts';
import type { Failure } from './failure.ts';
import type { ServiceOffer } from './service.ts';

/**
 * Link-local name of an exchange: a whole number from 1 to 2^32−1, or in the JSON form any other text of 1 to 64 characters.
 * Decimal text and number are the same id; decoders always give the number.
 */
export type CallId = number | string;

/** What any message may carry beside what its type needs. Encoders fill in what the form requires and is missing here. */
export interface Envelope {
  /** `message_id`; 0 or absent where nothing is answered. */
  readonly id?: CallId;
  /** Sending time, ms since 1970. The binary form leaves it out when absent. */
  readonly timestampMs?: number;
  /** The node that speaks; for a request the node where the call began. */
  readonly sourceNode?: NodeAddress;
}

/** Asks for one call of a method. */
export interface RequestMessage extends Envelope {
  readonly type: 'request';
  readonly id: CallId;
  readonly sourceNode: NodeAddress;
  /** Absent: any instance of `serverName`. */
  readonly destinationNode?: NodeAddress;
  readonly serverName: string;
  readonly method: string;
  /** What remains until the deadline, in whole ms. */
  readonly timeoutMs: number;
  /** Nobody named this time for this call: the ingress may replace it by that of the service. */
  readonly hasDefaultTimeout?: boolean;
  /** Params; with `continues` only their first part. */
  readonly body: Body;
  /** More of the body follows in `body` messages. Binary form only. */
  readonly continues?: boolean;
  readonly routingPath: readonly string[];
  readonly ttl: number;
  readonly priority: number;
  readonly trace: boolean;
  /** Empty if not set. */
  readonly traceparent: string;
  readonly caller: Caller;
  readonly callPath: readonly string[];
  readonly idempotencyKey?: string;
}

/** The result of a call, or the answer to a registration. */
export interface ResponseMessage extends Envelope {
  readonly type: 'response';
  readonly correlationId: CallId;
  readonly body: Body;
  readonly continues?: boolean;
  readonly trace?: TraceRecord;
}

/** The failure of a call. */
export interface ErrorMessage extends Envelope {
  readonly type: 'error';
  readonly correlationId: CallId;
  readonly failure: Failure;
  readonly trace?: TraceRecord;
}

/** The caller went away; from who sent the request. */
export interface CancelMessage extends Envelope {
  readonly type: 'cancel';
  readonly correlationId: CallId;
  readonly mode: CancelMode;
}

/** A service as it travels: the offer and the start of the process that makes it. */
export interface ServiceDescription extends ServiceOffer {
  /** That of AUTH: 16 random bytes as base64url, new at each process start. */
  readonly instance: string;
}

/** A Home tells its Main what it offers. `base: 0` replaces everything, otherwise a change on top of `base`. */
export interface RegistrationMessage extends Envelope {
  readonly type: 'registration';
  readonly id: CallId;
  readonly seq: number;
  readonly base: number;
  readonly services: readonly ServiceDescription[];
  readonly removed: readonly string[];
  /** The last message of this `seq`: now all takes effect. */
  readonly complete: boolean;
}

/** The body of the `response` to a registration, as JSON. */
export interface RegistrationAnswer {
  readonly seq: number;
  readonly refused?: readonly { readonly service_name: string; readonly failure: Failure }[];
  /** The Main does not hold `base`: send a full registration. */
  readonly want?: 0;
}

/** What a Main knows of its own advertisement: a peer that states another has something to ask. */
export interface RegistryState {
  readonly instance: string;
  readonly seq: number;
  /** 16 texts of 16 hex digits, one per bucket. */
  readonly digest: readonly string[];
}

export interface HeartbeatMessage extends Envelope {
  readonly type: 'heartbeat';
  readonly kind: 'ping' | 'pong';
  readonly seq: number;
  readonly load?: { readonly inFlight: number; readonly capacity: number };
  readonly registry?: RegistryState;
}

/** One instance of one service as a Main advertises it to its peers. */
export interface RegistryEntry extends ServiceDescription {
  readonly node: NodeAddress;
  readonly healthy: boolean;
  /** Calls it takes at once. */
  readonly capacity: number;
  /** Number of its last change at its Main. */
  readonly seq: number;
}

/** Registry sync between Mains (protocol.md §8). */
export type Discovery =
  | { readonly kind: 'state'; readonly state: RegistryState }
  | {
      readonly kind: 'delta';
      readonly instance: string;
      readonly from: number;
      readonly to: number;
      readonly add: readonly RegistryEntry[];
      /** Pairs of service name and node id. */
      readonly remove: readonly (readonly [string, string])[];
    }
  | { readonly kind: 'want'; readonly instance: string; readonly since?: number; readonly bucket?: number }
  | {
      readonly kind: 'snapshot';
      readonly instance: string;
      readonly seq: number;
      readonly add: readonly RegistryEntry[];
      readonly complete: boolean;
      readonly bucket?: number;
    };

export interface DiscoveryMessage extends Envelope {
  readonly type: 'service_discovery';
  readonly discovery: Discovery;
}

/** The node is leaving: come back elsewhere after `reconnectInMs`. */
export interface DrainMessage extends Envelope {
  readonly type: 'drain';
  readonly reconnectInMs: number;
  readonly alternatives: readonly string[];
}

/** Binary form only: a further part of a body. */
export interface BodyMessage {
  readonly type: 'body';
  /** Whether it belongs to a request or to a response. */
  readonly of: 'request' | 'response';
  readonly id: CallId;
  readonly body: Body;
  readonly continues: boolean;
  /** For the encoder: before `body` in its buffer is the header of the frame that it came in, and nobody else needs that frame. */
  readonly mayReuseFrame?: boolean;
}

/** Binary form only: so many bytes more of a body may be sent. */
export interface CreditMessage {
  readonly type: 'credit';
  readonly id: CallId;
  readonly bytes: number;
  /** The sender of the credit opened the call, so the body is that of the response. */
  readonly fromOpener: boolean;
}

/** A message of a type this node does not know, after WELCOME: counted and ignored. */
export interface UnknownMessage {
  readonly type: 'unknown';
  readonly name: string;
}

/** One message on a federation link. `type` decides the other fields. */
export type FederationMessage =
  | RequestMessage
  | ResponseMessage
  | ErrorMessage
  | CancelMessage
  | RegistrationMessage
  | HeartbeatMessage
  | DiscoveryMessage
  | DrainMessage
  | BodyMessage
  | CreditMessage
  | UnknownMessage;
