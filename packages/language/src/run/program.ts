// Running a compiled module, for hosts.

import { createMessage, DEFAULT_BUDGETS, topLevelBudgets } from './budget.ts';
import type { Effects, Message } from './effects.ts';
import { normalizeFailure } from './failure.ts';
import { Runtime } from './runtime.ts';
import type { Value } from './value.ts';

export type { Runtime };

/** The default export of a compiled module: runs the top-level code; the value of the last item. */
export type ProgramModule = (runtime: Runtime, message: Message) => Value | Promise<Value>;

/** One for each running program; it collects the structs that the host needs to read arguments. */
export function createRuntime(effects: Effects): Runtime {
  return new Runtime(effects);
}

/** For top-level code: only depth and sizes are bounded, and `expired` can end it. */
export function topLevelMessage(budgets = DEFAULT_BUDGETS, expired: () => boolean = () => false): Message {
  return createMessage({ budgets: topLevelBudgets(budgets), expired });
}

/** Rejects with what the program did not catch: RuntimeFailure, Thrown, FailedSend or BudgetExceeded. */
export async function runProgram(
  module: ProgramModule,
  runtime: Runtime,
  message: Message = topLevelMessage(),
): Promise<Value> {
  try {
    return await module(runtime, message);
  } catch (thrown) {
    throw normalizeFailure(thrown);
  }
}
