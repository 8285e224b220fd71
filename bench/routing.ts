// Round trips through a federation, beside a bare corked WebSocket forwarder with the same number of hops in the same run. Each row is
// measured in several rounds, interleaved, and stands for their median.

import type { LoadOrder } from './load.ts';
import type { SuiteOptions, SuiteResult } from './main.ts';
import { type BenchProcess, startProcess } from './processes.ts';
import { median, type Sample, spread } from './stats.ts';

interface Row {
  readonly name: string;
  readonly load: BenchProcess;
  readonly inFlight: number;
  /** Processes whose CPU time counts for a call; the last is the load generator. */
  readonly processes: readonly BenchProcess[];
  /** Name of the row that this one is held against. */
  readonly against?: string;
}

interface RowResult {
  readonly name: string;
  readonly inFlight: number;
  readonly perSecond: number;
  readonly spread: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU µs of one call by process. */
  readonly cpuUs: Readonly<Record<string, number>>;
  readonly failures: number;
  readonly against?: string;
  readonly ratio?: number;
}

const BODY_BYTES = 200;
const WARM_UP_MS = 700;

export async function benchRouting({ rounds, measureMs }: SuiteOptions): Promise<SuiteResult> {
  const started: BenchProcess[] = [];
  const start = async (name: string, file: string, ...args: string[]): Promise<BenchProcess> => {
    const process = await startProcess(name, file, args);
    started.push(process);
    return process;
  };
  try {
    const rows = await prepare(start);
    const samples = new Map<Row, { sample: Sample; cpuUs: Record<string, number> }[]>();
    for (let round = 0; round < rounds; round += 1) {
      for (const row of rows) {
        process.stderr.write(`round ${round + 1} of ${rounds}: ${row.name}, ${row.inFlight} in flight\n`);
        const measured = await measure(row, measureMs);
        samples.set(row, [...(samples.get(row) ?? []), measured]);
      }
    }
    const data = results(rows, samples);
    return { markdown: table(data), data, failures: data.reduce((sum, { failures }) => sum + failures, 0) };
  } finally {
    await Promise.all(started.map((process) => process.stop()));
  }
}

async function prepare(
  start: (name: string, file: string, ...args: string[]) => Promise<BenchProcess>,
): Promise<readonly Row[]> {
  const url = (process: BenchProcess): string => String(process.ready['url']);
  const http = (process: BenchProcess): string => String(process.ready['http']);

  const echo = await start('echo', 'bare-forwarder.ts');
  const last = await start('forwarder', 'bare-forwarder.ts', url(echo));
  const first = await start('forwarder', 'bare-forwarder.ts', url(last));
  const bare2 = await start('load', 'load-bare.ts', url(last));
  const bare3 = await start('load', 'load-bare.ts', url(first));

  const mainB = await start('Main B', 'node.ts', 'main', 'main-b');
  const mainA = await start('Main A', 'node.ts', 'main', 'main-a', url(mainB));
  const home = await start('Home', 'node.ts', 'home', 'home', url(mainB), 'typescript');
  const sdk2 = await start('load', 'load-sdk.ts', url(mainB));
  const sdk3 = await start('load', 'load-sdk.ts', url(mainA));
  const rpc2 = await start('load', 'load-http.ts', http(mainB), 'echo.echo', '["TEXT"]');
  const rpc3 = await start('load', 'load-http.ts', http(mainA), 'echo.echo', '["TEXT"]');

  // The same federation again, so that both kinds of service are asked by their own name.
  const mainD = await start('Main B', 'node.ts', 'main', 'main-d');
  const mainC = await start('Main A', 'node.ts', 'main', 'main-c', url(mainD));
  const homeRl = await start('Home', 'node.ts', 'home', 'home-rl', url(mainD), 'rl');
  const rl3 = await start('load', 'load-sdk.ts', url(mainC));

  await reachable([sdk2, sdk3, rpc2, rpc3, rl3]);

  const rows: Row[] = [];
  for (const inFlight of [1, 64]) {
    rows.push(
      { name: 'bare forwarder, 2 hops', load: bare2, inFlight, processes: [last, echo, bare2] },
      { name: 'bare forwarder, 3 hops', load: bare3, inFlight, processes: [first, last, echo, bare3] },
      {
        name: 'same Main, SDK',
        load: sdk2,
        inFlight,
        processes: [mainB, home, sdk2],
        against: 'bare forwarder, 2 hops',
      },
      {
        name: 'two Mains, SDK',
        load: sdk3,
        inFlight,
        processes: [mainA, mainB, home, sdk3],
        against: 'bare forwarder, 3 hops',
      },
      {
        name: 'two Mains, SDK, .rl service',
        load: rl3,
        inFlight,
        processes: [mainC, mainD, homeRl, rl3],
        against: 'bare forwarder, 3 hops',
      },
      {
        name: 'same Main, /rpc',
        load: rpc2,
        inFlight,
        processes: [mainB, home, rpc2],
        against: 'bare forwarder, 2 hops',
      },
      {
        name: 'two Mains, /rpc',
        load: rpc3,
        inFlight,
        processes: [mainA, mainB, home, rpc3],
        against: 'bare forwarder, 3 hops',
      },
    );
  }
  return rows;
}

