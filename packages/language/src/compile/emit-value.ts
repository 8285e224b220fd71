// Literals, collections and their parts.

import type { Entry, Expression, Literal } from '../syntax/ast.ts';
import { unreachable } from '../unreachable.ts';
import type { BodyBuilder } from './body-builder.ts';
import { type Code, complex, constant, NIL } from './code.ts';

type Of<K extends Expression['kind']> = Expression & { readonly kind: K };

export function emitLiteral(body: BodyBuilder, literal: Literal): Code {
  switch (literal.kind) {
    case 'string':
      return constant(JSON.stringify(literal.value));
    case 'number':
      return literal.value < 0 || Object.is(literal.value, -0)
        ? constant(`(${literal.value})`, 'number')
        : constant(String(literal.value), 'number');
    case 'bool':
      return constant(String(literal.value), 'bool');
    case 'nil':
      return NIL;
    case 'datetime':
      return constant(body.module.constant(`$.datetime(${literal.value})`));
    default:
      return unreachable(literal);
  }
}

export function emitArray(body: BodyBuilder, expression: Of<'array'>): Code {
  const codes = body.operands(expression.elements);
  return complex(`$.array([${codes.map(({ text }) => text).join(', ')}])`);
}

export function emitEntries(body: BodyBuilder, entries: readonly Entry[]): Code {
  const keys = entries.map((entry) => entry.key.text);
  const codes = body.operands(entries.map((entry) => entry.value));
  const values = `[${codes.map(({ text }) => text).join(', ')}]`;
  if (new Set(keys).size !== keys.length) return complex(`$.entries(${JSON.stringify(keys)}, ${values})`);
  return complex(`$.object(${body.module.shape(keys)}, ${values})`);
}

export function emitStruct(body: BodyBuilder, expression: Of<'struct'>): Code {
  const object = emitEntries(body, expression.entries);
  const name = JSON.stringify(expression.name.text);
  return complex(`$.struct(${body.m}, ${name}, ${object.text}, ${body.place(expression.span)})`);
}

export function emitState(body: BodyBuilder, expression: Of<'state'>): Code {
  if (body.activation.server !== undefined) return complex(`${body.m}.state`);
  return complex(`$.unbound('state', ${body.place(expression.span)})`);
}

export function emitMember(body: BodyBuilder, expression: Of<'member'>): Code {
  const object = body.expression(expression.object);
  const name = JSON.stringify(expression.member.text);
  return complex(`$.field(${body.m}, ${object.text}, ${name}, ${body.place(expression.span)})`);
}

export function emitIndex(body: BodyBuilder, expression: Of<'index'>): Code {
  const [object, index] = body.operands([expression.object, expression.index]) as [Code, Code];
  return complex(`$.index(${object.text}, ${index.text}, ${body.place(expression.span)})`);
}
