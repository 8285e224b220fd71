// What must hold of a node all the time: it lives, `/live` answers within a second, its memory is bounded.

import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchange, request } from './exchange.ts';
import type { Target } from './target.ts';
import { type Row, Tally } from './verdict.ts';

const LIVE_MS = 1_000;
const EVERY_MS = 100;
/** Above what the node held before: buffers of the slowest and largest attacks, and what the allocator keeps. */
const MEMORY_BYTES = 256 * 2 ** 20;

/** The rows of `attack`, and one for what must hold all the time. */
export async function watched(
  target: Target,
  attack: () => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  await using watch = new Watch(target);
  const rows = await attack();
  const tally = new Tally(target.name, 'meanwhile');
  tally.note(`/live within ${Math.round(watch.slowestMs)} ms`);
  tally.note(`memory +${Math.round(watch.grownBytes / 2 ** 20)} MiB`);
  for (const failure of watch.failures()) tally.finding(failure);
  return [...rows, tally.row()];
}

class Watch implements AsyncDisposable {
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
    // Neither what this process was late by is the node's, nor what a busy machine kept the node waiting for.
    const own = monitorEventLoopDelay({ resolution: 10 });
    own.enable();
    while (!this.#over.signal.aborted) {
      own.reset();
      const waited = waitedMs(this.#target);
      const answer = await exchange(this.#target, request(this.#target, 'GET', '/live'), 10 * LIVE_MS);
      const late = own.max / 1e6 + waitedMs(this.#target) - waited;
      const ms = Math.max(0, answer.ms - late);
      this.slowestMs = Math.max(this.slowestMs, ms);
      this.#most = Math.max(this.#most, rssOf(this.#target));
      if (answer.status !== 200 || ms > LIVE_MS) {
        this.#failures.push(`/live answered ${answer.status} after ${Math.round(ms)} ms`);
      }
      await sleep(EVERY_MS);
    }
    own.disable();
  }
}

function rssOf({ pid }: Target): number {
  const status = readProc(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
}

/** How long the main thread of a node has been ready to run and was not run. */
function waitedMs({ pid }: Target): number {
  return Number(readProc(`/proc/${pid}/task/${pid}/schedstat`).split(' ')[1] ?? 0) / 1e6;
}

/** Empty on machines other than Linux, and for a process that is gone, which its death tells better. */
function readProc(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
