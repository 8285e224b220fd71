// Nodes as processes, started as a person starts them, for the tests of this folder.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type StartedProcess, startProcess } from '@relay/testkit';
import type { Json } from './nodes.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

export interface RunningNode {
  readonly process: StartedProcess;
  readonly url: string;
}

/** A folder with programs, and the nodes that run there. */
export class Machine implements AsyncDisposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'relay-legacy-'));
  readonly #started: StartedProcess[] = [];

  /** The path of the new file. */
  write(name: string, program: string): string {
    const file = path.join(this.#folder, name);
    writeFileSync(file, program);
    return file;
  }

  /** `relay ARGS`, with data of its own for each node id. */
  run(args: readonly string[], env: Readonly<Record<string, string>> = {}): StartedProcess {
    const started = startProcess(path.join(ROOT, 'relay'), args, {
      cwd: this.#folder,
      env: { RELAY_DATA_DIR: path.join(this.#folder, 'data'), ...env },
    });
    this.#started.push(started);
    return started;
  }

  /** A node that answers. */
  async node(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RunningNode> {
    const process = this.run(args, env);
    const [, url = ''] = await process.waitForLine(/^Health: (\S+)\/health$/, 40_000);
    await process.waitForLine(/^Press Ctrl\+C to stop$/, 40_000);
    return { process, url };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((started) => started.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Json;
}

export async function ask(url: string, init: RequestInit = {}): Promise<Reply> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, json: text === '' ? null : JSON.parse(text) };
}

/** Posts one JSON-RPC request. Without `params` the request has none. */
export function rpc({ url }: { readonly url: string }, method: string, params?: unknown): Promise<Reply> {
  const body = JSON.stringify({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }), id: 1 });
  return ask(`${url}/rpc`, { method: 'POST', body });
}
