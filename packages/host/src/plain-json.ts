// JSON between JavaScript values and a call's body. The language's own values have their own form in @relay/language; here only the
// tagged datetime of messages between Relay programs (language.md §18) needs care.

/** JSON text of a JavaScript value; undefined is `null`. `tagged` writes a `Date` as a datetime of the language, else as ISO text. */
export function toJsonText(value: unknown, tagged: boolean): string {
  const text = tagged ? JSON.stringify(tagDates(value)) : JSON.stringify(value);
  return text ?? 'null';
}

/** Dates must be found before `JSON.stringify` asks them for their text. */
function tagDates(value: unknown): unknown {
  if (value instanceof Date) return { _type: 'datetime', value: value.toISOString() };
  if (Array.isArray(value)) return value.map(tagDates);
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, tagDates(entry)]));
}

/** Replaces tagged datetimes by their ISO text, so that a method sees the same from every kind of caller. */
export function fromTagged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromTagged);
  if (typeof value !== 'object' || value === null) return value;
  if ('_type' in value && value._type === 'datetime' && 'value' in value) return value.value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, fromTagged(entry)]));
}
