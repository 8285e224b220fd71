// Renaming. Whether it is safe is not guessed: the program is read again with the new name, and every name in it has to stand for
// the same as before.

import type { Span } from '../source.ts';
import { isKeyword } from '../syntax/token.ts';
import { type Analysis, analyzeProgram, occurrenceAt } from './analysis.ts';
import type { Entity, Occurrence } from './occurrence.ts';

export type Renamed =
  | { readonly kind: 'renamed'; readonly places: readonly Span[] }
  | { readonly kind: 'refused'; readonly reason: string };

const WORD = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What would be renamed at a place, or why nothing can be. */
export function renamableAt(
  analysis: Analysis,
  file: number,
  offset: number,
): Occurrence | { readonly reason: string } {
  const occurrence = occurrenceAt(analysis, file, offset);
  if (occurrence === undefined) return { reason: 'there is no name here' };
  const reason = refusal(occurrence.entity);
  return reason === undefined ? occurrence : { reason };
}

function refusal(entity: Entity): string | undefined {
  switch (entity.kind) {
    case 'builtin':
    case 'method':
      return 'what is built in cannot be renamed';
    case 'import':
      return 'a file cannot be renamed here';
    case 'field':
      return 'fields cannot be renamed: not all places that use one are known';
    default:
      return undefined;
  }
}

export function rename(
  analysis: Analysis,
  file: number,
  offset: number,
  newName: string,
  mainPath: string,
  read: (path: string) => string | undefined,
): Renamed {
  const found = renamableAt(analysis, file, offset);
  if ('reason' in found) return { kind: 'refused', reason: found.reason };
  if (!WORD.test(newName)) return { kind: 'refused', reason: `'${newName}' is not a name` };
  if (isKeyword(newName)) return { kind: 'refused', reason: `'${newName}' is a keyword` };
  if (hasErrors(analysis))
    return { kind: 'refused', reason: 'the program has syntax errors; mend them first' };
  const places = analysis.occurrences.filter(({ group }) => group === found.group).map(({ span }) => span);
  if (newName === found.name) return { kind: 'renamed', places: [] };
  const changed = new Map<string, string>();
  analysis.program.files.forEach((source, index) => {
    changed.set(
      source.name,
      replaceIn(
        source.text,
        places.filter((span) => span.file === index),
        newName,
      ),
    );
  });
  const folder = mainPath.slice(0, mainPath.lastIndexOf('/') + 1);
  const after = analyzeProgram(mainPath, (path) => changed.get(path.slice(folder.length)) ?? read(path));
  if (hasErrors(after) || !isSame(analysis, after)) {
    return {
      kind: 'refused',
      reason: `'${newName}' would mean something else in some place: the name is in use`,
    };
  }
  return { kind: 'renamed', places };
}

function hasErrors({ program }: Analysis): boolean {
  return program.diagnostics.some(({ severity }) => severity === 'error');
}

function replaceIn(text: string, places: readonly Span[], name: string): string {
  let result = text;
  for (const { start, end } of places.toReversed())
    result = result.slice(0, start) + name + result.slice(end);
  return result;
}

/** Whether the same places belong together, built-ins included. */
function isSame(before: Analysis, after: Analysis): boolean {
  const [a, b] = [before.occurrences, after.occurrences];
  if (a.length !== b.length || before.diagnostics.length !== after.diagnostics.length) return false;
  const forth = new Map<string, string>();
  const back = new Map<string, string>();
  return a.every((one, index) => {
    const other = b[index]!;
    if (one.entity.kind !== other.entity.kind || one.span.file !== other.span.file) return false;
    if (isFixed(one) && one.group !== other.group) return false;
    if ((forth.get(one.group) ?? other.group) !== other.group) return false;
    if ((back.get(other.group) ?? one.group) !== one.group) return false;
    forth.set(one.group, other.group);
    back.set(other.group, one.group);
    return true;
  });
}

function isFixed({ entity }: Occurrence): boolean {
  return entity.kind === 'builtin' || entity.kind === 'method';
}
