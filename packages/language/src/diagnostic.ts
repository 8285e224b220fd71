import { positionAt, type SourceFile, type Span } from './source.ts';

export interface Diagnostic {
  /** Stable, listed in language.md §22, e.g. `RL2001`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly span: Span;
  /** What to do about it, when we know. */
  readonly hint?: string;
}

/**
 * As people see it: place, message and code; the line with the span underlined; the hint. `files` are those of the program, in the
 * order spans refer to.
 */
export function renderDiagnostic(diagnostic: Diagnostic, files: readonly SourceFile[]): string {
  const { code, severity, message, span, hint } = diagnostic;
  const source = files[span.file] ?? { name: '?', text: '' };
  const { line, column } = positionAt(source, span.start);
  const { before, marked, after } = lineAround(source.text, span);
  const gutter = `   ${line}`;
  const lines = [
    `${source.name}:${line}:${column}: ${severity}: ${message} [${code}]`,
    `${gutter} | ${before}${marked}${after}`,
    // Tabs stay tabs, so that the carets stand below the span however wide a tab is shown.
    `${' '.repeat(gutter.length)} | ${before.replace(/[^\t]/gu, ' ')}${'^'.repeat(Math.max(1, [...marked].length))}`,
  ];
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return lines.join('\n');
}

/** The line where a span begins, cut at the span; a span over several lines is cut at the end of its first. */
function lineAround(text: string, span: Span): { before: string; marked: string; after: string } {
  const start = text.lastIndexOf('\n', span.start - 1) + 1;
  const lineBreak = text.indexOf('\n', span.start);
  let end = lineBreak < 0 ? text.length : lineBreak;
  if (text[end - 1] === '\r' && end > span.start) end -= 1;
  const cut = Math.min(Math.max(span.end, span.start), end);
  return {
    // A byte-order mark is no column anybody sees.
    before: text.slice(start, span.start).replace(/^\uFEFF/, ''),
    marked: text.slice(span.start, cut),
    after: text.slice(cut, end),
  };
}
