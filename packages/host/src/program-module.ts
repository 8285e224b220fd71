// From module text to the function that runs a program. A data: URL is loaded by the module loader, not by eval, so it works with
// code generation from strings switched off; the module imports nothing and is given the run time as an argument.

import type { ProgramModule } from '@relay/language';

/** Each text is loaded once per thread and stays loaded. */
export async function importProgram(code: string): Promise<ProgramModule> {
  const url = `data:text/javascript;charset=utf-8,${encodeURIComponent(code)}`;
  const module = (await import(url)) as { readonly default: ProgramModule };
  return module.default;
}
