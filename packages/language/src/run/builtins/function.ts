// The built-in functions; language.md §11.

import { chargeBytes, chargeElements, chargeSteps, chargeText, limitBytes } from '../budget.ts';
import { compare } from '../compare.ts';
import { datetimeFrom, formatDatetime } from '../datetime.ts';
import { payDebt } from '../debt.ts';
import type { Message } from '../effects.ts';
import { BudgetExceeded, RuntimeFailure } from '../failure.ts';
import { measure, textOf } from '../inspect.ts';
import { fromJsonText, toJsonText } from '../json.ts';
import { codePointLength, utf8Length } from '../text.ts';
import { ArrayValue, DatetimeValue, kindOf, ObjectValue, type Value } from '../value.ts';
import { type FunctionRow, type Surroundings, unsupported } from './row.ts';

const NUMBER_TEXT = /^[ \t\r\n]*([+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[ \t\r\n]*$/;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** A text that grows piece by piece, charged before each piece is kept. */
export function chargedText(message: Message, value: Value): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return value === 0 ? '0' : String(value);
  let bytes = 0;
  return textOf(value, (units) => {
    bytes += units;
    chargeBytes(message, bytes > message.budgets.stringBytes ? bytes : units);
    chargeSteps(message, 1);
  });
}

function line(message: Message, values: readonly Value[]): string {
  let units = 0;
  const pieces = values.map((value) => {
    const piece = chargedText(message, value);
    if (typeof value === 'string') chargeText(message, value);
    units += piece.length + 1;
    limitBytes(message, units);
    return piece;
  });
  return pieces.join(' ');
}

function length(value: Value, message: Message): number {
  if (typeof value === 'string') {
    chargeText(message, value);
    return codePointLength(value);
  }
  if (value instanceof ArrayValue) return value.length;
  if (value instanceof ObjectValue) return value.size;
  throw unsupported('len', value);
}

function readNumber(value: Value, message: Message): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') throw unsupported('number', value);
  chargeText(message, value);
  const read = Number(NUMBER_TEXT.exec(value)?.[1] ?? Number.NaN);
  if (Number.isFinite(read)) return read;
  throw new RuntimeFailure(`number() cannot read "${value}"`);
}

/** `min` looks for the smallest, so it takes a value whose comparison has the sign -1. */
function extreme(name: 'min' | 'max', sign: number): FunctionRow {
  return {
    name,
    min: 0,
    max: Infinity,
    doc: `The ${name === 'min' ? 'smallest' : 'largest'} argument, or element of a single array.`,
    run: (message, args) => {
      const only = args[0];
      const values = args.length === 1 && only instanceof ArrayValue ? only : new ArrayValue(args);
      chargeSteps(message, values.length);
      let best = values.items[0];
      if (values.length === 0 || best === undefined) {
        throw new RuntimeFailure(`${name}() needs at least one value`);
      }
      for (let at = 0; at < values.length; at += 1) {
        const item = values.items[at]!;
        if (typeof item === 'string') chargeText(message, item);
        if (compare(best, item) * sign < 0) best = item;
      }
      return best;
    },
  };
}

function range(message: Message, args: readonly Value[]): ArrayValue {
  const [from, to] = args.length === 1 ? [0, args[0]] : args;
  if (!Number.isInteger(from) || !Number.isInteger(to))
    throw new RuntimeFailure('range() needs whole numbers');
  const start = from as number;
  const count = Math.max(0, (to as number) - start);
  chargeElements(message, count);
  const items: Value[] = [];
  for (let at = 0; at < count; at += 1) items.push(start + at);
  return new ArrayValue(items);
}

function parseJson(message: Message, text: Value, around: Surroundings): Value {
  if (typeof text !== 'string') throw unsupported('parse_json', text);
  // Every element takes at least two characters.
  chargeSteps(message, text.length >>> 1);
  try {
    const value = fromJsonText(text, { structs: around.structs, maxElements: message.budgets.arrayLength });
    payDebt(message);
    return value;
  } catch (thrown) {
    if (!(thrown instanceof RuntimeFailure)) throw thrown;
    throw new RuntimeFailure(`parse_json(): ${thrown.message}`);
  }
}

