// The checker. It reports what it finds and never stops a program: only syntax and load errors do that.

import type { Diagnostic } from '../diagnostic.ts';
import type { SourceFile } from '../source.ts';
import type { Expression, Item, Receive } from '../syntax/ast.ts';
import { checkCall, checkMethod, checkSend } from './calls.ts';
import { checkConfig } from './config-keys.ts';
import { type BuiltinNames, type CheckContext, visitAll } from './context.ts';
import { collectDeclarations } from './declarations.ts';
import { checkDiscarded, checkPatterns, checkRepeatedKeys } from './discarded.ts';
import type { InferredEffect } from './effect.ts';
import { inferEffects } from './effects.ts';
import { checkDeclaredTypes, checkMember, checkStateMethod, checkStruct, checkTypesOf } from './fields.ts';
import { TypeInference } from './infer.ts';
import { checkDeclarations } from './program.ts';
import { Report } from './report.ts';
import { resolveNames } from './resolve.ts';
import { buildInterfaces, type ServiceInterface } from './service-interface.ts';

/** What `loadProgram` gives, as far as the checker needs it. */
export interface CheckableProgram {
  readonly files: readonly SourceFile[];
  readonly items: readonly Item[];
  /** Of the parser and the imports. */
  readonly diagnostics?: readonly Diagnostic[];
}

/** What cannot be told when a part of the program is missing. */
const MISSING_FROM_IMPORTS: ReadonlySet<string> = new Set(['RL2001', 'RL2002', 'RL4002']);

function isIncomplete({ diagnostics = [] }: CheckableProgram): boolean {
  return diagnostics.some(({ code }) => code === 'RL1030' || code === 'RL1031');
}

export interface CheckResult {
  /** What the checker found; without those of the parser. In order of files and places. */
  readonly diagnostics: readonly Diagnostic[];
  readonly services: readonly ServiceInterface[];
  /** Of every receive function, also of servers that a later one replaces. */
  readonly effects: ReadonlyMap<Receive, InferredEffect>;
}

export function checkProgram(program: CheckableProgram, builtins: BuiltinNames): CheckResult {
  const { items, files } = program;
  const report = new Report(isIncomplete(program) ? MISSING_FROM_IMPORTS : new Set());
  const declarations = collectDeclarations(items);
  const resolution = resolveNames(items, new Set(builtins.functions.keys()), report);
  const types = new TypeInference(declarations, resolution);
  const context: CheckContext = { items, declarations, resolution, types, builtins, report };
  const effects = inferEffects(items, declarations, resolution);

  visitAll(items, (expression) => checkExpression(expression, context));
  for (const item of items) {
    checkDeclaredTypes(item, context);
    if (item.kind !== 'config') continue;
    checkConfig(item.entries, context);
    checkRepeatedKeys(item.entries, context);
  }
  checkDeclarations(context, effects);
  checkDiscarded(context, ({ span }) => files[span.file]?.text.slice(span.start, span.end) ?? '');

  const diagnostics = report.diagnostics.toSorted(
    (a, b) => a.span.file - b.span.file || a.span.start - b.span.start,
  );
  return { diagnostics, services: buildInterfaces(declarations, effects), effects };
}

function checkExpression(expression: Expression, context: CheckContext): void {
  checkTypesOf(expression, context);
  switch (expression.kind) {
    case 'call':
      checkCall(expression, context);
      return;
    case 'method':
      checkMethod(expression, context);
      checkStateMethod(expression, context);
      return;
    case 'send':
      checkSend(expression, context);
      checkRepeatedKeys(expression.entries, context);
      return;
    case 'struct':
      checkStruct(expression, context);
      checkRepeatedKeys(expression.entries, context);
      return;
    case 'object':
      checkRepeatedKeys(expression.entries, context);
      return;
    case 'member':
      checkMember(expression, context);
      return;
    case 'dispatch':
      checkPatterns(expression.subject, expression.arms, context);
      return;
    default:
  }
}
