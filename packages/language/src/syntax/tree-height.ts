// Chains like `a + b + …` nest in the tree without nesting in the text. Whoever walks the tree recursively relies on this bound.

import type { Item } from './ast.ts';

/** Expressions within expressions. */
export const MAX_TREE_HEIGHT = 1000;

export function isTooTall(item: Item): boolean {
  // By hand, as this is the walk that must not depend on the height.
  const open: { readonly value: unknown; readonly height: number }[] = [{ value: item, height: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value } = next;
    if (typeof value !== 'object' || value === null) continue;
    const height = 'kind' in value ? next.height + 1 : next.height;
    if (height > MAX_TREE_HEIGHT) return true;
    for (const child of Object.values(value)) open.push({ value: child, height });
  }
  return false;
}
