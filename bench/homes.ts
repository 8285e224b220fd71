// Many Homes at one Main: how long until all are registered, what each costs the Main in memory, how calls fare meanwhile, and how all
// of them come back after the Main was killed.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SuiteOptions, SuiteResult } from './main.ts';
import { type BenchProcess, startProcess } from './processes.ts';
import { percentile } from './stats.ts';

const CROWDS = 4;
const LIMIT_MS = 120_000;
const POLL_MS = 100;
/** The list of services costs the Main more the more Homes are in, so it is asked for seldom. */
const LIST_MS = 1_000;

interface Joined {
  readonly seconds: number;
  readonly callP50Ms: number;
  readonly callP99Ms: number;
  readonly failedCalls: number;
  /** Dials of all Homes together, those that were refused included. */
  readonly dials: number;
  readonly maxAttempts: number;
  /** CPU time, per Home. */
  readonly mainMs: number;
  readonly crowdMs: number;
}

export async function benchHomes({ homes }: SuiteOptions): Promise<SuiteResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'relay-bench-homes-'));
  const started: BenchProcess[] = [];
  const startMain = async (port: string): Promise<BenchProcess> => {
    const main = await startProcess('Main', 'node.ts', ['main', 'main'], {
      RELAY_BENCH_PORT: port,
      RELAY_BENCH_FOLDER: folder,
    });
    started.push(main);
    return main;
  };
  try {
    const main = await startMain('0');
    const http = String(main.ready['http']);
    const emptyBytes = main.residentBytes();
    const each = Math.ceil(homes / CROWDS);
    const crowds = await Promise.all(
      Array.from({ length: CROWDS }, (_, index) =>
        startProcess('crowd', 'home-crowd.ts', [
          String(main.ready['url']),
          String(index * each),
          String(Math.min(each, homes - index * each)),
        ]),
      ),
    );
    started.push(...crowds);
    await main.ask({});
    process.stderr.write(`${homes} Homes join\n`);
    const joined = await untilAllIn(main, crowds, 'start', http, homes);
    const loop = (await main.ask({})) as { p99Ms: number; maxMs: number };
    const bytesPerHome = (main.residentBytes() - emptyBytes) / homes;

    process.stderr.write('the Main is killed and started again\n');
    await main.stop();
    const again = await startMain(new URL(`http://${http}`).port);
    await again.ask({});
    const back = await untilAllIn(again, crowds, 'count', http, homes);
    const loopBack = (await again.ask({})) as { p99Ms: number; maxMs: number };
    const data = { homes, joined, bytesPerHome, loop, back, loopBack };
    return { markdown: markdown(data), data, failures: joined.failedCalls + back.failedCalls };
  } finally {
    await Promise.all(started.map((process) => process.stop()));
  }
}

