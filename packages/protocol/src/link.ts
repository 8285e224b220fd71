// A link is one connection as the transport gives it: texts and byte strings, in order, at most once. Codec, handshake and
// coalescing stand above it, so that WebSocket, in-memory and faulty links are exchangeable.

/** How a link ended: a WebSocket close code (protocol.md §9; 1006 without a close handshake) and its text. */
export interface CloseReason {
  readonly code: number;
  readonly reason: string;
}

/** What a link tells its user. `onClose` comes exactly once, last. Neither may throw. */
export interface LinkListener {
  /** Bytes are the listener's own: it may write into them, and nobody else does. */
  onData(data: string | Uint8Array): void;
  onClose(reason: CloseReason): void;
  /** The transport has taken what waited. A hint: a link that cannot tell never calls it. */
  onDrain?(): void;
}

export interface Link {
  /** The subprotocol both sides agreed on. */
  readonly subprotocol: string;
  /** Set once, before the first turn of the event loop after the link was handed over; nothing is delivered before. */
  listen(listener: LinkListener): void;
  /** Hands one message to the transport; no promise of delivery. Ignored after the link has closed. The bytes must not change after. */
  send(data: string | Uint8Array): void;
  /** Bytes handed over that the transport has not taken yet. */
  readonly bufferedBytes: number;
  /** Raises or lowers the size of one incoming message from which on the link closes with 1009. */
  limitMessage(bytes: number): void;
  /** Close with a handshake. Idempotent: the first reason wins. `onClose` follows, at the latest after 5 s. */
  close(code: number, reason: string): void;
  /** Drop without a handshake: the other side hears nothing. `onClose` follows with 1006. */
  terminate(): void;
}
