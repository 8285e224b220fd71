// What a message may use up. Steps are dealt out in slices, so that the count in compiled code stays a small integer and the clock
// is looked at once a slice.

import type { Budgets, Message, ServerDefinition } from './effects.ts';
import { BudgetExceeded } from './failure.ts';
import type { ObjectValue } from './value.ts';

const SLICE = 20_000;
const MIB = 1024 * 1024;

/** For a message; language.md §16. */
export const DEFAULT_BUDGETS: Budgets = Object.freeze({
  steps: 10_000_000,
  timeMs: 5_000,
  depth: 1_000,
  valueBytes: 16 * MIB,
  stateBytes: 64 * MIB,
  stringBytes: 4 * MIB,
  arrayLength: 1_000_000,
  sends: 64,
});

/** For top-level code, given those of a message. */
export function topLevelBudgets(budgets: Budgets): Budgets {
  return { ...budgets, steps: Infinity, timeMs: Infinity, sends: Infinity };
}

export interface MessageOptions {
  readonly budgets?: Budgets;
  readonly server?: ServerDefinition | undefined;
  readonly state?: ObjectValue | undefined;
  readonly callPath?: readonly string[];
  /** Asked about every 20,000 steps. */
  readonly expired?: () => boolean;
}

const MAX_DEPTH = 2 ** 30;

export function createMessage(options: MessageOptions = {}): Message {
  const budgets = options.budgets ?? DEFAULT_BUDGETS;
  const steps = Math.min(budgets.steps, SLICE);
  return {
    budgets,
    steps,
    reserve: budgets.steps === Infinity ? Infinity : budgets.steps - steps,
    depth: Math.min(budgets.depth, MAX_DEPTH),
    sends: budgets.sends,
    server: options.server,
    entered: undefined,
    state: options.state,
    callPath: options.callPath ?? [],
    expired: options.expired ?? (() => false),
  };
}

/** Called when the slice is used up: looks at the clock and deals out the next one, or ends the message. */
export function overdraw(message: Message): void {
  if (message.expired()) throw new BudgetExceeded('time');
  const left = message.reserve + message.steps;
  if (!(left >= 0)) throw new BudgetExceeded('steps');
  message.steps = Math.min(left, SLICE);
  message.reserve = left - message.steps;
}

export function chargeSteps(message: Message, steps: number): void {
  message.steps -= steps;
  if (message.steps < 0) overdraw(message);
}

/** Before an array or object of that many elements is made. */
export function chargeElements(message: Message, count: number): void {
  if (count > message.budgets.arrayLength) throw new BudgetExceeded('array length');
  chargeSteps(message, count);
}

/** Where nothing but the limit matters, because the work is O(1). */
export function limitElements(message: Message, count: number): void {
  if (count > message.budgets.arrayLength) throw new BudgetExceeded('array length');
}

export function limitBytes(message: Message, bytes: number): void {
  if (bytes > message.budgets.stringBytes) throw new BudgetExceeded('string length');
}

/** Before a text of at most that many UTF-8 bytes is made. */
export function chargeBytes(message: Message, bytes: number): void {
  limitBytes(message, bytes);
  chargeSteps(message, bytes >>> 6);
}

/** For reading a text from end to end. */
export function chargeText(message: Message, text: string): void {
  chargeSteps(message, text.length >>> 6);
}
