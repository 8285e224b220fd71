// Work that is done where no message is at hand, such as checking a value against a type: noted here, and paid by the message for
// which it was done as soon as that is back in charge. Nothing waits in between, so one count will do.

import { chargeSteps } from './budget.ts';
import type { Message } from './effects.ts';
import { BudgetExceeded } from './failure.ts';

/** What the largest value takes that JSON of 16 MiB can hold; a single check that goes on longer is ended where it is. */
const MAX_DEBT = 3_000_000;

let owed = 0;

export function owe(steps: number): void {
  owed += steps;
  if (owed <= MAX_DEBT) return;
  owed = 0;
  throw new BudgetExceeded('steps');
}

export function payDebt(message: Message): void {
  const due = owed;
  owed = 0;
  chargeSteps(message, due);
}

/** For work done for a message that has not begun. */
export function forgiveDebt(): void {
  owed = 0;
}
