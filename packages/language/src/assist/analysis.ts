// What an editor knows of a program: its findings, and for every name what it stands for. Made anew for each state of the text.

import { checkProgram } from '../check/check.ts';
import { collectDeclarations, type Declarations } from '../check/declarations.ts';
import type { InferredEffect } from '../check/effect.ts';
import { TypeInference } from '../check/infer.ts';
import { Report } from '../check/report.ts';
import { type Resolution, resolveNames } from '../check/resolve.ts';
import type { Diagnostic } from '../diagnostic.ts';
import { builtins } from '../run/builtins/table.ts';
import type { Receive } from '../syntax/ast.ts';
import { type LoadedProgram, loadProgram } from '../syntax/load.ts';
import { collectOccurrences, type Occurrence } from './occurrence.ts';

export interface Analysis {
  readonly program: LoadedProgram;
  /** Of parser and checker, errors first found first. */
  readonly diagnostics: readonly Diagnostic[];
  readonly declarations: Declarations;
  readonly resolution: Resolution;
  readonly types: TypeInference;
  readonly effects: ReadonlyMap<Receive, InferredEffect>;
  /** In order of files and places. */
  readonly occurrences: readonly Occurrence[];
}

/** `read` gives the text of a file as the editor has it, or undefined if there is none. */
export function analyzeProgram(mainPath: string, read: (path: string) => string | undefined): Analysis {
  const program = loadProgram(mainPath, read);
  const { items } = program;
  const checked = checkProgram(program, builtins);
  const declarations = collectDeclarations(items);
  const resolution = resolveNames(items, new Set(builtins.functions.keys()), new Report());
  const types = new TypeInference(declarations, resolution);
  const occurrences = collectOccurrences(program, declarations, resolution, types);
  const diagnostics = [...program.diagnostics, ...checked.diagnostics];
  return { program, diagnostics, declarations, resolution, types, effects: checked.effects, occurrences };
}

/** The occurrence at an offset of a file, or right before it. */
export function occurrenceAt(analysis: Analysis, file: number, offset: number): Occurrence | undefined {
  return analysis.occurrences.find(
    ({ span }) => span.file === file && span.start <= offset && offset <= span.end,
  );
}
