// relay docs: the built-ins, from the tables that the run time itself uses.

import { type Arity, builtins } from '@relay/language';
import type { Command } from '../context.ts';
import { nearest } from '../nearest.ts';
import { parseOptions } from '../options.ts';
import { CommandFailure } from '../usage.ts';

interface Entry {
  /** `print`, `array.push` */
  readonly path: string;
  readonly name: string;
  readonly kind: string | undefined;
  readonly arity: Arity;
}

export const docs: Command = async (argv, context) => {
  const options = parseOptions(argv, { markdown: 'flag' });
  if (options.has('markdown')) {
    context.out(renderBuiltins());
    return 0;
  }
  const all = entries();
  const found = options.words.flatMap((word) => find(word, all));
  const shown = options.words.length === 0 ? all : found;
  context.out(sections(shown).join('\n'));
  return 0;
};

function entries(): readonly Entry[] {
  const functions = [...builtins.functions].map(([name, arity]) => ({
    path: name,
    name,
    kind: undefined,
    arity,
  }));
  const methods = [...builtins.methods].flatMap(([kind, table]) =>
    [...table].map(([name, arity]) => ({ path: `${kind}.${name}`, name, kind, arity })),
  );
  return [...functions, ...methods];
}

function find(word: string, all: readonly Entry[]): readonly Entry[] {
  const name = word.replace(/\(.*$/, '').replace(/^\./, '');
  const found = all.filter((entry) => [entry.name, entry.path, entry.kind].includes(name));
  if (found.length > 0) return found;
  const known = [...new Set(all.flatMap((entry) => [entry.name, entry.kind ?? entry.name]))];
  const close = nearest(name, known);
  throw new CommandFailure(
    `no built-in is called ${word}${close === undefined ? '' : `; did you mean ${close}?`}`,
  );
}

function sections(shown: readonly Entry[]): readonly string[] {
  const kinds = [...new Set(shown.map(({ kind }) => kind))];
  const width = Math.max(0, ...shown.map((entry) => call(entry).length));
  return kinds.map((kind) => {
    const title = kind === undefined ? 'Functions' : `Methods of ${kind}`;
    const rows = shown
      .filter((entry) => entry.kind === kind)
      .map((entry) => `  ${call(entry).padEnd(width)}   ${entry.arity.doc}\n`);
    return `${title}\n${rows.join('')}`;
  });
}

function call({ name, kind, arity }: Entry): string {
  return `${kind === undefined ? '' : '.'}${name}${argumentsOf(arity)}`;
}

/** `(a, b?)`: as many letters as arguments, `…` for any number more. */
export function argumentsOf({ min, max }: Arity): string {
  const letters = Array.from({ length: Math.min(max, Math.max(min, 3)) }, (_, at) =>
    String.fromCharCode(97 + at),
  );
  if (max === Infinity) return `(${[...letters.slice(0, min), '…'].join(', ')})`;
  return `(${letters
    .slice(0, max)
    .map((letter, at) => (at < min ? letter : `${letter}?`))
    .join(', ')})`;
}

/** Part of docs/language.md; a test keeps both in step. */
export function renderBuiltins(): string {
  const all = entries();
  const everywhere = [...builtins.methods.values()];
  const isCommon = ({ name, kind }: Entry): boolean =>
    kind !== undefined && everywhere.every((table) => table.has(name));
  const table = (rows: readonly Entry[]): string =>
    [
      '| Call | Meaning |',
      '|---|---|',
      ...rows.map((row) => `| \`${call(row)}\` | ${cellText(row.arity.doc)} |`),
    ].join('\n');
  const common = [...new Map(all.filter(isCommon).map((entry) => [entry.name, entry])).values()];
  const kinds = [...builtins.methods.keys()];
  const parts = [
    `### Functions\n\n${table(all.filter(({ kind }) => kind === undefined))}`,
    `### Methods of every value\n\n${table(common)}`,
    ...kinds.flatMap((kind) => {
      const rows = all.filter((entry) => entry.kind === kind && !isCommon(entry));
      return rows.length === 0 ? [] : [`### Methods of ${kind}\n\n${table(rows)}`];
    }),
  ];
  return `${parts.join('\n\n')}\n`;
}

function cellText(text: string): string {
  return text.replaceAll('|', '\\|');
}
