// The nodes that are attacked, as processes, with the endpoints that their gateway registers.

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type StartedProcess, startProcess } from '@relay/testkit';
import { ROUTES } from '../../packages/federation/src/gateway/http-server.ts';
import { RPC_PATHS } from '../../packages/federation/src/gateway/replies.ts';
import type { Endpoint, Target } from './target.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENTRY = path.join(ROOT, 'packages/cli/src/main.ts');
const PROGRAM = path.join(import.meta.dirname, 'typed.rl');
const START_MS = 60_000;

/** What the gateway itself registers for a role: a route that is added is attacked without another word here. */
export function endpointsOf(role: Target['role']): readonly Endpoint[] {
  const rpc = RPC_PATHS.map((path) => ({ method: 'POST', path, isAdmin: false, isPublic: false }));
  const routes = ROUTES.filter(({ servedBy }) => servedBy.includes(role));
  return [
    ...rpc,
    ...routes.map(({ method, path, isAdmin = false, isPublic = false }) => ({
      method,
      path,
      isAdmin,
      isPublic,
    })),
  ];
}

export class Nodes implements AsyncDisposable {
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), 'relay-security-'));
  readonly #started: StartedProcess[] = [];
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  async start(
    name: string,
    role: Target['role'],
    flags: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Target & { readonly process: StartedProcess }> {
    const started = startProcess(
      process.execPath,
      [
        '--conditions=relay-source',
        ENTRY,
        PROGRAM,
        '-node-type',
        role,
        '-node-id',
        name,
        '-port',
        '0',
        ...flags,
      ],
      {
        cwd: this.#folder,
        env: { RELAY_HOME: ROOT, RELAY_DATA_DIR: this.data, RELAY_DRAIN_SECONDS: '1', ...env },
      },
    );
    this.#started.push(started);
    let death: string | undefined;
    void started.exited.then(({ code, signal }) => {
      death = `${signal ?? `code ${code}`} ${started.stderr.slice(-3).join(' ')}`;
    });
    const [, port = ''] = await started.waitForLine(/^JSON-RPC: http:\S+:(\d+)\/rpc$/, START_MS);
    await started.waitForLine(/^Press Ctrl\+C to stop$/, START_MS);
    return {
      name,
      role,
      host: '127.0.0.1',
      port: Number(port),
      endpoints: endpointsOf(role),
      seed: this.#seed,
      pid: started.pid,
      death: () => death,
      process: started,
    };
  }

  get data(): string {
    return path.join(this.#folder, 'data');
  }

  /** Folders and files of the data directory that others than their owner may enter or read, and how many there are at all. */
  readableByOthers(): { readonly found: readonly string[]; readonly count: number } {
    const all = readdirSync(this.data, { recursive: true, withFileTypes: true })
      // SQLite makes these two to lock the folder; they stay empty.
      .filter(({ name }) => name !== 'lock' && name !== 'lock-journal');
    const found = all.filter(
      (entry) => (statSync(path.join(entry.parentPath, entry.name)).mode & 0o077) !== 0,
    );
    return { found: found.map(({ name }) => name), count: all.length };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((started) => started.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
