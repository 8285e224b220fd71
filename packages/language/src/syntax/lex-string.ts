// Strings with their escapes; and the quotes of other languages, which are reported and read all the same.

import type { LexReport } from './lexer.ts';

const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\\', '\\'],
  ['"', '"'],
  ["'", "'"],
]);

const CODE_POINT = /x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-3][0-7]{2})/y;

export interface QuotedText {
  readonly end: number;
  readonly content: string;
}

export function readQuoted(text: string, at: number, report: LexReport): QuotedText {
  const quote = text[at]!;
  if (quote !== '"') return readForeign(text, at, quote, report);
  let content = '';
  let from = at + 1;
  for (let here = from; ; ) {
    const char = text[here];
    if (char === '"') {
      return { end: here + 1, content: wellFormed(content + text.slice(from, here), at, here + 1, report) };
    }
    if (char === undefined) {
      const line = text.indexOf('\n', at);
      report('RL1002', 'string is not closed', at, line < 0 ? text.length : line, 'end it with "');
      return { end: text.length, content: content + text.slice(from) };
    }
    if (char !== '\\') {
      here += 1;
      continue;
    }
    const escaped = readEscape(text, here, report);
    content += text.slice(from, here) + escaped.content;
    here = escaped.end;
    from = here;
  }
}

function readEscape(text: string, at: number, report: LexReport): QuotedText {
  const simple = SIMPLE_ESCAPES.get(text[at + 1] ?? '');
  if (simple !== undefined) return { end: at + 2, content: simple };
  CODE_POINT.lastIndex = at + 1;
  const match = CODE_POINT.exec(text);
  if (match !== null) {
    const end = at + 1 + match[0].length;
    const octal = match[4];
    const code =
      octal === undefined
        ? Number.parseInt(match[1] ?? match[2] ?? match[3]!, 16)
        : Number.parseInt(octal, 8);
    if (code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) {
      return { end, content: String.fromCodePoint(code) };
    }
    report('RL1003', `escape ${text.slice(at, end)} is not a character`, at, end);
    return { end, content: '' };
  }
  const following = text.codePointAt(at + 1);
  // At the end of the text there is nothing to escape; the missing quote is reported instead.
  if (following === undefined) return { end: at + 1, content: '' };
  const char = String.fromCodePoint(following);
  const end = at + 1 + char.length;
  report('RL1003', `unknown escape \\${char}`, at, end, 'a backslash itself is written \\\\');
  return { end, content: char };
}

/** A source given as text may hold half a surrogate pair; a string of the language never does. */
function wellFormed(content: string, start: number, end: number, report: LexReport): string {
  if (content.isWellFormed()) return content;
  report('RL1001', 'string contains half a character', start, end);
  return content.toWellFormed();
}

function readForeign(text: string, at: number, quote: string, report: LexReport): QuotedText {
  const close = text.indexOf(quote, at + 1);
  let end = close < 0 ? text.length : close + 1;
  let content = text.slice(at + 1, close < 0 ? end : close);
  const lineLength = content.indexOf('\n');
  // Only back-quotes span lines; an apostrophe gone astray must not swallow the file.
  if (lineLength >= 0 && (close < 0 || quote === "'")) {
    content = content.slice(0, lineLength);
    end = at + 1 + lineLength;
  }
  const written = content.includes('\n') ? '…' : content.replaceAll('"', '\\"');
  report('RL1023', 'text stands in double quotes', at, end, `write "${written}"`);
  return { end, content: content.toWellFormed() };
}
