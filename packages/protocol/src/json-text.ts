// What JSON.parse does not tell: where a member stands in the text, how deep a text nests, and which keys it has. All three expect
// or accept any text; the first only means something for a text that JSON.parse has accepted.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** Position after the string that begins at `start` with its quote. */
function afterString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length) {
    const unit = text.charCodeAt(i);
    if (unit === BACKSLASH) i += 2;
    else if (unit === QUOTE) return i + 1;
    else i++;
  }
  return i;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

/**
 * The text of the value of member `key` of the object that `text` is, the last one if it occurs twice, as JSON.parse has it; undefined
 * if it is missing. Numbers stay as they were written, which a value made again from the parsed one would not promise.
 */
export function memberText(text: string, key: string): string | undefined {
  let found: string | undefined;
  let depth = 0;
  let name: string | undefined;
  let valueStart = 0;
  const end = (at: number): void => {
    if (name === key) found = text.slice(valueStart, at).trim();
    name = undefined;
  };
  for (let i = 0; i < text.length; ) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      const next = afterString(text, i);
      if (depth === 1 && name === undefined) {
        const raw = text.slice(i + 1, next - 1);
        name = raw.includes('\\') ? (JSON.parse(text.slice(i, next)) as string) : raw;
        i = next;
        while (isSpace(text.charCodeAt(i))) i++;
        valueStart = ++i;
      } else i = next;
      continue;
    }
    if (unit === 0x7b || unit === 0x5b) depth++;
    else if (unit === 0x7d || unit === 0x5d) {
      if (depth === 1) end(i);
      depth--;
    } else if (unit === 0x2c && depth === 1) end(i);
    i++;
  }
  return found;
}

/** Nesting and number of values of a text, counted without parsing: at least what JSON.parse would build. */
export interface JsonSize {
  readonly depth: number;
  readonly values: number;
}

/** Counts depth and values of a JSON text, and stops as soon as either is above its limit. */
export function measureJson(
  text: string,
  limits: { readonly depth: number; readonly values: number },
): JsonSize {
  let depth = 0;
  let deepest = 0;
  let values = text.length === 0 ? 0 : 1;
  for (let i = 0; i < text.length && deepest <= limits.depth && values <= limits.values; ) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      i = afterString(text, i);
      continue;
    }
    if (unit === 0x7b || unit === 0x5b) {
      depth++;
      if (depth > deepest) deepest = depth;
      // The first member of what is not empty; the others follow commas.
      let next = i + 1;
      while (isSpace(text.charCodeAt(next))) next++;
      const first = text.charCodeAt(next);
      if (first !== 0x7d && first !== 0x5d) values++;
    } else if (unit === 0x7d || unit === 0x5d) depth--;
    else if (unit === 0x2c) values++;
    i++;
  }
  return { depth: deepest, values };
}

/** Whether `text` is within the limits of depth and number of values: to be asked before JSON.parse. */
export function isWithinJsonLimits(
  text: string,
  limits: { readonly depth: number; readonly values: number },
): boolean {
  const { depth, values } = measureJson(text, limits);
  return depth <= limits.depth && values <= limits.values;
}

/**
 * The path of a key that could reach a prototype (`__proto__`, `constructor`, `prototype`), below any member but those in `opaque`
 * (paths such as `data`); undefined if there is none. Without recursion, as the depth is the sender's choice.
 */
export function forbiddenKey(value: unknown, text: string, opaque: ReadonlySet<string>): string | undefined {
  // A key can only be there if the text has it, or an escape that could hide it.
  if (!/__proto__|constructor|prototype|\\u/.test(text)) return undefined;
  const open: { readonly value: object; readonly path: string; readonly level: number }[] = [];
  const look = (at: object, path: string, level: number): string | undefined => {
    for (const [key, member] of Object.entries(at)) {
      // Paths are for people and for the few members above: further down they would cost more than the text is long.
      const here = path === '' ? key : level > 2 ? path : `${path}.${key}`;
      if (FORBIDDEN.has(key)) return here;
      if (typeof member === 'object' && member !== null && !(level <= 2 && opaque.has(here))) {
        open.push({ value: member, path: here, level: level + 1 });
      }
    }
    return undefined;
  };
  if (typeof value === 'object' && value !== null) open.push({ value, path: '', level: 1 });
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const found = look(next.value, next.path, next.level);
    if (found !== undefined) return found;
  }
  return undefined;
}
