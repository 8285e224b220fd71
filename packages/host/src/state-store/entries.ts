// A container as the store sees it: a row of entries, with keys or without; and which of them differ from those of another version.

import { ArrayValue, ObjectValue, StructValue, type Value } from '@relay/language';
import type { NodeKind } from './state-file.ts';

export type Container = ArrayValue | ObjectValue | StructValue;

export function isContainer(value: Value): value is Container {
  return value instanceof ArrayValue || value instanceof ObjectValue || value instanceof StructValue;
}

export function kindOfContainer(value: Container): NodeKind {
  return value instanceof ArrayValue ? 'array' : 'object';
}

export function countOf(value: Container): number {
  if (value instanceof ArrayValue) return value.length;
  return value instanceof ObjectValue ? value.size : value.values.length + 1;
}

/** A struct is stored as the object that stands for it in JSON. */
export function entryAt(value: Container, at: number): Value {
  if (value instanceof ArrayValue) return value.items[at]!;
  if (value instanceof ObjectValue) return value.valueAt(at);
  return at === 0 ? value.name : value.values[at - 1]!;
}

export function keyAt(value: Container, at: number): string {
  if (value instanceof ArrayValue) return '';
  if (value instanceof ObjectValue) return value.keyAt(at);
  return at === 0 ? '_type' : value.definition.fields[at - 1]!.name;
}

/** Change the entry at `old` into that at `next`, take away `old`, or put `next` before it. In order. */
export type Edit =
  | { readonly kind: 'change'; readonly old: number; readonly next: number }
  | { readonly kind: 'remove'; readonly old: number }
  | { readonly kind: 'insert'; readonly old: number; readonly next: number };

/**
 * The way from one version to another. `unchanged` entries at the beginning are known to be the same but for `changes`; without
 * that knowledge all are compared, by identity, which is what sharing parts between versions leaves to be done.
 */
export function editsBetween(
  before: Container,
  after: Container,
  known?: { readonly length: number; readonly changes: Iterable<number> },
): Edit[] {
  const oldCount = countOf(before);
  const count = countOf(after);
  const edits: Edit[] = [];
  const isSame = (old: number, next: number): boolean =>
    entryAt(before, old) === entryAt(after, next) && keyAt(before, old) === keyAt(after, next);
  let start = 0;
  if (known !== undefined) {
    start = Math.min(known.length, oldCount, count);
    for (const at of new Set(known.changes)) {
      if (at < start && !isSame(at, at)) edits.push({ kind: 'change', old: at, next: at });
    }
  }
  const shorter = Math.min(oldCount, count);
  while (start < shorter && isSame(start, start)) start += 1;
  let end = 0;
  while (end < shorter - start && isSame(oldCount - 1 - end, count - 1 - end)) end += 1;
  walk(before, after, start, oldCount - end, count - end, isSame, edits);
  return edits;
}

/** What is between the common beginning and the common end. An entry that is nowhere in the other version is new, or gone. */
function walk(
  before: Container,
  after: Container,
  start: number,
  oldEnd: number,
  end: number,
  isSame: (old: number, next: number) => boolean,
  edits: Edit[],
): void {
  let old = start;
  let next = start;
  if (old < oldEnd && next < end) {
    const kept = new Set<Value>();
    for (let at = next; at < end; at += 1) kept.add(entryAt(after, at));
    const had = new Set<Value>();
    for (let at = old; at < oldEnd; at += 1) had.add(entryAt(before, at));
    while (old < oldEnd && next < end) {
      if (isSame(old, next)) {
        old += 1;
        next += 1;
        continue;
      }
      const isGone = !kept.has(entryAt(before, old));
      const isNew = !had.has(entryAt(after, next));
      if (isGone && !isNew) {
        edits.push({ kind: 'remove', old });
        old += 1;
      } else if (isNew && !isGone) {
        edits.push({ kind: 'insert', old, next });
        next += 1;
      } else {
        edits.push({ kind: 'change', old, next });
        old += 1;
        next += 1;
      }
    }
  }
  for (; old < oldEnd; old += 1) edits.push({ kind: 'remove', old });
  for (; next < end; next += 1) edits.push({ kind: 'insert', old, next });
}
