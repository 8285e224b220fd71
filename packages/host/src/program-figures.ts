// What a running program says of itself to the metrics of its node. Read when somebody asks.

import { statSync } from 'node:fs';
import type { IdempotencyCounts } from '@relay/protocol';
import type { ProgramMeter, RunResultName, Spread, StoreOperation } from './program-meter.ts';
import type { StateStoreSpec } from './state-store/state-store.ts';

export interface ProgramFigures {
  /** Messages to its servers that were run, by how that ended. */
  readonly runs: () => Readonly<Record<RunResultName, number>>;
  /** Steps of each of them. */
  readonly steps: () => Spread;
  /** Seconds that messages waited for their server. */
  readonly queueWait: () => Spread;
  /** Calls with an idempotency key, by what became of them. */
  readonly idempotency: () => Readonly<IdempotencyCounts>;
  /** Of a program that keeps its state in a file. */
  readonly store?: {
    /** Seconds of each commit, until it is durable. */
    readonly commits: () => Spread;
    readonly errors: () => Readonly<Record<StoreOperation, number>>;
    /** On disk, with its log. */
    readonly bytes: () => number;
  };
}

interface Counted {
  readonly meter: ProgramMeter;
  readonly idempotency: Readonly<IdempotencyCounts>;
}

export function programFigures(
  { meter, idempotency }: Counted,
  store: StateStoreSpec | undefined,
): ProgramFigures {
  const file = store?.kind === 'module' ? store.file : undefined;
  return {
    runs: () => meter.runs,
    steps: () => meter.steps,
    queueWait: () => meter.queueWait,
    idempotency: () => idempotency,
    ...(file === undefined
      ? {}
      : {
          store: {
            commits: () => meter.commits,
            errors: () => meter.storeErrors,
            bytes: () => sizeOf(file) + sizeOf(`${file}-wal`),
          },
        }),
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
