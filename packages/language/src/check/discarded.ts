// Code that does nothing: RL5001 (a result nobody uses), RL5002 (never reached), RL5003 (repeated keys and patterns).

import type { Arm, Entry, Expression, Item } from '../syntax/ast.ts';
import { partsOf, topLevelOf } from '../syntax/walk.ts';
import type { CheckContext } from './context.ts';

type MethodCall = Expression & { readonly kind: 'method' };

/** Methods whose result is meant to take the place of the receiver. */
const CHANGES: ReadonlySet<string> = new Set([
  ...['set', 'push', 'add', 'prepend', 'insert', 'remove_at', 'append', 'concat', 'remove', 'replace'],
  ...[
    'drop_first',
    'drop_last',
    'slice',
    'reverse',
    'map',
    'filter',
    'sort_by',
    'update',
    'merge',
    'defaults',
  ],
  ...['upper', 'lower', 'trim', 'abs', 'floor', 'ceil', 'round'],
]);

/** `textOf` gives the source text of an expression, for hints. */
export function checkDiscarded(context: CheckContext, textOf: (expression: Expression) => string): void {
  const sequence = (items: readonly Expression[], endIsDiscarded: boolean): void => {
    items.forEach((item, at) => {
      const isLast = at === items.length - 1;
      if (!isLast && (item.kind === 'return' || item.kind === 'throw')) {
        const next = items[at + 1]!;
        if (items.findIndex((one) => one.kind === 'return' || one.kind === 'throw') === at) {
          context.report.warning('RL5002', `unreachable code after ${item.kind}`, next.span);
        }
      }
      if (!isLast || endIsDiscarded) discard(item);
    });
  };
  const discard = (expression: Expression): void => {
    if (expression.kind === 'method') checkUnused(expression, context, textOf);
    if (expression.kind === 'if') {
      end(expression.then.items);
      end(expression.otherwise?.items ?? []);
    } else if (expression.kind === 'try') {
      end(expression.body.items);
      end(expression.handler.items);
    }
  };
  /** The last item of a body whose value is discarded; the others are found when the body itself is looked at. */
  const end = (items: readonly Expression[]): void => {
    const last = items.at(-1);
    if (last !== undefined) discard(last);
  };
  forEachSequence(context.items, sequence);
  const { items } = context;
  const leaving = items.findIndex((item) => item.kind === 'return' || item.kind === 'throw');
  const unreached = leaving < 0 ? undefined : items[leaving + 1];
  if (unreached !== undefined) {
    context.report.warning('RL5002', `unreachable code after ${items[leaving]?.kind}`, unreached.span);
  }
}

function forEachSequence(
  items: readonly Item[],
  visit: (items: readonly Expression[], endIsDiscarded: boolean) => void,
): void {
  const walk = (expression: Expression): void => {
    switch (expression.kind) {
      case 'block':
      case 'function':
        visit(expression.body.items, false);
        break;
      case 'for':
      case 'while':
        visit(expression.body.items, true);
        break;
      case 'if':
        visit(expression.then.items, false);
        if (expression.otherwise !== undefined) visit(expression.otherwise.items, false);
        break;
      case 'try':
        visit(expression.body.items, false);
        visit(expression.handler.items, false);
        break;
      default:
    }
    for (const part of partsOf(expression)) walk(part);
  };
  items.forEach((item, at) => {
    for (const expression of topLevelOf(item)) {
      walk(expression);
      // What another item follows is discarded, whatever that is.
      if (expression === item && at < items.length - 1) visit([expression], true);
    }
    if (item.kind !== 'server') return;
    for (const receive of item.receives) {
      visit(receive.body.items, false);
      for (const expression of receive.body.items) walk(expression);
    }
  });
}

function checkUnused(
  call: MethodCall,
  context: CheckContext,
  textOf: (expression: Expression) => string,
): void {
  const { object, member } = call;
  const method = member.text;
  if (object.kind === 'state' && method === 'set') return;
  const { kind } = object.kind === 'state' ? { kind: 'object' as const } : context.types.typeOf(object);
  const tables =
    kind === 'unknown' ? [...context.builtins.methods.values()] : [context.builtins.methods.get(kind)];
  if (!tables.some((table) => table?.has(method))) return;
  context.report.warning(
    'RL5001',
    `the result of '${method}' is not used: values do not change`,
    call.span,
    CHANGES.has(method) ? changeHint(object, textOf(call)) : undefined,
  );
}

/** Writes out the change that was meant, if the receiver is something that can be changed. */
function changeHint(receiver: Expression, call: string): string | undefined {
  if (receiver.kind === 'name') return `write set ${receiver.name} = ${call}`;
  if (receiver.kind === 'member' && receiver.object.kind === 'state') {
    return `write state.set("${receiver.member.text}", ${call})`;
  }
  if (receiver.kind !== 'method' || receiver.object.kind !== 'state' || receiver.member.text !== 'get') {
    return undefined;
  }
  const [key] = receiver.args;
  if (key?.kind !== 'literal' || key.literal.kind !== 'string') return undefined;
  return `write state.set("${key.literal.value}", ${call})`;
}

export function checkRepeatedKeys(entries: readonly Entry[], context: CheckContext): void {
  const seen = new Set<string>();
  for (const { key } of entries) {
    if (seen.has(key.text)) {
      context.report.warning('RL5003', `key '${key.text}' is repeated: the last value counts`, key.span);
    }
    seen.add(key.text);
  }
}

/** Patterns that an earlier one takes the place of, and those of another kind than the value. */
export function checkPatterns(subject: Expression, arms: readonly Arm[], context: CheckContext): void {
  const { kind } = context.types.typeOf(subject);
  const seen = new Set<string>();
  for (const { pattern } of arms) {
    // What is declared with a type may still be nil.
    const isOther = kind !== 'unknown' && kind !== 'nil' && pattern.kind !== kind;
    if (isOther && pattern.kind !== 'default' && pattern.kind !== 'nil') {
      const message = `this pattern never matches: it is a ${pattern.kind}, and the value is a ${kind}`;
      context.report.warning('RL5003', message, pattern.span);
      continue;
    }
    // Adding 0 makes -0 the 0 it equals.
    const value = 'value' in pattern ? pattern.value : '';
    const identity = `${pattern.kind} ${typeof value === 'number' ? value + 0 : value}`;
    if (seen.has(identity)) {
      context.report.warning('RL5003', 'this pattern never matches: it stands above already', pattern.span);
    }
    seen.add(identity);
  }
}
