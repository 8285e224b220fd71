// From a file on disk to a program that can run. Only errors of syntax and imports keep a program from starting; what the checker
// finds travels along.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  builtins,
  checkProgram,
  compileProgram,
  type Diagnostic,
  loadProgram,
  renderDiagnostic,
  type Setting,
  type SourceFile,
} from '@relay/language';
import type { CompiledProgram } from './program.ts';

export interface RelayProgram extends CompiledProgram {
  /** Absolute path of the main file. */
  readonly file: string;
  /** Absolute paths of all files, the main file first. */
  readonly paths: readonly string[];
  /** Constant entries of its config blocks: what can be known before it runs. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** What the checker found, as people see it. */
  readonly findings: readonly Finding[];
}

/** A diagnostic and its printed form (language.md §22). */
export interface Finding {
  readonly diagnostic: Diagnostic;
  /** `FILE:LINE:COL: SEVERITY: MESSAGE [CODE]`, the line, and the hint. */
  readonly text: string;
}

export type LoadResult =
  | { readonly ok: true; readonly program: RelayProgram }
  /** The main file cannot be read. */
  | { readonly ok: false; readonly kind: 'unreadable'; readonly error: string }
  /** It does not parse, or an import fails; errors first, then what else was found. */
  | {
      readonly ok: false;
      readonly kind: 'invalid';
      readonly findings: readonly Finding[];
      readonly paths: readonly string[];
    };

/** Reads, parses, checks and compiles a program and what it imports. Never throws for anything the files contain. */
export function loadRelayProgram(file: string): LoadResult {
  const main = path.resolve(file);
  let mainText: string;
  try {
    mainText = readText(main);
  } catch (thrown) {
    return { ok: false, kind: 'unreadable', error: reasonOf(thrown) };
  }
  const read = (name: string): string | undefined => {
    if (name === posix(main)) return mainText;
    try {
      return readText(name);
    } catch {
      return undefined;
    }
  };
  const loaded = loadProgram(posix(main), read);
  const folder = path.dirname(main);
  const paths = loaded.files.map(({ name }) => path.join(folder, name));
  const checked = checkProgram(loaded, builtins);
  const findings = rendered([...loaded.diagnostics, ...checked.diagnostics], loaded.files);
  if (loaded.diagnostics.some(({ severity }) => severity === 'error')) {
    return { ok: false, kind: 'invalid', findings, paths };
  }
  const { code, sourceMap, services, settings } = compileProgram(loaded, checked);
  return {
    ok: true,
    program: { file: main, paths, code: withSourceMap(code, sourceMap, paths), services, settings, findings },
  };
}

/** So that stack traces and the inspector of Node.js show lines of the program. Files go by their whole address, since the module has none. */
function withSourceMap(code: string, sourceMap: string, paths: readonly string[]): string {
  const map: object = JSON.parse(sourceMap);
  const text = JSON.stringify({ ...map, sources: paths.map((file) => pathToFileURL(file).href) });
  return `${code}//# sourceMappingURL=data:application/json;base64,${Buffer.from(text).toString('base64')}\n`;
}

function rendered(diagnostics: readonly Diagnostic[], files: readonly SourceFile[]): readonly Finding[] {
  return diagnostics.map((diagnostic) => ({ diagnostic, text: renderDiagnostic(diagnostic, files) }));
}

export function readText(file: string): string {
  return new TextDecoder().decode(readFileSync(file));
}

/** The language knows `/` only. */
export function posix(file: string): string {
  return path.sep === '/' ? file : file.replaceAll(path.sep, '/');
}

export function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'is a folder';
  return code === 'EACCES' ? 'permission denied' : String(code ?? thrown);
}
