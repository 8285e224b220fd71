// Real time and real randomness. Only composition roots hand these in; everything below takes the ports.

import { randomBytes } from 'node:crypto';
import { type Clock, createDefer, type Random } from '@relay/protocol';

/** Timers longer than this would fire at once (a signed 32-bit number of ms). */
const MAX_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, MAX_TIMER_MS));
    // What keeps a process alive is its sockets and its work, not a heartbeat or the deadline of a call that nobody waits for.
    timer.unref();
    return timer;
  },
  defer: createDefer((run) => void setImmediate(run)),
};

export const systemRandom: Random = {
  // 53 bits, all that a double has room for.
  next() {
    const bytes = randomBytes(8);
    return (bytes.readUInt32BE(0) * 0x20_0000 + (bytes.readUInt32BE(4) >>> 11)) / 0x20_0000_0000_0000;
  },
  bytes: (length) => randomBytes(length),
};
