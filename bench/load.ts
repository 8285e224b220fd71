// The closed loop of every load generator: N calls in flight, a new one for each that ends, warm-up before the measured period.

import { Recorder, type Sample } from './stats.ts';

export interface LoadOrder {
  readonly inFlight: number;
  readonly bodyBytes: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Starts one call; `settle` says whether it was answered rightly. */
export type Begin = (settle: (ok: boolean) => void) => void;

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

/** A load generator as a process: each order that comes is run and answered with its sample. */
export function serveLoad(prepare: (order: LoadOrder) => Begin): void {
  process.on('message', (order: LoadOrder) => {
    void runLoad(prepare(order), order).then((sample) => process.send?.(sample));
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}
