// Calls with an idempotency key to somebody whose effects are his own, such as a TypeScript service: outcomes are kept beside him, in
// memory, as long as the process runs.

import {
  ALREADY_SETTLED,
  type Call,
  type CallHandler,
  type Cancel,
  type Outcome,
  type Settle,
} from '../call.ts';
import { createFailure, type Failure, type FailureName } from '../failure.ts';
import { decodeUtf8, encodeUtf8, utf8Length } from '../utf8.ts';
import {
  type Digest,
  KEPT_TEXT_BYTES,
  type KeptOutcome,
  keyScopeOf,
  MEMORY_OUTCOMES,
  TOO_LARGE_TO_KEEP,
} from './kept-outcome.ts';
import {
  CONFLICT,
  createIdempotencyCounts,
  IN_PROGRESS,
  IN_PROGRESS_RETRY_MS,
  KeyedCalls,
} from './keyed-calls.ts';
import { MemoryOutcomes } from './memory-outcomes.ts';

export interface KeyedHandlerPorts {
  /** In ms since 1970. */
  readonly wallNow: () => number;
  readonly nodeId: () => string;
  readonly digest: Digest;
}

export class KeyedHandler {
  readonly counts = createIdempotencyCounts();
  readonly #run: CallHandler;
  readonly #ports: KeyedHandlerPorts;
  readonly #kept = new MemoryOutcomes(MEMORY_OUTCOMES);
  readonly #calls: KeyedCalls;

  /** `run` settles each call, also after a cancel. */
  constructor(run: CallHandler, ports: KeyedHandlerPorts) {
    this.#run = run;
    this.#ports = ports;
    this.#calls = new KeyedCalls((id) => this.#kept.find(id), ports.wallNow);
  }

  /** A call with a key. */
  handle(call: Call, settle: Settle): Cancel {
    const { digest } = this.#ports;
    const id = digest(keyScopeOf(call) ?? '');
    const fingerprint = digest(argumentsOf(call));
    const begun = this.#calls.begin(id, fingerprint);
    this.counts[begun.kind] += 1;
    switch (begun.kind) {
      case 'first':
        return this.#first(call, id, fingerprint, settle);
      case 'replayed':
        settle(readOutcome(begun.outcome));
        break;
      case 'in_progress':
        settle(this.#refuse('idempotency_in_progress', IN_PROGRESS, { retryAfterMs: IN_PROGRESS_RETRY_MS }));
        break;
      case 'conflict':
        settle(this.#refuse('idempotency_conflict', CONFLICT));
        break;
      default:
        begun satisfies never;
    }
    return ALREADY_SETTLED;
  }

  #first(call: Call, id: string, fingerprint: string, settle: Settle): Cancel {
    let isCancelled = false;
    const cancel = this.#run(call, (outcome) => {
      // What certainly did not run has no outcome to be kept.
      if (outcome.kind === 'result' || outcome.failure.executed !== 'no') {
        const keptAt = this.#ports.wallNow();
        this.#kept.keep({ id, service: call.service, fingerprint, keptAt, ...this.#write(outcome) });
      }
      this.#calls.end(id);
      if (!isCancelled) settle(outcome);
    });
    return (mode) => {
      isCancelled = true;
      cancel(mode);
    };
  }

  #write(outcome: Outcome): Pick<KeptOutcome, 'kind' | 'text'> {
    const text =
      outcome.kind === 'result' ? (decodeUtf8(outcome.body) ?? '') : JSON.stringify(outcome.failure);
    if (utf8Length(text) <= KEPT_TEXT_BYTES) return { kind: outcome.kind, text };
    const { failure } = this.#refuse('payload_too_large', TOO_LARGE_TO_KEEP, {
      executed: 'yes',
      data: { limit: { name: 'kept_outcome', max: KEPT_TEXT_BYTES } },
    });
    return { kind: 'failure', text: JSON.stringify(failure) };
  }

  #refuse(
    name: FailureName,
    message: string,
    more: Parameters<typeof createFailure>[3] = {},
  ): Extract<Outcome, { kind: 'failure' }> {
    return { kind: 'failure', failure: createFailure(name, message, this.#ports.nodeId(), more) };
  }
}

function readOutcome({ kind, text }: KeptOutcome): Outcome {
  if (kind === 'result') return { kind, body: encodeUtf8(text) };
  return { kind, failure: JSON.parse(text) as Failure };
}

/** Spaces and spellings do not matter. What is no JSON is refused by whoever runs the call. */
function argumentsOf({ params }: Call): string {
  const text = decodeUtf8(params) ?? '';
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}
