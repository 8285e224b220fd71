// Strings as sequences of code points. JavaScript's are sequences of UTF-16 units, which is the same as long as none is a surrogate.

const SURROGATE = /[\ud800-\udfff]/;

export function isBasic(text: string): boolean {
  return !SURROGATE.test(text);
}

export function codePointLength(text: string): number {
  if (isBasic(text)) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

export function characters(text: string): string[] {
  return isBasic(text) ? text.split('') : [...text];
}

/** Both positions whole, at least 0 and at most the length. */
export function sliceCodePoints(text: string, from: number, to: number): string {
  if (from >= to) return '';
  if (isBasic(text)) return text.slice(from, to);
  return text.slice(unitOffset(text, from), unitOffset(text, to));
}

function unitOffset(text: string, codePoints: number): number {
  let at = 0;
  for (let left = codePoints; left > 0 && at < text.length; left -= 1) {
    at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  }
  return at;
}

export function codePointIndexOf(text: string, part: string): number | undefined {
  const at = text.indexOf(part);
  if (at < 0) return undefined;
  return isBasic(text) ? at : codePointLength(text.slice(0, at));
}

/** Negative, zero or positive; by code points, so that U+1F600 comes after U+FFFD. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  if (isBasic(a) && isBasic(b)) return a < b ? -1 : 1;
  for (let at = 0; at < length; at += 1) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    // Two surrogates are two units and four bytes.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}
