// Three Mains restarted one after the other under load: an open loop of calls with idempotency keys, from a caller that knows all Mains, to
// Homes that know all Mains. None may fail.
//
//   scripts/run test/deployment/rolling-restart.ts [--rate 200] [--homes 30] [--settle 5]

import { parseArgs } from 'node:util';
import { HomeNode, systemClock, systemRandom } from '@relay/federation';
import type { Service } from '@relay/protocol';
import { waitFor } from '@relay/testkit';
import { createIdentity } from '../../packages/federation/src/identity/keys.ts';
import { createMemoryMainKeys } from '../../packages/federation/src/identity/main-keys.ts';
import { dialWebSocket } from '../../packages/federation/src/link/dial-websocket.ts';
import { type Answer, Machine } from '../connections/nodes.ts';

export interface RollingRestart {
  /** Calls a second. */
  readonly rate: number;
  readonly homes: number;
  /** Between a Main that is ready again and the next one that goes. */
  readonly settleSeconds: number;
}

export interface RollingReport {
  readonly calls: number;
  /** At more than one Main. */
  readonly repeated: number;
  readonly failed: readonly string[];
  /** Services that ran a call twice, found by its number. */
  readonly ranTwice: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** From SIGTERM to the exit, and from there to the first `/ready`. */
  readonly restarts: readonly {
    readonly exitCode: number | null;
    readonly stopMs: number;
    readonly readyMs: number;
  }[];
}

const MAINS = ['relay-a', 'relay-b', 'relay-c'];
const TRIES = 6;
const FAILED_WAIT_MS = 50;

/** Answers with the number it is given, and remembers it. */
class CountingService implements Service {
  readonly offer: Service['offer'];
  readonly seen = new Set<string>();
  ranTwice = 0;

  constructor(name: string) {
    const params = [{ name: 'number', type: 'number', optional: false }] as const;
    const methods = [{ name: 'add', params, returns: 'number', effect: 'writes' }] as const;
    this.offer = { name, methods, visibility: 'federated', weight: 1 };
  }

  handle: Service['handle'] = (call, settle) => {
    const text = new TextDecoder().decode(call.params);
    if (this.seen.has(text)) this.ranTwice += 1;
    this.seen.add(text);
    settle({ kind: 'result', body: new TextEncoder().encode(text.replace(/[^\d]/g, '')) });
    return () => {};
  };
}

export async function rollingRestart(options: RollingRestart): Promise<RollingReport> {
  await using machine = new Machine();
  const mains = await startMains(machine);
  const urls = mains.map(({ url }) => url);
  const services: CountingService[] = [];
  const homes = Array.from({ length: options.homes }, (_, index) => {
    const service = new CountingService(`counter_${index}`);
    services.push(service);
    return startHome(`home-${index}`, service, rotated(urls, index));
  });
  using _homes = {
    [Symbol.dispose]: () => {
      for (const home of homes) home.crash();
    },
  };
  await waitFor(
    async () => (await Promise.all(urls.map(knownServices))).every((count) => count === homes.length),
    { limitMs: 120_000, what: 'every service at every Main' },
  );

  const load = new Load(urls, options);
  const restarts: { exitCode: number | null; stopMs: number; readyMs: number }[] = [];
  load.start();
  await systemPause(options.settleSeconds * 1_000);
  for (const [index, main] of mains.entries()) {
    const from = performance.now();
    main.node.kill('SIGTERM');
    const { code } = await main.node.exited;
    const stopped = performance.now();
    machine.relay(
      lineOf(
        index,
        mains.map(({ port }) => port),
      ),
      main.id,
    );
    await waitFor(() => isReady(main.url), { limitMs: 60_000, what: `${main.id} to be ready` });
    restarts.push({ exitCode: code, stopMs: stopped - from, readyMs: performance.now() - stopped });
    await systemPause(options.settleSeconds * 1_000);
  }
  await load.stop();
  const times = load.times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return {
    calls: times.length + load.failed.length,
    repeated: load.repeated,
    failed: load.failed,
    ranTwice: services.reduce((sum, service) => sum + service.ranTwice, 0),
    ...{ p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), restarts },
  };
}

