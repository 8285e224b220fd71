// What stands between two tokens: comments and line breaks. The lexer reports these only in part, so the text is read again.

import type { SourceFile } from '../source.ts';
import type { Token } from '../syntax/token.ts';

export interface Comment {
  readonly text: string;
  readonly isLine: boolean;
  /** Line breaks between what stands before and the comment. */
  readonly breaks: number;
  /** Where it begins in its line, in code points, if it stands apart from the code before it as in a table. */
  readonly column: number | undefined;
}

export interface Gap {
  readonly comments: readonly Comment[];
  /** Line breaks behind the last comment, or all if there is none. */
  readonly breaks: number;
}

/** What stands before each token. */
export function readGaps(source: SourceFile, tokens: readonly Token[]): Gap[] {
  return tokens.map((token, index) => readGap(source.text, tokens[index - 1]?.end ?? 0, token.start));
}

function readGap(text: string, start: number, end: number): Gap {
  const comments: Comment[] = [];
  let breaks = 0;
  let from = start;
  let at = start;
  while (at < end) {
    if (text[at] === '\n') breaks += 1;
    if (text[at] !== '/') {
      at += 1;
      continue;
    }
    const isLine = text[at + 1] === '/';
    const close = isLine ? text.indexOf('\n', at) : text.indexOf('*/', at + 2) + 2;
    const stop = close < 0 ? end : close;
    const content = text.slice(at, stop);
    const column = breaks === 0 ? tableColumn(text, from, at) : undefined;
    comments.push({ text: isLine ? content.trimEnd() : trimLines(content), isLine, breaks, column });
    breaks = 0;
    from = stop;
    at = stop;
  }
  return { comments, breaks };
}

/** A comment two blanks away, or more, was put there on purpose. */
function tableColumn(text: string, from: number, at: number): number | undefined {
  const blanks = text.slice(from, at);
  if (blanks.length < 2 || /[^ ]/.test(blanks)) return undefined;
  const lineStart = text.lastIndexOf('\n', at - 1) + 1;
  const before = text.slice(lineStart, at);
  return before.includes('\t') ? undefined : [...before].length;
}

function trimLines(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
