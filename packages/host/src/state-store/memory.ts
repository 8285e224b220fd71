// Keeps nothing: the servers themselves hold their state while they run (language.md §17, backend "memory").

import type { StateStore } from './state-store.ts';

export function createMemoryStore(): StateStore {
  return { load: () => undefined, commit: () => undefined, close: () => {} };
}
