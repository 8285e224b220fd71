// Forms that begin with a keyword: `set`, `return`, `throw`, `if`, `for`, `while`, `try`, `dispatch` and `fn`.

import type { Arm, Body, Entry, Expression, FunctionExpression, Name } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { reportAssignment } from './outdated.ts';
import { expectParams, parseReturns, parseType } from './parse-type.ts';
import type { Sign, TokenKind } from './token.ts';

/** What forms are made of. */
export interface Grammar {
  expression(c: Cursor): Expression;
  head(c: Cursor): Expression;
  body(c: Cursor): Body;
  arms(c: Cursor): Arm[];
  entries(c: Cursor): Entry[];
}

export const FORMS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  ...(['set', 'return', 'throw', 'if', 'for', 'while', 'try', 'dispatch', 'fn'] as const),
]);

const ENDS_VALUE: ReadonlySet<TokenKind> = new Set<TokenKind>(['}', ')', ']', ',', ';', 'end']);

export function parseForm(c: Cursor, grammar: Grammar): Expression {
  const { kind, start } = c.peek();
  switch (kind) {
    case 'set':
      return parseSet(c, grammar);
    case 'return': {
      c.next();
      const hasValue = c.continues && !ENDS_VALUE.has(c.peek().kind);
      const value = hasValue ? grammar.expression(c) : undefined;
      return { kind: 'return', value, span: c.spanFrom(start) };
    }
    case 'throw': {
      c.next();
      const value = grammar.expression(c);
      return { kind: 'throw', value, span: c.spanFrom(start) };
    }
    case 'if':
      return parseIf(c, grammar);
    case 'for':
      return parseFor(c, grammar);
    case 'while': {
      c.next();
      const condition = grammar.head(c);
      const body = grammar.body(c);
      return { kind: 'while', condition, body, span: c.spanFrom(start) };
    }
    case 'try':
      return parseTry(c, grammar);
    case 'dispatch': {
      c.next();
      const subject = grammar.head(c);
      const arms = grammar.arms(c);
      return { kind: 'dispatch', subject, arms, span: c.spanFrom(start) };
    }
    default:
      return parseNamedFunction(c, grammar);
  }
}

function parseSet(c: Cursor, grammar: Grammar): Expression {
  const start = c.next().start;
  if (c.at('{') || c.at('[')) {
    c.error('RL1029', 'there is no unpacking', undefined, 'set each variable by itself');
    return { kind: 'missing', span: c.spanFrom(start) };
  }
  const isStateField = c.at('state') && c.peek(1).kind === '.';
  if (isStateField || (c.at('word') && (c.peek(1).kind === '.' || c.peek(1).kind === '['))) {
    return parseSetField(c, grammar, start);
  }
  const name = c.expectName('variable');
  const type = c.atContinued(':') && c.next() ? parseType(c) : undefined;
  const sign = c.peek();
  if (sign.kind.length === 2 && sign.kind.endsWith('=') && '+-*/%'.includes(sign.kind.charAt(0))) {
    c.next();
    const value = grammar.expression(c);
    const target: Expression = { kind: 'name', name: name.text, span: name.span };
    reportAssignment(c, target, c.spanOf(sign), sign.kind as Sign, value);
    return { kind: 'set', name, type, value, span: c.spanFrom(start) };
  }
  const hasValue = c.expectContinued('=') !== undefined;
  const value: Expression = hasValue ? grammar.expression(c) : { kind: 'missing', span: name.span };
  return { kind: 'set', name, type, value, span: c.spanFrom(start) };
}

/** `set o.x = v`: reads the target as an expression, which reports the assignment. */
function parseSetField(c: Cursor, grammar: Grammar, start: number): Expression {
  const errors = c.reports;
  grammar.expression(c);
  if (c.reports === errors) c.unexpected("a name and '='");
  return { kind: 'missing', span: c.spanFrom(start) };
}

function parseIf(c: Cursor, grammar: Grammar): Expression {
  const start = c.next().start;
  const condition = grammar.head(c);
  const then = grammar.body(c);
  let otherwise: Body | undefined;
  if (c.take('else') !== undefined) {
    if (c.at('if')) {
      const inner = c.nested<Expression>(
        () => parseIf(c, grammar),
        () => ({ kind: 'missing', span: c.spanFrom(c.peek().start) }),
      );
      otherwise = { items: [inner], span: inner.span };
    } else otherwise = grammar.body(c);
  }
  return { kind: 'if', condition, then, otherwise, span: c.spanFrom(start) };
}

function parseFor(c: Cursor, grammar: Grammar): Expression {
  const start = c.next().start;
  let variable = c.expectName('variable');
  if (c.at(',')) {
    const first = variable;
    c.next();
    variable = c.expectName('variable');
    c.errorAt(
      'RL1028',
      "'for' has one variable",
      { ...first.span, end: variable.span.end },
      `write for ${variable.text} in …, or map with fn(${variable.text}, ${first.text}) { … }`,
    );
  }
  const hasIn = c.expectContinued('in') !== undefined;
  const iterable: Expression = hasIn ? grammar.head(c) : { kind: 'missing', span: variable.span };
  const body = grammar.body(c);
  return { kind: 'for', variable, iterable, body, span: c.spanFrom(start) };
}

function parseTry(c: Cursor, grammar: Grammar): Expression {
  const start = c.next().start;
  const body = grammar.body(c);
  let variable: Name | undefined;
  let handler: Body = { items: [], span: body.span };
  if (c.expect('catch') !== undefined) {
    if (!c.at('{')) variable = c.expectName('variable');
    handler = grammar.body(c);
  }
  return { kind: 'try', body, variable, handler, span: c.spanFrom(start) };
}

function parseNamedFunction(c: Cursor, grammar: Grammar): FunctionExpression {
  const start = c.next().start;
  const name = c.expectName('function');
  return parseFunctionRest(c, grammar, start, name);
}

/** `fn(…) { }`; the cursor stands at `fn`, or at what an author wrote for it. */
export function parseLambda(c: Cursor, grammar: Grammar): FunctionExpression {
  const start = c.next().start;
  const name = c.at('word') ? c.nameOf(c.next()) : undefined;
  return parseFunctionRest(c, grammar, start, name);
}

function parseFunctionRest(
  c: Cursor,
  grammar: Grammar,
  start: number,
  name: Name | undefined,
): FunctionExpression {
  const params = expectParams(c);
  const returns = parseReturns(c);
  const body = grammar.body(c);
  return { kind: 'function', name, params, returns, body, span: c.spanFrom(start) };
}
