// A template as a function of the language, so that names, scopes, loops, budgets and waiting are those of any other function. What
// it writes stands in the tree as literals and arrays that are marked; the compiler turns those into output.

import type { Body, Expression, FunctionExpression, Name } from '../syntax/ast.ts';
import { unreachable } from '../unreachable.ts';
import type { TemplatePart } from './parse.ts';

export type PageOutput =
  | { readonly kind: 'text'; readonly text: string }
  /** Of an array with one element: that one. */
  | {
      readonly kind: 'value';
      readonly expression: Expression;
      readonly isRaw: boolean;
      readonly isQuoted: boolean;
    };

export interface PageFunction {
  readonly source: FunctionExpression;
  readonly outputs: ReadonlyMap<Expression, PageOutput>;
}

/** A parameter no program can name: what the page is written to. */
export const OUTPUT_PARAMETER = '$out';

/** `alias`: the second name of the result; undefined if it has only `data`. */
export function pageFunction(
  parts: readonly TemplatePart[],
  file: number,
  alias: string | undefined,
): PageFunction {
  const outputs = new Map<Expression, PageOutput>();
  const span = { file, start: 0, end: 0 };
  const name = (text: string): Name => ({ text, span });
  const params = [OUTPUT_PARAMETER, 'data', ...(alias === undefined ? [] : [alias])];
  const items = expressionsOf(parts, outputs);
  return {
    outputs,
    source: {
      kind: 'function',
      name: undefined,
      params: params.map((text) => ({ name: name(text), type: undefined, span })),
      returns: undefined,
      body: { items, span },
      span,
    },
  };
}

function expressionsOf(
  parts: readonly TemplatePart[],
  outputs: Map<Expression, PageOutput>,
): readonly Expression[] {
  return parts.map((part): Expression => {
    const { span } = part;
    switch (part.kind) {
      case 'text': {
        const marked: Expression = { kind: 'array', elements: [], span };
        outputs.set(marked, { kind: 'text', text: part.text });
        return marked;
      }
      case 'value': {
        const marked: Expression = { kind: 'array', elements: [part.expression], span };
        outputs.set(marked, part);
        return marked;
      }
      case 'if': {
        const { condition, otherwise } = part;
        const bodyOf = (inner: readonly TemplatePart[]): Body => ({
          items: expressionsOf(inner, outputs),
          span,
        });
        const then = bodyOf(part.then);
        return { kind: 'if', condition, then, otherwise: otherwise && bodyOf(otherwise), span };
      }
      case 'for':
        return {
          kind: 'for',
          variable: part.variable,
          iterable: part.iterable,
          body: { items: expressionsOf(part.body, outputs), span },
          span,
        };
      default:
        return unreachable(part);
    }
  });
}
