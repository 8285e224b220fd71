// What a caller outside the program is told, as JSON texts: of a call with an idempotency key it is kept like this.

import type { Executed } from '@relay/language';
import { type FailureName, KEPT_TEXT_BYTES, type KeptOutcome, TOO_LARGE_TO_KEEP } from '@relay/protocol';

export interface AnsweredFailure {
  readonly name: FailureName;
  readonly message: string;
  readonly executed: Executed;
  /** JSON text of the thrown value. */
  readonly value?: string;
  readonly limit?: { readonly name: string; readonly max: number };
}

export type Answer =
  | { readonly kind: 'result'; readonly text: string }
  | { readonly kind: 'failure'; readonly failure: AnsweredFailure };

/** Of an answer that is too large, that it was. */
export function writeAnswer(answer: Answer): Pick<KeptOutcome, 'kind' | 'text'> {
  const text = answer.kind === 'result' ? answer.text : JSON.stringify(answer.failure);
  if (Buffer.byteLength(text) <= KEPT_TEXT_BYTES) return { kind: answer.kind, text };
  const failure: AnsweredFailure = {
    name: 'payload_too_large',
    message: TOO_LARGE_TO_KEEP,
    executed: 'yes',
    limit: { name: 'kept_outcome', max: KEPT_TEXT_BYTES },
  };
  return { kind: 'failure', text: JSON.stringify(failure) };
}

export function readAnswer({ kind, text }: KeptOutcome): Answer {
  return kind === 'result' ? { kind, text } : { kind, failure: JSON.parse(text) as AnsweredFailure };
}
