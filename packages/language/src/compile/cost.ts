import type { Expression } from '../syntax/ast.ts';
import { partsOf } from '../syntax/walk.ts';

/** Steps of one run of these expressions: one for each, without the bodies of loops and functions, which count for themselves. */
export function costOf(items: readonly Expression[]): number {
  let cost = 0;
  const stack = [...items];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    cost += 1;
    if (next.kind === 'function') continue;
    if (next.kind === 'for') stack.push(next.iterable);
    else if (next.kind === 'while') stack.push(next.condition);
    else if (next.kind === 'if') {
      const then = costOf(next.then.items);
      const otherwise = next.otherwise === undefined ? 0 : costOf(next.otherwise.items);
      cost += Math.max(then, otherwise);
      stack.push(next.condition);
    } else if (next.kind === 'dispatch') {
      cost += Math.max(0, ...next.arms.map((arm) => costOf([arm.value])));
      stack.push(next.subject);
    } else stack.push(...partsOf(next));
  }
  return cost;
}