/** Gives the order, then calls random Homes that are in until all are. Calls begin when the first Homes are in. */
async function untilAllIn(
  main: BenchProcess,
  crowds: readonly BenchProcess[],
  kind: 'start' | 'count',
  http: string,
  homes: number,
): Promise<Joined> {
  const startedAt = performance.now();
  const mainCpu = main.cpuSeconds();
  const crowdCpu = cpuSecondsOf(crowds);
  await Promise.all(crowds.map((crowd) => crowd.ask({ kind })));
  const latencies: number[] = [];
  let failedCalls = 0;
  let names: readonly string[] = [];
  let listedAt = Number.NEGATIVE_INFINITY;
  let dials = 0;
  let maxAttempts = 0;
  for (let registered = 0; registered < homes; ) {
    if (performance.now() - startedAt > LIMIT_MS)
      throw new Error(`only ${registered} of ${homes} Homes are in after ${LIMIT_MS} ms`);
    const states = (await Promise.all(crowds.map((crowd) => crowd.ask({ kind: 'state' })))) as {
      registered: number;
      dials: number;
      maxAttempts: number;
    }[];
    registered = states.reduce((sum, state) => sum + state.registered, 0);
    dials = states.reduce((sum, state) => sum + state.dials, 0);
    maxAttempts = Math.max(...states.map((state) => state.maxAttempts));
    const wait = new Promise((wake) => setTimeout(wake, POLL_MS));
    if (performance.now() - listedAt > LIST_MS) {
      names = await healthyServices(http);
      listedAt = performance.now();
    }
    for (const name of names) {
      const callAt = performance.now();
      const body = JSON.stringify({ jsonrpc: '2.0', method: `${name}.who`, id: 1 });
      const answer = (await fetch(`http://${http}/rpc`, { method: 'POST', body }).then((response) =>
        response.json(),
      )) as object;
      if ('result' in answer) latencies.push(performance.now() - callAt);
      else failedCalls += 1;
    }
    await wait;
  }
  const sorted = Float64Array.from(latencies).sort();
  return {
    seconds: (performance.now() - startedAt) / 1_000,
    callP50Ms: percentile(sorted, 0.5),
    callP99Ms: percentile(sorted, 0.99),
    failedCalls,
    dials,
    maxAttempts,
    mainMs: ((main.cpuSeconds() - mainCpu) * 1_000) / homes,
    crowdMs: ((cpuSecondsOf(crowds) - crowdCpu) * 1_000) / homes,
  };
}

/** The first ten that the Main lists. */
async function healthyServices(http: string): Promise<readonly string[]> {
  const answer = await fetch(`http://${http}/federation/registry?limit=50&scope=local`);
  const { local } = (await answer.json()) as { local: { service_name: string; is_healthy: boolean }[] };
  return local
    .filter(({ is_healthy }) => is_healthy)
    .slice(0, 10)
    .map(({ service_name }) => service_name);
}

function cpuSecondsOf(crowds: readonly BenchProcess[]): number {
  return crowds.reduce((sum, crowd) => sum + crowd.cpuSeconds(), 0);
}

function markdown(data: {
  homes: number;
  joined: Joined;
  bytesPerHome: number;
  loop: { p99Ms: number; maxMs: number };
  back: Joined;
  loopBack: { p99Ms: number; maxMs: number };
}): string {
  const { homes, joined, bytesPerHome, loop, back, loopBack } = data;
  const cpu = ({ mainMs, crowdMs }: Joined): string => `${mainMs.toFixed(2)} / ${crowdMs.toFixed(2)} ms`;
  const rows = [
    ['Homes, one service each', homes.toLocaleString('en')],
    ['all registered after (their keys made before)', `${joined.seconds.toFixed(1)} s`],
    ['CPU time per Home, Main / Home', cpu(joined)],
    ['dials of all / of one Home, at most', `${joined.dials} / ${joined.maxAttempts}`],
    ['resident memory of the Main per Home', `${(bytesPerHome / 1_024).toFixed(0)} KiB`],
    [
      'event-loop delay of the Main meanwhile, p99 / max',
      `${loop.p99Ms.toFixed(1)} / ${loop.maxMs.toFixed(0)} ms`,
    ],
    [
      'a call to a Home meanwhile, p50 / p99',
      `${joined.callP50Ms.toFixed(1)} / ${joined.callP99Ms.toFixed(1)} ms`,
    ],
    ['after kill -9 of the Main: all back after it listens', `${back.seconds.toFixed(1)} s`],
    ['CPU time per Home, Main / Home', cpu(back)],
    ['dials from then of all / of one Home, at most', `${back.dials} / ${back.maxAttempts}`],
    [
      'event-loop delay meanwhile, p99 / max',
      `${loopBack.p99Ms.toFixed(1)} / ${loopBack.maxMs.toFixed(0)} ms`,
    ],
    ['failed calls', String(joined.failedCalls + back.failedCalls)],
  ];
  return ['| what | figure |', '|---|---:|', ...rows.map(([what, figure]) => `| ${what} | ${figure} |`)].join(
    '\n',
  );
}
