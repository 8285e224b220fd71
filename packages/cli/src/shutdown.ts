// How a server process ends: by a signal, by the end of the process that started it, or by a defect. cli.md §9.

import type { Variables } from './environment.ts';

export interface ShutdownReason {
  readonly exitCode: number;
}

const FORCED_EXIT: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };
/** With its parent gone nobody waits for a clean end. */
const ORPHAN_LIMIT_MS = 5_000;

export interface Shutdown {
  /** Resolves with the first reason to stop. */
  readonly requested: Promise<ShutdownReason>;
  /** For a reason inside the node. */
  request(exitCode: number): void;
  /** Lets the process end: nothing is watched any more. */
  release(): void;
}

/** Call once per process. `logDefect` gets the stack of an uncaught error. */
export function watchForShutdown(env: Variables, logDefect: (stack: string) => void): Shutdown {
  const { promise, resolve } = Promise.withResolvers<ShutdownReason>();
  let isRequested = false;
  const request = (exitCode: number): void => {
    isRequested = true;
    resolve({ exitCode });
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Asked twice: at once. What was acknowledged is on disk already.
      const forced = FORCED_EXIT[signal];
      if (isRequested && forced !== undefined) process.exit(forced);
      request(0);
    });
  }
  const fail = (error: unknown): void => {
    logDefect(error instanceof Error ? (error.stack ?? error.message) : String(error));
    request(1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);

  // Whoever starts nodes for a while (`relay demo`) holds the other end of stdin: it closes however that process ends.
  if (env['RELAY_PARENT_PIPE'] === '1') {
    const orphaned = (): void => {
      if (!isRequested) request(0);
      setTimeout(() => process.exit(1), ORPHAN_LIMIT_MS).unref();
    };
    process.stdin.on('end', orphaned).on('error', orphaned).resume();
  }
  return { requested: promise, request, release: () => void process.stdin.destroy() };
}
