// Expressions: operators, postfix forms and what stands between them. Forms that begin with a keyword are in parse-form.ts,
// which needs expressions in turn; it gets them as a `Grammar`.

import type { Arm, BinaryOperator, Body, Entry, Expression, Literal, LogicalOperator, Name } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { isArrow, isForeignFunction, reportAssignment } from './outdated.ts';
import { FORMS, type Grammar, parseForm, parseLambda } from './parse-form.ts';
import { isWord, type Sign, type TokenKind } from './token.ts';

const LEVELS: ReadonlyMap<TokenKind, number> = new Map<TokenKind, number>([
  ['??', 1],
  ['||', 2],
  ['&&', 3],
  ['==', 4],
  ['!=', 4],
  ['<', 5],
  ['<=', 5],
  ['>', 5],
  ['>=', 5],
  ['+', 6],
  ['-', 6],
  ['*', 7],
  ['/', 7],
  ['%', 7],
]);

const DECLARATIONS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  ...(['import', 'struct', 'protocol', 'server', 'template', 'config', 'receive'] as const),
]);

const ASSIGNMENTS: ReadonlySet<TokenKind> = new Set<TokenKind>(['=', '+=', '-=', '*=', '/=', '%=']);

const GRAMMAR: Grammar = {
  expression: parseExpression,
  head: parseHead,
  body: parseBody,
  arms: parseArms,
  entries: parseObjectEntries,
};

export function parseExpression(c: Cursor): Expression {
  const start = c.peek().start;
  return c.nested(
    () => {
      // A form is a whole value, never an operand.
      if (atForm(c)) return parseForm(c, GRAMMAR);
      const value = parseOperators(c, 1);
      return ASSIGNMENTS.has(c.peek().kind) && c.continues ? parseAssignment(c, value, start) : value;
    },
    () => missing(c),
  );
}

function parseHead(c: Cursor): Expression {
  const { isHead } = c;
  c.isHead = true;
  const value = c.nested(
    () => parseOperators(c, 1),
    () => missing(c),
  );
  c.isHead = isHead;
  return value;
}

function atForm(c: Cursor): boolean {
  const { kind } = c.peek();
  if (kind === 'fn') return c.peek(1).kind !== '(';
  return FORMS.has(kind);
}

function missing(c: Cursor): Expression {
  return { kind: 'missing', span: c.spanFrom(c.peek().start) };
}

/** Operators that bind at least as tightly as `level`; all group to the left. */
function parseOperators(c: Cursor, level: number): Expression {
  const start = c.peek().start;
  let left = parseUnary(c);
  for (;;) {
    const operator = c.peek();
    const own = LEVELS.get(operator.kind);
    if (own === undefined || own < level) return left;
    // A line that starts with '-' starts a new expression.
    if (operator.kind === '-' && !c.continues) return left;
    c.next();
    const right = parseOperators(c, own + 1);
    const span = c.spanFrom(start);
    left =
      own <= 3
        ? { kind: 'logical', operator: operator.kind as LogicalOperator, left, right, span }
        : { kind: 'binary', operator: operator.kind as BinaryOperator, left, right, span };
  }
}

function parseUnary(c: Cursor): Expression {
  const { kind, start } = c.peek();
  if (kind !== '!' && kind !== '-') return parsePostfix(c);
  return c.nested(
    () => {
      c.next();
      const operand = parseUnary(c);
      return { kind: 'unary', operator: kind, operand, span: c.spanFrom(start) };
    },
    () => missing(c),
  );
}

