// What a page is written to while its compiled function runs. Escaping is decided by the kind of file; what that cannot know (a value
// inside a script, or as a whole attribute without quotes) is for the author: docs/pages.md.

import { chargeBytes } from '../run/budget.ts';
import type { Message } from '../run/effects.ts';
import { BudgetExceeded } from '../run/failure.ts';
import { textOf } from '../run/inspect.ts';
import { toJsonText } from '../run/json.ts';
import { utf8Length } from '../run/text.ts';
import { ObjectValue, StructValue, type Value } from '../run/value.ts';
import type { PageKind } from './file-kind.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeMarkup(text: string): string {
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (char) => ENTITIES[char]!) : text;
}

/** The text of a value in a file of that kind. `isQuoted`: directly between double quotes. */
export function valueText(value: Value, kind: PageKind, isRaw: boolean, isQuoted: boolean): string {
  if (kind === 'json' && !isRaw) {
    const text = toJsonText(value);
    return isQuoted && text.startsWith('"') ? text.slice(1, -1) : text;
  }
  if (value === null) return '';
  const text = textOf(value);
  return kind === 'markup' && !isRaw ? escapeMarkup(text) : text;
}

/** Compiled pages call `text`, `value` and `field`. */
export class PageWriter {
  readonly #kind: PageKind;
  readonly #pieces: string[] = [];
  #bytes = 0;

  constructor(kind: PageKind) {
    this.#kind = kind;
  }

  /** Of the template itself; `bytes` in UTF-8. */
  text(message: Message, text: string, bytes: number): void {
    this.#add(message, text, bytes);
  }

  value(message: Message, value: Value, isRaw: boolean, isQuoted: boolean): void {
    const text = valueText(value, this.#kind, isRaw, isQuoted);
    const bytes = utf8Length(text);
    chargeBytes(message, bytes);
    this.#add(message, text, bytes);
  }

  /** A field of the result by its bare name; undefined if it has none. */
  field(data: Value, name: string): Value | undefined {
    return data instanceof ObjectValue || data instanceof StructValue ? data.get(name) : undefined;
  }

  toString(): string {
    return this.#pieces.join('');
  }

  /** A page is a result like any other: so large and no larger. */
  #add(message: Message, text: string, bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > message.budgets.valueBytes) throw new BudgetExceeded('value size');
    this.#pieces.push(text);
  }
}
