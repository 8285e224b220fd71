// What stands at the top level of a file only: import, struct, protocol, server, template, config.

import type { Declaration, Field, Item, ProtocolMethod, Receive, StateField } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { GRAMMAR, parseBody, parseExpression, parseKey } from './parse-expression.ts';
import { expectParams, parseParams, parseReturns, parseType, reportRepeated } from './parse-type.ts';

export function parseItem(c: Cursor): Item {
  const { start, kind } = c.peek();
  switch (kind) {
    case 'import': {
      c.next();
      const path = c.expect('string', 'a path in double quotes');
      return path === undefined ? missing(c, start) : { kind, path: path.text, span: c.spanFrom(start) };
    }
    case 'struct':
      return parseStruct(c);
    case 'protocol':
      return parseProtocol(c);
    case 'server':
      // Without a name it is an expression of older programs, and reported as one.
      return c.peek(1).kind === '{' ? parseExpression(c) : parseServer(c);
    case 'template':
      return parseTemplate(c);
    case 'config': {
      c.next();
      const entries = GRAMMAR.entries(c);
      return { kind, entries, span: c.spanFrom(start) };
    }
    default:
      return parseExpression(c);
  }
}

function missing(c: Cursor, start: number): Item {
  return { kind: 'missing', span: c.spanFrom(start) };
}

/** The braces of a declaration. */
function parseMembers(c: Cursor, parseOne: () => void, allowsComma = true): void {
  if (c.at('{')) c.bracketed('}', { ignoresBreaks: false }, () => c.members(parseOne, allowsComma));
  else c.unexpected("'{'");
}

function parseStruct(c: Cursor): Declaration {
  const start = c.next().start;
  const name = c.expectName('struct');
  const fields: Field[] = [];
  parseMembers(c, () => {
    const field = parseField(c);
    if (field === undefined) return;
    if (field.name.text === '_type') {
      c.errorAt(
        'RL1010',
        "a field cannot be called '_type'",
        field.name.span,
        'JSON texts use it for the struct name',
      );
    }
    fields.push(field);
  });
  reportRepeated(c, fields, 'field');
  return { kind: 'struct-declaration', name, fields, span: c.spanFrom(start) };
}

/** `KEY: type` */
function parseField(c: Cursor): Field | undefined {
  const start = c.peek().start;
  const name = parseKey(c);
  if (name === undefined) return undefined;
  if (c.expect(':', `':' and the type of '${name.text}'`) === undefined) return undefined;
  const type = parseType(c);
  return { name, type, span: c.spanFrom(start) };
}

function parseProtocol(c: Cursor): Declaration {
  const start = c.next().start;
  const name = c.expectName('protocol');
  const methods: ProtocolMethod[] = [];
  parseMembers(c, () => {
    const from = c.peek().start;
    const method = c.expectMember('a method name');
    if (method.text === '') return;
    const params = expectParams(c);
    const returns = parseReturns(c);
    methods.push({ name: method, params, returns, span: c.spanFrom(from) });
  });
  return { kind: 'protocol', name, methods, span: c.spanFrom(start) };
}

function parseServer(c: Cursor): Declaration {
  const { doc, start } = c.next();
  const name = c.expectName('server');
  const implemented = c.atContinued('implements') && c.next() ? c.expectName('protocol') : undefined;
  const state: StateField[] = [];
  const receives: Receive[] = [];
  parseMembers(
    c,
    () => {
      if (c.at('state')) {
        c.next();
        parseMembers(c, () => {
          const field = parseStateField(c);
          if (field !== undefined) state.push(field);
        });
      } else if (c.at('receive')) {
        const receive = parseReceive(c);
        if (receive !== undefined) receives.push(receive);
      } else
        c.unexpected(
          "'state', 'receive fn' or '}'",
          'a function of the program stands outside of the server',
        );
    },
    false,
  );
  reportRepeated(c, state, 'field');
  return { kind: 'server', name, implements: implemented, state, receives, doc, span: c.spanFrom(start) };
}

function parseStateField(c: Cursor): StateField | undefined {
  const field = parseField(c);
  if (field === undefined) return undefined;
  const initial = c.atContinued('=') && c.next() ? parseExpression(c) : undefined;
  return { ...field, initial, span: c.spanFrom(field.span.start) };
}

function parseReceive(c: Cursor): Receive | undefined {
  const { doc, start } = c.next();
  if (!c.at('fn')) return parseOldReceive(c, start, doc);
  c.next();
  const name = c.expectMember('the name of the receive function');
  const params = expectParams(c);
  const returns = parseReturns(c);
  const body = parseBody(c);
  return { name, params, returns, body, doc, span: c.spanFrom(start) };
}

/** `receive m {a: T} -> T { }`: reported, and read as what it means. */
function parseOldReceive(c: Cursor, start: number, doc: string | undefined): Receive | undefined {
  if (!c.atWord()) {
    c.unexpected("'fn' after 'receive'");
    return undefined;
  }
  const name = c.nameOf(c.next());
  const params: Field[] = [];
  if (c.at('{')) {
    parseMembers(c, () => {
      const field = parseField(c);
      if (field !== undefined) params.push(field);
    });
  } else if (c.at('(')) {
    for (const param of parseParams(c)) {
      if (param.type !== undefined) params.push({ ...param, type: param.type });
    }
  }
  const returns = parseReturns(c);
  const head = c.spanFrom(start);
  const list = params.map((param) => c.text(param.span)).join(', ');
  const result = returns === undefined ? '' : ` -> ${c.text(returns.span)}`;
  c.errorAt(
    'RL1020',
    "a receive function is written 'receive fn'",
    head,
    `write receive fn ${name.text}(${list})${result} { … }`,
  );
  const body = parseBody(c);
  return { name, params, returns, body, doc, span: c.spanFrom(start) };
}

function parseTemplate(c: Cursor): Item {
  const start = c.next().start;
  const path = c.expect('string', 'the path of the page in double quotes');
  if (path === undefined) return missing(c, start);
  if (c.expectContinued('from') === undefined) return missing(c, start);
  const method = c.expectName('function');
  const params = expectParams(c);
  return { kind: 'template', path: path.text, method, params, span: c.spanFrom(start) };
}
