// A source text and places in it. Offsets count UTF-16 code units; lines and columns count from 1, columns in code points.

export interface SourceFile {
  /** As shown to people: relative to the folder of the main file. */
  readonly name: string;
  readonly text: string;
}

/** `[start, end)` in the text of one file. `file` is an index into the program's list of files. */
export interface Span {
  readonly file: number;
  readonly start: number;
  readonly end: number;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

export function positionAt(source: SourceFile, offset: number): Position {
  const before = source.text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line += 1;
  let column = 1;
  for (const char of before.slice(lineStart)) {
    // A byte-order mark at the start is skipped by the lexer and by the eye.
    if (char !== '\uFEFF' || lineStart > 0) column += 1;
  }
  return { line, column };
}
