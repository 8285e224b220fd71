// test_federation_soak.sh: a federation under light load for as long as it is told, and whether anything in it grows.

import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { table as columns } from '../../packages/cli/src/terminal.ts';
import { duration, flag, optionalText } from '../federation/command-line.ts';
import { type Progress, runScript } from '../federation/script.ts';
import { ALLOWED, type Finding, inUnits, judge, type Sample, warmUpSeconds } from './growth.ts';
import { LightLoad } from './light-load.ts';
import { plot } from './plot.ts';
import { SOAKED, SoakFederation } from './soak-federation.ts';

const ABOUT = `Runs two Main Relays and two Home Relays under light load while other Homes and clients come and go, and measures every one of
the four again and again: heap after a garbage collection, memory, handles, timers, listeners. A line is laid through each series;
what certainly grows by more than is allowed is a leak. The longer it takes, the slower the leak that is found.`;

const GUEST_STAYS_MS = 4_000;
interface Options {
  readonly durationSeconds: number;
  readonly plotFile: string;
  readonly isSelfTest: boolean;
}

interface Soaked {
  readonly samples: readonly Sample[];
  readonly complaints: readonly string[];
}

async function soak({ durationSeconds, plotFile, isSelfTest }: Options, progress: Progress): Promise<Soaked> {
  const everySeconds = Math.min(60, Math.max(4, durationSeconds / 300));
  const warmUp = warmUpSeconds(durationSeconds);
  progress.line(
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
      progress.now(
        `${clock(seconds)} of ${clock(durationSeconds)}: ${load.calls} calls, ${federation.guests} Homes and ${load.clients} clients came and went`,
      );
    }
  } catch (error) {
    complaints.push(`a node does not answer any more: ${error instanceof Error ? error.message : error}`);
  } finally {
    over.abort();
    await working;
  }
  progress.line(
    `${load.calls} calls, ${federation.guests} Homes and ${load.clients} clients came and went, ${samples.length} samples`,
  );
  if (load.calls === 0 || load.clients === 0 || federation.guests === 0) complaints.push('there was no load');
  return {
    samples,
    complaints: [...complaints, ...federation.deaths(), ...federation.complaints, ...load.wrong],
  };
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

await runScript(
  {
    command: './test_federation_soak.sh',
    about: ABOUT,
    options: {
      duration: duration('how long', '3m', '60s'),
      plot: optionalText('where the curves go, as SVG; default: a file in the temporary directory', 'FILE'),
      'self-test': flag('each node is made to leak one kind of thing; passes if exactly these are found'),
    },
  },
  async (values, progress) => {
    const options = {
      durationSeconds: values.duration / 1_000,
      plotFile: values.plot ?? path.join(os.tmpdir(), `relay-soak-${process.pid}.svg`),
      isSelfTest: values['self-test'],
    };
    const { samples, complaints } = await soak(options, progress);
    const findings = judge(samples, warmUpSeconds(options.durationSeconds));
    progress.line(report(findings));
    const leaks = findings.filter(({ isLeak }) => isLeak);
    const wrong = [
      ...complaints,
      ...(findings.length === 0 ? ['too few samples to judge'] : []),
      ...(options.isSelfTest
        ? unexpected(findings)
        : leaks.map(({ node, quantity }) => `${node}: ${quantity} grows, see ${options.plotFile}`)),
    ];
    for (const line of wrong) progress.line(`FAILED: ${line}`);
    if (wrong.length === 0)
      progress.line(options.isSelfTest ? 'passed: each leak was found' : 'passed: nothing grows');
    return wrong.length === 0;
  },
);
