// Source maps, version 3: where each line of a module comes from.

import type { SourceFile } from '../source.ts';
import type { Line } from './code.ts';
import type { Places } from './places.ts';

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function vlq(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = '';
  do {
    const digit = rest & 31;
    rest >>>= 5;
    text += DIGITS[rest > 0 ? digit | 32 : digit];
  } while (rest > 0);
  return text;
}

export function sourceMap(lines: readonly Line[], files: readonly SourceFile[], places: Places): string {
  let last = { file: 0, line: 0, column: 0 };
  const mappings = lines.map(({ span }) => {
    if (span === undefined) return '';
    const at = { file: span.file, ...places.unitsAt(span) };
    const text = vlq(0) + vlq(at.file - last.file) + vlq(at.line - last.line) + vlq(at.column - last.column);
    last = at;
    return text;
  });
  return JSON.stringify({
    version: 3,
    sources: files.map((file) => file.name),
    sourcesContent: files.map((file) => file.text),
    names: [],
    mappings: mappings.join(';'),
  });
}
