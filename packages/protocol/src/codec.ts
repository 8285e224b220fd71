// What a session needs from a wire form. An encoder and a decoder belong to one link and one direction of it, since the binary
// form interns texts per link.

import type { NodeAddress } from './address.ts';
import type { FederationMessage } from './message.ts';

export const SUBPROTOCOL_BINARY = 'relay.v1.bin';
export const SUBPROTOCOL_JSON = 'relay.v1.json';
/** Best first. */
export const SUBPROTOCOLS: readonly string[] = Object.freeze([SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON]);

/** The only thing a decoder throws, for any input of any bytes. Closes the session with 4400. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/** What an encoder fills in where the form requires a field that the message leaves out. */
export interface EncoderDefaults {
  readonly self: NodeAddress;
  wallNow(): number;
}

/** Collects messages into link messages, so that all of one turn of the event loop leave together. */
export interface Encoder {
  /**
   * Adds one message; returns its size in bytes. Throws `MalformedMessage` for one that this form or the size of a link
   * message cannot carry (a JSON message over `messageBytes`, say) and is then as before.
   */
  add(message: FederationMessage): number;
  /** Bytes added since the last `take`. */
  readonly pendingBytes: number;
  /** What was added, as link messages of at most `messageBytes` each: JSON one text a message, binary as few as possible. */
  take(): readonly (string | Uint8Array)[];
}

export interface Decoder {
  /** All messages of one link message, in order. Bodies may be views into `data`. */
  decode(data: string | Uint8Array): readonly FederationMessage[];
}

export interface Codec {
  readonly encoder: Encoder;
  readonly decoder: Decoder;
}

/** Creates the two ends of a subprotocol for one link. */
export type CodecFactory = (defaults: EncoderDefaults, limits: { readonly messageBytes: number }) => Codec;
