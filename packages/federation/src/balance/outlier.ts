// When an instance is left out for a while although its circuits are closed: it fails again and again, far more often than the others
// do, or says nothing at all. It must stand out among others that work, so the last one and more than half are never ejected.

import { type Instance, isCallable } from '../registry/instance.ts';
import { type InstanceStats, KNOWN_AFTER, type MethodStats } from './instance-stats.ts';

/** Others looked at, per list: enough for a fair mean, and the same for ten instances or ten thousand. */
const LOOKED_AT = 64;
/** Calls that have to tell before an instance is compared or compared with. */
const JUDGED = 10;
/** Below this share of the mean of the others it stands out. */
const FAR_BELOW = 0.7;

/** Silent for longer than this many usual times and a second more. */
const SILENT_TIMES = 5;
const SILENT_MS = 1_000;
/** While the usual time is not known. */
const SILENT_UNKNOWN_MS = 10_000;

type Lists = readonly (readonly Instance[])[];

/** Whether what is in flight has gone unanswered for far longer than usual. */
export function isSilent(method: MethodStats, now: number): boolean {
  return method.inFlight > 0 && now - method.silentSince > silentAfterMs(method);
}

export function silentAfterMs({ answered, usualMs }: MethodStats): number {
  return answered < KNOWN_AFTER ? SILENT_UNKNOWN_MS : SILENT_TIMES * usualMs + SILENT_MS;
}

export function isOutlier({ stats }: Instance, lists: Lists): boolean {
  if (stats.judged < JUDGED) return false;
  let sum = 0;
  let count = 0;
  for (const list of lists) {
    for (let index = 0; index < list.length && index < LOOKED_AT; index += 1) {
      const other = list[index]?.stats;
      if (other === undefined || other === stats || other.judged < JUDGED) continue;
      sum += other.success;
      count += 1;
    }
  }
  return count > 0 && stats.success < (FAR_BELOW * sum) / count;
}

/** Whether at least half of the instances stay when this one goes too. */
export function mayEject(lists: Lists): boolean {
  let callable = 0;
  let ejected = 0;
  for (const list of lists) {
    for (let index = 0; index < list.length && index < LOOKED_AT; index += 1) {
      const instance = list[index];
      if (instance === undefined || !isCallable(instance)) continue;
      callable += 1;
      if (instance.stats.ejection.kind !== 'closed') ejected += 1;
    }
  }
  return (ejected + 1) * 2 <= callable;
}

/** Full share after this time back, and the share at first. */
const SLOW_START_MS = 10_000;
const FIRST_SHARE = 0.1;

/** What of its weight an instance has that came back at `returnedAt`. */
export function returningShare({ returnedAt }: InstanceStats, now: number): number {
  const share = (now - returnedAt) / SLOW_START_MS;
  return share >= 1 ? 1 : Math.max(FIRST_SHARE, share);
}