async function startMains(machine: Machine) {
  const mains: { id: string; node: ReturnType<Machine['relay']>; port: string; url: string }[] = [];
  for (const id of MAINS) {
    const peers = mains.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const started = await machine.main(id, peers === '' ? '' : `-peers ${peers}`);
    mains.push({ id, ...started });
  }
  return mains;
}

/** On its port, with all others as peers. */
function lineOf(index: number, ports: readonly string[]): string {
  const peers = ports.filter((_, other) => other !== index).map((port) => `127.0.0.1:${port}`);
  return `-server -node-type main -node-id ${MAINS[index]} -port ${ports[index]} -peers ${peers.join(',')}`;
}

function startHome(id: string, service: Service, urls: readonly string[]): HomeNode {
  const home = new HomeNode({
    nodeId: id,
    identity: createIdentity(systemRandom),
    clock: systemClock,
    random: systemRandom,
    dial: dialWebSocket(),
    events: { emit: () => {} },
    mainKeys: createMemoryMainKeys(),
    urls: urls.map((url) => `${url.replace('http', 'ws')}/ws/federation`),
    software: 'relay/test',
  });
  home.setServices([service]);
  home.start();
  return home;
}

/** An open loop: calls begin when they are due, however long others take. */
class Load {
  readonly times: number[] = [];
  readonly failed: string[] = [];
  repeated = 0;
  readonly #urls: readonly string[];
  readonly #options: RollingRestart;
  readonly #open = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #begun = 0;

  constructor(urls: readonly string[], options: RollingRestart) {
    this.#urls = urls;
    this.#options = options;
  }

  start(): void {
    const from = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - from) / 1_000) * this.#options.rate);
      for (; this.#begun < due; this.#begun += 1) {
        const call = this.#call(this.#begun).finally(() => this.#open.delete(call));
        this.#open.add(call);
      }
    }, 5);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  async #call(number: number): Promise<void> {
    const from = performance.now();
    let last = '';
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if (attempt === 1) this.repeated += 1;
      if (attempt >= this.#urls.length) await systemPause(FAILED_WAIT_MS * attempt);
      const url = this.#urls[(number + attempt) % this.#urls.length] ?? '';
      last = await add(url, `counter_${number % this.#options.homes}`, number);
      if (last === '') {
        this.times.push(performance.now() - from);
        return;
      }
    }
    this.failed.push(`call ${number}: ${last}`);
  }
}

/** Empty for the right answer, else what was wrong. */
async function add(url: string, service: string, number: number): Promise<string> {
  const params = {
    service_name: service,
    method: 'add',
    args: [number],
    idempotency_key: `call-${number}`,
    timeout: 10,
  };
  try {
    const body = JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: number });
    const response = await fetch(`${url}/rpc`, { method: 'POST', body });
    const { result, error } = (await response.json()) as Answer;
    if (error !== undefined) return String(error.data?.['code'] ?? error.message);
    return result === number ? '' : `wrong answer ${JSON.stringify(result)}`;
  } catch (error) {
    return String((error as { cause?: { code?: unknown } }).cause?.code ?? error);
  }
}

async function knownServices(url: string): Promise<number> {
  const { total_services: total } = (await (await fetch(`${url}/federation/health`)).json()) as {
    total_services: number;
  };
  return total;
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ready`)).ok;
  } catch {
    return false;
  }
}

function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

const systemPause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

if (import.meta.main) {
  const { values } = parseArgs({
    options: { rate: { type: 'string' }, homes: { type: 'string' }, settle: { type: 'string' } },
  });
  const { failed, restarts, ...report } = await rollingRestart({
    rate: Number(values.rate ?? 200),
    homes: Number(values.homes ?? 30),
    settleSeconds: Number(values.settle ?? 5),
  });
  console.table(restarts);
  console.table({ ...report, failed: failed.length });
  for (const line of failed.slice(0, 10)) console.log(line);
  process.exitCode = failed.length > 0 || report.ranTwice > 0 ? 1 : 0;
}
