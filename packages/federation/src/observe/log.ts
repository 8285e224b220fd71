// The node's log: one line per event, as text for people or as JSON for machines. Who logs passes fields, never a whole request
// or a header list, and the names that usually hold secrets are masked here too, in case somebody forgets.

import type { Clock } from '@relay/protocol';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFormat = 'text' | 'json';
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** Whether lines of this level are written; lets hot paths skip the building of fields. */
  isOn(level: LogLevel): boolean;
  /** Whether any `debug` line is written, be it about one service only. One look, for hot paths. */
  readonly isVerbose: boolean;
  /** Another level for the lines about one service or peer, for a time. False if too many are followed already. */
  follow(subject: LogSubject, level: LogLevel, forMs: number): boolean;
}

/** Lines are about a service or peer by their fields of these names. */
export type LogSubject = { readonly service: string } | { readonly peer: string };

export interface LogOptions {
  /** Lines below this level are dropped. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes one line with its newline. Must not throw. */
  readonly write: (line: string) => void;
  readonly clock: Pick<Clock, 'wallNow'>;
  /** Id of the node, once it is known: the field `node` of every JSON line, since logs of many nodes are read in one place. */
  readonly node?: () => string | undefined;
}

/** Services and peers with a level of their own at a time. */
const MAX_FOLLOWED = 100;

const RANK: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const SECRET = /token|secret|password|passwd|authorization|credential|cookie|private|api_?key/i;
const MASK = '***';

/** Text that needs no quotes: nothing that could end the value or begin a new line. */
const PLAIN = /^[\w.:/@%+,*-]+$/;

export function createLog(options: LogOptions): Log {
  const { format, write, clock } = options;
  const rank = RANK[options.level];
  const followed = new Map<string, { readonly rank: number; readonly until: number }>();

  const rankFor = (fields: LogFields | undefined): number => {
    if (followed.size === 0 || fields === undefined) return rank;
    const own = followed.get(`service ${fields['service']}`) ?? followed.get(`peer ${fields['peer']}`);
    return own !== undefined && own.until > clock.wallNow() ? own.rank : rank;
  };
  const forgetEnded = (): void => {
    for (const [subject, { until }] of followed) if (until <= clock.wallNow()) followed.delete(subject);
  };
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (RANK[level] > rankFor(fields)) return;
    const time = new Date(clock.wallNow()).toISOString();
    const node = format === 'json' ? options.node?.() : undefined;
    const all = node === undefined ? fields : { node, ...fields };
    write(format === 'json' ? jsonLine(time, level, message, all) : textLine(time, level, message, all));
  };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    isOn: (level) => RANK[level] <= rank,
    get isVerbose() {
      if (rank === RANK.debug) return true;
      if (followed.size > 0) forgetEnded();
      return followed.size > 0;
    },
    follow(subject, level, forMs) {
      forgetEnded();
      const key = 'service' in subject ? `service ${subject.service}` : `peer ${subject.peer}`;
      if (followed.size >= MAX_FOLLOWED && !followed.has(key)) return false;
      followed.set(key, { rank: RANK[level], until: clock.wallNow() + forMs });
      return true;
    },
  };
}

/** For tests and for callers that want no log. */
export const SILENT_LOG: Log = Object.freeze({
  error() {},
  warn() {},
  info() {},
  debug() {},
  isOn: () => false,
  isVerbose: false,
  follow: () => true,
});

function textLine(time: string, level: LogLevel, message: string, fields?: LogFields): string {
  let line = `${time} ${level} ${message.replace(/[\r\n]+/g, ' ')}`;
  for (const [key, value] of Object.entries(fields ?? {})) {
    if (value !== undefined) line += ` ${key}=${quoted(masked(key, value))}`;
  }
  return `${line}\n`;
}

function jsonLine(time: string, level: LogLevel, message: string, fields?: LogFields): string {
  const record: Record<string, unknown> = { time, level, message };
  for (const [key, value] of Object.entries(fields ?? {})) {
    // A field must not be able to replace what the reader of a log relies on.
    if (value !== undefined) record[Object.hasOwn(record, key) ? `${key}_` : key] = masked(key, value);
  }
  return `${JSON.stringify(record)}\n`;
}

function masked<T>(key: string, value: T): T | string {
  return SECRET.test(key) ? MASK : value;
}

function quoted(value: string | number | boolean | null): string {
  const text = String(value);
  return PLAIN.test(text) ? text : JSON.stringify(text);
}
