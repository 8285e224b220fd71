// How a message ended, and how that is told: to the program that sent it, and to callers outside. The table of language.md §10 and
// the correspondence at the end of http-api.md §7.2 live here and nowhere else.

import {
  BudgetExceeded,
  display,
  type Executed,
  FailedSend,
  kindOf,
  ObjectValue,
  RuntimeFailure,
  StructValue,
  Thrown,
  type Value,
} from '@relay/language';
import type { Failure, FailureName } from '@relay/protocol';

export type Reply =
  | { readonly kind: 'value'; readonly value: Value }
  | Refused
  /** The handler ran and ended with this. */
  | { readonly kind: 'failed'; readonly thrown: unknown };

/** The handler did not run, or nobody can tell; not an error of the handler. */
export interface Refused {
  readonly kind: 'refused';
  readonly failure: FailedSend;
}

/** A failure of the program without its place of origin, which the node adds. */
export interface ProgramFailure {
  readonly name: FailureName;
  readonly message: string;
  readonly executed: Executed;
  readonly limit?: { readonly name: string; readonly max: number };
  /** The thrown value of an `application_error`. */
  readonly value?: Value;
}

export function refuse(code: RefusalCode, error: string, executed: Executed = 'no'): Refused {
  return { kind: 'refused', failure: new FailedSend({ code, error, executed }) };
}

export type RefusalCode =
  | 'unknown_server'
  | 'unknown_method'
  | 'bad_arguments'
  | 'call_cycle'
  | 'overloaded'
  | 'unavailable'
  | 'timeout';

/** As the sending program sees it; every sender gets an error of its own, since the place of its send is written into it. */
export function toFailedSend(reply: Exclude<Reply, { kind: 'value' }>): FailedSend {
  if (reply.kind === 'refused') {
    const { message: error, code, executed, data } = reply.failure;
    return new FailedSend({ error, code, executed, data });
  }
  const { thrown } = reply;
  const executed = 'yes';
  if (thrown instanceof Thrown) {
    return new FailedSend({
      error: textOfThrown(thrown.value),
      code: 'thrown',
      executed,
      data: thrown.value,
    });
  }
  if (thrown instanceof BudgetExceeded)
    return new FailedSend({ error: thrown.message, code: 'budget', executed });
  return new FailedSend({ error: messageOf(thrown), code: 'failed', executed });
}

/** As a caller outside the program sees it. `maxOf` tells the limit behind a budget. */
export function toProgramFailure(
  reply: Exclude<Reply, { kind: 'value' }>,
  maxOf: (budget: BudgetExceeded['budget']) => number,
): ProgramFailure {
  if (reply.kind === 'refused') {
    const { code, message, executed } = reply.failure;
    return { name: REFUSALS[code as RefusalCode] ?? 'internal_error', message, executed };
  }
  const { thrown } = reply;
  const executed = 'yes';
  if (thrown instanceof Thrown) {
    return { name: 'application_error', message: textOfThrown(thrown.value), executed, value: thrown.value };
  }
  if (thrown instanceof BudgetExceeded) {
    const limit = { name: thrown.budget, max: maxOf(thrown.budget) };
    return { name: 'budget_exceeded', message: thrown.message, executed, limit };
  }
  return { name: 'internal_error', message: withPlace(thrown), executed };
}

const REFUSALS: Readonly<Record<RefusalCode, FailureName>> = {
  unknown_server: 'service_not_found',
  unknown_method: 'method_not_found',
  bad_arguments: 'invalid_params',
  call_cycle: 'loop_detected',
  overloaded: 'overloaded',
  unavailable: 'no_healthy_instance',
  timeout: 'timeout',
};

const CODES: Readonly<Record<string, string>> = {
  service_not_found: 'unknown_server',
  node_not_found: 'unknown_server',
  node_ambiguous: 'unknown_server',
  method_not_found: 'unknown_method',
  invalid_params: 'bad_arguments',
  application_error: 'thrown',
  internal_error: 'failed',
  budget_exceeded: 'budget',
  loop_detected: 'call_cycle',
  overloaded: 'overloaded',
  timeout: 'timeout',
};

/** A failure that came back from the federation, as the program sees it. */
export function fromFailure(failure: Failure, decode: (value: unknown) => Value): FailedSend {
  const { name, message, executed } = failure;
  const known = Object.hasOwn(CODES, name) ? CODES[name] : undefined;
  const code = known ?? (executed === 'unknown' ? 'lost' : executed === 'yes' ? 'failed' : 'unavailable');
  const data = code === 'thrown' ? decode(failure.data?.value ?? null) : null;
  return new FailedSend({ error: message, code, executed, data });
}

/** Text of an error that ended the program: its position and what `uncaught` says (language.md §10, §21). */
export function programErrorText(thrown: unknown): string {
  const place = placeOf(thrown);
  const text = thrown instanceof Thrown ? `uncaught throw: ${shownValue(thrown.value)}` : messageOf(thrown);
  return place === '' ? `runtime error: ${text}` : `${place}runtime error: ${text}`;
}

/** Values share their parts, so that a small one may be shown as a text of any length; what people are shown ends here. */
const SHOWN_UNITS = 8 * 1024 * 1024;

class ShownEnough extends Error {}

export function shownValue(value: Value): string {
  let units = 0;
  try {
    return display(value, (piece) => {
      units += piece;
      if (units > SHOWN_UNITS) throw new ShownEnough();
    });
  } catch (thrown) {
    if (!(thrown instanceof ShownEnough)) throw thrown;
    return `<${kindOf(value)} too long to show>`;
  }
}

/** The `error` of a thrown value: itself if it is a string, its field `error` if that is one, else its display form. */
function textOfThrown(value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof ObjectValue || value instanceof StructValue) {
    const error = value.get('error');
    if (typeof error === 'string') return error;
  }
  return shownValue(value);
}

function withPlace(thrown: unknown): string {
  return placeOf(thrown) + messageOf(thrown);
}

function placeOf(thrown: unknown): string {
  if (!(thrown instanceof RuntimeFailure || thrown instanceof FailedSend || thrown instanceof Thrown))
    return '';
  const { place } = thrown;
  return place === undefined ? '' : `${place.file}:${place.line}:${place.column}: `;
}

function messageOf(thrown: unknown): string {
  // Anything but an error of the language is a defect of this node; its text says nothing about the program's data.
  return thrown instanceof Error ? thrown.message : 'unexpected failure';
}
