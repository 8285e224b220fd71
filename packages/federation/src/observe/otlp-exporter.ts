// Kept calls as spans for a trace collector: OTLP over HTTP with JSON, in batches from a bounded queue. What does not fit is dropped and
// counted: a collector that is away must never cost a call anything. https://opentelemetry.io/docs/specs/otlp/

import type { Clock, Random } from '@relay/protocol';
import type { FinishedSpan } from './call-watch.ts';
import { encodeSpans, type SpanResource } from './otlp-span.ts';

export const EXPORT_LIMITS = Object.freeze({ queue: 2_048, batch: 512, everyMs: 5_000 });

/** Sends one request body; false if the collector did not take it. Never rejects. */
export type SendSpans = (body: string) => Promise<boolean>;

export interface OtlpExporterOptions {
  readonly resource: SpanResource;
  readonly send: SendSpans;
  readonly clock: Clock;
  readonly random: Random;
}

export class OtlpExporter {
  readonly counts = { sent: 0, dropped: 0, failed: 0 };
  readonly #options: OtlpExporterOptions;
  #queue: FinishedSpan[] = [];
  #timer: Disposable | undefined;
  #sending: Promise<void> | undefined;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
  }

  add(span: FinishedSpan): void {
    if (this.#queue.length >= EXPORT_LIMITS.queue) {
      this.counts.dropped += 1;
      return;
    }
    this.#queue.push(span);
    this.#timer ??= this.#options.clock.after(EXPORT_LIMITS.everyMs, () => void this.flush());
  }

  /** Sends what is there, and resolves when the collector has answered or not. */
  flush(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    const { resource, random, send } = this.#options;
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, EXPORT_LIMITS.batch);
      this.#queue = this.#queue.slice(batch.length);
      const isTaken = await send(encodeSpans(batch, resource, random));
      this.counts[isTaken ? 'sent' : 'failed'] += batch.length;
      // The rest waits for the next turn instead of running into the same wall.
      if (!isTaken) break;
    }
    if (this.#queue.length > 0) {
      this.#timer ??= this.#options.clock.after(EXPORT_LIMITS.everyMs, () => void this.flush());
    }
  }
}
