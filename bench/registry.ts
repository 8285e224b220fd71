// Calls at a Main that knows 10,000 Homes and 50,000 services, beside one that knows ten Homes, in turns in one run.

import { type Goal, goalTable } from './goals.ts';
import type { SuiteOptions, SuiteResult } from './main.ts';
import { measureRows, type Row, type RowResult, rowTable, untilReachable } from './rows.ts';
import { Processes } from './ways.ts';

const FEW_HOMES = 10;
const SERVICES = 5;
const CROWDS = 4;
const POLL_MS = 500;
const JOIN_LIMIT_MS = 400_000;
/** Homes whose services are called at random. The more of them, the less one write carries, whatever the registry does. */
const SPREAD_HOMES = 1_000;
const IN_FLIGHT = 64;

interface Scale {
  readonly homes: number;
  readonly rows: readonly Row[];
  readonly joinSeconds: number;
  readonly kibPerHome: number;
  readonly metricsBytes: number;
  readonly metricsMs: number;
}

export async function benchRegistry(options: SuiteOptions): Promise<SuiteResult> {
  await using processes = new Processes();
  const few = await startScale(processes, FEW_HOMES);
  const many = await startScale(processes, options.homes, FEW_HOMES);
  const rows = [few, many].flatMap(({ rows: own }) => own);
  await untilReachable(rows);
  const results = await measureRows(rows, options);
  const [before, after] = [few, many].map(({ rows: [row] }) =>
    results.find(({ name }) => name === row?.name),
  );
  const count = (of: number): string => of.toLocaleString('en');
  const what = `${count(options.homes)} Homes and ${count(options.homes * SERVICES)} services / ${FEW_HOMES} Homes`;
  const cpu = (row: RowResult | undefined): number => row?.cpuUs['Main'] ?? Number.NaN;
  const goals: readonly Goal[] = [
    {
      what: `calls/s to one service: ${what}`,
      goal: 0.95,
      limit: 'at least',
      reached: (after?.perSecond ?? Number.NaN) / (before?.perSecond ?? Number.NaN),
    },
    {
      what: `CPU of the Main for such a call: ${what}`,
      goal: 1 / 0.95,
      limit: 'at most',
      reached: cpu(after) / cpu(before),
    },
  ];
  return {
    markdown: [rowTable(results), scaleTable([few, many]), goalTable(goals)].join('\n\n'),
    data: { rows: results, scales: [few, many].map(({ rows: _, ...scale }) => scale), goals },
    failures: results.reduce((sum, { failures }) => sum + failures, 0),
  };
}

/** A Main with a Home that offers echo, and a crowd of Homes with five services each. `against`: how many Homes its rows stand beside. */
async function startScale(processes: Processes, homes: number, against?: number): Promise<Scale> {
  const main = await processes.start('Main', 'node.ts', 'main', `main-${homes}`);
  const url = String(main.ready['url']);
  const home = await processes.start('Home', 'node.ts', 'home', 'home', url, 'typescript');
  const emptyBytes = main.residentBytes();
  const joinSeconds = await joinCrowd(processes, url, homes);
  const kibPerHome = (main.residentBytes() - emptyBytes) / homes / 1_024;
  const one = await processes.start('load', 'load-sdk.ts', url);
  const spread = Math.min(homes, SPREAD_HOMES);
  const random = await processes.start('load', 'load-sdk.ts', url, String(spread), String(SERVICES));
  const nameOf = (what: string, count: number): string =>
    `${what}, ${count.toLocaleString('en')} Homes registered`;
  const row = (what: string, load: typeof main, chain: readonly (typeof main)[]): Row => ({
    name: nameOf(what, homes),
    load,
    inFlight: IN_FLIGHT,
    processes: chain,
    ...(against === undefined ? {} : { against: nameOf(what, against) }),
  });
  return {
    homes,
    rows: [row('one service', one, [main, home, one]), row('services at random', random, [main, random])],
    joinSeconds,
    kibPerHome,
    ...(await scrape(String(main.ready['http']))),
  };
}

/** Seconds until all are registered. */
async function joinCrowd(processes: Processes, url: string, homes: number): Promise<number> {
  const each = Math.ceil(homes / CROWDS);
  const crowds = await Promise.all(
    Array.from({ length: CROWDS }, (_, index) => index * each)
      .filter((first) => first < homes)
      .map((first) =>
        processes.start(
          'crowd',
          'home-crowd.ts',
          url,
          String(first),
          String(Math.min(each, homes - first)),
          String(SERVICES),
        ),
      ),
  );
  const startedAt = performance.now();
  process.stderr.write(`${homes} Homes join\n`);
  await Promise.all(crowds.map((crowd) => crowd.ask({ kind: 'start' })));
  for (;;) {
    const states = await Promise.all(crowds.map((crowd) => crowd.ask({ kind: 'state' })));
    const registered = states.reduce<number>(
      (sum, state) => sum + (state as { registered: number }).registered,
      0,
    );
    const seconds = (performance.now() - startedAt) / 1_000;
    if (registered >= homes) return seconds;
    if (seconds * 1_000 > JOIN_LIMIT_MS) throw new Error(`only ${registered} of ${homes} Homes are in`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

async function scrape(http: string): Promise<{ readonly metricsBytes: number; readonly metricsMs: number }> {
  const startedAt = performance.now();
  const answer = await fetch(`http://${http}/metrics`);
  const metricsBytes = (await answer.arrayBuffer()).byteLength;
  return { metricsBytes, metricsMs: performance.now() - startedAt };
}

function scaleTable(scales: readonly Scale[]): string {
  const lines = scales.map(({ homes, joinSeconds, kibPerHome, metricsBytes, metricsMs }) => {
    const cells = [
      homes.toLocaleString('en'),
      (homes * SERVICES).toLocaleString('en'),
      joinSeconds.toFixed(1),
      kibPerHome.toFixed(0),
      `${(metricsBytes / 1_024).toFixed(0)} KiB`,
      metricsMs.toFixed(1),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| Homes | services | all registered after s | memory of the Main per Home, KiB | `/metrics` | took ms |',
    '|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n');
}
