// Nodes as processes for the tests of this folder, started as a person would.

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type StartedProcess, startProcess, waitFor } from '@relay/testkit';
import { runInProcess } from '../../packages/cli/src/testing.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENTRY = path.join(ROOT, 'packages/cli/src/main.ts');

/** A temporary directory with the data directories of its nodes. */
export class Machine {
  readonly dir = mkdtempSync(path.join(os.tmpdir(), 'relay-connections-'));
  readonly #started: StartedProcess[] = [];

  /** `line` is what follows `relay`; each `dataDir` is a machine of its own. */
  relay(line: string, dataDir: string, env: Readonly<Record<string, string>> = {}): StartedProcess {
    return this.run(process.execPath, relayArguments(line), dataDir, env);
  }

  run(
    command: string,
    args: readonly string[],
    dataDir: string,
    env: Readonly<Record<string, string>> = {},
  ): StartedProcess {
    const started = startProcess(command, args, {
      cwd: this.dir,
      env: { RELAY_HOME: ROOT, RELAY_DATA_DIR: path.join(this.dir, dataDir), ...env },
    });
    this.#started.push(started);
    // Machines that run tests are busy ones.
    return { ...started, waitForLine: (pattern, limitMs = 40_000) => started.waitForLine(pattern, limitMs) };
  }

  /** A Main that answers; `url` is its HTTP address. */
  async main(id: string, flags = '', env: Readonly<Record<string, string>> = {}) {
    const node = this.relay(`-server -node-type main -node-id ${id} -port 0 ${flags}`.trim(), id, env);
    const [, port = ''] = await node.waitForLine(/^JSON-RPC: http:\/\/127\.0\.0\.1:(\d+)\/rpc$/);
    await node.waitForLine(/^Press Ctrl\+C to stop$/);
    return { node, port, url: `http://127.0.0.1:${port}` };
  }

  /** Runs a command that is no node to its end, in this process. */
  async command(line: string, dataDir: string) {
    const env = { RELAY_HOME: ROOT, RELAY_DATA_DIR: path.join(this.dir, dataDir) };
    const { code, out, err } = await runInProcess(line.split(' '), env);
    return { code, out: out.trimEnd(), err: err.trimEnd() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((started) => started.stop()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function relayArguments(line: string): string[] {
  return ['--conditions=relay-source', ENTRY, ...line.split(' ')];
}

export interface Answer {
  readonly result?: unknown;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: Record<string, unknown>;
  };
}

export async function rpc(url: string, method: string, params: unknown): Promise<Answer> {
  const response = await fetch(`${url}/rpc`, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 }),
  });
  return (await response.json()) as Answer;
}

export async function untilAnswers(url: string, method: string, params: unknown = []): Promise<void> {
  await waitFor(async () => 'result' in (await rpc(url, method, params)), {
    limitMs: 40_000,
    what: `${method} to answer at ${url}`,
  });
}
