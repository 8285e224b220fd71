// Pages as a module of their own, which gets the globals of the program: these no longer change once the top-level code is over. So
// templates can be compiled again while the program runs, and the program itself is the same whatever its templates say.

import { builtins } from '../run/builtins/table.ts';
import { utf8Length } from '../run/text.ts';
import type { SourceFile } from '../source.ts';
import type { Expression, Item } from '../syntax/ast.ts';
import type { PageKind } from '../template/file-kind.ts';
import { OUTPUT_PARAMETER, type PageFunction } from '../template/page-function.ts';
import { BodyBuilder, type Forms } from './body-builder.ts';
import { type Code, complex, type Line, NIL, type Target } from './code.ts';
import { functionLines, slotsOf } from './emit-form.ts';
import { boundCandidates, chain, emitName } from './emit-name.ts';
import { FORMS } from './forms.ts';
import { ModuleBuilder } from './module-builder.ts';
import type { Resolution } from './resolution.ts';
import { resolveProgram } from './resolve.ts';
import type { Scope } from './scope.ts';
import { findSuspending } from './suspend.ts';

type Of<K extends Expression['kind']> = Expression & { readonly kind: K };

export interface PageToEmit {
  readonly path: string;
  readonly method: string;
  /** Whose receive function it is; undefined: a plain function. */
  readonly server: string | undefined;
  readonly kind: PageKind;
  readonly function: PageFunction;
}

/** Lines for the end of a program with templates. */
export function globalsForPages(resolution: Resolution): string[] {
  return sharedNames(resolution.global).map((name) => `$.globals.${name} = ${name};`);
}

/** Globals, and the functions behind those that are always the same one. */
function sharedNames(global: Scope): string[] {
  const constants = [...global.variables.values()].flatMap(({ constant }) => constant?.js ?? []);
  return [...slotsOf(global), ...constants];
}

export type EmittedPages =
  | { readonly kind: 'module'; readonly code: string }
  /** The program was compiled as one that never waits there, and would not wait for what this page gives it. */
  | { readonly kind: 'sends'; readonly page: PageToEmit };

export function emitPages(
  items: readonly Item[],
  files: readonly SourceFile[],
  pages: readonly PageToEmit[],
): EmittedPages {
  const isUnknownSuspending = findSuspending(resolveProgram(items).activations);
  const sources = pages.map((page) => page.function.source);
  const resolution = resolveProgram(items, false, sources);
  if (findSuspending(resolution.activations) !== isUnknownSuspending) {
    return { kind: 'sends', page: pages.find((page) => isCulprit(page, items)) ?? pages[0]! };
  }
  const module = new ModuleBuilder(resolution, files, isUnknownSuspending);
  const top = resolution.global.activation;
  const functions = pages.flatMap((page) =>
    functionLines(new BodyBuilder(module, top, pageForms(page.function), undefined), page.function.source),
  );
  const entries = pages.map((page) => {
    const { activation } = resolution.functions.get(page.function.source)!;
    const plain = resolution.global.variables.get(page.method);
    const parts = [
      `path: ${JSON.stringify(page.path)}`,
      `method: ${JSON.stringify(page.method)}`,
      `server: ${page.server === undefined ? 'void 0' : JSON.stringify(page.server)}`,
      `function: ${page.server === undefined && plain?.canBeBound === true ? plain.js : 'void 0'}`,
      `kind: ${JSON.stringify(page.kind)}`,
      `hasAlias: ${page.function.source.params.length > 2}`,
      `render: ${activation.js}`,
    ];
    return `{ ${parts.join(', ')} }`;
  });
  const line = (text: string): Line => ({ text, span: undefined, isPure: true });
  const lines = [
    line('export default function ($0) {'),
    line(`const $ = $0.open(${module.tables(files)});`),
    line(`const { ${sharedNames(resolution.global).join(', ')} } = $.globals;`),
    ...module.constantLines(),
    ...module.hoisted,
    ...functions,
    line(`return [${entries.join(', ')}];`),
    line('}'),
  ];
  return { kind: 'module', code: `${lines.map(({ text }) => text).join('\n')}\n` };
}

function isCulprit(page: PageToEmit, items: readonly Item[]): boolean {
  const alone = findSuspending(resolveProgram(items).activations);
  return findSuspending(resolveProgram(items, false, [page.function.source]).activations) !== alone;
}

/** The forms of the language; what is marked becomes output, and a name nobody else has is a field of the result. */
function pageForms({ source, outputs }: PageFunction): Forms {
  const parameter = (body: BodyBuilder, name: string): string =>
    body.module.resolution.functions.get(source)!.scope.variables.get(name)!.js;

  const write = (body: BodyBuilder, expression: Expression): void => {
    const output = outputs.get(expression)!;
    const writer = parameter(body, OUTPUT_PARAMETER);
    if (output.kind === 'text') {
      const bytes = utf8Length(output.text);
      body.emit(`${writer}.text(${body.m}, ${JSON.stringify(output.text)}, ${bytes});`);
      return;
    }
    const value = body.expression(output.expression);
    const how = `${output.isRaw}, ${output.isQuoted}`;
    body.emit(`${writer}.value(${body.m}, ${value.text}, ${how});`, output.expression.span);
  };

  const name = (body: BodyBuilder, expression: Of<'name'>): Code => {
    const read = body.module.resolution.reads.get(expression)!;
    if (read.isCertain || builtins.functions.has(expression.name)) return emitName(body, expression);
    const found = body.temp();
    const field = `${parameter(body, OUTPUT_PARAMETER)}.field(${parameter(body, 'data')}, ${JSON.stringify(expression.name)})`;
    const unbound = `$.unbound(${JSON.stringify(expression.name)}, ${body.place(expression.span)})`;
    const fallback = `(${found} = ${field}) !== void 0 ? ${found} : ${unbound}`;
    return complex(chain(boundCandidates(read), false, fallback));
  };

  /** A field that holds a function can be called by its name, too: an operand that is no name is evaluated first. */
  const call = (body: BodyBuilder, expression: Of<'call'>): Code => {
    const { callee } = expression;
    const isField =
      callee.kind === 'name' &&
      body.module.resolution.reads.get(callee)!.candidates.length === 0 &&
      callee.name !== 'send' &&
      !builtins.functions.has(callee.name);
    if (!isField) return FORMS.expression(body, expression);
    const wrapped: Expression = { kind: 'unary', operator: '!', operand: callee, span: callee.span };
    fields.add(wrapped);
    return FORMS.expression(body, { ...expression, callee: wrapped });
  };
  const fields = new Set<Expression>();

  const forms: Forms = {
    expression(body, expression) {
      if (fields.has(expression) && expression.kind === 'unary') return body.expression(expression.operand);
      if (expression.kind === 'name') return name(body, expression);
      if (expression.kind === 'call') return call(body, expression);
      if (!outputs.has(expression)) return FORMS.expression(body, expression);
      write(body, expression);
      return NIL;
    },
    statement(body, expression, target: Target) {
      switch (expression.kind) {
        case 'array':
        case 'name':
        case 'call':
          body.deliver(forms.expression(body, expression), target, expression.span);
          return;
        default:
          FORMS.statement(body, expression, target);
      }
    },
  };
  return forms;
}
