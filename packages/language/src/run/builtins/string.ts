import { chargeBytes, chargeElements, chargeText } from '../budget.ts';
import type { Message } from '../effects.ts';
import { characters, codePointIndexOf, codePointLength, sliceCodePoints, utf8Length } from '../text.ts';
import { ArrayValue } from '../value.ts';
import { asNumber, asString, type MethodRow } from './row.ts';

function test(name: string, doc: string, holds: (self: string, part: string) => boolean): MethodRow<string> {
  return {
    name,
    min: 1,
    max: 1,
    doc,
    run: (message, self, part) => {
      chargeText(message, self);
      return holds(self, asString(name, part));
    },
  };
}

function change(name: string, doc: string, apply: (self: string) => string): MethodRow<string> {
  return {
    name,
    min: 0,
    max: 0,
    doc,
    run: (message, self) => {
      chargeText(message, self);
      const text = apply(self);
      chargeBytes(message, utf8Length(text));
      return text;
    },
  };
}

function split(message: Message, self: string, separator: string): ArrayValue {
  chargeText(message, self);
  // Characters are at most one element each; parts are counted before they are made.
  if (separator === '') {
    chargeElements(message, codePointLength(self));
    return new ArrayValue(characters(self));
  }
  chargeElements(message, occurrences(self, separator) + 1);
  return new ArrayValue(self.split(separator));
}

function occurrences(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count += 1;
  return count;
}

function replace(message: Message, self: string, old: string, next: string): string {
  chargeText(message, self);
  if (old === '') {
    const parts = characters(self);
    chargeBytes(message, utf8Length(self) + utf8Length(next) * (parts.length + 1));
    return next + parts.map((part) => part + next).join('');
  }
  const count = occurrences(self, old);
  if (count === 0) return self;
  chargeBytes(message, utf8Length(self) + count * (utf8Length(next) - utf8Length(old)));
  return self.split(old).join(next);
}

const CONTAINS = 'Does the text occur in it?';

export const STRING_METHODS: readonly MethodRow<string>[] = [
  {
    name: 'length',
    min: 0,
    max: 0,
    doc: 'The number of characters.',
    run: (message, self) => {
      chargeText(message, self);
      return codePointLength(self);
    },
  },
  change('upper', 'In capital letters.', (self) => self.toUpperCase()),
  change('lower', 'In small letters.', (self) => self.toLowerCase()),
  change('trim', 'Without blanks at both ends.', (self) => self.trim()),
  test('contains', CONTAINS, (self, part) => self.includes(part)),
  test('includes', CONTAINS, (self, part) => self.includes(part)),
  test('starts_with', 'Does it begin with the text?', (self, part) => self.startsWith(part)),
  test('ends_with', 'Does it end with the text?', (self, part) => self.endsWith(part)),
  {
    name: 'index_of',
    min: 1,
    max: 1,
    doc: 'The position of the first occurrence of a text, or nil.',
    run: (message, self, part) => {
      chargeText(message, self);
      return codePointIndexOf(self, asString('index_of', part)) ?? null;
    },
  },
  {
    name: 'slice',
    min: 1,
    max: 2,
    doc: 'The characters from a position up to, but not including, another.',
    run: (message, self, from, to, count) => {
      chargeText(message, self);
      const length = codePointLength(self);
      const limit = (position: number): number => Math.min(Math.max(Math.trunc(position), 0), length);
      const start = limit(asNumber('slice', from));
      return sliceCodePoints(self, start, count < 2 ? length : limit(asNumber('slice', to)));
    },
  },
  {
    name: 'split',
    min: 1,
    max: 1,
    doc: 'The parts between the occurrences of a text; "" splits into characters.',
    run: (message, self, separator) => split(message, self, asString('split', separator)),
  },
  {
    name: 'replace',
    min: 2,
    max: 2,
    doc: 'All occurrences of the first text replaced by the second.',
    run: (message, self, old, next) =>
      replace(message, self, asString('replace', old), asString('replace', next)),
  },
];
