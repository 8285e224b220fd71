// A small manual clock, so that this package is tested without another one.

import type { Clock } from './index.ts';

export class TestClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];
  #deferred: (() => void)[] = [];
  fired = 0;

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): Disposable {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.push(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  defer(run: () => void): void {
    this.#deferred.push(run);
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Runs what is deferred, and what that defers. */
  turn(): void {
    while (this.#deferred.length > 0) for (const run of this.#deferred.splice(0)) run();
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      this.turn();
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      this.fired++;
      next.run();
    }
    this.#now = end;
  }
}
