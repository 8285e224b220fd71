// Big answers over three hops, beside a bare corked WebSocket forwarder with the same hops in the same run; what the first Main holds
// meanwhile, and how long small calls over the same Mains take.

import { type Goal, goalTable } from './goals.ts';
import type { LoadOrder } from './load.ts';
import type { SuiteOptions, SuiteResult } from './main.ts';
import { type BenchProcess, startProcess } from './processes.ts';
import { warmUpMsOf } from './rows.ts';
import { median, type Sample } from './stats.ts';

const ROWS = [
  { name: '1 KB', bodyBytes: 1_000, inFlight: 64 },
  { name: '64 KB', bodyBytes: 64_000, inFlight: 8 },
  { name: '1 MB', bodyBytes: 1_000_000, inFlight: 4 },
  { name: '16 MB', bodyBytes: 16_000_000, inFlight: 1 },
] as const;
const SMALL_BYTES = 200;
const SAMPLE_MS = 20;
const MB = 1e6;

interface Round {
  readonly bareMb: number;
  readonly relayMb: number;
  readonly bareCpuMsPerMb: Readonly<Record<string, number>>;
  readonly cpuMsPerMb: Readonly<Record<string, number>>;
  /** Most resident memory of the first Main above that at the start, in MB. */
  readonly grownMb: number;
  readonly smallP99Ms: number;
  readonly failures: number;
}

export async function benchPayload({ rounds, measureMs }: SuiteOptions): Promise<SuiteResult> {
  const started: BenchProcess[] = [];
  const start = async (name: string, file: string, ...args: string[]): Promise<BenchProcess> => {
    const process = await startProcess(name, file, args);
    started.push(process);
    return process;
  };
  const url = (process: BenchProcess): string => String(process.ready['url']);
  try {
    const hub = await start('hub', 'bare-payload.ts', 'hub');
    const source = await start('source', 'bare-payload.ts', 'source', url(hub));
    const first = await start('forwarder', 'bare-forwarder.ts', url(hub));
    const bare = await start('load', 'bare-payload.ts', 'load', url(first));

    const mainB = await start('Main B', 'node.ts', 'main', 'main-b');
    const mainA = await start('Main A', 'node.ts', 'main', 'main-a', url(mainB));
    const home = await start('Home', 'payload-home.ts', 'source', url(mainB));
    const relay = await start('load', 'payload-home.ts', 'load', url(mainA));
    const small = await start('small load', 'payload-home.ts', 'load', url(mainA));
    for (const load of [relay, small]) await reachable(load);

    // Before anything big: later rows would begin with what earlier ones left.
    const idleBytes = mainA.residentBytes();
    const all = new Map<string, Round[]>();
    for (let round = 0; round < rounds; round += 1) {
      for (const { name, bodyBytes, inFlight } of ROWS) {
        process.stderr.write(`round ${round + 1} of ${rounds}: ${name}\n`);
        const order = { inFlight, bodyBytes, warmUpMs: warmUpMsOf(measureMs), measureMs };
        const bareSample = await measure(bare, order, [first, hub, source, bare]);
        const relaySample = await measure(relay, order, [mainA, mainB, home, relay]);
        const smallSample = await beside(relay, order, small, mainA, idleBytes);
        all.set(name, [...(all.get(name) ?? []), roundOf(bodyBytes, bareSample, relaySample, smallSample)]);
      }
    }
    const data = [...all].map(([name, measured]) => summary(name, measured));
    const big = data.find(({ name }) => name === '1 MB');
    const goals: readonly Goal[] = [
      {
        what: 'MB/s, 1 MB bodies, 3 hops: Relay / bare forwarder',
        goal: 0.7,
        limit: 'at least',
        reached: big === undefined ? undefined : big.relayMb / big.bareMb,
      },
    ];
    const markdown = [table(data), goalTable(goals)].join('\n\n');
    return {
      markdown,
      data: { rows: data, goals },
      failures: data.reduce((sum, { failures }) => sum + failures, 0),
    };
  } finally {
    await Promise.all(started.map((process) => process.stop()));
  }
}

async function reachable(load: BenchProcess): Promise<void> {
  const order: LoadOrder = { inFlight: 1, bodyBytes: SMALL_BYTES, warmUpMs: 50, measureMs: 200 };
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const { failures, perSecond } = (await load.ask(order)) as Sample;
    if (failures === 0 && perSecond > 0) return;
  }
  throw new Error('the federation does not answer');
}

