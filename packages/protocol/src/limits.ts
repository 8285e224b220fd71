// Whatever a peer can grow is bounded, and the bounds are data. Source: protocol.md §1 and §7, security.md §2, http-api.md §2.

/** The limits of WELCOME, the same for both directions of a link. */
export interface LinkLimits {
  /** Bytes of one WebSocket message. In the JSON form a body has to fit as well. */
  readonly messageBytes: number;
  /** Bytes of one params or result. */
  readonly bodyBytes: number;
  /** Calls open at once per direction. */
  readonly inFlight: number;
  /** Services one Home may register. */
  readonly services: number;
  /** Bytes of one ServiceDescription as JSON. */
  readonly serviceBytes: number;
}

export const LINK_LIMITS: LinkLimits = Object.freeze({
  messageBytes: 1_048_576,
  bodyBytes: 16_777_216,
  inFlight: 1_024,
  services: 64,
  serviceBytes: 16_384,
});

/** Between two Mains more calls are open at once. */
export const PEER_LINK_LIMITS: LinkLimits = Object.freeze({ ...LINK_LIMITS, inFlight: 8_192 });

/** Before WELCOME. */
export const HANDSHAKE_LIMITS = Object.freeze({ messageBytes: 4_096, totalMs: 5_000, pending: 1_000 });

/** Bytes of a body in one frame of the binary form, and of one registration or registry message. */
export const CHUNK_BYTES = 65_536;

/**
 * Bytes of a further part of a body of our own. With the headers of its frame (10) and of a WebSocket message without a mask (4) it is
 * as long as what a socket gives in one read, so that mostly nobody has to put it together from two.
 */
export const PART_BYTES = CHUNK_BYTES - 14;
/** The first part of a result stands behind one byte more. */
export const FIRST_PART_BYTES = PART_BYTES - 1;

/** Bytes of one body that may be sent before any credit came. */
export const UNASKED_BYTES = 262_144;

/** Interned texts per link and direction. */
export const INTERNED_TEXTS = 4_096;

/** Bytes waiting on one link: from where new requests are refused, and at which the link is cut. */
export const OUTBOX_LIMITS = Object.freeze({
  /**
   * What a turn of the event loop has to say leaves at its end, or as soon as this many bytes wait. Without it all calls in flight travel
   * as one crowd, and one process works while the others wait; with much less each write costs more than it gains.
   */
  writeBytes: 8_192,
  highWaterBytes: 262_144,
  stuckBytes: 1_048_576,
  stuckMs: 5_000,
  cutBytes: 8_388_608,
});

export const CALL_LIMITS = Object.freeze({
  defaultTimeoutMs: 60_000,
  maxTimeoutMs: 3_600_000,
  ttl: 10,
  defaultPriority: 5,
  /** Servers that may wait for one call. */
  callPath: 32,
});

/** What one HTTP request may hold. */
export interface HttpLimits {
  readonly bodyBytes: number;
  readonly answerBytes: number;
  readonly batch: number;
  readonly depth: number;
  readonly values: number;
}

export const HTTP_LIMITS: HttpLimits = Object.freeze({
  bodyBytes: 262_144,
  answerBytes: 1_048_576,
  batch: 20,
  depth: 32,
  values: 10_000,
});

export const HEARTBEAT = Object.freeze({
  homeMs: 20_000,
  peerMs: 30_000,
  /** Drawn anew each time, plus or minus. */
  jitter: 0.2,
  /** Intervals without any traffic after which a link is dropped. */
  silentIntervals: 2.25,
  /** A peer whose ping is not answered in this time is unhealthy. */
  unansweredMs: 10_000,
});

export const REGISTRY_LIMITS = Object.freeze({
  leaseMs: 90_000,
  /** How long a Main that was started again waits for the Homes that it had. */
  settlingMs: 30_000,
  federatedTtlMs: 600_000,
  digestBuckets: 16,
  services: 50_000,
});
