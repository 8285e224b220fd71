// Real time and randomness, where a browser and Node agree. The only file of the SDK that reads them.

import { type Clock, createDefer, type Random } from '@relay/protocol';

/** The end of a turn: `setImmediate` where there is one, else a task by way of a channel, since timers of pages are slowed down. */
const schedule: (run: () => void) => void = (() => {
  const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };
  if (setImmediate !== undefined) return (run: () => void) => void setImmediate(run);
  const channel = new MessageChannel();
  return (run: () => void) => {
    channel.port1.onmessage = run;
    channel.port2.postMessage(undefined);
  };
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
  defer: createDefer(schedule),
};

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};
