import type { Span } from '../source.ts';
import { folderOf, resolveInside } from '../syntax/path.ts';
import { type Analysis, occurrenceAt } from './analysis.ts';

/** Where what stands at a place is defined; of an import, the beginning of its file. */
export function definitionsAt(analysis: Analysis, file: number, offset: number): readonly Span[] {
  const occurrence = occurrenceAt(analysis, file, offset);
  if (occurrence === undefined) return [];
  const { entity, group } = occurrence;
  if (entity.kind === 'import') {
    const { files } = analysis.program;
    const name = resolveInside(folderOf(files[file]?.name ?? ''), entity.path);
    const target = files.findIndex((source) => source.name === name);
    return target < 0 ? [] : [{ file: target, start: 0, end: 0 }];
  }
  if (entity.kind === 'receive') return [entity.receive.name.span];
  const definitions = analysis.occurrences.filter((one) => one.isDefinition && one.group === group);
  // A variable is defined where it is set first, a function where it is written.
  const isVariable = entity.kind === 'binding' && entity.binding.functions.length === 0;
  return (isVariable ? definitions.slice(0, 1) : definitions).map(({ span }) => span);
}

/** Every place that names the same. */
export function referencesAt(analysis: Analysis, file: number, offset: number): readonly Span[] {
  const occurrence = occurrenceAt(analysis, file, offset);
  if (occurrence === undefined || occurrence.entity.kind === 'import') return [];
  return analysis.occurrences.filter(({ group }) => group === occurrence.group).map(({ span }) => span);
}
