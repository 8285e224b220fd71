// Keeps no state: the servers themselves hold it while they run (language.md §17, backend "memory"). So outcomes of calls with an
// idempotency key are kept as long, in memory.

import { MEMORY_OUTCOMES, MemoryOutcomes } from '@relay/protocol';
import type { StateStore } from './state-store.ts';

export function createMemoryStore(): StateStore {
  const outcomes = new MemoryOutcomes(MEMORY_OUTCOMES);
  return {
    load: () => undefined,
    commit: (_server, _state, _previous, outcome) => {
      if (outcome !== undefined) outcomes.keep(outcome);
      return undefined;
    },
    findOutcome: (id) => outcomes.find(id),
    close: () => {},
  };
}
