// Numbers and datetimes. Both begin with a digit; a datetime is tried first.

import type { LexReport } from './lexer.ts';

const DATETIME = /(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?Z?/y;
const NUMBER = /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const WORD_CHARACTERS = /[A-Za-z0-9_]*/y;

export interface NumberText {
  readonly end: number;
  readonly value: number;
}

export function readDatetime(text: string, at: number, report: LexReport): NumberText | undefined {
  DATETIME.lastIndex = at;
  const match = DATETIME.exec(text);
  if (match === null) return undefined;
  const end = afterWord(text, at + match[0].length);
  if (end > at + match[0].length) {
    report('RL1005', `malformed datetime ${text.slice(at, end)}`, at, end, 'write 2024-01-02T03:04:05.678Z');
    return { end, value: 0 };
  }
  const value = datetimeValue(match[0]);
  if (value !== undefined) return { end, value };
  report('RL1006', `impossible datetime ${match[0]}`, at, end);
  return { end, value: 0 };
}

/** ms since 1970 of a text in the form of a datetime literal; undefined if it is not one, or names no real date. */
export function datetimeValue(text: string): number | undefined {
  DATETIME.lastIndex = 0;
  const match = DATETIME.exec(text);
  if (match === null || match[0].length !== text.length) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  // setUTCFullYear, because Date.UTC takes years below 100 for 19xx.
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, Number((match[7] ?? '').padEnd(3, '0')));
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  return isReal ? date.getTime() : undefined;
}

export function readNumber(text: string, at: number, report: LexReport): NumberText | undefined {
  NUMBER.lastIndex = at;
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const end = afterWord(text, at + match[0].length);
  const value = Number(match[0]);
  if (end > at + match[0].length) {
    report(
      'RL1005',
      `malformed number ${text.slice(at, end)}`,
      at,
      end,
      'a number ends before a letter or _',
    );
  } else if (!Number.isFinite(value)) {
    report('RL1005', `number out of range: ${match[0]}`, at, end);
    return { end, value: 0 };
  }
  return { end, value };
}

function afterWord(text: string, at: number): number {
  WORD_CHARACTERS.lastIndex = at;
  return at + (WORD_CHARACTERS.exec(text)?.[0].length ?? 0);
}
