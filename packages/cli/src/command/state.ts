// relay state: what a stopped node has stored, for people. cli.md §8.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { exportState, importState, readState, resetState, StateUnreadable } from '@relay/host';
import { display, kindOf, measure, RuntimeFailure, type Value } from '@relay/language';
import type { Command, CommandContext } from '../context.ts';
import { holdNodeFolder } from '../data-directory.ts';
import { readNodeEnvironment } from '../environment.ts';
import { nodesWith } from '../node-folder.ts';
import { type ParsedOptions, parseOptions } from '../options.ts';
import { table } from '../terminal.ts';
import { CommandFailure, UsageError, usageError } from '../usage.ts';

const OPTIONS = { server: 'value', 'data-dir': 'value', yes: 'flag' } as const;
const ADVICE = 'relay state --help shows the forms';
const LOCK_FILE = 'lock';

export const state: Command = async (argv, context) => {
  const options = parseOptions(argv, OPTIONS);
  const [action, node, file, ...more] = options.words;
  if (action === undefined || !['show', 'export', 'import', 'reset'].includes(action)) {
    throw usageError('relay state needs one of show, export, import, reset', ADVICE);
  }
  if (node === undefined)
    throw usageError(`relay state ${action} needs the id or the folder of a node`, ADVICE);
  const takesFile = action === 'export' || action === 'import';
  if (more.length > 0 || (file !== undefined && !takesFile)) {
    throw usageError(`unexpected argument: ${more[0] ?? file}`, ADVICE);
  }
  const found = findNode(node, dataDirOf(options, context));
  // Held for as long as the file is open, so that the node cannot start meanwhile.
  using _held = holdNodeFolder(found.path, found.nodeId);
  const only = options.value('server');
  try {
    switch (action) {
      case 'show':
        return show(found, only, context);
      case 'export':
        return writeOut(found, only, file, context);
      case 'import':
        return await readIn(found, file, context);
      default:
        return reset(found, only, options.has('yes'), context);
    }
  } catch (error) {
    throw error instanceof StateUnreadable ? new CommandFailure(error.message) : error;
  }
};

interface Found {
  readonly nodeId: string;
  readonly path: string;
}

/** A folder that a node has had, or the node of that id in the data directory. */
function findNode(node: string, dataDir: string): Found {
  const isFolder = statSync(node, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder && statSync(path.join(node, LOCK_FILE), { throwIfNoEntry: false }) !== undefined) {
    return { nodeId: path.basename(path.resolve(node)), path: node };
  }
  const nodes = nodesWith(LOCK_FILE, dataDir);
  const found = nodes.find((one) => one.nodeId === node || path.basename(one.path) === node);
  if (found !== undefined) return found;
  const known = nodes.map((one) => one.nodeId).join(', ');
  throw new CommandFailure(
    `no node ${node} in ${dataDir}${known === '' ? '' : `; there are: ${known}`} (set RELAY_DATA_DIR or --data-dir)`,
  );
}

function dataDirOf(options: ParsedOptions, context: CommandContext): string {
  const given = options.value('data-dir');
  if (given !== undefined) return given;
  const { value, problems } = readNodeEnvironment(context.env);
  if (problems.length > 0) throw new UsageError(problems);
  return value.dataDir;
}

function nothing({ nodeId }: Found, only: string | undefined): CommandFailure {
  return new CommandFailure(
    only === undefined
      ? `node ${nodeId} has no stored state`
      : `node ${nodeId} has no state of a server ${only}`,
  );
}

function show(found: Found, only: string | undefined, { out }: CommandContext): number {
  const stored = readState(found.path);
  const servers = [...(stored ?? [])].filter(([name]) => only === undefined || name === only);
  if (servers.length === 0) throw nothing(found, only);
  const rows = servers.flatMap(([name, fields]) =>
    [...fields].map(([field, value]) => [name, field, kindOf(value), sizeOf(value), shortened(value)]),
  );
  out(`${table([['SERVER', 'FIELD', 'KIND', 'JSON BYTES', 'VALUE'], ...rows]).join('\n')}\n`);
  return 0;
}

function sizeOf(value: Value): string {
  return String(measure(value).bytes);
}

const SHOWN_UNITS = 60;

/** The beginning of its display form; a long value is not written out to be cut off. */
function shortened(value: Value): string {
  let units = 0;
  const pieces: string[] = [];
  const enough = new Error('enough');
  try {
    pieces.push(
      display(value, (more) => {
        units += more;
        if (units > 100 * SHOWN_UNITS) throw enough;
      }),
    );
  } catch (error) {
    if (error !== enough) throw error;
    return `(${measure(value).bytes} bytes)`;
  }
  const text = pieces.join('').replaceAll(/\s+/g, ' ');
  return text.length <= SHOWN_UNITS ? text : `${text.slice(0, SHOWN_UNITS - 1)}…`;
}

function writeOut(
  found: Found,
  only: string | undefined,
  file: string | undefined,
  context: CommandContext,
): number {
  const stored = readState(found.path);
  if (stored === undefined || (only !== undefined && !stored.has(only))) throw nothing(found, only);
  const text = exportState(found.path, only) ?? '';
  if (file === undefined || file === '-') context.out(text);
  else writeFileSync(file, text, { mode: 0o600 });
  return 0;
}

async function readIn(found: Found, file: string | undefined, context: CommandContext): Promise<number> {
  if (file === undefined) throw usageError('relay state import needs a file, or - for stdin', ADVICE);
  let text: string;
  try {
    text = file === '-' ? await context.readStdin() : readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandFailure(
      `cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  try {
    const names = importState(found.path, text);
    context.out(`Imported into ${found.nodeId}: ${names.join(', ')}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error;
    throw new CommandFailure(`${file} is not JSON: ${error.message}; nothing was imported`);
  }
}

function reset(found: Found, only: string | undefined, isSure: boolean, { out }: CommandContext): number {
  if (!isSure) {
    throw usageError(
      `relay state reset forgets ${only === undefined ? 'all state' : `the state of ${only}`} of ${found.nodeId} for good`,
      'export it first if you may want it back, then add --yes',
    );
  }
  if (!resetState(found.path, only)) throw nothing(found, only);
  out(`Forgotten: ${only === undefined ? 'all state' : `the state of ${only}`} of ${found.nodeId}\n`);
  return 0;
}