/** Waits until every generator gets right answers: the nodes have met and know each other's services. */
async function reachable(loads: readonly BenchProcess[]): Promise<void> {
  const order: LoadOrder = { inFlight: 1, bodyBytes: BODY_BYTES, warmUpMs: 50, measureMs: 200 };
  for (const load of loads) {
    let sample: Sample | undefined;
    for (let attempt = 0; attempt < 50; attempt += 1) {
      sample = (await load.ask(order)) as Sample;
      if (sample.failures === 0 && sample.perSecond > 0) break;
    }
    if (sample === undefined || sample.failures > 0) throw new Error('the federation does not answer');
  }
}

async function measure(
  row: Row,
  measureMs: number,
): Promise<{ sample: Sample; cpuUs: Record<string, number> }> {
  const before = row.processes.map((process) => process.cpuSeconds());
  const startedAt = performance.now();
  const order: LoadOrder = { inFlight: row.inFlight, bodyBytes: BODY_BYTES, warmUpMs: WARM_UP_MS, measureMs };
  const sample = (await row.load.ask(order)) as Sample;
  // Warm-up included, at the rate of the measured period.
  const calls = (sample.perSecond * (performance.now() - startedAt)) / 1_000;
  const cpuUs: Record<string, number> = {};
  row.processes.forEach((process, index) => {
    const name = process.name in cpuUs ? `${process.name} 2` : process.name;
    cpuUs[name] = ((process.cpuSeconds() - (before[index] ?? 0)) * 1e6) / calls;
  });
  return { sample, cpuUs };
}

function results(
  rows: readonly Row[],
  samples: ReadonlyMap<Row, readonly { sample: Sample; cpuUs: Record<string, number> }[]>,
): readonly RowResult[] {
  const rates = new Map<string, number>();
  return rows.map((row) => {
    const measured = samples.get(row) ?? [];
    const of = (pick: (sample: Sample) => number): readonly number[] =>
      measured.map(({ sample }) => pick(sample));
    const perSecond = median(of((sample) => sample.perSecond));
    rates.set(`${row.name} ${row.inFlight}`, perSecond);
    const names = Object.keys(measured[0]?.cpuUs ?? {});
    const bare = row.against === undefined ? undefined : rates.get(`${row.against} ${row.inFlight}`);
    return {
      name: row.name,
      inFlight: row.inFlight,
      perSecond,
      spread: spread(of((sample) => sample.perSecond)),
      p50Ms: median(of((sample) => sample.p50Ms)),
      p99Ms: median(of((sample) => sample.p99Ms)),
      cpuUs: Object.fromEntries(
        names.map((name) => [name, median(measured.map(({ cpuUs }) => cpuUs[name] ?? Number.NaN))]),
      ),
      failures: of((sample) => sample.failures).reduce((sum, failures) => sum + failures, 0),
      ...(row.against === undefined || bare === undefined
        ? {}
        : { against: row.against, ratio: perSecond / bare }),
    };
  });
}

/** As Markdown, so that it can stand in docs/performance.md as it is. */
function table(rows: readonly RowResult[]): string {
  const head =
    '| in flight | what | round trips/s | ± | p50 ms | p99 ms | of bare | CPU µs a call, by process |';
  const lines = rows.map(({ inFlight, name, perSecond, spread, p50Ms, p99Ms, ratio, cpuUs, failures }) => {
    const cpu = Object.entries(cpuUs).map(([process, us]) => `${process} ${us.toFixed(1)}`);
    const cells = [
      inFlight,
      failures === 0 ? name : `${name} (${failures} FAILED)`,
      Math.round(perSecond).toLocaleString('en'),
      `${(spread * 100).toFixed(0)} %`,
      p50Ms.toFixed(2),
      p99Ms.toFixed(2),
      ratio === undefined ? '' : `${(ratio * 100).toFixed(0)} %`,
      cpu.join(', '),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [head, '|---:|---|---:|---:|---:|---:|---:|---|', ...lines].join('\n');
}
