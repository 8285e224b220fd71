// Three times as many calls as a service can take: what callers get meanwhile, and how soon it is over. The service works on one call at
// a time and waits rather than computes, so that the machine's other work disturbs little. With and without the protections.

import type { OpenLoadOrder, OpenLoadReport } from './load-open.ts';
import type { SuiteOptions, SuiteResult } from './main.ts';
import { type BenchProcess, startProcess } from './processes.ts';

interface Phase {
  readonly name: string;
  /** Times what the service can take. */
  readonly load: number;
}

const PHASES: readonly Phase[] = [
  { name: 'before', load: 0.5 },
  { name: 'overload, first seconds', load: 3 },
  { name: 'overload', load: 3 },
  { name: 'after, first seconds', load: 0.5 },
  { name: 'after', load: 0.5 },
];
/** More than it can take, to see how much that is; short, so that little is left waiting. */
const PROBE: OpenLoadOrder = { perSecond: 400, forMs: 1_000 };

interface Result extends OpenLoadReport {
  readonly protections: 'on' | 'off';
  readonly phase: string;
  readonly share: number;
}

export async function benchOverload({ measureMs }: SuiteOptions): Promise<SuiteResult> {
  const results = [...(await measure('on', measureMs)), ...(await measure('off', measureMs))];
  const failures = results
    .filter(({ protections }) => protections === 'on')
    .reduce((sum, { failed }) => sum + failed, 0);
  return { markdown: table(results), data: results, failures };
}

async function measure(protections: 'on' | 'off', measureMs: number): Promise<Result[]> {
  const started: BenchProcess[] = [];
  const start = async (name: string, file: string, ...args: string[]): Promise<BenchProcess> => {
    const process = await startProcess(name, file, args, { RELAY_BENCH_PROTECTIONS: protections });
    started.push(process);
    return process;
  };
  try {
    const main = await start('Main', 'node.ts', 'main', 'main');
    const url = String(main.ready['url']);
    await start('Home', 'node.ts', 'home', 'home', url, 'slow');
    const load = await start('load', 'load-open.ts', url);
    const ask = (order: OpenLoadOrder): Promise<OpenLoadReport> => load.ask(order) as Promise<OpenLoadReport>;
    // The Home joins meanwhile.
    let probe = await ask({ ...PROBE, perSecond: 20 });
    while (probe.failed > 0) probe = await ask({ ...PROBE, perSecond: 20 });
    const most = await capacity(ask);
    const results: Result[] = [];
    for (const { name, load: times } of PHASES) {
      process.stderr.write(`protections ${protections}: ${name}\n`);
      const report = await ask({ perSecond: most * times, forMs: measureMs });
      results.push({ protections, phase: name, share: report.answeredPerSecond / most, ...report });
    }
    return results;
  } finally {
    await Promise.all(started.map((process) => process.stop()));
  }
}

/** Calls a second that the service answers when there is always one waiting. */
async function capacity(ask: (order: OpenLoadOrder) => Promise<OpenLoadReport>): Promise<number> {
  const startedAt = performance.now();
  const { answeredPerSecond, late } = await ask(PROBE);
  // It answers after the calls have stopped coming, too.
  return ((answeredPerSecond * PROBE.forMs) / 1_000 + late) / ((performance.now() - startedAt) / 1_000);
}

function table(results: readonly Result[]): string {
  const head =
    '| protections | phase | answered within 1 s, per s | of capacity | late | p50 ms | p99 ms | refused | refusal p50 ms | p99 ms | failed |';
  const ms = (value: number | null): string => (value === null ? '' : value.toFixed(1));
  const lines = results.map((row) => {
    const cells = [
      ...[
        row.protections,
        row.phase,
        row.answeredPerSecond.toFixed(0),
        `${(row.share * 100).toFixed(0)} %`,
        row.late,
      ],
      ...[ms(row.answeredP50Ms), ms(row.answeredP99Ms), row.refused, ms(row.refusedP50Ms)],
      ...[ms(row.refusedP99Ms), row.failed],
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [head, '|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|', ...lines].join('\n');
}
