// From module text to the function that runs a program. The module loader compiles it, not eval, so it works with code generation
// from strings switched off; the module imports nothing and is given the run time as an argument.

import { registerHooks } from 'node:module';
import type { ProgramModule } from '@relay/language';

let count = 0;

/** Each call loads the text anew, and it stays loaded. */
export async function importProgram(code: string): Promise<ProgramModule> {
  count += 1;
  // Not a `data:` URL: Node.js knows no source maps for those, and a trace would show the whole text.
  const name = `relay:///program-${count}.js`;
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === name ? { url: name, shortCircuit: true } : next(specifier, context),
    load: (url, context, next) =>
      url === name ? { format: 'module', source: code, shortCircuit: true } : next(url, context),
  });
  try {
    const module = (await import(name)) as { readonly default: ProgramModule };
    return module.default;
  } finally {
    hooks.deregister();
  }
}
