// relay help [COMMAND]

import { COMMANDS, findCommand } from '../commands.ts';
import type { Command } from '../context.ts';
import { renderCommandHelp, renderHelp } from '../help.ts';
import { nearest } from '../nearest.ts';
import { usageError } from '../usage.ts';

export const help: Command = async (argv, context) => {
  const [name] = argv;
  if (name === undefined || name.startsWith('-')) {
    context.out(renderHelp());
    return 0;
  }
  const row = findCommand(name);
  if (row === undefined) {
    const names = COMMANDS.map((command) => command.name);
    const close = nearest(name, names);
    throw usageError(`unknown command: ${name}`, close === undefined ? undefined : `did you mean ${close}?`);
  }
  context.out(renderCommandHelp(row));
  return 0;
};
