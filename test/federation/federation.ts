// A federation of processes on this machine: Mains that are all peers of each other, Homes that dial them. On request each link passes
// a FaultProxy. A node that is started again has the port, the key and the state it had.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FaultProxy, type SeededRandom, type StartedProcess, waitFor } from '@relay/testkit';
import { Machine } from '../connections/nodes.ts';

export const START_LIMIT_MS = 60_000;
const START_ATTEMPTS = 5;
/** The program that knows which Home runs it, and keeps what it is given. */
export const LEDGER = 'ledger.rl';

export class Node {
  readonly id: string;
  readonly role: 'main' | 'home';
  readonly #machine: Machine;
  readonly #flags: string;
  readonly #runs: StartedProcess[] = [];
  #port = '0';

  constructor(machine: Machine, id: string, role: 'main' | 'home', flags: string) {
    this.#machine = machine;
    this.id = id;
    this.role = role;
    this.#flags = flags;
  }

  get process(): StartedProcess {
    const last = this.#runs.at(-1);
    if (last === undefined) throw new Error(`${this.id} was not started`);
    return last;
  }

  /** What it has printed in all its runs. */
  get lines(): readonly string[] {
    return this.#runs.flatMap(({ stdout, stderr }, run) => [`run ${run + 1}`, ...stdout, ...stderr]);
  }

  get port(): number {
    return Number(this.#port);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    // While it was down another process may have been given its port for a moment.
    for (let attempt = 1; ; attempt += 1) {
      const line = `${this.#flags} -node-type ${this.role} -node-id ${this.id} -port ${this.#port}`;
      const run = this.#machine.relay(line, this.id, { RELAY_DRAIN_SECONDS: '2' });
      this.#runs.push(run);
      try {
        const [, port] = await run.waitForLine(/^Health: \S+:(\d+)\/health$/, START_LIMIT_MS);
        this.#port = port ?? '';
        return;
      } catch (thrown) {
        if (attempt === START_ATTEMPTS) throw thrown;
      }
    }
  }

  /** As a power cut ends it. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.exited;
  }

  /** As an operator ends it. */
  async stop(): Promise<void> {
    await this.process.stop(15_000);
  }

  pause(): void {
    this.process.kill('SIGSTOP');
  }

  resume(): void {
    this.process.kill('SIGCONT');
  }
}

export interface FederationOrder {
  readonly mains: readonly string[];
  readonly homes: readonly HomeOrder[];
  /** Each Home has the other Mains as fallbacks. */
  readonly hasFallbacks?: boolean;
  /** Puts a FaultProxy into every link. */
  readonly random?: SeededRandom;
}

export interface HomeOrder {
  readonly id: string;
  /** A file, the name of an example, or LEDGER. */
  readonly program: string;
  /** The Main it dials first. */
  readonly main: string;
}

export class Federation implements AsyncDisposable {
  readonly machine = new Machine();
  readonly mains: Node[] = [];
  readonly homes: Node[] = [];
  /** By `from>to`, ids of nodes. */
  readonly links = new Map<string, FaultProxy>();
  readonly #random: SeededRandom | undefined;
  readonly #removeFiles = (): void => rmSync(this.machine.dir, { recursive: true, force: true });

  private constructor(random: SeededRandom | undefined) {
    this.#random = random;
    // Before the listener that ends this process with its nodes.
    process
      .prependOnceListener('SIGINT', this.#removeFiles)
      .prependOnceListener('SIGTERM', this.#removeFiles);
  }

  /** Starts everything; resolves when each Main is ready. Nothing is left if it rejects. */
  static async start(order: FederationOrder, onStart: (id: string) => void): Promise<Federation> {
    await using stack = new AsyncDisposableStack();
    const federation = stack.use(new Federation(order.random));
    for (const id of order.mains) {
      onStart(id);
      const peers: string[] = [];
      for (const peer of federation.mains) peers.push(`ws://127.0.0.1:${await federation.#wayTo(id, peer)}`);
      const flags = peers.length === 0 ? '' : ` -peers ${peers.join(',')}`;
      await federation.#start(federation.mains, new Node(federation.machine, id, 'main', `-server${flags}`));
    }
    await Promise.all(
      order.homes.map(async ({ id, program, main }) => {
        onStart(id);
        const others = federation.mains.filter((other) => other.id !== main);
        const ways: string[] = [];
        for (const to of [federation.main(main), ...(order.hasFallbacks === true ? others : [])]) {
          ways.push(`ws://127.0.0.1:${await federation.#wayTo(id, to)}`);
        }
        const [first, ...fallbacks] = ways;
        const more = fallbacks.length === 0 ? '' : ` -fallback ${fallbacks.join(',')}`;
        const file = program === LEDGER ? writeLedger(federation.machine.dir, id) : program;
        const flags = `${file} -connect ${first}${more}`;
        await federation.#start(federation.homes, new Node(federation.machine, id, 'home', flags));
      }),
    );
    for (const { id, url } of [...federation.mains, ...federation.homes]) {
      await waitFor(() => isReady(url), { what: `${id} to be ready`, limitMs: START_LIMIT_MS });
    }
    stack.move();
    return federation;
  }

  main(id: string): Node {
    return found(this.mains, id);
  }

  home(id: string): Node {
    return found(this.homes, id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('SIGINT', this.#removeFiles).off('SIGTERM', this.#removeFiles);
    for (const link of this.links.values()) await link[Symbol.asyncDispose]();
    await this.machine[Symbol.asyncDispose]();
  }

  async #start(among: Node[], node: Node): Promise<void> {
    await node.start();
    among.push(node);
  }

  /** The port at which `from` finds `to`. */
  async #wayTo(from: string, to: Node): Promise<number> {
    if (this.#random === undefined) return to.port;
    const name = `${from}>${to.id}`;
    const proxy = await FaultProxy.listen(to.port, this.#random.fork(name));
    this.links.set(name, proxy);
    return proxy.port;
  }
}

/** Returns the file of a ledger that names this Home in its answers. */
function writeLedger(dir: string, home: string): string {
  const text = readFileSync(path.join(import.meta.dirname, LEDGER), 'utf8');
  const file = path.join(dir, `${home}.rl`);
  writeFileSync(file, text.replaceAll('"HOME"', JSON.stringify(home)));
  return file;
}

export function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/ready`).then(
    ({ status }) => status === 200,
    () => false,
  );
}

function found(nodes: readonly Node[], id: string): Node {
  const node = nodes.find((one) => one.id === id);
  if (node === undefined) throw new RangeError(`no node ${id}`);
  return node;
}
