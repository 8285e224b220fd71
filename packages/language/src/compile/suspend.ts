// Which functions may wait for a reply. Everything else is compiled to plain synchronous code.

import type { Activation } from './scope.ts';

/** Sets `suspends` everywhere; true if something unknown may wait, for which there may be reasons elsewhere. */
export function findSuspending(activations: readonly Activation[], assumed = false): boolean {
  let isUnknownSuspending = assumed;
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const activation of activations) {
      if (activation.suspends) continue;
      const waits =
        activation.sends ||
        (activation.callsUnknown && isUnknownSuspending) ||
        [...activation.callees].some((callee) => callee.suspends);
      if (!waits) continue;
      activation.suspends = true;
      if (activation.isValue) isUnknownSuspending = true;
      isChanged = true;
    }
  }
  return isUnknownSuspending;
}
