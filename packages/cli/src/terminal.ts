// What people see: colour only where it can be read, text of others made harmless, tables with room between the columns.

export interface Screen {
  readonly isTerminal: boolean;
  readonly hasColour: boolean;
}

export function screenOf(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Screen {
  const isTerminal = stream.isTTY === true;
  return { isTerminal, hasColour: isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb' };
}

const COLOURS = { red: 31, green: 32, yellow: 33, blue: 34, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof COLOURS;

export function paint(screen: Screen, colour: Colour, text: string): string {
  return screen.hasColour ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

/** Control and bidirectional characters as escapes, so that names from other nodes cannot move the cursor or hide text. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Rows as aligned text with at least `gap` blanks between columns; nothing is ever cut off. */
export function table(rows: readonly (readonly string[])[], gap = 3): string[] {
  const escaped = rows.map((row) => row.map(escapeControls));
  const widths: number[] = [];
  for (const row of escaped) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, width(cell));
  }
  return escaped.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell) + gap))
      .join('')
      .trimEnd(),
  );
}

function width(text: string): number {
  return [...text].length;
}

/** `2 h 14 m`, `5 m 3 s`, `12 s`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} m`;
  if (minutes > 0) return `${minutes} m ${seconds % 60} s`;
  return `${seconds} s`;
}

/** `0.8 ms`; `-` for what was not measured. */
export function formatMs(ms: number | null | undefined): string {
  return typeof ms === 'number' ? `${ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms` : '-';
}
