// Types with their validators, and parameter lists.

import type { Name, Parameter, TypeExpression, Validator } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { isWord } from './token.ts';

/** Number of arguments of each validator; language.md §13. */
export const VALIDATORS: ReadonlyMap<string, 'none' | 'number' | 'string'> = new Map([
  ['min', 'number'],
  ['max', 'number'],
  ['email', 'none'],
  ['url', 'none'],
  ['regex', 'string'],
]);

export function parseType(c: Cursor): TypeExpression {
  const start = c.peek().start;
  const missing = (): TypeExpression => ({
    kind: 'named',
    name: 'any',
    args: [],
    validators: [],
    span: c.spanFrom(start),
  });
  return c.nested(() => {
    const base = parseBase(c);
    if (base === undefined) return missing();
    const validators: Validator[] = [];
    while (c.at('.')) validators.push(...parseValidator(c));
    return { ...base, validators, span: c.spanFrom(start) };
  }, missing);
}

type Base = TypeExpression extends infer T
  ? T extends unknown
    ? Omit<T, 'span' | 'validators'>
    : never
  : never;

function parseBase(c: Cursor): Base | undefined {
  const token = c.peek();
  switch (token.kind) {
    case '[': {
      let element: TypeExpression | undefined;
      c.bracketed(']', { ignoresBreaks: true }, () => {
        element = parseType(c);
      });
      return element && { kind: 'array', element };
    }
    case '{': {
      let key: TypeExpression | undefined;
      let value: TypeExpression | undefined;
      c.bracketed('}', { ignoresBreaks: true }, () => {
        key = parseType(c);
        c.expect(':');
        value = parseType(c);
      });
      return key && value && { kind: 'map', key, value };
    }
    case 'nil':
      c.next();
      return { kind: 'named', name: 'nil', args: [] };
    case 'fn':
      return parseFunctionType(c);
    case 'word': {
      c.next();
      const args: TypeExpression[] = [];
      if (c.atSameLine('(')) {
        c.bracketed(')', { ignoresBreaks: true }, () => {
          c.entries(')', () => args.push(parseType(c)));
          if (args.length === 0) c.unexpected('a type');
        });
      }
      return { kind: 'named', name: token.text, args };
    }
    default:
      if (isWord(token)) {
        c.error('RL1013', `'${token.text}' is a keyword and cannot name a type`);
        c.next();
      } else c.unexpected('a type');
      return undefined;
  }
}

function parseFunctionType(c: Cursor): Base {
  c.next();
  const params: TypeExpression[] = [];
  if (!c.at('(')) c.unexpected("'('");
  else {
    c.bracketed(')', { ignoresBreaks: true }, () =>
      c.entries(')', () => {
        if (c.at('word') && c.peek(1).kind === ':') {
          c.next();
          c.next();
        }
        params.push(parseType(c));
      }),
    );
  }
  return { kind: 'fn', params, returns: parseReturns(c) };
}

/** `-> T`, if it is there. */
export function parseReturns(c: Cursor): TypeExpression | undefined {
  return c.take('->') === undefined ? undefined : parseType(c);
}

/** None if what follows the dot is no validator. */
function parseValidator(c: Cursor): Validator[] {
  c.next();
  const name = c.expectMember('a validator');
  if (name.text === '') return [];
  const wanted = VALIDATORS.get(name.text);
  if (wanted === undefined) {
    c.error(
      'RL1010',
      `unknown validator '${name.text}'`,
      name.span,
      `there are ${[...VALIDATORS.keys()].join(', ')}`,
    );
  }
  const args: (string | number | boolean)[] = [];
  if (c.atSameLine('(')) {
    c.bracketed(')', { ignoresBreaks: true }, () =>
      c.entries(')', () => {
        const argument = parseArgument(c);
        if (argument !== undefined) args.push(argument);
      }),
    );
  }
  if (wanted === undefined) return [];
  const fits = wanted === 'none' ? args.length === 0 : args.length === 1 && typeof args[0] === wanted;
  const span = c.spanFrom(name.span.start);
  if (!fits) {
    const what = wanted === 'none' ? 'no argument' : `one ${wanted}`;
    c.error('RL1010', `validator '${name.text}' takes ${what}`, span);
    return [];
  }
  return [{ name: name.text, args, span }];
}

function parseArgument(c: Cursor): string | number | boolean | undefined {
  const token = c.peek();
  switch (token.kind) {
    case 'string':
      return c.next().text;
    case 'number':
      return c.next().value;
    case 'true':
    case 'false':
      return c.next().kind === 'true';
    case '-':
      if (c.peek(1).kind === 'number') {
        c.next();
        return -c.next().value;
      }
  }
  c.unexpected('a string, number, true or false');
  return undefined;
}

/** `(a, b: T)`; the next token is the bracket. */
export function parseParams(c: Cursor): Parameter[] {
  const params: Parameter[] = [];
  c.bracketed(')', { ignoresBreaks: true }, () =>
    c.entries(')', () => {
      const start = c.peek().start;
      if (c.at('...')) {
        c.error('RL1029', 'there are no rest parameters', undefined, 'pass an array');
        c.next();
      }
      const name = c.expectName('parameter');
      const type = c.take(':') === undefined ? undefined : parseType(c);
      if (name.text !== '') params.push({ name, type, span: c.spanFrom(start) });
      if (c.at('='))
        c.error('RL1010', 'parameters have no default values', undefined, `use ${name.text} ?? VALUE`);
    }),
  );
  reportRepeated(c, params, 'parameter');
  return params;
}

/** Where a parameter list must stand; empty if it does not. */
export function expectParams(c: Cursor): Parameter[] {
  if (c.atContinued('(')) return parseParams(c);
  c.unexpected("'('");
  return [];
}

export function reportRepeated(c: Cursor, named: readonly { readonly name: Name }[], what: string): void {
  const seen = new Set<string>();
  for (const { name } of named) {
    if (seen.has(name.text)) c.errorAt('RL1016', `two ${what}s are called '${name.text}'`, name.span);
    seen.add(name.text);
  }
}
