import type { Span } from './source.ts';

export interface Diagnostic {
  /** Stable, listed in language.md §22, e.g. `RL2001`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly span: Span;
  /** What to do about it, when we know. */
  readonly hint?: string;
}
