export * from './address.ts';
export * from './base64url.ts';
export { createBinaryCodec } from './binary-codec.ts';
export * from './call.ts';
export * from './clock.ts';
export * from './close-code.ts';
export * from './codec.ts';
export { decodeRegistrationAnswer, encodeRegistrationAnswer } from './control-json.ts';
export * from './deferred.ts';
export * from './duration.ts';
export * from './failure.ts';
export * from './handshake.ts';
export {
  type Digest,
  type FindOutcome,
  KEPT_MS,
  KEPT_TEXT_BYTES,
  type KeptOutcome,
  keptSizeOf,
  keyScopeOf,
  MEMORY_OUTCOMES,
  type OutcomeBounds,
  STORED_OUTCOMES,
  TOO_LARGE_TO_KEEP,
} from './idempotency/kept-outcome.ts';
export {
  type Begun,
  CONFLICT,
  createIdempotencyCounts,
  type IdempotencyCounts,
  IN_PROGRESS,
  IN_PROGRESS_RETRY_MS,
  KeyedCalls,
} from './idempotency/keyed-calls.ts';
export { KeyedHandler, type KeyedHandlerPorts } from './idempotency/keyed-handler.ts';
export { MemoryOutcomes } from './idempotency/memory-outcomes.ts';
export { createJsonCodec } from './json-codec.ts';
export * from './json-rpc.ts';
export { isWithinJsonLimits, type JsonSize, measureJson } from './json-text.ts';
export * from './legacy/p2p-adapter.ts';
export * from './legacy/p2p-call.ts';
export * from './legacy/p2p-message.ts';
export * from './limits.ts';
export * from './link.ts';
export { linkedPair } from './linked-pair.ts';
export * from './message.ts';
export { PendingCalls, type PendingCallsOptions } from './pending-calls.ts';
export * from './service.ts';
export { entryFromJson, entryToJson, serviceFromJson, serviceToJson } from './service-json.ts';
export { BufferBudget, type BufferUser } from './session/buffer-budget.ts';
export * from './session/codec-for.ts';
export * from './session/handover.ts';
export * from './session/outbox.ts';
export * from './session/session.ts';
export * from './session/session-owner.ts';
export { withWholeParams } from './session/whole-params.ts';
export { decodeUtf8, encodeUtf8, utf8Length } from './utf8.ts';
