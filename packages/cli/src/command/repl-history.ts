// Lines of earlier sessions, the newest first, in the data directory. A history that cannot be read or kept is no reason to bother
// anyone.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const MAX_HISTORY_LINES = 1_000;
const FILE = 'repl-history';

export function readHistory(dataDir: string): string[] {
  try {
    const lines = readFileSync(path.join(dataDir, FILE), 'utf8').split('\n');
    return lines.filter((line) => line !== '').slice(0, MAX_HISTORY_LINES);
  } catch {
    return [];
  }
}

/** For its owner only: what people type may be nobody else's business. */
export function writeHistory(dataDir: string, lines: readonly string[]): void {
  const kept = lines.filter((line) => line.trim() !== '' && !line.includes('\n')).slice(0, MAX_HISTORY_LINES);
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(path.join(dataDir, FILE), kept.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  } catch {
    // As above.
  }
}
