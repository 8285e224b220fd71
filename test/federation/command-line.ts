// The command lines of the integration scripts: `--name value` or `--name=value`, from a table that is also the help.

import { parseArgs } from 'node:util';
import { durationMs } from '@relay/protocol';
import { table } from '../../packages/cli/src/terminal.ts';

export interface Option<Value> {
  /** What stands for the value in the help; empty for an option that takes none. */
  readonly placeholder: string;
  readonly meaning: string;
  /** As a person would write it; undefined: there is none. */
  readonly fallback: string | undefined;
  /** Undefined for what is no such value. */
  parse(text: string): Value | undefined;
  /** What a value looks like, for the error. */
  readonly expected: string;
}

type Options = Readonly<Record<string, Option<unknown>>>;

export type ValuesOf<Table extends Options> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer Value> ? Value : never;
};

export interface CommandLine<Table extends Options> {
  /** As it is typed: `./test_federation_load.sh`. */
  readonly command: string;
  readonly about: string;
  readonly options: Table;
}

export type Reading<Table extends Options> =
  | { readonly kind: 'values'; readonly values: ValuesOf<Table> }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string };

/** A whole number from `min` to `max`. */
export function count(meaning: string, fallback: number, min: number, max: number): Option<number> {
  return {
    placeholder: 'N',
    meaning,
    fallback: String(fallback),
    expected: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** Null where it is not given. */
export function optionalCount(meaning: string, min: number, max: number): Option<number | null> {
  return { ...count(meaning, min, min, max), fallback: undefined };
}

/** In ms. */
export function duration(meaning: string, fallback: string, min: string): Option<number> {
  return {
    placeholder: 'TIME',
    meaning,
    fallback,
    expected: `a time of at least ${min}, such as 90s, 10m or 1h`,
    parse: (text) => {
      const value = durationMs(text);
      return value === undefined || value < (durationMs(min) ?? 0) ? undefined : value;
    },
  };
}

/** From 0 to 1. */
export function share(meaning: string, fallback: string): Option<number> {
  return {
    placeholder: 'P%',
    meaning,
    fallback,
    expected: 'a percentage from 0% to 100%',
    parse: (text) => {
      const value = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1] ?? Number.NaN) / 100;
      return value >= 0 && value <= 1 ? value : undefined;
    },
  };
}

/** Null where it is not given. */
export function optionalText(meaning: string, placeholder: string): Option<string | null> {
  return {
    placeholder,
    meaning,
    fallback: undefined,
    expected: 'some text',
    parse: (text) => (text === '' ? undefined : text),
  };
}

/** Given or not. */
export function flag(meaning: string): Option<boolean> {
  return {
    placeholder: '',
    meaning,
    fallback: undefined,
    expected: 'no value',
    parse: (text) => text === 'true',
  };
}

export function readCommandLine<Table extends Options>(
  line: CommandLine<Table>,
  args: readonly string[],
): Reading<Table> {
  const error = (text: string): Reading<Table> => ({
    kind: 'error',
    text: `Error: ${text}\nTry '${line.command} --help'.`,
  });
  let given: Readonly<Record<string, unknown>>;
  try {
    const names = Object.entries(line.options).map(
      ([name, option]) => [name, { type: isFlag(option) ? 'boolean' : 'string' }] as const,
    );
    given = parseArgs({
      args: [...args],
      options: { ...Object.fromEntries(names), help: { type: 'boolean', short: 'h' } },
    }).values;
  } catch (thrown) {
    return error((thrown as Error).message.replace(/\.? To specify.*$/s, '').replace(/\n.*$/s, ''));
  }
  if (given['help'] === true) return { kind: 'help', text: helpOf(line) };
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(line.options)) {
    const text = given[name] ?? (isFlag(option) ? false : option.fallback);
    if (text === undefined) {
      values[name] = null;
      continue;
    }
    const value = option.parse(String(text));
    if (value === undefined) return error(`--${name} takes ${option.expected}, not '${text}'`);
    values[name] = value;
  }
  return { kind: 'values', values: values as ValuesOf<Table> };
}

function isFlag({ placeholder }: Option<unknown>): boolean {
  return placeholder === '';
}

function helpOf({ command, about, options }: CommandLine<Options>): string {
  const rows = Object.entries(options).map(([name, { placeholder, meaning, fallback }]) => [
    `  --${name} ${placeholder}`.trimEnd(),
    fallback === undefined ? meaning : `${meaning}; default ${fallback}`,
  ]);
  const lines = table([...rows, ['  --help', 'print this and exit']]);
  return [
    `Usage: ${command} [options]`,
    '',
    about,
    '',
    ...lines,
    '',
    'Exit code 0 if everything is right, 1 if not, 2 for a wrong command line.',
  ].join('\n');
}
