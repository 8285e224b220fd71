// RL4002 for pages whose file is missing; language.md §19.

import type { SourceFile } from '../source.ts';
import { folderOf, joinPath } from '../syntax/path.ts';
import type { CheckPorts } from './check.ts';
import { type CheckContext, literalText } from './context.ts';

const DEFAULT_TEMPLATE_DIR = './templates';

export function checkTemplateFiles(
  context: CheckContext,
  files: readonly SourceFile[],
  { hasFile }: CheckPorts,
): void {
  if (hasFile === undefined) return;
  const folder = templateDir(context);
  if (folder === undefined) return;
  for (const { path, span } of context.declarations.templates) {
    if (path === '') continue;
    const beside = folderOf(files[span.file]?.name ?? '');
    const places = [joinPath(folder, path), joinPath(beside, path)];
    if (!places.every((place) => hasFile(place) === false)) continue;
    const message = `there is no file "${path}" for this template`;
    const hint = `it is looked for in ${folder} and beside the source file`;
    context.report.error('RL4002', message, span, hint);
  }
}

/** Undefined if it has to be computed. */
function templateDir({ items }: CheckContext): string | undefined {
  let folder: string | undefined = DEFAULT_TEMPLATE_DIR;
  for (const item of items) {
    if (item.kind !== 'config') continue;
    for (const { key, value } of item.entries) {
      if (key.text !== 'templates') continue;
      if (value.kind !== 'object') return undefined;
      for (const entry of value.entries) {
        if (entry.key.text === 'template_dir') folder = literalText(entry.value);
      }
    }
  }
  return folder;
}
