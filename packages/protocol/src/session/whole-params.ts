// For whoever cannot take params in parts: waits until they are whole, and no longer than the call may last.

import type { Call, CallHandler, Cancel, Settle } from '../call.ts';
import { ALREADY_SETTLED } from '../call.ts';
import type { Clock } from '../clock.ts';
import { createFailure } from '../failure.ts';

/** Hands the call on when its params are whole, at once if they are. `self` speaks where that does not happen in time. */
export function withWholeParams(
  call: Call,
  settle: Settle,
  handle: CallHandler,
  { clock, self }: { readonly clock: Clock; readonly self: string },
): Cancel {
  const { rest } = call;
  if (rest === undefined) return handle(call, settle);
  let cancel: Cancel = ALREADY_SETTLED;
  let isWaiting = true;
  const deadline = clock.after(Math.max(0, call.deadline - clock.now()), () => {
    isWaiting = false;
    const failure = createFailure('timeout', 'the params did not come in time', self, { executed: 'no' });
    settle({ kind: 'failure', failure });
  });
  rest.whole((params) => {
    if (!isWaiting) return;
    deadline[Symbol.dispose]();
    cancel = handle({ ...call, params, rest: undefined }, settle);
  });
  return (mode) => {
    isWaiting = false;
    deadline[Symbol.dispose]();
    cancel(mode);
  };
}
