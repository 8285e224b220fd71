// For the tests of this package: a command line run in this process, with what it prints.

import { runCommandLine } from './command-line.ts';
import type { Variables } from './environment.ts';

export interface RunResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function runInProcess(
  argv: readonly string[],
  env: Variables = {},
  more: { readonly stdin?: string; readonly home?: string } = {},
): Promise<RunResult> {
  let out = '';
  let err = '';
  const code = await runCommandLine(argv, {
    env,
    home: more.home,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    screen: { isTerminal: false, hasColour: false },
    readStdin: async () => more.stdin ?? '',
  });
  return { code, out, err };
}
