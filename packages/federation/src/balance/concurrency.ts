// How many calls an instance takes at once, learnt from what it does with them. The limit begins at its capacity and falls on
// evidence only: the instance refuses, or answers far slower than it does when it has little to do, so that calls wait in it. Many
// calls that come at once wait, too, in the instance and in the nodes on the way, and are worked off: so what counts is slowness that
// outlives the calls with which it began. Then the limit becomes what the instance can work off in the time that still counts as
// normal. It grows again while it is used and all is well.

import { type InstanceStats, KNOWN_AFTER, type MethodStats } from './instance-stats.ts';

/** Below this nothing is learnt: a slow method is not an overloaded instance. */
const MIN_LIMIT = 4;
/** A call that never had more beside it takes the method's own time. */
const CALM_IN_FLIGHT = 4;
/** Slower than this many times its own time, and by more than the slack, is congestion. */
const CONGESTED = 4;
const SLACK_MS = 100;
/** So many in flight may be too many, also for an instance that could take far more. */
const MANY = 64;
/** Between two reductions, so that one burst of late answers is one reduction. */
const REDUCE_EVERY_MS = 100;
/** Slowness that is over sooner was a burst. */
const BURST_MS = 500;
const ON_REFUSAL = 0.9;
/** Growth for each answer while most of the limit is in use. */
const GROWTH = 0.1;
const MOST = 0.75;
const NEWEST = 0.1;

/** A call has begun, and `stats.inFlight` counts it. */
export function learnCrowd(stats: InstanceStats, method: MethodStats, now: number): void {
  if (stats.inFlight > CALM_IN_FLIGHT) stats.crowdedAt = now;
  else method.slowSince = Number.POSITIVE_INFINITY;
}

/** An answer came to a call that began at `startedAt`. */
export function learnTime(stats: InstanceStats, method: MethodStats, startedAt: number, now: number): void {
  const latencyMs = now - startedAt;
  method.answered += 1;
  method.learntAt = now;
  if (method.answered === 1) {
    method.usualMs = latencyMs;
    method.recentMs = latencyMs;
  } else {
    method.usualMs *= latencyMs > method.usualMs ? 1.05 : 1 / 1.05;
    method.recentMs += NEWEST * (latencyMs - method.recentMs);
  }
  // What waited behind a crowd says nothing of the method, also when the crowd has gone.
  if (stats.crowdedAt >= startedAt) return;
  if (method.calmMs === 0) method.calmMs = latencyMs;
  else method.calmMs += NEWEST * (latencyMs - method.calmMs);
}

/** It answered: the limit follows how long that took. */
export function adaptToAnswer(
  stats: InstanceStats,
  method: MethodStats,
  capacity: number,
  now: number,
): void {
  const limit = Math.min(stats.limit, capacity);
  const normalMs = CONGESTED * method.calmMs + SLACK_MS;
  const isKnown = method.calmMs > 0 && method.answered >= KNOWN_AFTER;
  if (isKnown && method.recentMs > normalMs) {
    if (isStanding(stats, method, normalMs, now) && stats.inFlight > Math.min(limit / 2, MANY))
      reduce(stats, (stats.inFlight * normalMs) / method.recentMs, now);
    return;
  }
  method.slowSince = Number.POSITIVE_INFINITY;
  if (stats.limit < capacity && stats.inFlight >= limit * MOST) {
    stats.limit = Math.min(capacity, stats.limit + GROWTH);
  }
}

/** Whether slowness has lasted, beyond the calls that were in flight when it was noticed, and more calls are coming. */
function isStanding(stats: InstanceStats, method: MethodStats, normalMs: number, now: number): boolean {
  if (method.slowSince === Number.POSITIVE_INFINITY) {
    method.slowSince = now;
    method.slowLeft = stats.inFlight;
  }
  method.slowLeft -= 1;
  const isComing = now - stats.crowdedAt < normalMs;
  return method.slowLeft < 0 && now - method.slowSince >= BURST_MS && isComing;
}

/** It refused a call because it is full. */
export function adaptToRefusal(stats: InstanceStats, now: number): void {
  reduce(stats, stats.inFlight * ON_REFUSAL, now);
}

function reduce(stats: InstanceStats, limit: number, now: number): void {
  if (now - stats.limitedAt < REDUCE_EVERY_MS) return;
  stats.limitedAt = now;
  stats.limit = Math.max(MIN_LIMIT, Math.min(stats.limit, limit));
}
