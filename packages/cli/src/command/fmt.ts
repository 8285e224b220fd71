// relay fmt: program files in the house style. Nothing is changed that cannot be read.

import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { formatSource, renderDiagnostic } from '@relay/language';
import type { Command, CommandContext } from '../context.ts';
import { parseOptions } from '../options.ts';
import { usageError } from '../usage.ts';

const USAGE = 'relay fmt FILE… [--check], or relay fmt --stdin';

export const fmt: Command = async (argv, context) => {
  const options = parseOptions(argv, { check: 'flag', stdin: 'flag' });
  const isCheck = options.has('check');
  if (options.has('stdin')) {
    if (options.words.length > 0) throw usageError('--stdin takes no files', USAGE);
    return formatStdin(await context.readStdin(), isCheck, context);
  }
  if (options.words.length === 0) throw usageError('relay fmt needs a file', USAGE);
  let code = 0;
  // All files are looked at, whatever is wrong with one of them.
  for (const file of options.words) code = Math.max(code, formatFile(file, isCheck, context));
  return code;
};

function formatStdin(text: string, isCheck: boolean, context: CommandContext): number {
  const formatted = format('<stdin>', text, context);
  if (formatted === undefined) return 1;
  if (!isCheck) {
    context.out(formatted);
    return 0;
  }
  if (formatted === text) return 0;
  context.out('<stdin>\n');
  return 1;
}

function formatFile(file: string, isCheck: boolean, context: CommandContext): number {
  const extension = path.extname(file);
  if (extension !== '.rl' && extension !== '.relay') {
    context.err(`Error: unsupported file extension ${extension} (expected .relay or .rl)\n`);
    return 1;
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (error) {
    context.err(`Error: cannot read ${file}: ${reasonOf(error)}\n`);
    return 1;
  }
  const formatted = format(file, text, context);
  if (formatted === undefined) return 1;
  if (formatted === text) return 0;
  context.out(`${file}\n`);
  if (isCheck) return 1;
  try {
    writeWhole(file, formatted);
  } catch (error) {
    context.err(`Error: cannot write ${file}: ${reasonOf(error)}\n`);
    return 1;
  }
  return 0;
}

/** Undefined if the text has errors, which are then printed. */
function format(name: string, text: string, context: CommandContext): string | undefined {
  const source = { name, text };
  const result = formatSource(source);
  if (result.kind === 'formatted') return result.text;
  for (const diagnostic of result.diagnostics) context.err(`${renderDiagnostic(diagnostic, [source])}\n`);
  return undefined;
}

/** Whoever reads the file meanwhile sees the old text or the new one. A link stays one, and the mode is kept. */
function writeWhole(file: string, text: string): void {
  const target = realpathSync(file);
  const fresh = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.tmp`);
  try {
    writeFileSync(fresh, text, { mode: statSync(target).mode, flag: 'wx' });
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
