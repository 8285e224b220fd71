// A network of named hosts in virtual time. Every link goes over two pipes with the faults of the path they are on; everything that
// happens follows from the seed and from what the test does.

import { HANDSHAKE_LIMITS, type Link, SUBPROTOCOLS } from '@relay/protocol';
import type { ManualClock, ProcessClock } from './manual-clock.ts';
import type { SeededRandom } from './seeded-random.ts';
import { SimulatedLink } from './simulated-link.ts';
import { NO_FAULTS, type Path, type PathFaults, Pipe } from './simulated-pipe.ts';

/** Who dialled, and which path of the URL. */
export interface Arrival {
  readonly from: string;
  readonly path: string;
}

export type Accept = (link: Link, arrival: Arrival) => void;

export interface ListenOptions {
  /** Best first; a dialler that offers none of them is refused. Default all. */
  readonly subprotocols?: readonly string[];
}

export interface DialOptions {
  readonly subprotocols?: readonly string[];
  readonly signal?: AbortSignal;
  /** Default that of a handshake. */
  readonly timeoutMs?: number;
}

/** Why a dial failed: the code that Node would give, and a short message fit for people. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** One life of one host: a process with its clock. After a crash, `network.restart` begins the next. */
export interface SimulatedHost {
  readonly name: string;
  /** Ends with the process. */
  readonly clock: ProcessClock;
  readonly random: SeededRandom;
  /** `main-a:8080`, or any URL there; the path does not matter. */
  listen(address: string, accept: Accept, options?: ListenOptions): Disposable;
  dial(url: string, options?: DialOptions): Promise<Link>;
}

export interface CrashOptions {
  /** The machine loses power: no RST reaches the other sides, and dials time out instead of being refused. */
  readonly silent?: boolean;
}

interface Listener {
  readonly host: string;
  readonly accept: Accept;
  readonly subprotocols: readonly string[];
}

interface Connection {
  readonly ends: readonly [{ host: string; link: SimulatedLink }, { host: string; link: SimulatedLink }];
  readonly pipes: readonly [Pipe, Pipe];
}

interface Host {
  process: SimulatedHost | undefined;
  lives: number;
  isDark: boolean;
}

export class SimulatedNetwork {
  readonly #clock: ManualClock;
  readonly #random: SeededRandom;
  readonly #hosts = new Map<string, Host>();
  readonly #paths = new Map<string, Path>();
  readonly #listeners = new Map<string, Listener>();
  readonly #refusals = new Map<string, Error>();
  readonly #connections = new Set<Connection>();
  #faults: PathFaults;

  constructor(clock: ManualClock, random: SeededRandom, faults: Partial<PathFaults> = {}) {
    this.#clock = clock;
    this.#random = random.fork('network');
    this.#faults = { ...NO_FAULTS, ...faults };
  }

  /** The running process of a host; the first mention of a name starts it. */
  host(name: string): SimulatedHost {
    const host = this.#hosts.get(name);
    if (host === undefined) return this.#start(name);
    if (host.process === undefined) throw new Error(`${name} has crashed: restart it first`);
    return host.process;
  }

