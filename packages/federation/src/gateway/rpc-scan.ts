// One pass over the bytes of a JSON-RPC body, before it is parsed: how deep and how large it is, and where each request's arguments
// stand. So arguments go on as the client wrote them, digit by digit, and without being built and written again.

import type { HttpLimits } from '@relay/protocol';

/** Where arguments stand in the body: `params` of a request, and `args` inside an object of params. -1 if there are none. */
export interface ArgumentSpans {
  paramsStart: number;
  paramsEnd: number;
  argsStart: number;
  argsEnd: number;
}

export type Scan =
  /** By place in the batch, 0 for a single request; nothing for an item that is no object. */
  | { readonly kind: 'spans'; readonly items: readonly (ArgumentSpans | undefined)[] }
  | { readonly kind: 'too-large'; readonly limit: 'depth' | 'values' };

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Of any bytes; the spans mean something only if they are JSON. */
export function scanRpc(bytes: Uint8Array, limits: Pick<HttpLimits, 'depth' | 'values'>): Scan {
  const { length } = bytes;
  const items: (ArgumentSpans | undefined)[] = [];
  /** Depth inside of a request: 1, in a batch 2. */
  const inside = bytes[afterSpace(bytes, 0)] === OPEN_ARRAY ? 2 : 1;
  let place = 0;
  let depth = 0;
  let values = 1;
  let spans: ArgumentSpans | undefined;
  let isParams = false;
  let isArgs = false;

  for (let i = 0; i < length; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) {
      const start = i + 1;
      let hasEscape = false;
      for (i++; i < length && bytes[i] !== QUOTE; i++) {
        if (bytes[i] === BACKSLASH) {
          hasEscape = true;
          i++;
        }
      }
      if (spans === undefined || (depth !== inside && !(isParams && depth === inside + 1))) continue;
      // A text followed by a colon is a key.
      const colon = afterSpace(bytes, i + 1);
      if (bytes[colon] !== COLON) continue;
      // An escape may hide one of the names we look for; then the parsed value has to do.
      if (hasEscape) spans.paramsEnd = spans.argsEnd = Number.NaN;
      if (depth === inside) {
        isParams = isKey(bytes, start, i, PARAMS);
        if (isParams) {
          spans.paramsStart = afterSpace(bytes, colon + 1);
          spans.argsStart = -1;
        }
      } else {
        isArgs = isKey(bytes, start, i, ARGS);
        if (isArgs) spans.argsStart = afterSpace(bytes, colon + 1);
      }
      i = colon;
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth++;
      if (depth > limits.depth) return { kind: 'too-large', limit: 'depth' };
      if (depth === inside && byte === OPEN_OBJECT) {
        spans = { paramsStart: -1, paramsEnd: -1, argsStart: -1, argsEnd: -1 };
        items[place] = spans;
      }
      const next = bytes[afterSpace(bytes, i + 1)];
      if (next !== CLOSE_OBJECT && next !== CLOSE_ARRAY && ++values > limits.values) {
        return { kind: 'too-large', limit: 'values' };
      }
    } else if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (spans !== undefined && depth <= inside + 1) {
        if (isArgs && depth === inside + 1) {
          if (!Number.isNaN(spans.argsEnd)) spans.argsEnd = beforeSpace(bytes, i);
          isArgs = false;
        } else if (isParams && depth === inside) {
          if (!Number.isNaN(spans.paramsEnd)) spans.paramsEnd = beforeSpace(bytes, i);
          isParams = false;
        }
      }
      if (byte === COMMA) {
        if (++values > limits.values) return { kind: 'too-large', limit: 'values' };
        if (inside === 2 && depth === 1) place++;
      } else {
        if (depth === inside) spans = undefined;
        depth--;
      }
    }
  }
  return { kind: 'spans', items };
}

const PARAMS = Buffer.from('params');
const ARGS = Buffer.from('args');

function isKey(bytes: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  if (end - start !== key.length) return false;
  for (let i = 0; i < key.length; i++) if (bytes[start + i] !== key[i]) return false;
  return true;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function afterSpace(bytes: Uint8Array, start: number): number {
  let i = start;
  while (isSpace(bytes[i])) i++;
  return i;
}

function beforeSpace(bytes: Uint8Array, end: number): number {
  let i = end;
  while (isSpace(bytes[i - 1])) i--;
  return i;
}