function sending(name: 'message' | 'send'): FunctionRow {
  return {
    name,
    min: 0,
    max: Infinity,
    doc: 'Sends a message, with arguments by position; the reply.',
    suspends: true,
    run: (message, args, around) => {
      const [server, method, ...values] = args;
      if (server === undefined || method === undefined) {
        const needs = 'at least 2 arguments: server_name, method_name, [args...]';
        throw new RuntimeFailure(`${name} function expects ${needs}`);
      }
      if (typeof server !== 'string') {
        throw new RuntimeFailure(`first argument to ${name} must be server name (string)`);
      }
      if (typeof method !== 'string') {
        throw new RuntimeFailure(`second argument to ${name} must be method name (string)`);
      }
      return around.send(message, server, method, { kind: 'positional', values });
    },
  };
}

export const FUNCTIONS: readonly FunctionRow[] = [
  {
    name: 'print',
    min: 0,
    max: Infinity,
    doc: 'Writes its arguments in one line.',
    run: (message, args, { effects }) => {
      effects.print(line(message, args));
      return null;
    },
  },
  {
    name: 'log',
    min: 0,
    max: Infinity,
    doc: 'A line in the log of the node; the first argument may be a level: "debug", "info", "warn", "error".',
    run: (message, args, { effects }) => {
      const level = args.length > 1 ? LEVELS.find((name) => name === args[0]) : undefined;
      effects.log(level ?? 'info', line(message, level === undefined ? args : args.slice(1)));
      return null;
    },
  },
  sending('message'),
  sending('send'),
  {
    name: 'len',
    min: 1,
    max: 1,
    doc: 'The length of a string, array or object.',
    run: (message, args) => length(args[0]!, message),
  },
  {
    name: 'string',
    min: 1,
    max: 1,
    doc: 'A string as it is, anything else as it is shown.',
    run: (message, args) => chargedText(message, args[0]!),
  },
  {
    name: 'number',
    min: 1,
    max: 1,
    doc: 'A number as it is, a string that holds a number as that number.',
    run: (message, args) => readNumber(args[0]!, message),
  },
  {
    name: 'now',
    min: 0,
    max: 0,
    doc: 'The current time.',
    run: (_m, _a, { effects }) => datetimeFrom(effects.now()),
  },
  {
    name: 'format_date',
    min: 2,
    max: 2,
    doc: 'A datetime as text: YYYY MM DD HH mm ss in the pattern are replaced.',
    run: (message, args) => {
      const [datetime, pattern] = args as [Value, Value];
      if (!(datetime instanceof DatetimeValue)) throw unsupported('format_date', datetime);
      if (typeof pattern !== 'string') throw unsupported('format_date', pattern);
      chargeBytes(message, utf8Length(pattern));
      return formatDatetime(datetime, pattern);
    },
  },
  { name: 'uuid', min: 0, max: 0, doc: 'A new random UUID.', run: (_m, _a, { effects }) => effects.uuid() },
  {
    name: 'random',
    min: 0,
    max: 0,
    doc: 'A random number, at least 0 and less than 1.',
    run: (_m, _a, { effects }) => effects.random(),
  },
  {
    name: 'report_health',
    min: 1,
    max: 1,
    doc: 'Says whether this server is well; while it is not, calls go to other instances of it.',
    run: ({ server }, [healthy], { effects }) => {
      if (typeof healthy !== 'boolean') throw unsupported('report_health', healthy!);
      if (server === undefined) throw new RuntimeFailure('report_health() is for receive functions');
      effects.reportHealth(server.name, healthy);
      return null;
    },
  },
  extreme('min', -1),
  extreme('max', 1),
  {
    name: 'range',
    min: 1,
    max: 2,
    doc: 'The whole numbers from 0, or the first argument, up to the last.',
    run: range,
  },
  {
    name: 'json',
    min: 1,
    max: 1,
    doc: 'The value as compact JSON text.',
    run: (message, args) => {
      const { bytes } = measure(args[0]!);
      if (bytes > message.budgets.stringBytes) throw new BudgetExceeded('string length');
      chargeSteps(message, bytes >>> 2);
      return toJsonText(args[0]!);
    },
  },
  {
    name: 'parse_json',
    min: 1,
    max: 1,
    doc: 'The value of a JSON text.',
    run: (message, args, around) => parseJson(message, args[0]!, around),
  },
  {
    name: 'type_of',
    min: 1,
    max: 1,
    doc: 'The name of the kind of a value.',
    run: (_, args) => kindOf(args[0]!),
  },
];
