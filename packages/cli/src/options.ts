// Options of the sub-commands that have no classic form (`--main URL`, `--json`). Same spelling rules as flags.

import { nearest } from './nearest.ts';
import { usageError } from './usage.ts';

/** `flag` takes no value, `value` needs one, `optional` takes one if the next word is a number. */
export type OptionTable = Readonly<Record<string, 'flag' | 'value' | 'optional'>>;

export interface ParsedOptions {
  readonly words: readonly string[];
  has(name: string): boolean;
  value(name: string): string | undefined;
}

export function parseOptions(argv: readonly string[], table: OptionTable): ParsedOptions {
  const values = new Map<string, string>();
  const words: string[] = [];
  let ended = false;
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (ended || word === '-' || !word.startsWith('-') || /^-\d/.test(word)) {
      words.push(word);
      continue;
    }
    if (word === '--') {
      ended = true;
      continue;
    }
    const [, name = '', attached] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    const kind = Object.hasOwn(table, name) ? table[name] : undefined;
    if (kind === undefined) {
      const close = nearest(name, Object.keys(table));
      throw usageError(
        `flag provided but not defined: -${name}`,
        close === undefined ? undefined : `did you mean --${close}?`,
      );
    }
    if (values.has(name)) throw usageError(`flag given twice: -${name}`);
    let value = attached;
    const next = argv[at + 1];
    if (value === undefined && kind === 'value') {
      if (next === undefined || next === '') throw usageError(`flag needs an argument: -${name}`);
      value = next;
      at += 1;
    } else if (
      value === undefined &&
      kind === 'optional' &&
      next !== undefined &&
      /^\d+(?:\.\d+)?$/.test(next)
    ) {
      value = next;
      at += 1;
    } else if (attached !== undefined && kind === 'flag') {
      throw usageError(`flag takes no value: -${name}`);
    }
    values.set(name, value ?? '');
  }
  return { words, has: (name) => values.has(name), value: (name) => values.get(name) };
}
