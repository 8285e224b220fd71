// Start-up and connection lines of a server: text, or one JSON object per line for machines that read logs.

import type { CommandContext } from './context.ts';

export class Output {
  readonly #context: CommandContext;
  readonly #format: 'text' | 'json';

  constructor(context: CommandContext, format: 'text' | 'json') {
    this.#context = context;
    this.#format = format;
  }

  line(text: string): void {
    this.#context.out(this.#render(text));
  }

  /** Beside the start-up lines, which must keep their order. */
  note(text: string): void {
    this.#context.err(this.#render(text));
  }

  #render(text: string): string {
    if (this.#format === 'text') return `${text}\n`;
    return `${JSON.stringify({ time: new Date().toISOString(), level: 'info', msg: text })}\n`;
  }
}
