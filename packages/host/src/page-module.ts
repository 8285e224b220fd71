import type { PagesModule } from '@relay/language';
import { importProgram } from './program-module.ts';

/** A module of pages, loaded as a program is. */
export async function importPages(code: string): Promise<PagesModule> {
  return (await importProgram(code)) as unknown as PagesModule;
}
