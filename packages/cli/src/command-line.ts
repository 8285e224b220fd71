// From the words of the command line to the code that does the work, and from what it throws to text and exit code.

import { loadCommand } from './command-modules.ts';
import { COMMANDS, findCommand } from './commands.ts';
import type { CommandContext } from './context.ts';
import { renderCommandHelp, renderHelp, USAGE } from './help.ts';
import { type Invocation, readInvocation } from './invocation.ts';
import { findProgramFile, type ProgramFile } from './program-file.ts';
import { CommandFailure, renderUsageError, UsageError } from './usage.ts';
import { VERSION } from './version.ts';

/** Runs one command line to its end; the result is the exit code. */
export async function runCommandLine(argv: readonly string[], context: CommandContext): Promise<number> {
  try {
    return await dispatch(argv, context);
  } catch (error) {
    if (error instanceof UsageError) {
      context.err(renderUsageError(error, USAGE));
      return 2;
    }
    if (error instanceof CommandFailure) {
      context.err(`Error: ${error.message}\n`);
      return error.exitCode;
    }
    throw error;
  }
}

async function dispatch(argv: readonly string[], context: CommandContext): Promise<number> {
  const [first = '', ...rest] = argv;
  const command = findCommand(first);
  if (command === undefined) return runInvocation(readInvocation(argv, context.env), context);
  if (rest.some((word) => /^--?(?:help|h)$/.test(word))) {
    context.out(renderCommandHelp(command));
    return 0;
  }
  if (command.classic === undefined) return (await loadCommand(command.name))(rest, context);
  return runInvocation(readInvocation(command.classic(rest), context.env), context);
}

async function runInvocation(invocation: Invocation, context: CommandContext): Promise<number> {
  switch (invocation.kind) {
    case 'version':
      context.out(`Relay v${VERSION}\n`);
      return 0;
    case 'help':
      context.out(renderHelp());
      return 0;
    case 'repl':
      return (await import('./command/repl.ts')).repl(
        invocation.file === undefined ? undefined : locate(invocation.file, context),
        context,
      );
    case 'build': {
      const { build } = await import('./command/check.ts');
      context.err(lines(invocation.warnings));
      return build(locate(invocation.file, context), context);
    }
    case 'run': {
      const file = locate(invocation.file, context);
      context.err(lines(invocation.warnings));
      const { run } = await import('./command/run.ts');
      return run(file, context);
    }
    case 'serve': {
      const file = invocation.file === undefined ? undefined : locate(invocation.file, context);
      const { serve } = await import('./command/serve.ts');
      return serve({ ...invocation, file }, context);
    }
  }
}

/** The program file of a classic command line; when it comes from the examples, the path taken is told. */
function locate(file: string, context: CommandContext): ProgramFile {
  const names = COMMANDS.map((row) => row.name);
  return findProgramFile(file, context.home, names);
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
