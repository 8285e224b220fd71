// Words of the command line become flags and files. Go-style: one or two dashes, any position, `--` ends them. cli.md §1.

import { isNodeId, RESERVED_IDS } from '@relay/protocol';
import { FLAGS, type FlagName, type FlagRow, findFlag } from './flags.ts';
import { nearest } from './nearest.ts';
import { invalidUrlText, normalizeUrl } from './url.ts';
import { RANK, type UsageProblem } from './usage.ts';

/** Settings of one level (flags, environment or config block), each already in its final form. */
export interface Level {
  readonly values: ReadonlyMap<FlagName, string | readonly string[]>;
  /** How messages name a setting of this level: `-port` or `RELAY_PORT`. */
  label(name: FlagName): string;
}

export interface ParsedArguments {
  readonly flags: Level;
  /** Words that are no flags, in order. */
  readonly words: readonly string[];
  readonly problems: readonly UsageProblem[];
  readonly warnings: readonly string[];
}

export function parseArguments(argv: readonly string[]): ParsedArguments {
  const values = new Map<FlagName, string | readonly string[]>();
  const given = new Set<FlagName>();
  const words: string[] = [];
  const problems: UsageProblem[] = [];
  const warnings: string[] = [];
  const label = (name: FlagName): string => `-${name}`;
  let flagsEnded = false;

  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (flagsEnded || !word.startsWith('-') || word === '-') {
      words.push(word);
      continue;
    }
    if (word === '--') {
      flagsEnded = true;
      continue;
    }
    const [, name = '', attached] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    const row = findFlag(name);
    if (row === undefined) {
      problems.push(unknownFlag(name));
      continue;
    }
    let text = attached;
    if (row.value.kind === 'boolean') {
      text ??= 'true';
    } else {
      if (text === undefined && !isFlag(argv[at + 1])) {
        at += 1;
        text = argv[at];
      }
      if (text === undefined || text === '') {
        problems.push({ rank: RANK.missingValue, text: `flag needs an argument: -${row.name}` });
        given.add(row.name);
        values.set(row.name, row.value.kind === 'list' ? [] : '');
        continue;
      }
    }
    if (given.has(row.name) && row.value.kind !== 'list' && row.value.kind !== 'boolean') {
      problems.push({ rank: RANK.repeated, text: `flag given twice: -${row.name}` });
      continue;
    }
    const read = readValue(row, text, label(row.name), `flag -${row.name}`);
    problems.push(...read.problems);
    warnings.push(...read.warnings);
    if (read.value === undefined) {
      // `-server=false` equals not given.
      if (row.value.kind === 'boolean') values.delete(row.name);
      continue;
    }
    given.add(row.name);
    const before = values.get(row.name);
    const isRepeatedList = Array.isArray(before) && Array.isArray(read.value);
    values.set(
      row.name,
      isRepeatedList ? unique([...before, ...read.value], label(row.name), warnings) : read.value,
    );
  }
  return { flags: { values, label }, words, problems, warnings };
}

/** A known flag where a value belongs: the value was forgotten. */
function isFlag(word: string | undefined): boolean {
  const name = /^--?([^=]+)/.exec(word ?? '')?.[1];
  return name !== undefined && findFlag(name) !== undefined;
}

interface ReadValue {
  readonly value: string | readonly string[] | undefined;
  readonly problems: readonly UsageProblem[];
  readonly warnings: readonly string[];
}

/** Reads one text for a flag. `option` names it in URL errors, `subject` in all others. */
export function readValue(row: FlagRow, text: string, option: string, subject: string): ReadValue {
  const problems: UsageProblem[] = [];
  const warnings: string[] = [];
  const bad = (reason: string): void => {
    problems.push({ rank: RANK.badValue, text: `invalid value "${text}" for ${subject}: ${reason}` });
  };
  const { value } = row;
  let result: string | readonly string[] | undefined = text;
  switch (value.kind) {
    case 'boolean':
      if (/^(?:true|1|t)$/.test(text)) result = 'true';
      else {
        if (!/^(?:false|0|f)$/.test(text)) bad('must be true or false');
        result = undefined;
      }
      break;
    case 'number':
      if (!/^\d{1,9}$/.test(text) || Number(text) < value.min || Number(text) > value.max) {
        bad(value.max === 2 ? 'must be 1 or 2' : `must be a number from ${value.min} to ${value.max}`);
      } else result = String(Number(text));
      break;
    case 'choice':
      if (!value.choices.includes(text)) {
        bad(`must be ${value.choices.slice(0, -1).join(', ')} or ${value.choices.at(-1)}`);
      }
      break;
    case 'id':
      if (RESERVED_IDS.includes(text)) bad(`"${text}" is reserved`);
      else if (!isNodeId(text)) {
        bad(
          "use 1 to 128 letters, digits, '.', '_' or '-', beginning and ending with a letter, digit or '_'",
        );
      }
      break;
    case 'url': {
      const url = normalizeUrl(text, 'main');
      if (text.includes(',')) {
        problems.push({
          rank: RANK.badValue,
          text: `${option} takes one Main Relay; list the others in ${option.startsWith('-') ? '-fallback' : 'RELAY_FALLBACK'}`,
        });
      } else if (url.ok) result = url.url;
      else problems.push({ rank: RANK.badValue, text: invalidUrlText(text, option) });
      break;
    }
    case 'list': {
      const items: string[] = [];
      for (const item of text.split(',').map((part) => part.trim())) {
        if (item === '') continue;
        if (value.of === 'p2p') {
          const { ok } = normalizeUrl(item.replace(/^[A-Za-z0-9._-]+@/, ''), 'peer');
          if (!ok) problems.push({ rank: RANK.badValue, text: invalidUrlText(item, option) });
          items.push(item);
        } else {
          const url = normalizeUrl(item, value.of);
          if (url.ok) items.push(url.url);
          else {
            problems.push({ rank: RANK.badValue, text: invalidUrlText(item, option) });
            items.push(item);
          }
        }
      }
      result = unique(items, option, warnings);
      break;
    }
    case 'text':
      break;
  }
  return { value: result, problems, warnings };
}

function unique(items: readonly string[], option: string, warnings: string[]): readonly string[] {
  const seen = new Set<string>();
  for (const item of items) {
    if (seen.has(item)) warnings.push(`warning: ${option} names ${item} more than once`);
    seen.add(item);
  }
  return [...seen];
}

function unknownFlag(name: string): UsageProblem {
  const close = nearest(
    name,
    FLAGS.map((row) => row.name),
  );
  return {
    rank: RANK.unknown,
    text: `flag provided but not defined: -${name}`,
    showsUsage: true,
    ...(close === undefined ? {} : { advice: `did you mean -${close}?` }),
  };
}
