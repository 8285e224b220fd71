// Text to tokens. Symbols (`:name`) are left as colon and word: only the parser knows whether a colon separates or begins a value.

import type { Diagnostic } from '../diagnostic.ts';
import type { SourceFile } from '../source.ts';
import { readDatetime, readNumber } from './lex-number.ts';
import { readQuoted } from './lex-string.ts';
import { isKeyword, SIGNS, type Token, type TokenKind } from './token.ts';

const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const BYTE_ORDER_MARK = 0xfeff;

const CHARACTER_HINTS: ReadonlyMap<string, string> = new Map([
  ['&', "'and' is written &&"],
  ['|', "'or' is written ||"],
  ['?', 'write if … { … } else { … }, or ?? for a value that may be nil'],
  ['#', 'a comment starts with //'],
]);

/** Reports at an offset range of the file being read. */
export type LexReport = (code: string, message: string, start: number, end: number, hint?: string) => void;

/** All tokens of a file, the last one of kind `end`. */
export function tokenize(source: SourceFile, file: number, diagnostics: Diagnostic[]): Token[] {
  const text = source.text;
  const tokens: Token[] = [];
  const report: LexReport = (code, message, start, end, hint) => {
    diagnostics.push({
      code,
      severity: 'error',
      message,
      span: { file, start, end },
      ...(hint === undefined ? {} : { hint }),
    });
  };
  let at = text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0;
  for (;;) {
    const trivia = skipTrivia(text, at, tokens.length === 0, report);
    at = trivia.end;
    const add = (kind: TokenKind, end: number, content: string, value = 0): void => {
      const doc = kind === 'receive' || kind === 'server' ? trivia.doc : undefined;
      tokens.push({ kind, text: content, value, start: at, end, breakBefore: trivia.hasBreak, doc });
      at = end;
    };
    if (at >= text.length) {
      add('end', at, '');
      return tokens;
    }
    const char = text[at]!;
    if (char === '"' || char === "'" || char === '`') {
      const quoted = readQuoted(text, at, report);
      add('string', quoted.end, quoted.content);
      continue;
    }
    WORD.lastIndex = at;
    const word = WORD.exec(text)?.[0];
    if (word !== undefined) {
      add(isKeyword(word) ? word : 'word', at + word.length, word);
      continue;
    }
    const datetime = readDatetime(text, at, report);
    if (datetime !== undefined) {
      add('datetime', datetime.end, text.slice(at, datetime.end), datetime.value);
      continue;
    }
    const number = readNumber(text, at, report);
    if (number !== undefined) {
      add('number', number.end, text.slice(at, number.end), number.value);
      continue;
    }
    const sign = SIGNS.find((candidate) => text.startsWith(candidate, at));
    if (sign !== undefined) {
      add(sign, at + sign.length, sign);
      continue;
    }
    const bad = String.fromCodePoint(text.codePointAt(at)!);
    report('RL1001', `unexpected character '${bad}'`, at, at + bad.length, CHARACTER_HINTS.get(bad));
    add('bad', at + bad.length, bad);
  }
}

interface Trivia {
  readonly end: number;
  readonly hasBreak: boolean;
  readonly doc: string | undefined;
}

/** Blanks, line breaks and comments from `start` on. */
function skipTrivia(text: string, start: number, isFirst: boolean, report: LexReport): Trivia {
  let at = start;
  let hasBreak = false;
  let doc: string[] = [];
  // An empty line cuts a comment off from what follows.
  let breaksInARow = 0;
  for (;;) {
    const char = text[at];
    if (char === ' ' || char === '\t' || char === '\r') at += 1;
    else if (char === '\n') {
      hasBreak = true;
      breaksInARow += 1;
      if (breaksInARow > 1) doc = [];
      at += 1;
    } else if (char === '/' && (text[at + 1] === '/' || text[at + 1] === '*')) {
      // A comment behind code on its line belongs to that code.
      const standsAlone = hasBreak || isFirst;
      const isBlock = text[at + 1] === '*';
      const end = isBlock ? blockEnd(text, at, report) : lineEnd(text, at);
      const comment = text.slice(at, end);
      if (comment.includes('\n')) hasBreak = true;
      if (!standsAlone || isBlock) doc = [];
      if (standsAlone) doc.push(cleanComment(comment, isBlock));
      breaksInARow = 0;
      at = end;
    } else {
      const whole = doc.join('\n').trim();
      return { end: at, hasBreak, doc: whole === '' ? undefined : whole };
    }
  }
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function blockEnd(text: string, at: number, report: LexReport): number {
  const close = text.indexOf('*/', at + 2);
  if (close >= 0) return close + 2;
  report('RL1004', 'comment is not closed', at, at + 2, 'end it with */');
  return text.length;
}

function cleanComment(comment: string, isBlock: boolean): string {
  if (!isBlock) return comment.replace(/^\/\/+ ?/, '').trimEnd();
  const inner = comment.replace(/^\/\*+/, '').replace(/\*+\/$/, '');
  return inner
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
    .join('\n')
    .trim();
}
