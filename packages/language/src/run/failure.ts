// What can end an evaluation. Only the first three can be caught by the program that runs; language.md §10 and §16.

import type { Executed, SendCode } from './effects.ts';
import type { Value } from './value.ts';

/** A place in the program, as `catch` and error texts show it. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A run-time error. Built-ins throw it without a place; the call site adds one. */
export class RuntimeFailure extends Error {
  override readonly name = 'RuntimeFailure';
  place: SourcePlace | undefined;

  constructor(message: string, place?: SourcePlace) {
    super(message);
    this.place = place;
  }
}

/** `throw v`. */
export class Thrown extends Error {
  override readonly name = 'Thrown';
  readonly value: Value;
  readonly place: SourcePlace | undefined;

  constructor(value: Value, place?: SourcePlace) {
    super('uncaught throw');
    this.value = value;
    this.place = place;
  }
}

export interface FailedSendDetails {
  readonly error: string;
  /** One of `SendCode`, or a code of the transport. */
  readonly code: SendCode | (string & {});
  readonly executed: Executed;
  /** What the handler threw, else nil. */
  readonly data?: Value;
}

/** A send without a reply. `message` is what the program sees as `error`. */
export class FailedSend extends Error {
  override readonly name = 'FailedSend';
  readonly code: string;
  readonly executed: Executed;
  readonly data: Value;
  /** Where the send stands, not where the handler failed. */
  place: SourcePlace | undefined;

  constructor(details: FailedSendDetails) {
    super(details.error);
    this.code = details.code;
    this.executed = details.executed;
    this.data = details.data ?? null;
  }
}

export type BudgetName =
  | 'steps'
  | 'time'
  | 'depth'
  | 'value size'
  | 'string length'
  | 'array length'
  | 'sends'
  /** Of the whole program; told by the host. */
  | 'memory';

/** Passes every `catch` of the message that exceeded it. */
export class BudgetExceeded extends Error {
  override readonly name = 'BudgetExceeded';
  readonly budget: BudgetName;

  constructor(budget: BudgetName) {
    super(`budget exceeded: ${budget}`);
    this.budget = budget;
  }
}

/** The host's stack or memory bound seen from outside: a RangeError is the budget that should have stopped it. */
export function normalizeFailure(thrown: unknown): unknown {
  if (!(thrown instanceof RangeError)) return thrown;
  if (thrown.message.includes('call stack')) return new BudgetExceeded('depth');
  return new BudgetExceeded(thrown.message.includes('string') ? 'string length' : 'array length');
}

const COMPILED_FRAME = /\bf\d+_(\w*)/;

/** Functions that were running, innermost first; lambdas are empty names. As far as the engine tells. */
export function callTrace(failure: Error): readonly string[] {
  const frames = (failure.stack ?? '').split('\n').slice(1);
  return frames.flatMap((frame) => COMPILED_FRAME.exec(frame)?.[1] ?? []);
}
