// test_federation_soak.sh: a federation under light load for as long as it is told, and whether anything in it grows.

import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { table as columns } from '../../packages/cli/src/terminal.ts';
import { ALLOWED, type Finding, inUnits, judge, type Sample, warmUpSeconds } from './growth.ts';
import { LightLoad } from './light-load.ts';
import { plot } from './plot.ts';
import { SOAKED, SoakFederation } from './soak-federation.ts';

const HELP = `usage: ./test_federation_soak.sh [--duration 24h] [--plot FILE.svg] [--self-test]

Runs two Main Relays and two Home Relays under light load while other Homes and clients come and go, and measures every one of
the four again and again: heap after a garbage collection, memory, handles, timers, listeners. A line is laid through each series;
what certainly grows by more than is allowed is a leak.

  --duration D   30s, 5m, 24h; default 3m. The longer, the slower the leak that is found. At least 60s.
  --plot FILE    where the curves go, as SVG; written again with each sample. Default: in the temporary directory.
  --self-test    each node is made to leak one kind of thing; passes if exactly these leaks are found.
  --help         this text

Exit code: 0 nothing grows, 1 something grows or went wrong, 2 usage.`;

const GUEST_STAYS_MS = 4_000;
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

interface Options {
  readonly durationSeconds: number;
  readonly plotFile: string;
  readonly isSelfTest: boolean;
}

/** What to do, or a text to print: help or an error of usage. */
export function readOptions(
  args: readonly string[],
): Options | { readonly text: string; readonly code: 0 | 2 } {
  const wrong = (message: string) => ({ text: `Error: ${message}\n\n${HELP}`, code: 2 as const });
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        duration: { type: 'string', default: '3m' },
        plot: { type: 'string' },
        'self-test': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { text: HELP, code: 0 };
    const parts = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(values.duration);
    const durationSeconds = Number(parts?.[1]) * (UNIT_SECONDS[parts?.[2] ?? ''] ?? Number.NaN);
    if (!(durationSeconds >= 60))
      return wrong(`--duration takes 60s or more, as in 3m or 24h, got ${values.duration}`);
    return {
      durationSeconds,
      plotFile: values.plot ?? path.join(os.tmpdir(), `relay-soak-${process.pid}.svg`),
      isSelfTest: values['self-test'],
    };
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

interface Soaked {
  readonly samples: readonly Sample[];
  readonly complaints: readonly string[];
}

async function soak({ durationSeconds, plotFile, isSelfTest }: Options): Promise<Soaked> {
  const everySeconds = Math.min(60, Math.max(4, durationSeconds / 300));
  const warmUp = warmUpSeconds(durationSeconds);
  console.log(
    `starting ${Object.keys(SOAKED).join(', ')}; a sample each ${everySeconds} s, curves in ${plotFile}`,
  );
  await using federation = await SoakFederation.start({ leaks: isSelfTest });
  const load = new LightLoad(federation);
  const over = new AbortController();
  const working = Promise.all([load.run(over.signal), federation.invite(over.signal, GUEST_STAYS_MS)]);
  const samples: Sample[] = [];
  const complaints: string[] = [];
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1_000;
  try {
    for (let next = 0; elapsed() < durationSeconds; next += everySeconds) {
      await sleep(Math.max(0, next - elapsed()) * 1_000);
      const seconds = elapsed();
      samples.push({ seconds, nodes: await federation.sample() });
      writeFileSync(plotFile, plot(samples, warmUp));
      progress(
        `${clock(seconds)} of ${clock(durationSeconds)}: ${load.calls} calls, ${federation.guests} Homes and ${load.clients} clients came and went`,
      );
    }
  } catch (error) {
    complaints.push(`a node does not answer any more: ${error instanceof Error ? error.message : error}`);
  } finally {
    over.abort();
    await working;
  }
  progress('\n');
  console.log(
    `${load.calls} calls, ${federation.guests} Homes and ${load.clients} clients came and went, ${samples.length} samples`,
  );
  if (load.calls === 0 || load.clients === 0 || federation.guests === 0) complaints.push('there was no load');
  return {
    samples,
    complaints: [...complaints, ...federation.deaths(), ...federation.complaints, ...load.wrong],
  };
}

function progress(text: string): void {
  if (process.stdout.isTTY) process.stdout.write(text === '\n' ? text : `\r\x1b[K${text}`);
}

function clock(seconds: number): string {
  const parts = [seconds / 3_600, (seconds / 60) % 60, seconds % 60].map((part) => Math.floor(part));
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

function report(findings: readonly Finding[]): string {
  const rows = findings.map(({ node, quantity, trend, last, isLeak }) => [
    node,
    quantity,
    inUnits(quantity, last),
    `${inUnits(quantity, trend.perHour)}/h`,
    inUnits(quantity, trend.leastGrowth),
    inUnits(quantity, ALLOWED[quantity]),
    isLeak ? 'GROWS' : 'ok',
  ]);
  return columns([['node', 'what', 'at the end', 'slope', 'grew at least', 'allowed', ''], ...rows]).join(
    '\n',
  );
}

/** In the self-test a node leaks what it was told, and nothing that this does not bring with it. */
function unexpected(findings: readonly Finding[]): string[] {
  const brings: Readonly<Record<string, readonly string[]>> = {
    heap: ['heap', 'rss'],
    // A server is a handle, a descriptor and some listeners; all kinds cost memory.
    handles: ['handles', 'descriptors', 'listeners', 'heap', 'rss'],
    timers: ['timers', 'heap'],
    listeners: ['listeners', 'heap'],
  };
  return Object.entries(SOAKED).flatMap(([node, leak]) => {
    const found = findings.filter((one) => one.node === node && one.isLeak).map(({ quantity }) => quantity);
    return [
      ...(found.includes(leak) ? [] : [`${node}: leaks ${leak}, which was not found`]),
      ...found.filter((one) => !brings[leak]?.includes(one)).map((one) => `${node}: ${one} does not leak`),
    ];
  });
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if ('text' in options) {
    (options.code === 0 ? console.log : console.error)(options.text);
    return options.code;
  }
  const { samples, complaints } = await soak(options);
  const findings = judge(samples, warmUpSeconds(options.durationSeconds));
  console.log(report(findings));
  const leaks = findings.filter(({ isLeak }) => isLeak);
  const wrong = [
    ...complaints,
    ...(findings.length === 0 ? ['too few samples to judge'] : []),
    ...(options.isSelfTest
      ? unexpected(findings)
      : leaks.map(({ node, quantity }) => `${node}: ${quantity} grows, see ${options.plotFile}`)),
  ];
  for (const line of wrong) console.log(`FAILED: ${line}`);
  if (wrong.length === 0)
    console.log(options.isSelfTest ? 'passed: each leak was found' : 'passed: nothing grows');
  return wrong.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
