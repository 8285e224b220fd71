// Text to tree. Never throws, whatever the text is: what cannot be read is reported and left out.

import type { Diagnostic } from '../diagnostic.ts';
import type { SourceFile } from '../source.ts';
import type { Item, ParsedFile } from './ast.ts';
import { Cursor } from './cursor.ts';
import { tokenize } from './lexer.ts';
import { parseItem } from './parse-declaration.ts';
import { isTooTall, MAX_TREE_HEIGHT } from './tree-height.ts';

/** 1 MiB, in UTF-8 bytes. */
export const MAX_SOURCE_BYTES = 1024 * 1024;

export interface ParseResult extends ParsedFile {
  readonly diagnostics: readonly Diagnostic[];
}

/** `file` is the index of the source in the program's list of files. */
export function parseFile(source: SourceFile, file: number): ParseResult {
  if (exceedsBytes(source.text, MAX_SOURCE_BYTES)) {
    const span = { file, start: 0, end: 0 };
    return {
      items: [],
      diagnostics: [{ code: 'RL1010', severity: 'error', message: 'the file is larger than 1 MiB', span }],
    };
  }
  const diagnostics: Diagnostic[] = [];
  const cursor = new Cursor(source, file, tokenize(source, file, diagnostics), diagnostics);
  const items: Item[] = [];
  cursor.sequence('end', () => {
    const before = cursor.index;
    const item = parseItem(cursor);
    // Few tokens cannot make a tall tree.
    if (cursor.index - before < MAX_TREE_HEIGHT || !isTooTall(item)) {
      items.push(item);
      return;
    }
    cursor.errorAt(
      'RL1010',
      'this expression has too many parts',
      item.span,
      'divide it with variables or functions',
    );
    items.push({ kind: 'missing', span: item.span });
  });
  diagnostics.sort((a, b) => a.span.start - b.span.start);
  return { items, diagnostics };
}

function exceedsBytes(text: string, limit: number): boolean {
  if (text.length > limit) return true;
  // A UTF-16 code unit takes three bytes at most.
  if (text.length * 3 <= limit) return false;
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes > limit;
}
