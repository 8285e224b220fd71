// Real time and randomness, where a browser and Node agree. The only file of the SDK that reads them.

import type { Clock, Random } from '@relay/protocol';

let deferred: (() => void)[] = [];

function runDeferred(): void {
  const batch = deferred;
  try {
    // The length is read anew each time round: what is deferred meanwhile belongs to this turn.
    for (let index = 0; index < batch.length; index += 1) batch[index]?.();
  } finally {
    deferred = [];
  }
}

/** The end of a turn: `setImmediate` where there is one, else a task by way of a channel, since timers of pages are slowed down. */
const schedule: (run: () => void) => void = (() => {
  const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };
  if (setImmediate !== undefined) return (run: () => void) => void setImmediate(run);
  const channel = new MessageChannel();
  channel.port1.onmessage = runDeferred;
  return () => channel.port2.postMessage(undefined);
})();

export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    // In Node a pending deadline or heartbeat keeps no program alive; its socket does.
    (timer as unknown as { unref?: () => void }).unref?.();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  defer(run) {
    if (deferred.length === 0) schedule(runDeferred);
    deferred.push(run);
  },
};

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};
