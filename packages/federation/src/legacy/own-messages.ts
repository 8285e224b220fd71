// What this node writes: new messages in its own name, and the marks it leaves on everything it sends. Source: legacy-p2p.md §3, §4.4.

import {
  type Clock,
  encodeP2p,
  P2P_LIMITS,
  type P2pMessage,
  type P2pObject,
  p2pToJson,
  type Random,
} from '@relay/protocol';

export interface OwnMessagesOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly random: Random;
}

export class OwnMessages {
  readonly #options: OwnMessagesOptions;

  constructor(options: OwnMessagesOptions) {
    this.#options = options;
  }

  /** 32 random hex digits. */
  newId(): string {
    return [...this.#options.random.bytes(16)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  /** Not on its way yet: `stamped` makes it so. */
  create(type: string, to: string, data: P2pObject, id = this.newId()): P2pMessage {
    const { self: from, clock } = this.#options;
    const timestamp = new Date(clock.wallNow()).toISOString();
    return { type, id, from, to, data, timestamp, route: [], ttl: P2P_LIMITS.ttl, replyTo: '' };
  }

  /** One hop less to go, and this node at the end of its route. */
  stamped(message: P2pMessage): P2pMessage {
    return { ...message, ttl: message.ttl - 1, route: [...message.route, this.#options.self] };
  }

  /** The text for the neighbour `hop`, in an envelope unless that is the receiver. */
  textFor(hop: string, stamped: P2pMessage): string {
    if (hop === stamped.to) return encodeP2p(stamped);
    const envelope = this.create('route_message', hop, { original_message: p2pToJson(stamped) });
    return encodeP2p({ ...envelope, ttl: Math.max(1, stamped.ttl - 1) });
  }
}