function parsePostfix(c: Cursor): Expression {
  const start = c.peek().start;
  let value = parsePrimary(c);
  for (;;) {
    if (c.at('.')) {
      c.next();
      const member = c.expectMember('a field or method after the dot');
      if (c.atSameLine('(')) {
        const args = parseArgs(c);
        value = { kind: 'method', object: value, member, args, span: c.spanFrom(start) };
      } else value = { kind: 'member', object: value, member, span: c.spanFrom(start) };
    } else if (c.atSameLine('(')) {
      const args = parseArgs(c);
      value = { kind: 'call', callee: value, args, span: c.spanFrom(start) };
    } else if (c.atSameLine('[')) {
      let index: Expression | undefined;
      c.bracketed(']', { ignoresBreaks: true }, () => {
        index = parseExpression(c);
      });
      value = { kind: 'index', object: value, index: index ?? missing(c), span: c.spanFrom(start) };
    } else return value;
  }
}

function parseArgs(c: Cursor): Expression[] {
  const args: Expression[] = [];
  c.bracketed(')', { ignoresBreaks: true }, () => c.entries(')', () => args.push(parseExpression(c))));
  return args;
}

function parsePrimary(c: Cursor): Expression {
  const token = c.peek();
  const span = c.spanOf(token);
  switch (token.kind) {
    case 'string':
    case 'number':
    case 'datetime':
    case 'true':
    case 'false':
    case 'nil':
      return { kind: 'literal', literal: parseLiteral(c), span };
    case ':':
      if (!c.atSymbol()) break;
      c.next();
      return {
        kind: 'literal',
        literal: { kind: 'string', value: c.next().text },
        span: c.spanFrom(token.start),
      };
    case 'state':
      c.next();
      return { kind: 'state', span };
    case 'word':
      return parseNameOrStruct(c);
    case '(':
      return isArrow(c) ? parseArrow(c) : parseParenthesized(c);
    case '[': {
      const elements: Expression[] = [];
      c.bracketed(']', { ignoresBreaks: true }, () =>
        c.entries(']', () => elements.push(parseExpression(c))),
      );
      return { kind: 'array', elements, span: c.spanFrom(token.start) };
    }
    case '{':
      return parseBraces(c);
    case 'fn':
      if (c.peek(1).kind === '(') return parseLambda(c, GRAMMAR);
      break;
    case 'send':
      return parseSend(c);
    case '...':
      c.error('RL1029', 'there is no spread', undefined, 'use concat, merge or push');
      c.next();
      return parseExpression(c);
    case 'bad':
      c.error('RL1001', 'unexpected character');
      c.next();
      return { kind: 'missing', span };
  }
  if (DECLARATIONS.has(token.kind)) return skipDeclaration(c);
  // On a new line it is rather the next item, and the operand is missing.
  if (atForm(c) && !token.breakBefore) {
    c.errorAt(
      'RL1010',
      `unexpected '${token.text}', expected an operand`,
      span,
      `put the '${token.text}' form in parentheses`,
    );
    return c.nested(
      () => parseForm(c, GRAMMAR),
      () => missing(c),
    );
  }
  c.unexpected('an expression');
  return missing(c);
}

/** The literal at the cursor; not for symbols. */
function parseLiteral(c: Cursor): Literal {
  const token = c.next();
  switch (token.kind) {
    case 'string':
      return { kind: 'string', value: token.text };
    case 'number':
    case 'datetime':
      return { kind: token.kind, value: token.value };
    case 'true':
    case 'false':
      return { kind: 'bool', value: token.kind === 'true' };
    default:
      return { kind: 'nil' };
  }
}

function parseParenthesized(c: Cursor): Expression {
  let value: Expression | undefined;
  c.bracketed(')', { ignoresBreaks: true }, () => {
    value = parseExpression(c);
  });
  return value ?? missing(c);
}

function parseNameOrStruct(c: Cursor): Expression {
  if (c.peek(1).kind === '=>') return parseArrow(c);
  if (isForeignFunction(c)) {
    const word = c.peek();
    c.errorAt('RL1025', `'${word.text}' is written fn`, c.spanOf(word), 'write fn(…) { … }');
    return parseLambda(c, GRAMMAR);
  }
  const name = c.nameOf(c.next());
  if (c.isHead || !c.atSameLine('{')) return { kind: 'name', name: name.text, span: name.span };
  const entries = parseObjectEntries(c);
  return { kind: 'struct', name, entries, span: c.spanFrom(name.span.start) };
}

