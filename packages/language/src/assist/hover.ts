// What is shown when the pointer rests on a name: its signature or type, what it does, its documentation.

import { arityText } from '../check/context.ts';
import { publishedEffect } from '../check/effect.ts';
import { type CheckedType, typeText } from '../check/type.ts';
import { type Arity, builtins } from '../run/builtins/table.ts';
import type { Span } from '../source.ts';
import type { Expression, Parameter, TypeExpression } from '../syntax/ast.ts';
import { unreachable } from '../unreachable.ts';
import { type Analysis, occurrenceAt } from './analysis.ts';
import type { Entity } from './occurrence.ts';

export interface Hover {
  readonly span: Span;
  /** A line or more of Relay. */
  readonly code: string;
  /** Plain text below it. */
  readonly text: string | undefined;
}

export function hoverAt(analysis: Analysis, file: number, offset: number): Hover | undefined {
  const occurrence = occurrenceAt(analysis, file, offset);
  if (occurrence === undefined) return undefined;
  const shown = describe(occurrence.entity, occurrence.name, analysis);
  return shown && { span: occurrence.span, ...shown };
}

type Shown = Pick<Hover, 'code' | 'text'>;

function describe(entity: Entity, name: string, analysis: Analysis): Shown | undefined {
  switch (entity.kind) {
    case 'binding':
      return describeBinding(entity, name, analysis);
    case 'builtin': {
      const row = builtins.functions.get(entity.name);
      if (row !== undefined) return { code: `${name}(…)`, text: `${row.doc} Takes ${takes(row)}.` };
      return {
        code: 'send(server, method, …)',
        text: 'Sends a message, with the arguments by position; the reply.',
      };
    }
    case 'method':
      return describeMethod(entity.name, entity.receiver);
    case 'receive': {
      const { receive, server } = entity;
      const effect = analysis.effects.get(receive);
      const level = effect && publishedEffect(effect);
      const acts = effect === undefined ? '' : level === 'calls' ? `calls(${effect.level})` : level;
      const lines = [receive.doc, `Server ${server.name.text}. Effect: ${acts}.`];
      return {
        code: `receive fn ${name}${signature(receive.params, receive.returns)}`,
        text: lines.filter((line) => line !== undefined).join('\n\n'),
      };
    }
    case 'server': {
      const { server } = entity;
      const receives = server.receives.map(
        (receive) => `    receive fn ${receive.name.text}${signature(receive.params, receive.returns)}`,
      );
      return { code: [`server ${name} {`, ...receives, '}'].join('\n'), text: server.doc };
    }
    case 'struct': {
      const fields = entity.struct.fields.map(
        (field) => `    ${field.name.text}: ${source(field.type, analysis)}`,
      );
      return { code: [`struct ${name} {`, ...fields, '}'].join('\n'), text: undefined };
    }
    case 'protocol': {
      const methods = entity.protocol.methods.map(
        (method) => `    ${method.name.text}${signature(method.params, method.returns)}`,
      );
      return { code: [`protocol ${name} {`, ...methods, '}'].join('\n'), text: undefined };
    }
    case 'protocol-method':
      return {
        code: `${name}${signature(entity.method.params, entity.method.returns)}`,
        text: `Protocol ${entity.protocol.name.text}.`,
      };
    case 'field':
      return { code: `${name}: ${source(entity.field.type, analysis)}`, text: `Field of ${entity.owner}.` };
    case 'argument':
      return {
        code: `${name}: ${typeText(entity.parameter.type)}`,
        text: `Argument of ${entity.receive.name.text}.`,
      };
    case 'import':
      return undefined;
    default:
      return unreachable(entity);
  }
}

function describeBinding(
  { binding }: Entity & { readonly kind: 'binding' },
  name: string,
  analysis: Analysis,
): Shown {
  const made = binding.functions.at(-1);
  if (made !== undefined && binding.assigned.length === 0) {
    return { code: `fn ${name}${signature(made.params, made.returns)}`, text: commentAbove(made, analysis) };
  }
  const [annotation] = binding.annotations;
  const type = annotation === undefined ? inferred(binding, analysis) : typeText(annotation);
  const what = {
    variable: 'Variable',
    parameter: 'Parameter',
    loop: 'Loop variable',
    caught: 'Caught value',
  };
  const scope = binding.scope.kind === 'global' ? 'Global variable' : what[binding.kind];
  return { code: type === undefined ? name : `${name}: ${type}`, text: `${scope}.` };
}

/** The type of the places where it is read: the checker knows it by these. */
function inferred(
  binding: (Entity & { kind: 'binding' })['binding'],
  analysis: Analysis,
): string | undefined {
  for (const [expression, reference] of analysis.resolution.references) {
    const isIt = reference.bindings.length === 1 && reference.bindings[0] === binding;
    if (isIt) return checkedText(analysis.types.typeOf(expression));
  }
  const [value] = binding.kind === 'variable' ? binding.assigned : [];
  return value === undefined ? undefined : checkedText(analysis.types.typeOf(value));
}

function checkedText(type: CheckedType): string | undefined {
  switch (type.kind) {
    case 'unknown':
      return undefined;
    case 'array':
      return `[${checkedText(type.element) ?? 'any'}]`;
    case 'object': {
      const value = checkedText(type.value);
      return value === undefined ? 'object' : `{string: ${value}}`;
    }
    case 'struct':
      return type.name;
    default:
      return type.kind;
  }
}

function describeMethod(name: string, receiver: string): Shown | undefined {
  const rows: [string, Arity][] = [];
  for (const [kind, table] of builtins.methods) {
    const row = table.get(name);
    if (row !== undefined && (kind === receiver || receiver === 'unknown')) rows.push([kind, row]);
  }
  const [first] = rows;
  if (first === undefined) return undefined;
  const docs = new Map<string, string[]>();
  for (const [kind, row] of rows) {
    const doc = `${row.doc} Takes ${takes(row)}.`;
    docs.set(doc, [...(docs.get(doc) ?? []), kind]);
  }
  const isOne = docs.size === 1;
  const text = [...docs].map(([doc, kinds]) => (isOne ? doc : `${kinds.join(', ')}: ${doc}`)).join('\n\n');
  const kinds = rows.length > 3 ? 'value' : rows.map(([kind]) => kind).join(' | ');
  return { code: `${kinds}.${name}(…)`, text };
}

function takes(row: Arity): string {
  return row.min === 0 && row.max === Infinity ? 'any number of arguments' : arityText(row);
}

function signature(params: readonly Parameter[], returns: TypeExpression | undefined): string {
  const shown = params.map(({ name, type }) =>
    type === undefined ? name.text : `${name.text}: ${typeText(type)}`,
  );
  return `(${shown.join(', ')})${returns === undefined ? '' : ` -> ${typeText(returns)}`}`;
}

/** As written, validators included. */
function source({ span }: TypeExpression, { program }: Analysis): string {
  return program.files[span.file]?.text.slice(span.start, span.end) ?? '';
}

/** Lines of comments right above a function. */
function commentAbove({ span }: Expression, { program }: Analysis): string | undefined {
  const before = program.files[span.file]?.text.slice(0, span.start).split('\n') ?? [];
  if ((before.pop() ?? '').trim() !== '') return undefined;
  const lines: string[] = [];
  for (let line = before.pop()?.trim(); line?.startsWith('//') === true; line = before.pop()?.trim()) {
    lines.unshift(line.replace(/^\/\/+ ?/, ''));
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}
