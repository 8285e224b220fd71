// relay check FILE… and -build FILE: everything that is wrong with a program, without running it. cli.md §8.1.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { loadPages, loadRelayProgram } from '@relay/host';
import type { ServiceInterface } from '@relay/language';
import type { Command, CommandContext } from '../context.ts';
import { openRpcOf } from '../open-rpc.ts';
import { parseOptions } from '../options.ts';
import { type Place, placeOf, readSource } from '../program.ts';
import type { ProgramFile } from '../program-file.ts';
import { usageError } from '../usage.ts';

interface Report extends Place {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
}

interface Checked {
  readonly reports: readonly Report[];
  /** As people read them. */
  readonly texts: readonly string[];
  readonly services: readonly ServiceInterface[];
}

export const check: Command = async (argv, context) => {
  const options = parseOptions(argv, { json: 'flag', openrpc: 'flag' });
  if (options.words.length === 0) throw usageError('relay check needs a file', 'relay check FILE…');
  if (options.has('openrpc')) return printOpenRpc(options.words, context);
  const all = options.words.map((file) => checkFile(file));
  const reports = all.flatMap((checked) => checked.reports);
  if (options.has('json'))
    context.out(`${JSON.stringify(reports, null, context.screen.isTerminal ? 2 : 0)}\n`);
  else for (const { texts } of all) for (const text of texts) context.out(`${text}\n`);
  return hasErrors(reports) ? 1 : 0;
};

export function build(file: ProgramFile, context: CommandContext): number {
  const { reports, texts, services } = checkFile(file.path);
  for (const text of texts) context.err(`${text}\n`);
  if (hasErrors(reports)) return 1;
  const methods = services.reduce((sum, service) => sum + service.methods.length, 0);
  context.out(`Build OK: ${file.path} (${services.length} servers, ${methods} methods)\n`);
  return 0;
}

/** Of a program without errors; else they are told, on stderr. */
function printOpenRpc(files: readonly string[], context: CommandContext): number {
  const [file = '', ...others] = files;
  if (others.length > 0) throw usageError('--openrpc takes one file', 'relay check --openrpc FILE');
  const { reports, texts, services } = checkFile(file);
  if (hasErrors(reports)) {
    for (const text of texts) context.err(`${text}\n`);
    return 1;
  }
  const document = openRpcOf(path.basename(file, path.extname(file)), services);
  context.out(`${JSON.stringify(document, null, 2)}\n`);
  return 0;
}

function hasErrors(reports: readonly Report[]): boolean {
  return reports.some(({ severity }) => severity === 'error');
}

function checkFile(file: string): Checked {
  const problem = existsSync(file) ? extensionProblem(file) : `file ${file} does not exist`;
  if (problem !== undefined) return unusable(file, problem);
  const result = loadRelayProgram(file);
  if (!result.ok && result.kind === 'unreadable')
    return unusable(file, `cannot read ${file}: ${result.error}`);
  const found = result.ok ? result.program.findings : result.findings;
  // Templates are looked at only beside a program that loads.
  const pages = result.ok ? loadPages(file) : undefined;
  const seen = new Set(found.map(({ text }) => text));
  const findings = [...found, ...(pages?.errors ?? []).filter(({ text }) => !seen.has(text))];
  const files = pages?.files ?? readSource(file).files;
  const services = result.ok ? result.program.services : [];
  // Places name files relative to the program's folder; from here they are found below the path that was given.
  const folder = path.dirname(file);
  const shown = (name: string): string => (folder === '.' ? name : path.join(folder, name));
  return {
    reports: findings.map(({ diagnostic }) => {
      const place = placeOf(diagnostic, files);
      const { severity, code, message } = diagnostic;
      return { ...place, file: shown(place.file), severity, code, message };
    }),
    texts: findings.map(({ diagnostic, text }) => {
      const { file: name } = placeOf(diagnostic, files);
      return text.startsWith(`${name}:`) ? shown(name) + text.slice(name.length) : text;
    }),
    services,
  };
}

function extensionProblem(file: string): string | undefined {
  const extension = path.extname(file);
  if (extension === '.rl' || extension === '.relay') return undefined;
  return `unsupported file extension ${extension} (expected .relay or .rl)`;
}

/** A file that is no program: reported like an error in it, so that the other files are still checked. */
function unusable(file: string, message: string): Checked {
  const report: Report = { file, line: 1, column: 1, severity: 'error', code: '', message };
  return { reports: [report], texts: [`Error: ${message}`], services: [] };
}
