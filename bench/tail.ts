// Latency in an open loop: calls begin at a rate, whatever became of the earlier ones, and their time counts from when they should have
// begun. At shares of what each way can take at most, beside a bare forwarder and NATS; and how each process fares meanwhile.

import type { OpenOrder } from './load.ts';
import type { SuiteOptions, SuiteResult } from './main.ts';
import type { ProbeReport } from './probe.ts';
import { BODY_BYTES, untilReachable, warmUpMsOf } from './rows.ts';
import { median, type Sample } from './stats.ts';
import { bareWays, federationWays, natsGateways, Processes, type Way } from './ways.ts';

const SHARES = [0.25, 0.5, 0.75];
const MOST_IN_FLIGHT = 64;

interface Fare extends ProbeReport {
  readonly process: string;
}

interface Round {
  readonly sample: Sample;
  readonly fares: readonly Fare[];
}

interface TailRow {
  readonly name: string;
  readonly share: number;
  /** Calls that should begin in a second. */
  readonly rate: number;
  /** Medians of the rounds. */
  readonly sample: Sample;
  readonly fares: readonly Fare[];
}

export async function benchTail({ rounds, measureMs }: SuiteOptions): Promise<SuiteResult> {
  await using processes = new Processes();
  const bare = (await bareWays(processes)).slice(-1);
  const own = (await federationWays(processes)).sdk.slice(-1);
  const nats = await natsGateways(processes);
  const ways = [...bare, ...own, ...nats.ways];
  await untilReachable(ways.map((way) => ({ ...way, inFlight: 1 })));

  const most = new Map<Way, number>();
  // At least one a second: a way that is held up for a whole short round still gets a rate.
  for (const way of ways) most.set(way, Math.max(1, await mostOf(way, rounds, measureMs)));
  const all = new Map<string, { way: Way; share: number; rounds: Round[] }>();
  for (let round = 1; round <= rounds; round += 1) {
    for (const way of ways) {
      for (const share of SHARES) {
        process.stderr.write(`round ${round} of ${rounds}: ${way.name} at ${share * 100} %\n`);
        const measured = await measure(way, share * (most.get(way) ?? 0), measureMs);
        const key = `${way.name} ${share}`;
        const entry = all.get(key) ?? { way, share, rounds: [] };
        all.set(key, { ...entry, rounds: [...entry.rounds, measured] });
      }
    }
  }
  const rows = [...all.values()].map(({ way, share, rounds: measured }) =>
    rowOf(way, share, share * (most.get(way) ?? 0), measured),
  );
  return {
    markdown: [latencyTable(rows), ...nats.skipped, fareTable(rows)].join('\n\n'),
    data: { rows, skipped: nats.skipped },
    // A node that is held up by the machine may refuse some, which the table shows; one that answers nothing is broken.
    failures: rows.filter(({ sample }) => sample.perSecond === 0 && sample.failures > 0).length,
  };
}

/** Calls a second in a closed loop. The first run only warms up. */
async function mostOf(way: Way, rounds: number, measureMs: number): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    process.stderr.write(`the most that ${way.name} takes: ${round === 0 ? 'warm-up' : `round ${round}`}\n`);
    const sample = (await way.load.ask({
      inFlight: MOST_IN_FLIGHT,
      bodyBytes: BODY_BYTES,
      warmUpMs: warmUpMsOf(measureMs),
      measureMs,
    })) as Sample;
    if (round > 0) rates.push(sample.perSecond);
  }
  return median(rates);
}

async function measure(way: Way, perSecond: number, measureMs: number): Promise<Round> {
  // Servers of others cannot be asked.
  const askable = way.processes.filter((process) => process.ready['isServer'] !== true);
  const probe = async (): Promise<Fare[]> =>
    Promise.all(
      askable.map(async (process, index) => {
        const name = askable.findIndex(({ name }) => name === process.name) === index ? '' : ' 2';
        return { ...((await process.ask('probe')) as ProbeReport), process: process.name + name };
      }),
    );
  await probe();
  const order: OpenOrder = { perSecond, bodyBytes: BODY_BYTES, warmUpMs: warmUpMsOf(measureMs), measureMs };
  const sample = (await way.load.ask(order)) as Sample;
  return { sample, fares: await probe() };
}

function rowOf({ name }: Way, share: number, rate: number, rounds: readonly Round[]): TailRow {
  const of = (pick: (sample: Sample) => number): number => median(rounds.map(({ sample }) => pick(sample)));
  const first = rounds[0]?.fares ?? [];
  return {
    name,
    share,
    rate,
    sample: {
      perSecond: of(({ perSecond }) => perSecond),
      p50Ms: of(({ p50Ms }) => p50Ms),
      p99Ms: of(({ p99Ms }) => p99Ms),
      p999Ms: of(({ p999Ms }) => p999Ms),
      lateP99Ms: of(({ lateP99Ms }) => lateP99Ms),
      failures: rounds.reduce((sum, { sample }) => sum + sample.failures, 0),
      calls: rounds.reduce((sum, { sample }) => sum + sample.calls, 0),
    },
    fares: first.map(({ process }, index) => {
      const fare = (pick: (fare: ProbeReport) => number): number =>
        median(rounds.map(({ fares }) => pick(fares[index] as ProbeReport)));
      return {
        process,
        p50Ms: fare(({ p50Ms }) => p50Ms),
        p99Ms: fare(({ p99Ms }) => p99Ms),
        maxMs: fare(({ maxMs }) => maxMs),
        gcCount: fare(({ gcCount }) => gcCount),
        gcMaxMs: fare(({ gcMaxMs }) => gcMaxMs),
        gcTotalMs: fare(({ gcTotalMs }) => gcTotalMs),
        sinceMs: fare(({ sinceMs }) => sinceMs),
      };
    }),
  };
}

function latencyTable(rows: readonly TailRow[]): string {
  const lines = rows.map(({ name, share, rate, sample }) => {
    const cells = [
      name,
      `${share * 100} %`,
      Math.round(rate).toLocaleString('en'),
      ...[sample.p50Ms, sample.p99Ms, sample.p999Ms, sample.lateP99Ms].map((ms) => ms.toFixed(2)),
      sample.failures,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| what | of its most | calls/s | p50 ms | p99 ms | p99.9 ms | began late, p99 ms | refused or failed |',
    '|---|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n');
}

function fareTable(rows: readonly TailRow[]): string {
  const lines = rows.flatMap(({ name, share, fares }) =>
    fares.map(({ process, p50Ms, p99Ms, maxMs, gcCount, gcMaxMs, gcTotalMs, sinceMs }) => {
      const cells = [
        `${name}, ${share * 100} %`,
        process,
        p50Ms.toFixed(1),
        p99Ms.toFixed(1),
        maxMs.toFixed(1),
        ((gcCount * 1_000) / sinceMs).toFixed(1),
        gcMaxMs.toFixed(1),
        `${((gcTotalMs / sinceMs) * 100).toFixed(1)} %`,
      ];
      return `| ${cells.join(' | ')} |`;
    }),
  );
  return [
    '| what | process | event-loop delay p50 ms | p99 ms | max ms | collections/s | longest ms | of the time |',
    '|---|---|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n');
}
