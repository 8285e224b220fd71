// Forms of other languages and of older programs. Each is recognised to say what to write instead; none is accepted.

import type { Span } from '../source.ts';
import type { Expression } from './ast.ts';
import type { Cursor } from './cursor.ts';
import type { Sign } from './token.ts';

/** At `(`: whether this is the head of `(a, b) => e`. */
export function isArrow(c: Cursor): boolean {
  let distance = 1;
  while (c.peek(distance).kind === 'word') {
    distance += 1;
    if (c.peek(distance).kind !== ',') break;
    distance += 1;
  }
  return c.peek(distance).kind === ')' && c.peek(distance + 1).kind === '=>';
}

/** At a word: whether this is `function(…) {` or `func name(…) {`. A call of something that happens to be called so is none. */
export function isForeignFunction(c: Cursor): boolean {
  const { text } = c.peek();
  if (text !== 'func' && text !== 'function') return false;
  const second = c.peek(1);
  if (second.breakBefore) return false;
  if (second.kind === 'word') return c.peek(2).kind === '(';
  if (second.kind !== '(') return false;
  const closer = c.closingDistance(1);
  if (closer === undefined) return false;
  const after = c.peek(closer + 1);
  return !after.breakBefore && (after.kind === '{' || after.kind === '->');
}

const PREFERRED: ReadonlyMap<Sign, string> = new Map<Sign, string>([
  ['+=', '+'],
  ['-=', '-'],
  ['*=', '*'],
  ['/=', '/'],
  ['%=', '%'],
]);

/** Beyond this a hint shows an ellipsis. */
const MAX_HINT_CHARS = 60;

/** `target = value`, `target += value`. */
export function reportAssignment(
  c: Cursor,
  target: Expression,
  operator: Span,
  sign: Sign,
  value: Expression,
): void {
  const excerpt = (span: Span): string => {
    const text = c.text(span);
    return text.includes('\n') || text.length > MAX_HINT_CHARS ? '…' : text;
  };
  const targetText = excerpt(target.span);
  const binary = PREFERRED.get(sign);
  const written = excerpt(value.span);
  const newValue = binary === undefined ? written : `${targetText} ${binary} ${written}`;
  const change = changeHint(target, targetText, newValue, excerpt);
  if (binary !== undefined) {
    c.errorAt('RL1024', `there is no '${sign}'`, operator, change);
  } else if (target.kind === 'name') {
    c.errorAt('RL1026', "a variable is written with 'set'", operator, change);
  } else if (target.kind === 'member' || target.kind === 'index') {
    c.errorAt('RL1021', 'values do not change: fields cannot be assigned', operator, change);
  } else if (target.kind === 'array' || target.kind === 'object' || target.kind === 'struct') {
    c.errorAt('RL1029', 'there is no unpacking', operator, 'set each variable by itself');
  } else {
    c.errorAt('RL1010', `unexpected '='`, operator, 'equality is tested with ==');
  }
}

function changeHint(
  target: Expression,
  targetText: string,
  value: string,
  excerpt: (span: Span) => string,
): string | undefined {
  if (target.kind === 'name') return `write set ${targetText} = ${value}`;
  if (target.kind !== 'member' && target.kind !== 'index') return undefined;
  const key = target.kind === 'member' ? `"${target.member.text}"` : excerpt(target.index.span);
  if (target.object.kind === 'state') return `write state.set(${key}, ${value})`;
  const object = excerpt(target.object.span);
  if (target.object.kind === 'name') return `write set ${object} = ${object}.set(${key}, ${value})`;
  return `write ${object}.set(${key}, ${value}) and set the variable to the result`;
}
