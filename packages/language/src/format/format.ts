// The formatter: the same tokens and comments, with the blanks and line breaks of the house style. docs/editors.md describes it.

import type { Diagnostic } from '../diagnostic.ts';
import type { SourceFile } from '../source.ts';
import type { Item } from '../syntax/ast.ts';
import { tokenize } from '../syntax/lexer.ts';
import { parseFile } from '../syntax/parser.ts';
import { layOut } from './layout.ts';
import { Printer } from './printer.ts';
import { readRoles } from './roles.ts';

export const LINE_WIDTH = 110;

export type Formatted =
  | { readonly kind: 'formatted'; readonly text: string }
  /** Text that cannot be read is not touched. */
  | { readonly kind: 'refused'; readonly diagnostics: readonly Diagnostic[] };

export function formatSource(source: SourceFile, file = 0): Formatted {
  const { items, diagnostics } = parseFile(source, file);
  if (diagnostics.some(({ severity }) => severity === 'error')) return { kind: 'refused', diagnostics };
  const text = print(source, items);
  // Nothing is worth a program that means something else; this cannot happen, and if it does, it is said.
  const printed = parseFile({ ...source, text }, file);
  if (printed.diagnostics.length === 0 && meaning(printed.items) === meaning(items)) {
    return { kind: 'formatted', text };
  }
  const span = { file, start: 0, end: 0 };
  const message =
    'the formatter would change what this file means, so it is left as it is: please report this file';
  return { kind: 'refused', diagnostics: [{ code: 'RL1010', severity: 'error', message, span }] };
}

function print(source: SourceFile, items: readonly Item[]): string {
  const tokens = tokenize(source, 0, []);
  const text = new Printer(layOut(source, tokens, readRoles(items, tokens)), LINE_WIDTH).print();
  return text.trim() === '' ? '' : text;
}

/** The tree without its places. */
export function meaning(items: readonly Item[]): string {
  return JSON.stringify(items, (key, value: unknown) => (key === 'span' ? undefined : value));
}
