// Reading and setting variables; language.md §8.

import { builtins } from '../run/builtins/table.ts';
import type { Span } from '../source.ts';
import type { Expression } from '../syntax/ast.ts';
import type { BodyBuilder } from './body-builder.ts';
import { type Code, complex, simple } from './code.ts';
import type { Read, Variable } from './scope.ts';

type Of<K extends Expression['kind']> = Expression & { readonly kind: K };

export function boundCandidates(read: Read): readonly Variable[] {
  return read.candidates.filter((variable) => variable.canBeBound);
}

/** The first candidate that is bound, else `fallback`. */
export function chain(candidates: readonly Variable[], isCertain: boolean, fallback: string): string {
  const tested = isCertain ? candidates.slice(0, -1) : candidates;
  const last = isCertain ? candidates.at(-1)!.js : fallback;
  return `(${[...tested.map(({ js }) => `${js} !== void 0 ? ${js}`), last].join(' : ')})`;
}

export function emitName(body: BodyBuilder, expression: Of<'name'>): Code {
  const read = body.module.resolution.reads.get(expression)!;
  const { name, span } = expression;
  const candidates = boundCandidates(read);
  if (read.isCertain && candidates.length === 1) {
    const type = body.module.numeric.has(candidates[0]!) ? 'number' : undefined;
    return { ...simple(candidates[0]!.js), type };
  }
  const fallback = builtins.functions.has(name)
    ? body.module.builtin(name)
    : `$.unbound(${JSON.stringify(name)}, ${body.place(span)})`;
  if (candidates.length === 0 && builtins.functions.has(name)) return simple(fallback);
  return complex(chain(candidates, read.isCertain, fallback));
}

/** Only variables that came into being during the message may change. */
function assignment(body: BodyBuilder, variable: Variable, value: string, span: Span): string {
  const owner = variable.scope.activation.message;
  const write = `${variable.js} = ${value}`;
  if (owner === body.m) return write;
  const refusal = `$.captured(${JSON.stringify(variable.name)}, ${body.place(span)})`;
  return `${owner} === ${body.m} ? ${write} : ${refusal}`;
}

export function emitSet(body: BodyBuilder, expression: Of<'set'>): Code {
  const { own, outer, isOuterCertain } = body.module.resolution.writes.get(expression)!;
  const value = body.expression(expression.value);
  const { span } = expression;
  const candidates = outer.filter((variable) => variable.canBeBound);
  if (candidates.length === 0) return { ...complex(`(${own.js} = ${value.text})`), type: value.type };
  const before: string[] = [];
  const [kept] = body.repeatable([value], before) as [Code];
  const tests: string[] = own.canBeBound ? [`${own.js} !== void 0 ? ${own.js} = ${kept.text}`] : [];
  candidates.forEach((variable, at) => {
    const write = `(${assignment(body, variable, kept.text, span)})`;
    const isLast = isOuterCertain && at === candidates.length - 1;
    tests.push(isLast ? write : `${variable.js} !== void 0 ? ${write}`);
  });
  if (!isOuterCertain) tests.push(`${own.js} = ${kept.text}`);
  return complex(`(${[...before, `(${tests.join(' : ')})`].join(', ')})`);
}
