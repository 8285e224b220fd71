// relay FILE: the program in this process's terminal, once, from top to end. language.md §21.

import { systemClock } from '@relay/federation';
import { runFile } from '@relay/host';
import type { CommandContext } from '../context.ts';
import { openProgram } from '../program.ts';
import type { ProgramFile } from '../program-file.ts';

export async function run(file: ProgramFile, context: CommandContext): Promise<number> {
  context.out(`Executing ${file.path}...\n`);
  const { compiled, config } = openProgram(file.path, 'home');
  if (config.namesMain) {
    context.err(`note: ${file.path} names a Main Relay; start it as a Home with: relay home ${file.path}\n`);
  }
  const outcome = await runFile(compiled, {
    clock: systemClock,
    print: (line) => context.out(`${line}\n`),
    log: (level, line) => context.err(`${level} ${line}\n`),
  });
  if (outcome.kind === 'failed') {
    context.err(`Error: ${outcome.error}\n`);
    return 1;
  }
  if (outcome.result !== undefined) context.out(`Result: ${outcome.result}\n`);
  context.out('Execution completed successfully.\n');
  return 0;
}
