// What the integration scripts have in common: options, progress, the end. Ctrl+C ends the nodes too: `startProcess` kills them.

import { screenOf } from '../../packages/cli/src/terminal.ts';
import { type CommandLine, type Option, readCommandLine, type ValuesOf } from './command-line.ts';

/** Where there is no terminal, progress is a line now and then. */
const QUIET_MS = 10_000;

export class Progress {
  readonly #isTerminal = screenOf(process.stdout, process.env).isTerminal;
  #shown = '';
  #saidAt = Number.NEGATIVE_INFINITY;

  /** What goes on now; replaces what was said before. */
  now(text: string): void {
    if (this.#isTerminal) {
      process.stdout.write(`\r\u001b[2K${text.slice(0, (process.stdout.columns ?? 80) - 1)}`);
      this.#shown = text;
    } else if (performance.now() - this.#saidAt >= QUIET_MS) {
      this.#saidAt = performance.now();
      console.log(text);
    }
  }

  /** A line that stays. */
  line(text: string): void {
    if (this.#shown !== '') process.stdout.write('\r\u001b[2K');
    this.#shown = '';
    console.log(text);
  }
}

/** Runs `body`, which tells whether everything was right. */
export async function runScript<Table extends Readonly<Record<string, Option<unknown>>>>(
  line: CommandLine<Table>,
  body: (values: ValuesOf<Table>, progress: Progress) => Promise<boolean>,
): Promise<void> {
  const reading = readCommandLine(line, process.argv.slice(2));
  if (reading.kind === 'help') {
    console.log(reading.text);
    return;
  }
  if (reading.kind === 'error') {
    console.error(reading.text);
    process.exitCode = 2;
    return;
  }
  const progress = new Progress();
  try {
    if (!(await body(reading.values, progress))) process.exitCode = 1;
  } catch (thrown) {
    progress.line(`Error: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    process.exitCode = 1;
  }
}
