// A node under attack, and what must hold of it all the time: it lives, `/live` answers within a second, its memory is bounded.

import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, exchange, request } from './exchange.ts';

/** An endpoint as the gateway registers it. */
export interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly isAdmin: boolean;
  readonly isPublic: boolean;
}

export interface Target extends Address {
  readonly name: string;
  readonly role: 'main' | 'home' | 'p2p';
  readonly endpoints: readonly Endpoint[];
  /** Undefined in the self-test: then there is no process to look at. */
  readonly pid: number | undefined;
  /** Why the process is not there any more. */
  readonly death: () => string | undefined;
}

const LIVE_MS = 1_000;
const EVERY_MS = 100;
/** Above what the node held before: buffers of the slowest and largest attacks, and what the allocator keeps. */
const MEMORY_BYTES = 256 * 2 ** 20;

/** Looks after a target until it is disposed of. */
export class Watch implements AsyncDisposable {
  slowestMs = 0;
  readonly #target: Target;
  readonly #before: number;
  #most: number;
  readonly #failures: string[] = [];
  readonly #over = new AbortController();
  readonly #done: Promise<void>;

  constructor(target: Target) {
    this.#target = target;
    this.#before = rssOf(target);
    this.#most = this.#before;
    this.#done = this.#look();
  }

  get grownBytes(): number {
    return this.#most - this.#before;
  }

  /** What did not hold. */
  failures(): string[] {
    const grown = this.grownBytes;
    const death = this.#target.death();
    return [
      ...(death === undefined ? [] : [`the process ended: ${death}`]),
      ...this.#failures,
      ...(grown > MEMORY_BYTES ? [`its memory grew by ${Math.round(grown / 2 ** 20)} MiB`] : []),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#done;
  }

  async #look(): Promise<void> {
    // What this process itself was late by is not the node's; in the self-test both are one.
    const own = monitorEventLoopDelay({ resolution: 10 });
    own.enable();
    while (!this.#over.signal.aborted) {
      own.reset();
      const answer = await exchange(this.#target, request(this.#target, 'GET', '/live'), 5 * LIVE_MS);
      const { status } = answer;
      const ms = Math.max(0, answer.ms - (this.#target.pid === undefined ? 0 : own.max / 1e6));
      this.slowestMs = Math.max(this.slowestMs, ms);
      this.#most = Math.max(this.#most, rssOf(this.#target));
      if ((status !== 200 || ms > LIVE_MS) && this.#failures.length < 5) {
        this.#failures.push(`/live answered ${status} after ${Math.round(ms)} ms`);
      }
      await sleep(EVERY_MS);
    }
  }
}

function rssOf({ pid }: Target): number {
  if (pid === undefined) return process.memoryUsage().rss;
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024;
  } catch {
    // Not Linux, or the process is gone, which its death tells better.
    return 0;
  }
}