interface Measured {
  readonly sample: Sample;
  readonly cpuMsPerMb: Readonly<Record<string, number>>;
}

async function measure(
  load: BenchProcess,
  order: LoadOrder,
  processes: readonly BenchProcess[],
): Promise<Measured> {
  const before = processes.map((process) => process.cpuSeconds());
  const sample = (await load.ask(order)) as Sample;
  const moved = (sample.calls * order.bodyBytes) / MB;
  const cpuMsPerMb = Object.fromEntries(
    processes.map((process, index) => [
      process.name,
      ((process.cpuSeconds() - (before[index] ?? 0)) * 1_000) / moved,
    ]),
  );
  return { sample, cpuMsPerMb };
}

/** The load again, with small calls, one at a time, over the same Mains. */
async function beside(
  load: BenchProcess,
  order: LoadOrder,
  small: BenchProcess,
  main: BenchProcess,
  idleBytes: number,
) {
  let mostBytes = idleBytes;
  const timer = setInterval(() => {
    mostBytes = Math.max(mostBytes, main.residentBytes());
  }, SAMPLE_MS);
  try {
    const [big, little] = (await Promise.all([
      load.ask(order),
      small.ask({ ...order, inFlight: 1, bodyBytes: SMALL_BYTES }),
    ])) as [Sample, Sample];
    return { sample: little, grownBytes: mostBytes - idleBytes, failures: big.failures + little.failures };
  } finally {
    clearInterval(timer);
  }
}

function roundOf(
  bodyBytes: number,
  bare: Measured,
  relay: Measured,
  small: Awaited<ReturnType<typeof beside>>,
): Round {
  return {
    bareMb: (bare.sample.perSecond * bodyBytes) / MB,
    relayMb: (relay.sample.perSecond * bodyBytes) / MB,
    bareCpuMsPerMb: bare.cpuMsPerMb,
    cpuMsPerMb: relay.cpuMsPerMb,
    grownMb: small.grownBytes / MB,
    smallP99Ms: small.sample.p99Ms,
    failures: bare.sample.failures + relay.sample.failures + small.failures,
  };
}

function summary(name: string, rounds: readonly Round[]): Round & { readonly name: string } {
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  const cpuOf = (pick: (round: Round) => Readonly<Record<string, number>>): Record<string, number> =>
    Object.fromEntries(
      Object.keys(pick(rounds[0] as Round)).map((name) => [
        name,
        of((round) => pick(round)[name] ?? Number.NaN),
      ]),
    );
  return {
    name,
    bareMb: of(({ bareMb }) => bareMb),
    relayMb: of(({ relayMb }) => relayMb),
    bareCpuMsPerMb: cpuOf(({ bareCpuMsPerMb }) => bareCpuMsPerMb),
    cpuMsPerMb: cpuOf(({ cpuMsPerMb }) => cpuMsPerMb),
    grownMb: of(({ grownMb }) => grownMb),
    smallP99Ms: of(({ smallP99Ms }) => smallP99Ms),
    failures: rounds.reduce((sum, { failures }) => sum + failures, 0),
  };
}

/** As Markdown, so that it can stand in docs/performance.md as it is. */
function table(rows: readonly (Round & { readonly name: string })[]): string {
  const cpu = (msPerMb: Readonly<Record<string, number>>): string =>
    Object.entries(msPerMb)
      .map(([process, ms]) => `${process} ${ms.toFixed(2)}`)
      .join(', ');
  const lines = rows.map((row) => {
    const { name, bareMb, relayMb, grownMb, smallP99Ms, failures } = row;
    const cells = [
      failures === 0 ? name : `${name} (${failures} FAILED)`,
      bareMb.toFixed(1),
      relayMb.toFixed(1),
      `${((relayMb / bareMb) * 100).toFixed(0)} %`,
      cpu(row.bareCpuMsPerMb),
      cpu(row.cpuMsPerMb),
      grownMb.toFixed(0),
      smallP99Ms.toFixed(1),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| answer | bare MB/s | Relay MB/s | of bare | CPU ms a MB, bare | Relay | Main A grew by MB | p99 ms of small calls beside it |',
    '|---|---:|---:|---:|---|---|---:|---:|',
    ...lines,
  ].join('\n');
}
