// The processes of a bench: each node, forwarder and load generator is one of its own, over loopback, and ends with the bench.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '..');
const TICKS_PER_SECOND = 100;
const START_LIMIT_MS = 20_000;
const ASK_LIMIT_MS = 120_000;
const PORT_POLL_MS = 50;

export interface BenchProcess {
  readonly name: string;
  /** What the process said of itself when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** CPU seconds so far, user and system. */
  cpuSeconds(): number;
  /** Resident memory now. */
  residentBytes(): number;
  /** Asks it something; resolves with the next message. */
  ask(message: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `bench/FILE` with arguments; it says it is ready by an IPC message. */
export async function startProcess(
  name: string,
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<BenchProcess> {
  const child = spawn(
    process.execPath,
    ['--conditions=relay-source', path.join(ROOT, 'bench', file), ...args],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, ...env, NODE_ENV: 'production' },
    },
  );
  const next = (limitMs: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => finish(() => reject(new Error(`${name} said nothing in ${limitMs} ms`))),
        limitMs,
      );
      const onMessage = (message: unknown): void => finish(() => resolve(message));
      const onExit = (code: number | null): void =>
        finish(() => reject(new Error(`${name} ended with ${code}`)));
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit);
        settle();
      };
      child.once('message', onMessage).once('exit', onExit);
    });
  return {
    ...watched(child),
    name,
    ready: (await next(START_LIMIT_MS)) as Record<string, unknown>,
    ask: (message) => {
      const answer = next(ASK_LIMIT_MS);
      child.send(message as object);
      return answer;
    },
  };
}

/** Starts a server of somebody else on a port that it was told; it is ready when it listens. */
export async function startServer(
  name: string,
  command: string,
  args: readonly string[],
  port: number,
  env: NodeJS.ProcessEnv,
): Promise<BenchProcess> {
  const child = spawn(command, args, { stdio: 'ignore', env });
  const server = watched(child);
  const until = performance.now() + START_LIMIT_MS;
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    if (performance.now() > until) throw new Error(`${name} does not listen on ${port}`);
    await new Promise((wake) => setTimeout(wake, PORT_POLL_MS));
  }
  return {
    ...server,
    name,
    ready: { isServer: true },
    ask: () => Promise.reject(new Error(`${name} answers no questions`)),
  };
}

function watched(child: ChildProcess): Pick<BenchProcess, 'cpuSeconds' | 'residentBytes' | 'stop'> {
  running.add(child);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  void gone.then(() => running.delete(child));
  return {
    cpuSeconds: () => cpuSecondsOf(child.pid ?? 0),
    residentBytes: () => residentBytesOf(child.pid ?? 0),
    async stop() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

function cpuSecondsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    // Not Linux: wall time has to do.
    return Number.NaN;
  }
}

function residentBytesOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
  } catch {
    return Number.NaN;
  }
}

/** What a child says when it listens. */
export function sayReady(about: Readonly<Record<string, unknown>>): void {
  process.send?.(about);
  // A child whose bench has died must not stay.
  process.once('disconnect', () => process.exit(0));
}
