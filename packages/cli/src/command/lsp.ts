// relay lsp: the language server over stdin and stdout, until the editor ends it.

import type { Command } from '../context.ts';
import { parseOptions } from '../options.ts';
import { usageError } from '../usage.ts';
import { VERSION } from '../version.ts';

export const lsp: Command = async (argv) => {
  // Editors add `--stdio` by themselves.
  const options = parseOptions(argv, { stdio: 'flag' });
  if (options.words.length > 0)
    throw usageError('relay lsp takes no files: an editor starts it and names them');
  // The protocol is large; no other command shall load it.
  const { serveEditor } = await import('../lsp/server.ts');
  serveEditor(process.stdin, process.stdout, VERSION);
  return new Promise<number>(() => {});
};
