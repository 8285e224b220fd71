// What a command gets from the process it runs in; tests pass their own.

import type { Variables } from './environment.ts';
import type { Screen } from './terminal.ts';

export interface CommandContext {
  readonly env: Variables;
  /** Root of the installation: examples and the version are there. */
  readonly home: string | undefined;
  /** Writes text to stdout as it is. */
  out(text: string): void;
  /** Writes text to stderr as it is. */
  err(text: string): void;
  readonly screen: Screen;
  readStdin(): Promise<string>;
}

/** A sub-command: words after its name in, exit code out. */
export type Command = (argv: readonly string[], context: CommandContext) => Promise<number>;
