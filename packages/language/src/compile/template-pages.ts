// The templates of a program: read, parsed, checked and compiled. What is wrong with them is found before anything is served.

import type { Diagnostic } from '../diagnostic.ts';
import { positionAt, type SourceFile, type Span } from '../source.ts';
import type { Declaration, Expression, FunctionExpression, Receive } from '../syntax/ast.ts';
import type { LoadedProgram } from '../syntax/load.ts';
import { resolveInside } from '../syntax/path.ts';
import { partsOf } from '../syntax/walk.ts';
import { pageKind, pageType } from '../template/file-kind.ts';
import { pageFunction } from '../template/page-function.ts';
import { parseTemplate } from '../template/parse.ts';
import { emitPages, type PageToEmit } from './emit-template.ts';
import { isExpression } from './names.ts';
import { definedOnce } from './slots.ts';
import { typeText } from './type-text.ts';

type TemplateDeclaration = Declaration & { readonly kind: 'template' };

/** A page as its router needs it. */
export interface PageDescription {
  /** As declared, without a leading slash: `post.html`. */
  readonly path: string;
  readonly contentType: string;
  /** Type as declared with the template, else with the receive function; `any` if neither says. */
  readonly params: readonly { readonly name: string; readonly type: string }[];
  /** Of its declaration: `FILE:LINE:COLUMN`. */
  readonly place: string;
}

export interface TemplatePages {
  /** Text of an ES module, a `PagesModule`; undefined if something is wrong. */
  readonly code: string | undefined;
  readonly pages: readonly PageDescription[];
  /** Of the program and then of its templates; spans refer to them by index. */
  readonly files: readonly SourceFile[];
  /** Beside those of the checker, which knows the functions of templates. */
  readonly diagnostics: readonly Diagnostic[];
}

/** `read` gives the file of a template by its declared path, which is clean; undefined if there is none. */
export function compileTemplates(
  program: LoadedProgram,
  read: (path: string) => SourceFile | undefined,
): TemplatePages {
  const files = [...program.files];
  const diagnostics: Diagnostic[] = [];
  const report = (code: string, message: string, span: Span, hint?: string): void => {
    diagnostics.push({ code, severity: 'error', message, span, ...(hint === undefined ? {} : { hint }) });
  };
  const declarations = program.items.filter((item): item is TemplateDeclaration => item.kind === 'template');
  const pages: PageDescription[] = [];
  const toEmit: PageToEmit[] = [];
  const seen = new Set<string>();
  let isComplete = true;
  for (const declaration of declarations) {
    const { path, method, span } = declaration;
    if (resolveInside('', path) !== path) {
      report('RL4002', `template path "${path}" is not a plain path below the template folder`, span);
      continue;
    }
    if (seen.has(path)) {
      report('RL4002', `template "${path}" is declared twice`, span);
      continue;
    }
    seen.add(path);
    const target = targetOf(program, method.text);
    if (target.kind === 'none') isComplete = false; // the checker says so
    const source = read(path);
    if (source === undefined) {
      report('RL4002', `there is no file for template "${path}"`, span, TEMPLATE_HINT);
      continue;
    }
    checkArity(declaration, target, report);
    const file = files.push(source) - 1;
    const parsed = parseTemplate(source, file);
    const alias = method.text.replace(/^get_(?=.)/, '');
    const page = pageFunction(parsed.parts, file, alias === 'data' ? undefined : alias);
    diagnostics.push(...parsed.diagnostics);
    for (const sending of sendsIn(page.source)) report('RL4002', 'a template cannot send', sending.span);
    toEmit.push({
      path,
      method: method.text,
      server: target.kind === 'receive' ? target.server : undefined,
      kind: pageKind(path),
      function: page,
    });
    pages.push(describe(declaration, target, program.files));
  }
  let code: string | undefined;
  if (diagnostics.length === 0 && isComplete) {
    const emitted = emitPages(program.items, files, toEmit);
    if (emitted.kind === 'module') code = emitted.code;
    else {
      const { file } = emitted.page.function.source.span;
      const message = 'a template cannot send: a function it hands on does';
      report('RL4002', message, { file, start: 0, end: 0 });
    }
  }
  return { code, pages, files, diagnostics };
}

const TEMPLATE_HINT = 'it is looked for below templates.template_dir, and beside the program';

type PageTarget =
  | { readonly kind: 'receive'; readonly server: string; readonly receive: Receive }
  /** `function` is known if only one definition has that name. */
  | { readonly kind: 'plain'; readonly function: FunctionExpression | undefined }
  | { readonly kind: 'none' };

/** A receive function that exactly one server has, else a plain function. */
function targetOf({ items }: LoadedProgram, method: string): PageTarget {
  const servers = new Map<string, Receive | undefined>();
  for (const item of items) {
    if (item.kind !== 'server') continue;
    servers.set(
      item.name.text,
      item.receives.findLast(({ name }) => name.text === method),
    );
  }
  const owners = [...servers].flatMap(([server, receive]) =>
    receive === undefined ? [] : [{ kind: 'receive', server, receive } as const],
  );
  if (owners.length === 1) return owners[0]!;
  const topLevel = items.filter(isExpression);
  const known = definedOnce(topLevel).find(({ name }) => name?.text === method);
  if (known !== undefined) return { kind: 'plain', function: known };
  return topLevel.some((item) => binds(item, method))
    ? { kind: 'plain', function: undefined }
    : { kind: 'none' };
}

function binds(expression: Expression, name: string): boolean {
  const { kind } = expression;
  if ((kind === 'set' || kind === 'function') && expression.name?.text === name) return true;
  if (kind === 'function' || kind === 'block') return false;
  return partsOf(expression).some((part) => binds(part, name));
}

function checkArity(
  { method, params, span }: TemplateDeclaration,
  target: PageTarget,
  report: (code: string, message: string, span: Span) => void,
): void {
  const given = params.length;
  if (target.kind === 'receive' && given > target.receive.params.length) {
    const taken = target.receive.params.length;
    report('RL3001', `method '${method.text}' expects ${taken} arguments, got ${given}`, span);
  }
  if (target.kind === 'plain' && target.function !== undefined && given !== target.function.params.length) {
    const taken = target.function.params.length;
    report('RL3001', `function '${method.text}' expects ${taken} arguments, got ${given}`, span);
  }
}

function* sendsIn(expression: Expression): Iterable<Expression> {
  const isCall = expression.kind === 'call' && expression.callee.kind === 'name';
  if (expression.kind === 'send' || (isCall && expression.callee.name === 'send')) yield expression;
  for (const part of partsOf(expression)) yield* sendsIn(part);
}

function describe(
  { path, params, span }: TemplateDeclaration,
  target: PageTarget,
  files: readonly SourceFile[],
): PageDescription {
  const source = files[span.file]!;
  const { line, column } = positionAt(source, span.start);
  const published = target.kind === 'receive' ? target.receive.params : [];
  return {
    path,
    contentType: pageType(path),
    params: params.map(({ name, type }, at) => {
      const declared = type ?? published[at]?.type;
      return { name: name.text, type: declared === undefined ? 'any' : typeText(declared) };
    }),
    place: `${source.name}:${line}:${column}`,
  };
}
