// A program as one JavaScript module. It names nothing but its own variables, which all carry a number, and `$`, the table of the
// run time (`run/runtime.ts`); so it can reach nothing that is not in that table.

import type { InferredEffect } from '../check/effect.ts';
import type { ServiceInterface } from '../check/service-interface.ts';
import type { SourceFile } from '../source.ts';
import type { Item, Receive } from '../syntax/ast.ts';
import type { LoadedProgram } from '../syntax/load.ts';
import { BodyBuilder } from './body-builder.ts';
import { DISCARD, type Line, type Target } from './code.ts';
import { emitDeclaration } from './emit-declaration.ts';
import { slotsOf } from './emit-form.ts';
import { globalsForPages } from './emit-template.ts';
import { FORMS } from './forms.ts';
import { ModuleBuilder } from './module-builder.ts';
import { resolveProgram } from './resolve.ts';
import { constantSettings, type Setting } from './settings.ts';
import { sourceMap } from './source-map.ts';
import { findSuspending } from './suspend.ts';

export interface CompiledProgram {
  /** Text of an ES module; its default export is a `ProgramModule`. */
  readonly code: string;
  /** JSON, version 3. */
  readonly sourceMap: string;
  /** Names, the main file first. */
  readonly files: readonly string[];
  readonly services: readonly ServiceInterface[];
  /** Constant entries of config blocks; the rest is known when it has run. */
  readonly settings: ReadonlyMap<string, Setting>;
}

/** What is used of the result of `checkProgram`. */
export interface CheckedProgram {
  readonly services: readonly ServiceInterface[];
  readonly effects: ReadonlyMap<Receive, InferredEffect>;
}

/** Of a program without syntax and load errors. */
export function compileProgram(program: LoadedProgram, checked: CheckedProgram): CompiledProgram {
  return {
    ...compileModule(program.items, program.files, checked.effects, false),
    files: program.files.map((file) => file.name),
    services: checked.services,
    settings: constantSettings(program.items),
  };
}

/** `isSession`: a part of a program; its globals are those of the run time, which all parts share. */
export function compileModule(
  items: readonly Item[],
  files: readonly SourceFile[],
  effects: ReadonlyMap<Receive, InferredEffect>,
  isSession: boolean,
): Pick<CompiledProgram, 'code' | 'sourceMap'> {
  const resolution = resolveProgram(items, isSession);
  const isUnknownSuspending = findSuspending(resolution.activations, isSession);
  const module = new ModuleBuilder(resolution, files, isUnknownSuspending);
  const top = resolution.global.activation;
  const body = new BodyBuilder(module, top, FORMS, undefined);
  const result: Target = { kind: 'assign', variable: body.temp() };
  body.emit(`${result.variable} = null;`);
  items.forEach((item, at) => {
    const target = at === items.length - 1 ? result : DISCARD;
    switch (item.kind) {
      case 'import':
      case 'struct-declaration':
      case 'protocol':
      case 'server':
      case 'template':
      case 'config':
        body.deliver(emitDeclaration(body, item, effects), target, item.span);
        return;
      default:
        body.statement(item, target);
    }
  });
  const line = (text: string): Line => ({ text, span: undefined, isPure: true });
  const slots = [...(isSession ? [] : slotsOf(resolution.global)), ...body.temps];
  const lines = [
    line(`export default ${top.suspends ? 'async ' : ''}function ($0, ${top.message}) {`),
    line(`const $ = $0.open(${module.tables(files)});`),
    ...(isSession ? [line('const g = $.globals;')] : []),
    ...module.constantLines(),
    line(`let ${slots.join(', ')};`),
    ...module.hoisted,
    ...module.receives,
    ...body.lines,
    ...(!isSession && items.some(({ kind }) => kind === 'template')
      ? globalsForPages(resolution).map(line)
      : []),
    line(`return ${result.variable};`),
    line('}'),
  ];
  return {
    code: `${lines.map(({ text }) => text).join('\n')}\n`,
    sourceMap: sourceMap(lines, files, module.places),
  };
}
