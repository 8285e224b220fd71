// Instants in UTC with milliseconds: reading, writing and shifting them.

import { RuntimeFailure } from './failure.ts';
import { DatetimeValue } from './value.ts';

const ISO = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?Z?$/;
/** Texts that `Date.parse` reads without any part rolling over into the next. */
const CANONICAL = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const MAX_MS = 8.64e15;

/** The literal form of language.md §2 rule 6; undefined for anything else and for impossible dates. */
export function parseIso(text: string): DatetimeValue | undefined {
  if (CANONICAL.test(text)) return new DatetimeValue(Date.parse(text));
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as number[];
  const date = new Date(0);
  date.setUTCFullYear(year!, month! - 1, day!);
  date.setUTCHours(hour!, minute!, second!, Number((match[7] ?? '').padEnd(3, '0')));
  // An impossible part rolls over into the next; then the text comes out differently.
  const isReal = date.toISOString().slice(0, 19) === text.slice(0, 19);
  return isReal ? new DatetimeValue(date.getTime()) : undefined;
}

export function isoText(datetime: DatetimeValue): string {
  return new Date(datetime.ms).toISOString();
}

export function datetimeFrom(ms: number): DatetimeValue {
  const whole = Math.round(ms);
  if (!(Math.abs(whole) <= MAX_MS)) throw new RuntimeFailure('number out of range');
  return new DatetimeValue(whole + 0);
}

export function formatDatetime(datetime: DatetimeValue, pattern: string): string {
  const date = new Date(datetime.ms);
  const two = (part: number): string => String(part).padStart(2, '0');
  return pattern.replace(/YYYY|MM|DD|HH|mm|ss/g, (part) => {
    switch (part) {
      case 'YYYY':
        return String(date.getUTCFullYear()).padStart(4, '0');
      case 'MM':
        return two(date.getUTCMonth() + 1);
      case 'DD':
        return two(date.getUTCDate());
      case 'HH':
        return two(date.getUTCHours());
      case 'mm':
        return two(date.getUTCMinutes());
      default:
        return two(date.getUTCSeconds());
    }
  });
}
