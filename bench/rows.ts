// Rows of a bench: ways to make a call, each measured in several rounds, interleaved, so that what disturbs the machine disturbs all.

import type { LoadOrder } from './load.ts';
import type { SuiteOptions } from './main.ts';
import type { BenchProcess } from './processes.ts';
import { median, type Sample, spread } from './stats.ts';

export interface Row {
  readonly name: string;
  readonly load: BenchProcess;
  readonly inFlight: number;
  /** Processes whose CPU time counts for a call; the last is the load generator. */
  readonly processes: readonly BenchProcess[];
  /** Name of an earlier row, with as many in flight, that this one is held against. */
  readonly against?: string;
}

export interface RowResult {
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
  /** Median of the ratios of each round. */
  readonly ratio?: number;
}

interface Measured {
  readonly sample: Sample;
  readonly cpuUs: Readonly<Record<string, number>>;
}

export const BODY_BYTES = 200;
const MAX_WARM_UP_MS = 700;
const REACH_ATTEMPTS = 50;

export function warmUpMsOf(measureMs: number): number {
  return Math.min(MAX_WARM_UP_MS, measureMs);
}

/** Waits until every generator gets right answers: the nodes have met and know each other's services. */
export async function untilReachable(rows: readonly Row[]): Promise<void> {
  const order: LoadOrder = { inFlight: 1, bodyBytes: BODY_BYTES, warmUpMs: 50, measureMs: 100 };
  const loads = new Map(rows.map(({ load, name }) => [load, name]));
  for (const [load, name] of loads) {
    let sample: Sample | undefined;
    for (let attempt = 0; attempt < REACH_ATTEMPTS; attempt += 1) {
      sample = (await load.ask(order)) as Sample;
      if (sample.failures === 0 && sample.perSecond > 0) break;
      await new Promise((wake) => setTimeout(wake, order.measureMs));
    }
    if (sample === undefined || sample.failures > 0 || sample.perSecond === 0)
      throw new Error(`${name}: no right answers`);
  }
}

export async function measureRows(
  rows: readonly Row[],
  { rounds, measureMs }: SuiteOptions,
): Promise<readonly RowResult[]> {
  const all = new Map<Row, Measured[]>();
  // Young processes are slow: the compiler works beside them. Each row runs once before any counts.
  for (const row of rows) {
    process.stderr.write(`warm-up: ${row.name}, ${row.inFlight} in flight\n`);
    await measure(row, measureMs);
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const row of rows) {
      process.stderr.write(`round ${round} of ${rounds}: ${row.name}, ${row.inFlight} in flight\n`);
      all.set(row, [...(all.get(row) ?? []), await measure(row, measureMs)]);
    }
  }
  return rows.map((row) => {
    const other = rows.find(({ name, inFlight }) => name === row.against && inFlight === row.inFlight);
    return resultOf(row, all.get(row) ?? [], other === undefined ? undefined : all.get(other));
  });
}

async function measure(row: Row, measureMs: number): Promise<Measured> {
  const before = row.processes.map((process) => process.cpuSeconds());
  const order: LoadOrder = {
    inFlight: row.inFlight,
    bodyBytes: BODY_BYTES,
    warmUpMs: warmUpMsOf(measureMs),
    measureMs,
  };
  const sample = (await row.load.ask(order)) as Sample;
  const cpuUs: Record<string, number> = {};
  row.processes.forEach((process, index) => {
    const name = process.name in cpuUs ? `${process.name} 2` : process.name;
    cpuUs[name] = ((process.cpuSeconds() - (before[index] ?? 0)) * 1e6) / sample.calls;
  });
  return { sample, cpuUs };
}

function resultOf(
  row: Row,
  measured: readonly Measured[],
  against: readonly Measured[] | undefined,
): RowResult {
  const of = (pick: (sample: Sample) => number): readonly number[] =>
    measured.map(({ sample }) => pick(sample));
  const names = Object.keys(measured[0]?.cpuUs ?? {});
  return {
    name: row.name,
    inFlight: row.inFlight,
    perSecond: median(of((sample) => sample.perSecond)),
    spread: spread(of((sample) => sample.perSecond)),
    p50Ms: median(of((sample) => sample.p50Ms)),
    p99Ms: median(of((sample) => sample.p99Ms)),
    cpuUs: Object.fromEntries(
      names.map((name) => [name, median(measured.map(({ cpuUs }) => cpuUs[name] ?? Number.NaN))]),
    ),
    failures: of((sample) => sample.failures).reduce((sum, failures) => sum + failures, 0),
    ...(row.against === undefined || against === undefined
      ? {}
      : {
          against: row.against,
          ratio: median(
            measured.map(
              ({ sample }, round) => sample.perSecond / (against[round]?.sample.perSecond ?? Number.NaN),
            ),
          ),
        }),
  };
}

/** As Markdown, so that it can stand in docs/performance.md as it is. */
export function rowTable(rows: readonly RowResult[]): string {
  const head = '| in flight | what | calls/s | ± | p50 ms | p99 ms | beside | CPU µs a call, by process |';
  const lines = rows.map(
    ({ inFlight, name, perSecond, spread, p50Ms, p99Ms, against, ratio, cpuUs, failures }) => {
      const cells = [
        inFlight,
        failures === 0 ? name : `${name} (${failures} FAILED)`,
        Math.round(perSecond).toLocaleString('en'),
        `${(spread * 100).toFixed(0)} %`,
        p50Ms.toFixed(2),
        p99Ms.toFixed(2),
        ratio === undefined ? '' : `${(ratio * 100).toFixed(0)} % of ${against}`,
        Object.entries(cpuUs)
          .map(([process, us]) => `${process} ${us.toFixed(1)}`)
          .join(', '),
      ];
      return `| ${cells.join(' | ')} |`;
    },
  );
  return [head, '|---:|---|---:|---:|---:|---:|---|---|', ...lines].join('\n');
}
