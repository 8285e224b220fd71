// Start-up and connection lines of a server: text, or one JSON object per line for machines that read logs.

import type { LogLevel } from '@relay/federation';
import type { CommandContext } from './context.ts';

export interface OutputOptions {
  readonly format: 'text' | 'json';
  /** Id of the node, once it is known: the field `node` of every JSON line. */
  readonly node: () => string | undefined;
}

export class Output {
  readonly #context: CommandContext;
  readonly #options: OutputOptions;

  constructor(context: CommandContext, options: OutputOptions) {
    this.#context = context;
    this.#options = options;
  }

  line(text: string, level: LogLevel = 'info'): void {
    this.#context.out(this.#render(text, level));
  }

  /** A line that says itself that it is a warning. */
  warning(text: string): void {
    this.line(text, 'warn');
  }

  /** Beside the start-up lines, which must keep their order. */
  note(text: string, level: LogLevel = 'info'): void {
    this.#context.err(this.#render(text, level));
  }

  #render(text: string, level: LogLevel): string {
    const { format, node } = this.#options;
    if (format === 'text') return `${text}\n`;
    return `${JSON.stringify({ time: new Date().toISOString(), level, node: node(), msg: text })}\n`;
  }
}
