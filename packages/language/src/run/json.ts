// JSON texts of values, language.md §18. The plain form is for the outside; the tagged form, between Relay nodes and on disk, keeps
// datetimes apart from strings. JSON.parse would reorder keys that look like numbers, so reading has its own parser.

import { isoText } from './datetime.ts';
import { BudgetExceeded } from './failure.ts';
import { measure } from './inspect.ts';
import { JsonReader, type ReadOptions } from './json-reader.ts';
import { ArrayValue, DatetimeValue, FunctionValue, ObjectValue, StructValue, type Value } from './value.ts';

export interface WriteOptions {
  /** Datetimes as `{"_type":"datetime","value":…}`. Default false. */
  readonly tagged?: boolean;
  /** Of the UTF-8 text, in the plain form; more is «budget exceeded: value size». Default: no bound. */
  readonly maxBytes?: number;
}

/** Functions and servers become their texts; whoever must not let them pass checks `measure(value).foreign` first. */
export function toJsonText(value: Value, options: WriteOptions = {}): string {
  if (measure(value).bytes > (options.maxBytes ?? Infinity)) throw new BudgetExceeded('value size');
  const pieces: string[] = [];
  write(value, options.tagged ?? false, pieces);
  return pieces.join('');
}

/** Throws a `RuntimeFailure` with the reason. */
export function fromJsonText(text: string, options: ReadOptions = {}): Value {
  return new JsonReader(text, options).read();
}

/** The measure has bounded the depth. */
function write(value: Value, tagged: boolean, pieces: string[]): void {
  if (value === null || typeof value !== 'object') pieces.push(JSON.stringify(value));
  else if (value instanceof DatetimeValue) {
    const text = `"${isoText(value)}"`;
    pieces.push(tagged ? `{"_type":"datetime","value":${text}}` : text);
  } else if (value instanceof ArrayValue) {
    pieces.push('[');
    for (let at = 0; at < value.length; at += 1) {
      if (at > 0) pieces.push(',');
      write(value.items[at]!, tagged, pieces);
    }
    pieces.push(']');
  } else if (value instanceof ObjectValue) {
    let mark = '{';
    for (const [key, part] of value.entries()) {
      pieces.push(mark, JSON.stringify(key), ':');
      write(part, tagged, pieces);
      mark = ',';
    }
    pieces.push(mark === '{' ? '{}' : '}');
  } else if (value instanceof StructValue) {
    pieces.push('{"_type":', JSON.stringify(value.name));
    value.definition.fields.forEach((field, at) => {
      pieces.push(',', JSON.stringify(field.name), ':');
      write(value.values[at]!, tagged, pieces);
    });
    pieces.push('}');
  } else {
    const kind = value instanceof FunctionValue ? 'function' : 'server';
    pieces.push(JSON.stringify(`<${kind}: ${value.name}>`));
  }
}
