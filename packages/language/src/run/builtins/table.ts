// All built-ins by name, and what the checker needs to know of them.

import type { Kind } from '../value.ts';
import { ARRAY_METHODS } from './array.ts';
import { ARRAY_CALLBACK_METHODS } from './array-callback.ts';
import { DATETIME_METHODS } from './datetime.ts';
import { chargedText, FUNCTIONS } from './function.ts';
import { NUMBER_METHODS } from './number.ts';
import { OBJECT_METHODS } from './object.ts';
import type { FunctionRow, MethodRow } from './row.ts';
import { STRING_METHODS } from './string.ts';
import { STRUCT_METHODS } from './struct.ts';

const TO_STRING: MethodRow = {
  name: 'toString',
  min: 0,
  max: 0,
  doc: 'As `string()` shows it.',
  run: (message, self) => chargedText(message, self),
};

/** A table looks a row up only by the kind it belongs to, so the receiver is of that kind. */
function table(rows: readonly MethodRow<never>[]): ReadonlyMap<string, MethodRow> {
  const all = [...(rows as readonly MethodRow[]), TO_STRING];
  return new Map(all.map((row) => [row.name, row]));
}

export const FUNCTION_TABLE: ReadonlyMap<string, FunctionRow> = new Map(
  FUNCTIONS.map((row) => [row.name, row]),
);

export const METHOD_TABLES: Readonly<Record<Kind, ReadonlyMap<string, MethodRow>>> = {
  nil: table([]),
  bool: table([]),
  function: table([]),
  server: table([]),
  number: table(NUMBER_METHODS),
  string: table(STRING_METHODS),
  datetime: table(DATETIME_METHODS),
  array: table([...ARRAY_METHODS, ...ARRAY_CALLBACK_METHODS] as readonly MethodRow<never>[]),
  object: table(OBJECT_METHODS),
  struct: table(STRUCT_METHODS),
};

/** How many arguments a built-in takes; `max` may be Infinity. */
export interface Arity {
  readonly min: number;
  readonly max: number;
  readonly doc: string;
}

/** For checker and editor. */
export const builtins: {
  readonly functions: ReadonlyMap<string, Arity>;
  readonly methods: ReadonlyMap<Kind, ReadonlyMap<string, Arity>>;
} = {
  functions: FUNCTION_TABLE,
  methods: new Map(Object.entries(METHOD_TABLES) as [Kind, ReadonlyMap<string, Arity>][]),
};
