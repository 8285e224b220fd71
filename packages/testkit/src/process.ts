// Child processes of a test. They end with it: `stop` is part of disposal, and whatever is left is killed when the test process exits.

import { type ChildProcess, spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import { waitFor } from './wait.ts';

export interface StartOptions {
  /** On top of the test's own environment, without what the test runner put there. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text for its standard input, which is then closed. Default: closed at once. */
  readonly input?: string;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartedProcess extends AsyncDisposable {
  readonly pid: number;
  /** Complete lines so far. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** The first line of stdout or stderr that matches, past ones included. Fails at once if the process ends without it. */
  waitForLine(pattern: RegExp, limitMs?: number): Promise<RegExpExecArray>;
  /** How it ended; does not make it end. */
  readonly exited: Promise<ProcessExit>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, after `graceMs` (5 s) SIGKILL; a second call only waits. */
  stop(graceMs?: number): Promise<ProcessExit>;
}

const running = new Set<ChildProcess>();

function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

process.on('exit', killAll);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killAll();
    // The listener is gone, so now the signal does what it does without us.
    process.kill(process.pid, signal);
  });
}

export function startProcess(
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): StartedProcess {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const child = spawn(command, args, {
    env: { ...inherited, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  running.add(child);
  const stdout = collectLines(child.stdout);
  const stderr = collectLines(child.stderr);
  // The process may end before it has read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');

  let exit: ProcessExit | undefined;
  let failure: Error | undefined;
  const { promise: exited, resolve } = Promise.withResolvers<ProcessExit>();
  const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
    exit = { code, signal };
    running.delete(child);
    resolve(exit);
  };
  child.once('close', finish);
  child.once('error', (error) => {
    failure = error;
    if (child.pid === undefined) finish(null, null);
  });

  const name = [command, ...args].join(' ');
  const report = (): string => [...stdout, ...stderr].slice(-40).join('\n');
  const stop = async (graceMs = 5000): Promise<ProcessExit> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    try {
      return await exited;
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    pid: child.pid ?? -1,
    stdout,
    stderr,
    exited,
    kill: (signal) => void child.kill(signal),
    stop,
    waitForLine: async (pattern, limitMs = 10_000) => {
      const find = (): RegExpExecArray | undefined => {
        for (const line of [...stdout, ...stderr]) {
          const match = pattern.exec(line);
          if (match !== null) return match;
        }
        return undefined;
      };
      let match: RegExpExecArray | undefined;
      try {
        await waitFor(
          () => {
            const hasEnded = exit !== undefined;
            match = find();
            if (match === undefined && hasEnded) {
              throw failure ?? new Error(`ended with ${exit?.code ?? exit?.signal}`);
            }
            return match !== undefined;
          },
          { limitMs, what: `a line like ${pattern}` },
        );
      } catch (thrown) {
        const because = thrown instanceof Error ? thrown.message : String(thrown);
        throw new Error(`${name}: no line like ${pattern}: ${because}\n${report()}`, { cause: thrown });
      }
      return match as unknown as RegExpExecArray;
    },
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

/** Grows with each complete line of the stream, and with what is left at its end. */
function collectLines(stream: NodeJS.ReadableStream): string[] {
  const lines: string[] = [];
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const parts = (rest + decoder.write(chunk)).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) lines.push(line.replace(/\r$/, ''));
  });
  stream.on('end', () => {
    rest += decoder.end();
    if (rest !== '') lines.push(rest);
    rest = '';
  });
  return lines;
}
