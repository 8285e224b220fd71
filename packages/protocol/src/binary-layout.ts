// Numbers of `relay.v1.bin` (docs/protocol.md, "Binary form"). They are a promise: none of them ever changes its meaning.

/** u32 length of what follows, u8 type, u8 flags, u32 call. */
export const HEADER_BYTES = 10;
/** The part of the header that `length` counts. */
export const COUNTED_HEADER_BYTES = 6;

export const FRAME_TYPE = {
  request: 1,
  response: 2,
  error: 3,
  cancel: 4,
  registration: 5,
  heartbeat: 6,
  serviceDiscovery: 7,
  drain: 8,
  credit: 9,
} as const;

export const FLAG = {
  /** The body goes on in a further frame. */
  more: 1,
  /** Goes on with the body of an earlier frame; no fields. */
  cont: 2,
  /** The sender of this credit opened the call. */
  opener: 4,
  /** Nobody named the timeout of this request. */
  defaultTimeout: 8,
} as const;

/** Bits of the first byte of the fields of a request: what else is there. */
export const IN_REQUEST = {
  timestamp: 1,
  destination: 2,
  trace: 4,
  traceparent: 8,
  traceparentText: 16,
  callPath: 32,
  idempotencyKey: 64,
  priority: 128,
} as const;

/** The same for every other type. */
export const IN_OTHERS = { timestamp: 1, source: 2, trace: 4, retryAfter: 8 } as const;

/** What an interned text stands for. One id means one of them until it is defined anew. */
export const TEXT_KIND = { address: 1, name: 2, nodeId: 3, caller: 4, text: 5 } as const;
export type TextKind = (typeof TEXT_KIND)[keyof typeof TEXT_KIND];

/** Set in a reference that is followed by its text. */
export const DEFINES = 0x8000;

/** `00-` 32 digits `-` 16 digits `-` 2 digits, all lower case. */
export const TRACEPARENT_CHARS = 55;
export const TRACEPARENT_BYTES = 25;
