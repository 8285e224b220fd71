// What the own program and the store of its state say of themselves. They run in a thread of their own, outside this package: whoever
// puts the node together hands over where their figures are read.

import { by, counter, type Family, gauge, histogram, one } from './family.ts';
import type { HistogramFigures } from './histogram.ts';

/** Counts of this very moment. */
export interface ProgramFigures {
  /** Messages to its servers that were run, by how that ended. */
  readonly runs: () => Readonly<Record<'ok' | 'failed' | 'limit' | 'killed', number>>;
  /** Steps of each of them. */
  readonly steps: () => HistogramFigures;
  /** Seconds that messages waited for their server. */
  readonly queueWait: () => HistogramFigures;
  /** Calls with an idempotency key, by what became of them. */
  readonly idempotency: () => IdempotencyFigures;
  /** Where its state is kept on disk; absent: in memory only. */
  readonly store?: {
    /** Seconds of each commit, until it is durable. */
    readonly commits: () => HistogramFigures;
    readonly errors: () => Readonly<Record<'open' | 'read' | 'commit', number>>;
    /** On disk, with its log. */
    readonly bytes: () => number;
  };
}

export type IdempotencyFigures = Readonly<Record<'first' | 'replayed' | 'in_progress' | 'conflict', number>>;

export function idempotencyFamily(idempotency: () => IdempotencyFigures): Family {
  return counter(
    'relay_idempotency_total',
    'Calls with an idempotency key for which this node keeps outcomes, by what became of them.',
    () => by('result', { ...idempotency() }),
  );
}

export function programFamilies({ runs, steps, queueWait, store }: ProgramFigures): readonly Family[] {
  return [
    counter(
      'relay_script_runs_total',
      'Messages that servers of the own program ran, by how that ended.',
      () => by('result', { ...runs() }),
    ),
    histogram('relay_script_fuel_used', 'Steps that a message to the own program took.', steps),
    histogram('relay_queue_wait_seconds', 'Time that a message waited for its server to be free.', queueWait),
    ...(store === undefined
      ? []
      : [
          histogram(
            'relay_store_commit_duration_seconds',
            'Time of a commit of state, until it is durable.',
            store.commits,
          ),
          gauge('relay_store_bytes', 'Size of the stored state on disk, with its log.', () =>
            one(store.bytes()),
          ),
          counter('relay_store_errors_total', 'What the store of state could not do.', () =>
            by('op', { ...store.errors() }),
          ),
        ]),
  ];
}
