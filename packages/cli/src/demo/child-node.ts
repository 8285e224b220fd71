// A node of the demo: a child process that ends with this one, however this one ends, because the other end of its stdin closes.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { CommandFailure } from '../usage.ts';

export interface ChildNode {
  readonly name: string;
  /** HTTP address, once the node has printed it. */
  readonly url: Promise<string>;
  /** What it printed last, for a report of what went wrong. */
  lastLines(): readonly string[];
  /** SIGTERM, and SIGKILL if that is not enough. */
  stop(): Promise<void>;
}

const KEPT_LINES = 20;
const STOP_LIMIT_MS = 15_000;
const ENTRY = fileURLToPath(new URL(`../main${path.extname(import.meta.url)}`, import.meta.url));

export function startChildNode(name: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildNode {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    process.execPath,
    [...process.execArgv, ENTRY, ...args],
    { env: { ...env, RELAY_PARENT_PIPE: '1' }, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const lines: string[] = [];
  const url = Promise.withResolvers<string>();
  // Nobody may be waiting for it any more when the node ends.
  url.promise.catch(() => {});
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stdin.on('error', () => {});
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      const found = /^JSON-RPC: (\S+)\/rpc$/.exec(line)?.[1];
      if (found !== undefined) url.resolve(found);
    });
  }
  child.once('error', (error) => url.reject(new CommandFailure(`cannot start ${name}: ${error.message}`)));
  child.once('close', () => {
    url.reject(new CommandFailure(`${name} ended before it was ready:\n${lines.join('\n')}`));
  });
  return {
    name,
    url: url.promise,
    lastLines: () => lines,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}