/** `x => e` and `(a, b) => e`, which are reported and read as lambdas. */
function parseArrow(c: Cursor): Expression {
  const start = c.peek().start;
  const names: Name[] = [];
  c.take('(');
  while (!c.at('=>')) {
    const token = c.next();
    if (token.kind === 'word') names.push(c.nameOf(token));
  }
  const arrow = c.spanOf(c.next());
  const body: Body = c.at('{')
    ? parseBody(c)
    : c.nested(
        () => {
          const value = parseExpression(c);
          return { items: [value], span: value.span };
        },
        () => ({ items: [], span: arrow }),
      );
  const list = names.map((name) => name.text).join(', ');
  const inner = c.text(body.span);
  const written = inner.includes('\n') || inner.length > 60 ? '…' : inner.replace(/^\{\s*|\s*\}$/g, '');
  c.errorAt('RL1022', "there is no '=>'", arrow, `write fn(${list}) { ${written} }`);
  return {
    kind: 'function',
    name: undefined,
    params: names.map((name) => ({ name, type: undefined, span: name.span })),
    returns: undefined,
    body,
    span: c.spanFrom(start),
  };
}

/** `{` where a value is expected: an object if a key and a colon follow, or nothing; else a block. */
function parseBraces(c: Cursor): Expression {
  const start = c.peek().start;
  if (c.peek(1).kind === '}' || keyLength(c, 1) > 0) {
    const entries = parseObjectEntries(c);
    return { kind: 'object', entries, span: c.spanFrom(start) };
  }
  const body = parseBlock(c);
  return { kind: 'block', body, span: body.span };
}

/** Tokens of a key that a colon follows, at a distance from the cursor; 0 if there is none. */
function keyLength(c: Cursor, distance: number): 0 | 1 | 2 {
  const token = c.peek(distance);
  if ((isWord(token) || token.kind === 'string') && c.peek(distance + 1).kind === ':') return 1;
  return c.atSymbol(distance) && c.peek(distance + 2).kind === ':' ? 2 : 0;
}

/** The braces of an object, struct literal or `config`, if they are there. */
function parseObjectEntries(c: Cursor): Entry[] {
  const entries: Entry[] = [];
  if (!c.at('{')) {
    c.unexpected("'{'");
    return entries;
  }
  c.bracketed('}', { ignoresBreaks: true }, () =>
    c.entries('}', () => {
      const start = c.peek().start;
      const key = parseKey(c);
      if (key === undefined) return;
      if (c.expect(':', `':' after the key '${key.text}'`) === undefined) return;
      const value = parseExpression(c);
      entries.push({ key, value, span: c.spanFrom(start) });
    }),
  );
  return entries;
}

/** A word, string or symbol as a key; reports if there is none. */
export function parseKey(c: Cursor): Name | undefined {
  if (c.atSymbol()) {
    const colon = c.next();
    return { text: c.next().text, span: c.spanFrom(colon.start) };
  }
  if (c.atWord() || c.at('string')) return c.nameOf(c.next());
  if (c.at('...')) c.error('RL1029', 'there is no spread', undefined, 'use merge');
  else c.unexpected('a key');
  return undefined;
}

/** Braces that hold items. */
function parseBlock(c: Cursor): Body {
  const start = c.peek().start;
  const items: Expression[] = [];
  c.bracketed('}', { ignoresBreaks: false }, () => c.sequence('}', () => items.push(parseExpression(c))));
  return { items, span: c.spanFrom(start) };
}

/** Where a body is required, `{` always opens it. */
export function parseBody(c: Cursor): Body {
  const start = c.peek().start;
  if (!c.at('{')) {
    c.unexpected("'{'", c.at('=') ? 'equality is tested with ==' : undefined);
    return { items: [], span: c.spanFrom(start) };
  }
  const key = keyLength(c, 1);
  const isObject = key > 0 && !c.peek(1 + key).breakBefore;
  if (!isObject) return parseBlock(c);
  c.errorAt(
    'RL1014',
    'a body is required here, this is an object',
    c.spanOf(c.peek()),
    'double the braces: { {k: 1} } yields an object',
  );
  const value = parseBraces(c);
  return { items: [value], span: value.span };
}

