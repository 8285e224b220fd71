// What the package gives to hosts, tools and the command line.

export { type Analysis, analyzeProgram } from './assist/analysis.ts';
export {
  type Completion,
  type CompletionKind,
  type Completions,
  completionsAt,
} from './assist/complete.ts';
export { definitionsAt, referencesAt } from './assist/definition.ts';
export { type Hover, hoverAt } from './assist/hover.ts';
export { type Renamed, renamableAt, rename } from './assist/rename.ts';
export { type DocumentSymbol, documentSymbols } from './assist/symbols.ts';
export { type CheckableProgram, type CheckResult, checkProgram } from './check/check.ts';
export type { BuiltinNames } from './check/context.ts';
export { type InferredEffect, type Level, publishedEffect } from './check/effect.ts';
export type { Effect, ServiceInterface } from './check/service-interface.ts';
export {
  type CheckedProgram,
  type CompiledProgram,
  compileProgram,
} from './compile/program-module.ts';
export {
  CompileSession,
  type SessionInput,
  type SessionUnit,
  type TypeAnswer,
} from './compile/session.ts';
export { constantSettings, type Setting } from './compile/settings.ts';
export {
  compileTemplates,
  type PageDescription,
  type TemplatePages,
} from './compile/template-pages.ts';
export { type Diagnostic, renderDiagnostic } from './diagnostic.ts';
export { type Formatted, formatSource } from './format/format.ts';
export { type Binding, bindArguments } from './run/bind.ts';
export { createMessage, DEFAULT_BUDGETS, type MessageOptions, topLevelBudgets } from './run/budget.ts';
export { type Arity, builtins } from './run/builtins/table.ts';
export { isoText, parseIso } from './run/datetime.ts';
export { forgiveDebt } from './run/debt.ts';
export type {
  Budgets,
  Effects,
  Executed,
  Message,
  ReceiveDefinition,
  SendArguments,
  SendCode,
  ServerDefinition,
  ServerStatus,
} from './run/effects.ts';
export {
  BudgetExceeded,
  callTrace,
  FailedSend,
  type FailedSendDetails,
  normalizeFailure,
  RuntimeFailure,
  type SourcePlace,
  Thrown,
} from './run/failure.ts';
export { type Fit, fit, type Misfit, misfitText } from './run/fit.ts';
export { display, isEqual, measure, textOf } from './run/inspect.ts';
export { fromJsonText, toJsonText, type WriteOptions } from './run/json.ts';
export { type ReadOptions, typedObject } from './run/json-reader.ts';
export { Lineage } from './run/lineage.ts';
export {
  createRuntime,
  type ProgramModule,
  type Runtime,
  runProgram,
  topLevelMessage,
} from './run/program.ts';
export { failedHandler, initialState, thrownText } from './run/server.ts';
export type { RuntimeType, StructDefinition, Structs } from './run/type.ts';
export {
  ArrayValue,
  DatetimeValue,
  FunctionValue,
  isTruthy,
  type Kind,
  kindOf,
  type Measure,
  ObjectValue,
  ServerValue,
  StructValue,
  type Value,
} from './run/value.ts';
export { type Position, positionAt, type SourceFile, type Span } from './source.ts';
export type * from './syntax/ast.ts';
export { needsMoreInput } from './syntax/continuation.ts';
export { type LoadedProgram, loadProgram } from './syntax/load.ts';
export { type ParseResult, parseFile } from './syntax/parser.ts';
export { printTree } from './syntax/printer.ts';
export { type CompiledPage, type PagesModule, renderPage } from './template/page.ts';