  dial(from: string, url: string, options: DialOptions = {}): Promise<Link> {
    const dialler = this.host(from);
    const target = new URL(url);
    const address = addressOf(url);
    const to = this.#listeners.get(address)?.host ?? target.hostname;
    if (!this.#hosts.has(to)) return Promise.reject(new NetworkError('ENOTFOUND', `no such host ${to}`));
    const { promise, resolve, reject } = Promise.withResolvers<Link>();
    let isSettled = false;
    const settle = (then: () => void): void => {
      // Nothing goes on in a process that is gone.
      if (isSettled || this.#hosts.get(from)?.process !== dialler) return;
      isSettled = true;
      timer[Symbol.dispose]();
      options.signal?.removeEventListener('abort', abort);
      then();
    };
    const fail = (error: unknown): void =>
      settle(() => {
        local.link.terminate();
        reject(error);
      });
    const abort = (): void => fail(options.signal?.reason);
    const { one: local, two: remote } = this.#connect(from, to, () =>
      fail(new NetworkError('ECONNRESET', 'connection reset')),
    );
    const timer = dialler.clock.after(options.timeoutMs ?? HANDSHAKE_LIMITS.totalMs, () =>
      fail(new NetworkError('ETIMEDOUT', 'timed out')),
    );
    options.signal?.addEventListener('abort', abort);
    if (options.signal?.aborted) abort();

    local.outgoing.sendControl(() => {
      const host = this.#hosts.get(to);
      if (host?.isDark || remote.link.isFinished) return;
      const listener = this.#listeners.get(address);
      const offered = options.subprotocols ?? SUBPROTOCOLS;
      const agreed = listener?.subprotocols.find((name) => offered.includes(name));
      const refusal =
        this.#refusals.get(address) ??
        (listener === undefined ? new NetworkError('ECONNREFUSED', 'connection refused') : undefined) ??
        (agreed === undefined ? new NetworkError('EPROTO', 'no common subprotocol') : undefined);
      if (refusal !== undefined || listener === undefined || agreed === undefined) {
        remote.outgoing.sendControl(() => fail(refusal));
        return;
      }
      local.link.agree(agreed);
      remote.link.agree(agreed);
      remote.outgoing.sendControl(() => settle(() => resolve(local.link)));
      listener.accept(remote.link, { from, path: target.pathname });
    });
    return promise;
  }

  /** What happens on the way from `from` to `to`, for links that exist and to come; `*` is every path, those to come too. */
  setFaults(from: string, to: string, faults: Partial<PathFaults>): void {
    if (from === '*' && to === '*') this.#faults = { ...this.#faults, ...faults };
    const names = [...this.#hosts.keys()];
    for (const one of from === '*' ? names : [from]) {
      for (const two of to === '*' ? names : [to]) {
        const path = this.#path(one, two);
        path.faults = { ...path.faults, ...faults };
      }
    }
  }

  /** Nothing passes between the two groups of hosts; it waits, and dials time out. */
  partition(some: string | readonly string[], others: string | readonly string[]): void {
    this.partitionOneWay(some, others);
    this.partitionOneWay(others, some);
  }

  partitionOneWay(from: string | readonly string[], to: string | readonly string[]): void {
    for (const one of [from].flat()) for (const two of [to].flat()) this.#path(one, two).isBlocked = true;
  }

  /** Ends every partition, or those between two hosts; what waited goes on. */
  heal(one?: string, two?: string): void {
    const paths =
      one === undefined || two === undefined
        ? this.#paths.values()
        : [this.#path(one, two), this.#path(two, one)];
    for (const path of paths) {
      path.isBlocked = false;
      for (const pipe of path.pipes) this.#clock.defer(() => pipe.pump());
    }
  }

  /** Breaks the links between two hosts. `silent`: as when a NAT forgets them, nobody is told and nothing arrives any more. */
  cut(one: string, two: string, options: CrashOptions = {}): void {
    for (const { ends, pipes } of this.#between(one, two)) {
      if (options.silent === true) for (const pipe of pipes) pipe.sever();
      else ends[0].link.cut();
    }
  }

  /** Kills the process of a host: its timers and callbacks run no more, its links end without a close handshake. */
  crash(name: string, options: CrashOptions = {}): void {
    const host = this.#hosts.get(name);
    if (host?.process === undefined) return;
    host.process.clock.stop();
    host.process = undefined;
    host.isDark = options.silent === true;
    for (const [address, listener] of this.#listeners) {
      if (listener.host === name) this.#listeners.delete(address);
    }
    for (const { ends } of [...this.#connections]) {
      for (const end of ends) {
        if (end.host === name) end.link.vanish(host.isDark ? () => host.isDark : undefined);
      }
    }
  }

  restart(name: string, options: CrashOptions = {}): SimulatedHost {
    this.crash(name, options);
    return this.#start(name);
  }

  /** Dials of this address fail until disposed; by default as if nothing listened there. */
  refuse(url: string, error: Error = new NetworkError('ECONNREFUSED', 'connection refused')): Disposable {
    const address = addressOf(url);
    this.#refusals.set(address, error);
    return { [Symbol.dispose]: () => void this.#refusals.delete(address) };
  }

  /** How many links between two hosts at least one side still holds for open. */
  linkCount(one: string, two: string): number {
    return this.#between(one, two).length;
  }

  /** Messages and bytes handed over from one host to another since the start. */
  sent(from: string, to: string): { readonly messages: number; readonly bytes: number } {
    return { ...this.#path(from, to).sent };
  }

  #start(name: string): SimulatedHost {
    const lives = (this.#hosts.get(name)?.lives ?? 0) + 1;
    const process: SimulatedHost = {
      name,
      clock: this.#clock.createProcess(),
      random: this.#random.fork(`${name}/${lives}`),
      listen: (address, accept, options = {}) => {
        const key = addressOf(address);
        if (this.#listeners.has(key)) throw new NetworkError('EADDRINUSE', `${key} is in use`);
        const listener = { host: name, accept, subprotocols: options.subprotocols ?? SUBPROTOCOLS };
        this.#listeners.set(key, listener);
        return {
          [Symbol.dispose]: () => {
            if (this.#listeners.get(key) === listener) this.#listeners.delete(key);
          },
        };
      },
      dial: (url, options) => this.dial(name, url, options),
    };
    const host = this.#hosts.get(name);
    if (host === undefined) this.#hosts.set(name, { process, lives, isDark: false });
    else Object.assign(host, { process, lives, isDark: false });
    return process;
  }

  #connect(from: string, to: string, onDiallerDone: () => void) {
    const pipes = [
      new Pipe(this.#clock, this.#path(from, to), this.#random),
      new Pipe(this.#clock, this.#path(to, from), this.#random),
    ] as const;
    let open = 2;
    const onDone = (): void => {
      open -= 1;
      if (open > 0) return;
      this.#connections.delete(connection);
      for (const pipe of pipes) pipe.end();
    };
    const onOneDone = (): void => {
      onDone();
      onDiallerDone();
    };
    const one = { host: from, outgoing: pipes[0], link: new SimulatedLink(this.#clock, pipes[0], onOneDone) };
    const two = { host: to, outgoing: pipes[1], link: new SimulatedLink(this.#clock, pipes[1], onDone) };
    SimulatedLink.join(one.link, two.link);
    const connection: Connection = { ends: [one, two], pipes };
    this.#connections.add(connection);
    return { one, two };
  }

  #between(one: string, two: string): Connection[] {
    return [...this.#connections].filter(
      ({ ends: [a, b] }) => (a.host === one && b.host === two) || (a.host === two && b.host === one),
    );
  }

  #path(from: string, to: string): Path {
    const key = `${from} ${to}`;
    let path = this.#paths.get(key);
    if (path === undefined) {
      path = { faults: this.#faults, isBlocked: false, pipes: new Set(), sent: { messages: 0, bytes: 0 } };
      this.#paths.set(key, path);
    }
    return path;
  }
}

/** Host and port of an address or a WebSocket URL. */
function addressOf(address: string): string {
  const url = new URL(address.includes('://') ? address : `ws://${address}`);
  return `${url.hostname}:${url.port || (url.protocol === 'wss:' ? '443' : '80')}`;
}
