// What a program may use up: the defaults of language.md §16, overridden by `config { limits: … }`, overridden by the operator.

import {
  ArrayValue,
  type Budgets,
  DEFAULT_BUDGETS,
  kindOf,
  ObjectValue,
  RuntimeFailure,
  StructValue,
  type Value,
} from '@relay/language';
import { durationMs } from '@relay/protocol';

/** Every field present. */
export interface ProgramLimits extends Budgets {
  /** Messages that may wait for one server. */
  readonly mailbox: number;
}

export const DEFAULT_LIMITS: ProgramLimits = Object.freeze({ ...DEFAULT_BUDGETS, mailbox: 1_000 });

/** How long a send waits if neither config nor operator say otherwise. */
export const DEFAULT_SEND_TIMEOUT_MS = 60_000;

const LIMIT_KEYS: Readonly<Record<string, keyof ProgramLimits>> = {
  steps: 'steps',
  depth: 'depth',
  value_size: 'valueBytes',
  string_length: 'stringBytes',
  array_length: 'arrayLength',
  sends: 'sends',
  mailbox: 'mailbox',
};

export interface ConfiguredLimits {
  readonly limits: Partial<ProgramLimits>;
  readonly timeoutMs: number | undefined;
}

/** Reads what concerns the host from a `config` block; throws a `RuntimeFailure` for a value of the wrong type. */
export function readLimits(settings: ObjectValue): ConfiguredLimits {
  const limits: Partial<Record<keyof ProgramLimits, number>> = {};
  const given = settings.get('limits');
  if (given !== undefined && !(given instanceof ObjectValue)) throw wrongType('limits', 'an object', given);
  for (const [key, value] of given?.entries() ?? []) {
    if (key === 'time') limits.timeMs = duration('limits.time', value);
    else {
      const name = Object.hasOwn(LIMIT_KEYS, key) ? LIMIT_KEYS[key] : undefined;
      if (name === undefined) continue; // an unknown key is the checker's warning
      if (typeof value !== 'number' || value < 0) throw wrongType(`limits.${key}`, 'a number', value);
      limits[name] = value;
    }
  }
  const timeout = settings.get('timeout');
  return { limits, timeoutMs: timeout === undefined ? undefined : duration('timeout', timeout) };
}

/** Seconds, or a text like `"500ms"`, `"30s"`, `"5m"`, `"1h"`; in ms. */
function duration(key: string, value: Value): number {
  const ms = durationMs(value);
  if (ms === undefined) throw wrongType(key, 'a duration', value);
  return ms;
}

function wrongType(key: string, wanted: string, got: Value): RuntimeFailure {
  return new RuntimeFailure(`config '${key}': expected ${wanted}, got ${kindOf(got)}`);
}

/** Settings as plain data for the command line; whatever is not data is left out. */
export function plainSettings(value: Value): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof ArrayValue) return value.toArray().map(plainSettings);
  if (value instanceof ObjectValue) {
    return Object.fromEntries([...value.entries()].map(([key, entry]) => [key, plainSettings(entry)]));
  }
  return value instanceof StructValue ? value.name : undefined;
}
