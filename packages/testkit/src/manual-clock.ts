// Virtual time for tests. Nothing runs until a test lets time pass; events run in order of time, then of their making, and after
// each the microtasks are drained, so that asynchronous code settles before the next. The same seed gives the same run.

import type { Clock } from '@relay/protocol';
import { TimerQueue } from './timer-queue.ts';

/** Where the wall clock of every simulation starts: 2026-01-01T00:00:00Z. */
export const WALL_EPOCH_MS = 1_767_225_600_000;

/** So many events at one moment mean that something schedules itself again without delay. */
const MAX_EVENTS_AT_ONE_TIME = 1_000_000;

/** Taken before any test can replace it. */
const realSetImmediate = setImmediate;

/** A view of a clock that belongs to one simulated process and ends with it. */
export interface ProcessClock extends Clock {
  /** Moves only this process's wall clock. */
  jumpWall(byMs: number): void;
  /** As if the process were killed: nothing it scheduled runs any more, and nothing it schedules from now on. */
  stop(): void;
}

export class ManualClock implements Clock {
  readonly #timers = new TimerQueue();
  #deferred: (() => void)[] = [];
  #now = 0;
  #skewMs = 0;
  #isRunning = false;
  #eventsNow = 0;

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return WALL_EPOCH_MS + this.#skewMs + Math.floor(this.#now);
  }

  after(delayMs: number, run: () => void): Disposable {
    if (Number.isNaN(delayMs)) throw new RangeError('delayMs is not a number');
    // As a real timer does: else whoever waits for the rest of a sum of fractions would wait without end.
    const delay = delayMs > 0 && delayMs < 1 ? 1 : Math.max(0, delayMs);
    return this.#timers.add(this.#now + delay, run);
  }

  defer(run: () => void): void {
    this.#deferred.push(run);
  }

  /** Moves the wall clock, as a person or NTP would; `now` and timers are not affected. */
  jumpWall(byMs: number): void {
    this.#skewMs += byMs;
  }

  /** Timers that have not run and were not cancelled; a leak shows here. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Lets `ms` pass, running what falls due on the way. */
  async advance(ms: number): Promise<void> {
    await this.#run(this.#now + checkSpan(ms));
  }

  /** Runs what is due now, and the promises that follow, without letting time pass. */
  async settle(): Promise<void> {
    await this.advance(0);
  }

  /** Like `advance` for code without promises: runs everything before it returns. */
  advanceSync(ms: number): void {
    const until = this.#now + checkSpan(ms);
    this.#enter();
    try {
      do {
        while (this.#flushDeferred());
      } while (this.#step(until));
      this.#now = until;
    } finally {
      this.#isRunning = false;
    }
  }

  /** Runs until no timer is left. Throws after `limitMs`: use `advance` where something repeats for ever, a heartbeat say. */
  async runUntilIdle(limitMs = 3_600_000): Promise<void> {
    const until = this.#now + checkSpan(limitMs);
    if (!(await this.#run(until, () => this.#timers.size === 0))) {
      throw new Error(`not idle after ${limitMs} ms: ${this.#timers.size} timers left`);
    }
  }

  /** Runs until `condition` holds, checked after every event. Throws after `limitMs`, with `what` in the message. */
  async runUntil(condition: () => boolean, limitMs = 60_000, what = 'the condition'): Promise<void> {
    if (!(await this.#run(this.#now + checkSpan(limitMs), condition))) {
      throw new Error(`waited ${limitMs} ms of virtual time for ${what}`);
    }
  }

  /** A clock for one simulated process. */
  createProcess(): ProcessClock {
    let skewMs = 0;
    let isStopped = false;
    const timers = new Set<Disposable>();
    return {
      now: () => this.now(),
      wallNow: () => this.wallNow() + skewMs,
      after: (delayMs, run) => {
        if (isStopped) return { [Symbol.dispose]: () => {} };
        const timer = this.after(delayMs, () => {
          timers.delete(timer);
          run();
        });
        timers.add(timer);
        return {
          [Symbol.dispose]: () => {
            timers.delete(timer);
            timer[Symbol.dispose]();
          },
        };
      },
      defer: (run) =>
        this.defer(() => {
          if (!isStopped) run();
        }),
      jumpWall: (byMs) => {
        skewMs += byMs;
      },
      stop: () => {
        isStopped = true;
        for (const timer of timers) timer[Symbol.dispose]();
        timers.clear();
      },
    };
  }

  /** True as soon as `condition` holds, false if `until` came first; without a condition false at `until`. */
  async #run(until: number, condition: () => boolean = () => false): Promise<boolean> {
    this.#enter();
    try {
      await this.#settleTurn();
      while (!condition()) {
        if (!this.#step(until)) {
          if (until !== Number.POSITIVE_INFINITY) this.#now = until;
          return false;
        }
        await this.#settleTurn();
      }
      return true;
    } finally {
      this.#isRunning = false;
    }
  }

  /** Runs the next event that is due by `until`; false if there is none. */
  #step(until: number): boolean {
    const event = this.#timers.take(until);
    if (event === undefined) return false;
    if (event.at > this.#now) {
      this.#now = event.at;
      this.#eventsNow = 0;
    }
    this.#count();
    event.run();
    return true;
  }

  /** Ends a turn: promises, then what was deferred, until neither is left. */
  async #settleTurn(): Promise<void> {
    do {
      // One real turn empties the microtask queue however long its chains are, which no number of awaited promises does.
      await new Promise<void>((resolve) => realSetImmediate(resolve));
    } while (this.#flushDeferred());
  }

  /** Runs what was deferred up to now; false if that is nothing. */
  #flushDeferred(): boolean {
    const deferred = this.#deferred;
    if (deferred.length === 0) return false;
    this.#deferred = [];
    for (const [index, run] of deferred.entries()) {
      this.#count();
      try {
        run();
      } catch (thrown) {
        this.#deferred.unshift(...deferred.slice(index + 1));
        throw thrown;
      }
    }
    return true;
  }

  #count(): void {
    this.#eventsNow += 1;
    if (this.#eventsNow > MAX_EVENTS_AT_ONE_TIME) {
      throw new Error(`time stands still at ${this.#now} ms: something schedules itself without delay`);
    }
  }

  #enter(): void {
    if (this.#isRunning) throw new Error('the clock is running already: await one advance before the next');
    this.#isRunning = true;
    this.#eventsNow = 0;
  }
}

function checkSpan(ms: number): number {
  if (!(ms >= 0)) throw new RangeError(`time cannot pass by ${ms} ms`);
  return ms;
}
