// Whether a prompt has to ask for another line; language.md §21.

import type { Diagnostic } from '../diagnostic.ts';
import { tokenize } from './lexer.ts';
import { isKeyword, type TokenKind } from './token.ts';

/** After these, and after an opening bracket, something has to follow. */
const WANTS_MORE: ReadonlySet<TokenKind> = new Set<TokenKind>([
  ...(['->', '??', '==', '!=', '<=', '>=', '&&', '||', '=', '<', '>', '+', '-', '*', '/', '%', '!'] as const),
  ...(['.', ',', ':'] as const),
]);

/** Keywords that may be the end of something. */
const COMPLETE: ReadonlySet<TokenKind> = new Set<TokenKind>(['return', 'true', 'false', 'nil', 'state']);

/** A bracket, string or comment is open, or the last token needs a continuation. */
export function needsMoreInput(text: string): boolean {
  const diagnostics: Diagnostic[] = [];
  const tokens = tokenize({ name: '', text }, 0, diagnostics);
  if (diagnostics.some(({ code }) => code === 'RL1002' || code === 'RL1004')) return true;
  let depth = 0;
  for (const { kind } of tokens) {
    if (kind === '(' || kind === '[' || kind === '{') depth += 1;
    else if (kind === ')' || kind === ']' || kind === '}') depth -= 1;
    // What closes more than was opened is wrong, and more input will not mend it.
    if (depth < 0) return false;
  }
  if (depth > 0) return true;
  const last = tokens.at(-2)?.kind;
  if (last === undefined) return false;
  if (WANTS_MORE.has(last)) return true;
  const isMember = tokens.at(-3)?.kind === '.' || tokens.at(-3)?.kind === ':';
  return isKeyword(last) && !COMPLETE.has(last) && !isMember;
}
