// What soaks: two Mains that are peers, two Homes that stay, and one place where Homes come and go. All are processes.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type StartedProcess, startProcess, waitFor } from '@relay/testkit';
import type { Leak, Probed } from './probe.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENTRY = path.join(ROOT, 'packages/cli/src/main.ts');
const PROBE = path.join(import.meta.dirname, 'probe.ts');
const START_MS = 60_000;
const PROBE_MS = 30_000;
const STEADY = path.join(import.meta.dirname, 'steady.rl');
const GUEST = path.join(import.meta.dirname, 'guest.rl');

/** All in bytes or counts. */
export type Figures = Omit<Probed, 'look'> & { readonly rss: number; readonly descriptors: number };

/** Nodes that stay for the whole soak, and what each leaks in the self-test. */
export const SOAKED: Readonly<Record<string, Leak>> = {
  'relay-a': 'listeners',
  'relay-b': 'heap',
  'alice.home': 'timers',
  'bob.home': 'handles',
};

interface Node {
  readonly process: StartedProcess;
  readonly url: string;
  readonly probeFile: string;
  looks: number;
}

export class SoakFederation implements AsyncDisposable {
  /** What a visit of a guest went wrong by. */
  readonly complaints: string[] = [];
  guests = 0;
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), 'relay-soak-'));
  readonly #nodes = new Map<string, Node>();
  readonly #leaks: boolean;

  private constructor(leaks: boolean) {
    this.#leaks = leaks;
  }

  static async start({ leaks }: { readonly leaks: boolean }): Promise<SoakFederation> {
    const federation = new SoakFederation(leaks);
    try {
      const a = await federation.#start('relay-a', ['-server', '-node-type', 'main']);
      const b = await federation.#start('relay-b', ['-node-type', 'main', '-peers', a.url]);
      await federation.#start('alice.home', [STEADY, '-connect', a.url]);
      await federation.#start('bob.home', [STEADY, '-connect', b.url]);
      return federation;
    } catch (error) {
      await federation[Symbol.asyncDispose]();
      throw error;
    }
  }

  url(id: string): string {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`${id} does not run`);
    return node.url;
  }

  /** Why a node that should still run does not, or what it said of itself that means a leak. */
  deaths(): string[] {
    const found: string[] = [];
    for (const [
      id,
      {
        process: { stderr },
      },
    ] of this.#nodes) {
      const warning = stderr.find((line) =>
        /MaxListenersExceededWarning|Uncaught|heap out of memory/.test(line),
      );
      if (warning !== undefined) found.push(`${id}: ${warning}`);
    }
    return found;
  }

  /** Every soaked node, one after the other: a look stops a node for a moment. Rejects for one that does not answer. */
  async sample(): Promise<ReadonlyMap<string, Figures>> {
    const found = new Map<string, Figures>();
    for (const id of Object.keys(SOAKED)) found.set(id, await this.#figures(id));
    return found;
  }

  /** Homes come to one Main or the other, serve a moment, and go with a word or without, until `signal`. */
  async invite(signal: AbortSignal, stayMs: number): Promise<void> {
    for (let visit = 1; !signal.aborted; visit++) {
      const id = `guest-${(visit % 5) + 1}.home`;
      try {
        const main = visit % 2 === 0 ? 'relay-a' : 'relay-b';
        const { process } = await this.#start(id, [GUEST, '-connect', this.url(main)], 'guest');
        await process.waitForLine(/^Connected to Main Relay /, START_MS);
        this.guests += 1;
        await sleep(stayMs, undefined, { signal }).catch(() => {});
        const abruptly = visit % 3 === 0;
        process.kill(abruptly ? 'SIGKILL' : 'SIGTERM');
        const { code } = await process.exited;
        if (!abruptly && code !== 0)
          this.complaints.push(`${id} ended with ${code}: ${process.stderr.at(-1) ?? ''}`);
      } catch (error) {
        if (!signal.aborted) this.complaints.push(`${id}: ${error instanceof Error ? error.message : error}`);
      } finally {
        this.#nodes.delete(id);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.values()].map(({ process }) => process.stop(10_000)));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(id: string, flags: readonly string[], kind: 'soaked' | 'guest' = 'soaked'): Promise<Node> {
    const probeFile = path.join(this.#folder, `${id}.json`);
    const env: Record<string, string> = {
      RELAY_HOME: ROOT,
      RELAY_DATA_DIR: path.join(this.#folder, 'data'),
      RELAY_DRAIN_SECONDS: '1',
    };
    const isSoaked = kind === 'soaked';
    if (isSoaked) env['SOAK_PROBE_FILE'] = probeFile;
    if (isSoaked && this.#leaks) env['SOAK_LEAK'] = SOAKED[id] as Leak;
    const started = startProcess(
      process.execPath,
      [
        ...(isSoaked ? ['--expose-gc', '--import', PROBE] : []),
        '--conditions=relay-source',
        ENTRY,
        ...flags,
        '-node-id',
        id,
        '-port',
        '0',
      ],
      { cwd: this.#folder, env },
    );
    const node = { process: started, url: '', probeFile, looks: 0 };
    this.#nodes.set(id, node);
    const [, url = ''] = await started.waitForLine(/^JSON-RPC: (http:\S+)\/rpc$/, START_MS);
    await started.waitForLine(/^Press Ctrl\+C to stop$/, START_MS);
    node.url = url;
    return node;
  }

  async #figures(id: string): Promise<Figures> {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`${id} does not run`);
    const expected = ++node.looks;
    node.process.kill('SIGUSR2');
    let probed: Probed | undefined;
    await waitFor(
      () => {
        probed = readProbe(node.probeFile);
        return probed?.look === expected;
      },
      { limitMs: PROBE_MS, what: `figures of ${id}`, turn: () => sleep(20) },
    );
    const metrics = await (
      await fetch(`${node.url}/metrics`, { signal: AbortSignal.timeout(PROBE_MS) })
    ).text();
    const { look: _, ...figures } = probed as Probed;
    return {
      ...figures,
      rss: metric(metrics, 'process_resident_memory_bytes'),
      descriptors: metric(metrics, 'process_open_fds'),
    };
  }
}

function readProbe(file: string): Probed | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Probed;
  } catch {
    return undefined;
  }
}

function metric(text: string, name: string): number {
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`/metrics has no ${name}`);
  return Number(value);
}
