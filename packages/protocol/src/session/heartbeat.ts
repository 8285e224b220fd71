// Whether the other side is still there (protocol.md §4): pings at irregular intervals, latency, and the end of a silent link.

import type { Clock, Random } from '../clock.ts';
import { HEARTBEAT } from '../limits.ts';

/** What a link that is in doubt has to show a sign of life in. */
const PROBE_MS = 5_000;

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly intervalMs: number;
  /** Whether this side pings: the dialler, and both of two Mains. */
  readonly pings: boolean;
  readonly sendPing: (seq: number) => void;
  /** Nothing was received for too long. */
  readonly drop: (reason: string) => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #receivedAt: number;
  #seq = 0;
  /** When the oldest unanswered ping was sent. */
  #unansweredSince: number | undefined;
  #sent: { readonly seq: number; readonly at: number } | undefined;
  #latencyMs: number | undefined;
  #pingTimer: Disposable | undefined;
  #silenceTimer: Disposable | undefined;
  #probeTimer: Disposable | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#receivedAt = options.clock.now();
  }

  start(): void {
    if (this.#options.pings) this.#pingLater();
    this.#watchSilence(this.#silentMs);
  }

  stop(): void {
    this.#pingTimer?.[Symbol.dispose]();
    this.#silenceTimer?.[Symbol.dispose]();
    this.#probeTimer?.[Symbol.dispose]();
  }

  get latencyMs(): number | undefined {
    return this.#latencyMs;
  }

  /** On the monotonic clock. */
  get receivedAt(): number {
    return this.#receivedAt;
  }

  get isAnswered(): boolean {
    const since = this.#unansweredSince;
    return since === undefined || this.#options.clock.now() - since <= HEARTBEAT.unansweredMs;
  }

  /** Anything came in. Costs one reading of the clock: the timers look at it when they run. */
  received(): void {
    this.#receivedAt = this.#options.clock.now();
  }

  ponged(seq: number): void {
    if (this.#sent?.seq !== seq) return;
    this.#latencyMs = this.#options.clock.now() - this.#sent.at;
    this.#unansweredSince = undefined;
    this.#sent = undefined;
  }

  /** Somebody claims that the link is dead: it shows a sign of life within 5 s or is dropped. */
  probe(): void {
    if (this.#probeTimer !== undefined) return;
    const asked = this.#receivedAt;
    this.#ping();
    this.#probeTimer = this.#options.clock.after(PROBE_MS, () => {
      this.#probeTimer = undefined;
      if (this.#receivedAt === asked) this.#options.drop('no answer to a probe');
    });
  }

  get #silentMs(): number {
    return HEARTBEAT.silentIntervals * this.#options.intervalMs;
  }

  #pingLater(): void {
    const { clock, random, intervalMs } = this.#options;
    const delay = intervalMs * (1 + HEARTBEAT.jitter * (2 * random.next() - 1));
    this.#pingTimer = clock.after(delay, () => {
      this.#ping();
      this.#pingLater();
    });
  }

  #ping(): void {
    this.#seq += 1;
    const at = this.#options.clock.now();
    this.#sent = { seq: this.#seq, at };
    this.#unansweredSince ??= at;
    this.#options.sendPing(this.#seq);
  }

  #watchSilence(delayMs: number): void {
    this.#silenceTimer = this.#options.clock.after(delayMs, () => {
      const silence = this.#options.clock.now() - this.#receivedAt;
      if (silence >= this.#silentMs)
        this.#options.drop(`nothing received for ${Math.round(silence / 1_000)} s`);
      // At least a moment: a rest of nothing but rounding would run for ever at one time.
      else this.#watchSilence(Math.max(1, this.#silentMs - silence));
    });
  }
}
