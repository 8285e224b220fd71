// The loops of every load generator. Closed: N calls in flight, a new one for each that ends. Open: calls begin at a rate whether the
// earlier ones were answered or not, and their time counts from when they should have begun, so that a stall is not left out.

import { createProbe } from './probe.ts';
import { Recorder, type Sample } from './stats.ts';

export interface LoadOrder {
  readonly inFlight: number;
  readonly bodyBytes: number;
  /** Before the measured period. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface OpenOrder extends Omit<LoadOrder, 'inFlight'> {
  readonly perSecond: number;
}

/** Starts one call; `settle` says whether it was answered rightly. */
export type Begin = (settle: (ok: boolean) => void) => void;

/** The shortest that a timer waits. */
const TICK_MS = 1;

export async function runLoad(begin: Begin, order: LoadOrder): Promise<Sample> {
  const recorder = new Recorder();
  let open = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const next = (): void => {
    const startedAt = performance.now();
    open += 1;
    begin((ok) => {
      const now = performance.now();
      recorder.ended(startedAt, now, ok);
      open -= 1;
      if (!recorder.isOver(now)) next();
      else if (open === 0) resolve();
    });
  };
  for (let started = 0; started < order.inFlight; started += 1) next();
  await new Promise((wake) => setTimeout(wake, order.warmUpMs));
  recorder.open(performance.now(), order.measureMs);
  await promise;
  return recorder.sample();
}

/** Counts the calls that should begin within the measured period, however late they end. */
export async function runOpenLoad(begin: Begin, order: OpenOrder): Promise<Sample> {
  const recorder = new Recorder();
  const from = performance.now();
  recorder.open(from + order.warmUpMs, order.measureMs);
  const total = Math.max(1, Math.ceil(((order.warmUpMs + order.measureMs) * order.perSecond) / 1_000));
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = 0;
  let ended = 0;
  while (begun < total) {
    for (;;) {
      const intendedAt = from + (begun * 1_000) / order.perSecond;
      const now = performance.now();
      if (begun === total || intendedAt > now) break;
      begun += 1;
      recorder.began(intendedAt, now);
      begin((ok) => {
        recorder.endedOf(intendedAt, performance.now(), ok);
        ended += 1;
        if (ended === total) resolve();
      });
    }
    await new Promise((wake) => setTimeout(wake, TICK_MS));
  }
  await promise;
  return recorder.sample();
}

/** A load generator as a process: each order that comes is run and answered with its sample, `probe` with how the process fares. */
export function serveLoad(prepare: (order: Pick<LoadOrder, 'bodyBytes'>) => Begin): void {
  const probe = createProbe();
  process.on('message', (order: LoadOrder | OpenOrder | 'probe') => {
    if (order === 'probe') process.send?.(probe());
    else {
      const begin = prepare(order);
      const run = 'inFlight' in order ? runLoad(begin, order) : runOpenLoad(begin, order);
      void run.then((sample) => process.send?.(sample));
    }
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}
