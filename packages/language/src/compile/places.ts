import type { SourceFile, Span } from '../source.ts';

/** Positions of a program, found quickly, and the table of those that run-time errors may need. */
export class Places {
  readonly #files: readonly SourceFile[];
  readonly #starts: readonly (readonly number[])[];
  readonly #indexes = new Map<string, number>();
  /** File, line, column of each place, one after the other. */
  readonly table: number[] = [];

  constructor(files: readonly SourceFile[]) {
    this.#files = files;
    this.#starts = files.map(({ text }) => {
      const starts = [0];
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
      return starts;
    });
  }

  /** Index of the beginning of a span. */
  index(span: Span): number {
    const key = `${span.file}:${span.start}`;
    let found = this.#indexes.get(key);
    if (found === undefined) {
      found = this.#indexes.size;
      this.#indexes.set(key, found);
      const { line, column } = this.unitsAt(span);
      const text = this.text(span.file);
      const before = text.slice(span.start - column, span.start);
      this.table.push(span.file, line + 1, [...before].length + 1);
    }
    return found;
  }

  /** Line and column from 0, columns in UTF-16 units. */
  unitsAt(span: Span): { line: number; column: number } {
    const starts = this.#starts[span.file]!;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (starts[middle]! <= span.start) low = middle;
      else high = middle - 1;
    }
    return { line: low, column: span.start - starts[low]! };
  }

  text(file: number): string {
    return this.#files[file]!.text;
  }
}