function parseArms(c: Cursor): Arm[] {
  const arms: Arm[] = [];
  if (!c.at('{')) {
    c.unexpected("'{'");
    return arms;
  }
  c.bracketed('}', { ignoresBreaks: true }, () =>
    c.entries('}', () => {
      const start = c.peek().start;
      const pattern = parsePattern(c);
      if (pattern === undefined) return;
      if (c.expect(':', "':' after the pattern") === undefined) return;
      const value = parseExpression(c);
      arms.push({ pattern, value, span: c.spanFrom(start) });
    }),
  );
  return arms;
}

function parsePattern(c: Cursor): Arm['pattern'] | undefined {
  const token = c.peek();
  switch (token.kind) {
    case 'string':
    case 'number':
    case 'true':
    case 'false':
    case 'nil':
      return { ...parseLiteral(c), span: c.spanOf(token) };
    case '-':
      if (c.peek(1).kind === 'number') {
        c.next();
        const value = -c.next().value;
        return { kind: 'number', value, span: c.spanFrom(token.start) };
      }
      break;
    case ':':
      if (c.atSymbol()) {
        c.next();
        const value = c.next().text;
        const span = c.spanFrom(token.start);
        return value === 'default' ? { kind: 'default', span } : { kind: 'string', value, span };
      }
  }
  const isSymbolWithoutColon = token.kind === 'word' && c.peek(1).kind === ':';
  c.unexpected(
    'a pattern (text, number, true, false, nil or a symbol)',
    isSymbolWithoutColon ? `write :${token.text}` : undefined,
  );
  return undefined;
}

function parseSend(c: Cursor): Expression {
  const word = c.next();
  const start = word.start;
  if (c.atSameLine('(')) return { kind: 'name', name: 'send', span: c.spanOf(word) };
  const server = c.expect('string', 'the name of a server in double quotes');
  if (server === undefined) return missing(c);
  if (!c.continues || !c.atWord()) {
    c.unexpected('a method name on the same line');
    return missing(c);
  }
  const method = c.nameOf(c.next());
  if (!c.at('{')) {
    c.unexpected(
      "'{'",
      `write send "${server.text}" ${method.text} {}, with the arguments by name in the braces`,
    );
    return missing(c);
  }
  const entries = parseObjectEntries(c);
  return { kind: 'send', server: server.text, method, entries, span: c.spanFrom(start) };
}

/** `x = v`, `o.x = v`, `x += 1`: reported, and read as far as it makes sense. */
function parseAssignment(c: Cursor, target: Expression, start: number): Expression {
  const operator = c.next();
  const isServer = c.at('server') && operator.kind === '=';
  const value = parseExpression(c);
  if (!isServer) reportAssignment(c, target, c.spanOf(operator), operator.kind as Sign, value);
  const span = c.spanFrom(start);
  if (target.kind !== 'name') return { kind: 'missing', span };
  return { kind: 'set', name: { text: target.name, span: target.span }, type: undefined, value, span };
}

/** A declaration where only expressions may stand. */
function skipDeclaration(c: Cursor): Expression {
  const token = c.peek();
  if (token.kind === 'server' && c.peek(1).kind === '{') {
    c.errorAt('RL1027', 'a server needs a name', c.spanOf(token), 'write server name { … } at the top level');
  } else {
    const place = token.kind === 'receive' ? 'in the braces of a server' : 'at the top level of a file';
    c.errorAt('RL1015', `'${token.text}' may stand only ${place}`, c.spanOf(token));
  }
  const start = c.next().start;
  c.skipDeclaration();
  return { kind: 'missing', span: c.spanFrom(start) };
}

export { GRAMMAR };
