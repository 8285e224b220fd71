// A program from its main file: imports are followed, each file once, and their items put where they are run.

import type { Diagnostic } from '../diagnostic.ts';
import type { SourceFile, Span } from '../source.ts';
import type { Item, ParsedFile } from './ast.ts';
import { parseFile } from './parser.ts';
import { folderOf, joinPath, resolveInside } from './path.ts';

export interface LoadedProgram {
  /** The main file first; spans refer to them by index. */
  readonly files: readonly SourceFile[];
  /** One per file that was read now, in the same order. */
  readonly parsed: readonly ParsedFile[];
  /** All items in the order they run: those of an imported file stand before the `import`, which itself does nothing more. */
  readonly items: readonly Item[];
  /** Of lexer, parser and imports; if one is an error, the program does not start. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Files may import each other in a row of this length, far beyond need and well within the stack. */
const MAX_IMPORT_DEPTH = 256;

/** What a session has already. */
export interface LoadedBefore {
  /** Theirs come first in the list of files, so that spans of all its parts refer to one list. */
  readonly files: readonly SourceFile[];
  /** By the path that `read` would get. */
  readonly isLoaded: (path: string) => boolean;
}

/** `read` gives the text of a file, or undefined if there is none. It gets `mainPath`, and paths in the same folder or below. */
export function loadProgram(
  mainPath: string,
  read: (path: string) => string | undefined,
  before?: LoadedBefore,
): LoadedProgram {
  const root = folderOf(mainPath);
  const mainName = mainPath.slice(mainPath.lastIndexOf('/') + 1);
  const files: SourceFile[] = [...(before?.files ?? [])];
  const parsed: ParsedFile[] = [];
  const items: Item[] = [];
  const diagnostics: Diagnostic[] = [];
  const names = new Set<string>();
  /** Files whose items are being placed, outermost first. */
  const loading: string[] = [];

  const place = (name: string, text: string): void => {
    const source = { name, text };
    const file = files.push(source) - 1;
    names.add(name);
    loading.push(name);
    const result = parseFile(source, file);
    parsed.push({ items: result.items });
    // One by one: there may be more than a call takes arguments.
    for (const diagnostic of result.diagnostics) diagnostics.push(diagnostic);
    for (const item of result.items) {
      if (item.kind === 'import') follow(name, item.path, item.span);
      items.push(item);
    }
    loading.pop();
  };

  const follow = (from: string, path: string, span: Span): void => {
    const name = resolveInside(folderOf(from), path);
    if (name === undefined) {
      report('RL1030', `cannot import "${path}": the path leaves the folder of the main file`, span);
      return;
    }
    if (loading.includes(name)) {
      const circle = [...loading.slice(loading.indexOf(name)), name].join(' -> ');
      report('RL1031', `import circle: ${circle}`, span);
      return;
    }
    if (names.has(name) || before?.isLoaded(joinPath(root, name)) === true) return;
    if (loading.length >= MAX_IMPORT_DEPTH) {
      report('RL1030', `cannot import "${path}": imports are nested too deeply`, span);
      return;
    }
    const text = read(joinPath(root, name));
    if (text === undefined) report('RL1030', `cannot import "${path}": there is no file ${name}`, span);
    else place(name, text);
  };

  const report = (code: string, message: string, span: Span): void => {
    diagnostics.push({ code, severity: 'error', message, span });
  };

  const mainText = read(mainPath);
  place(mainName, mainText ?? '');
  if (mainText === undefined)
    report('RL1030', `there is no file ${mainName}`, { file: before?.files.length ?? 0, start: 0, end: 0 });
  diagnostics.sort((a, b) => a.span.file - b.span.file || a.span.start - b.span.start);
  return { files, parsed, items, diagnostics };
}
