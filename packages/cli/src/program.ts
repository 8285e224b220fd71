// A program file on its way to a run or a node: loaded, with what the node has to know of it before it runs.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  embeddedStore,
  type Finding,
  type LoadedPages,
  loadPages,
  loadRelayProgram,
  ProgramFailed,
  type RelayProgram,
  type RunningProgram,
  type StartProgramOptions,
  type StateStoreSpec,
  startProgram,
} from '@relay/host';
import { type Diagnostic, loadProgram, positionAt, type SourceFile } from '@relay/language';
import { type ConfigBlock, type ConfigSource, readConfigBlock } from './config-block.ts';
import type { Role } from './flags.ts';
import { CommandFailure } from './usage.ts';

export interface OpenedProgram {
  readonly compiled: RelayProgram;
  readonly config: ConfigBlock;
  readonly pages: LoadedPages;
  readonly warnings: readonly string[];
}

/** Throws a CommandFailure for a program that cannot start; what the checker finds beyond that is a warning here. */
export function openProgram(file: string, role: Role): OpenedProgram {
  const result = loadRelayProgram(file);
  if (!result.ok) {
    if (result.kind === 'unreadable') throw new CommandFailure(`cannot read ${file}: ${result.error}`);
    throw new CommandFailure(parseErrorText(result.findings, readSource(file).files));
  }
  const config = readConfigBlock(readSource(file), role);
  const pages = loadPages(file);
  if (pages.errors.length > 0) {
    throw new CommandFailure(pages.errors.map(({ text }) => text.split('\n')[0]).join('\n'));
  }
  const errors = result.program.findings.filter(({ diagnostic }) => diagnostic.severity === 'error').length;
  return {
    compiled: result.program,
    config,
    pages,
    warnings: [
      ...(errors === 0
        ? []
        : [`warning: relay check ${file} finds ${errors} error${errors === 1 ? '' : 's'}`]),
      ...config.warnings,
    ],
  };
}

/** A name under which no node can offer it: the Main would refuse the Home, and peers the Main. */
const NOT_OFFERED = 'RL4004';

/** Throws a CommandFailure for a program with names that no node can offer. */
export function assertOffered(file: string, { compiled }: OpenedProgram): void {
  const refused = compiled.findings.filter(({ diagnostic }) => diagnostic.code === NOT_OFFERED);
  if (refused.length > 0) throw new CommandFailure(placesText(refused, readSource(file).files));
}

function placesText(findings: readonly Finding[], files: readonly SourceFile[]): string {
  const lines = findings.map(({ diagnostic }) => {
    const { file, line, column } = placeOf(diagnostic, files);
    return `${file}:${line}:${column}: ${diagnostic.message}`;
  });
  return lines.join('\nError: ');
}

/** The tree and the texts, for config blocks and places. */
export function readSource(file: string): ConfigSource {
  const posix = (name: string): string => (path.sep === '/' ? name : name.replaceAll(path.sep, '/'));
  return loadProgram(posix(path.resolve(file)), (name) => {
    try {
      return readFileSync(name, 'utf8');
    } catch {
      return undefined;
    }
  });
}

/** Every error, a line each: `parse error: FILE:LINE:COL: MESSAGE`. The first gets its `Error: ` from whoever prints the failure. */
function parseErrorText(findings: readonly Finding[], files: readonly SourceFile[]): string {
  const lines = findings.flatMap(({ diagnostic }) => {
    if (diagnostic.severity !== 'error') return [];
    const { file, line, column } = placeOf(diagnostic, files);
    return [`parse error: ${file}:${line}:${column}: ${diagnostic.message}`];
  });
  return lines.join('\nError: ') || 'parse error';
}

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export function placeOf({ span }: Diagnostic, files: readonly SourceFile[]): Place {
  const source = files[span.file] ?? { name: '?', text: '' };
  return { file: source.name, ...positionAt(source, span.start) };
}

/** Where a served program keeps its state. Throws a CommandFailure for a backend that this version does not have. */
export function storeOf({ persistence }: ConfigBlock, folder: string): StateStoreSpec {
  const { backend = 'embedded', sync = 'full' } = persistence ?? {};
  switch (backend) {
    case 'embedded':
      return embeddedStore(folder, sync);
    case 'memory':
      return { kind: 'memory' };
    case 'postgres':
      throw new CommandFailure(
        'config persistence.backend: "postgres" is not available in this version yet; use "embedded", which needs nothing else',
      );
    default:
      return backend satisfies never;
  }
}

/** Runs the top level of a program whose servers a node will offer. Throws a CommandFailure if that fails. */
export async function startOpened(
  opened: OpenedProgram,
  options: StartProgramOptions,
): Promise<RunningProgram> {
  try {
    return await startProgram(opened.compiled, options);
  } catch (error) {
    throw error instanceof ProgramFailed ? new CommandFailure(error.message) : error;
  }
}
