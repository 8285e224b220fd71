// A plain run, as `relay run FILE`: top-level code and its servers until the last item has its value. Nothing is kept, nothing is
// offered, and nothing outside the program can be reached.

import type { Clock } from '@relay/protocol';
import type { ProgramLimits } from './limits.ts';
import type { CompiledProgram } from './program.ts';
import { ProgramFailed, ProgramWorker } from './program-worker.ts';
import type { LogLevel } from './worker-wire.ts';

export interface RunFileOptions {
  readonly clock: Clock;
  /** A line of output, without its line break. */
  readonly print: (line: string) => void;
  /** A line of `log()`. */
  readonly log: (level: LogLevel, line: string) => void;
  readonly limits?: Partial<ProgramLimits>;
  readonly timeoutMs?: number;
  /** Ends the program. */
  readonly signal?: AbortSignal;
}

export type RunResult =
  /** `result` is the display form of the program's value, undefined if that is nil. */
  | { readonly kind: 'done'; readonly result: string | undefined }
  /** Text of language.md §21, without `Error: `. */
  | { readonly kind: 'failed'; readonly error: string };

/** Runs a loaded program to its end. All output has been passed on when this resolves. */
export async function runFile(program: CompiledProgram, options: RunFileOptions): Promise<RunResult> {
  const { signal, ...given } = options;
  const worker = new ProgramWorker(program.code, undefined, {
    ...given,
    nodeId: () => 'local',
    hasOutside: false,
    watchdogMs: Infinity,
    startMs: Infinity,
  });
  const stop = (): void => void worker.close();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    const { result } = await worker.ready;
    return { kind: 'done', result };
  } catch (thrown) {
    if (!(thrown instanceof ProgramFailed)) throw thrown;
    return { kind: 'failed', error: thrown.message };
  } finally {
    signal?.removeEventListener('abort', stop);
    await worker.close();
  }
}
