// ./test_federation_chaos.sh: random faults under load, and what must hold all the same.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SeededRandom, seededRandom } from '@relay/testkit';
import { formatDuration } from '../../packages/cli/src/terminal.ts';
import { Caller } from './calls.ts';
import { reportText } from './chaos-report.ts';
import { count, duration, optionalText, share } from './command-line.ts';
import { Faults } from './faults.ts';
import { Federation, LEDGER, type Node } from './federation.ts';
import type { LedgerContent } from './invariants.ts';
import { untilEachPairAnswers } from './probe.ts';
import { type Progress, runScript } from './script.ts';
import { Traffic } from './traffic.ts';

const CONNECTIONS = 512;
const SECOND_MS = 1_000;
const PAGE = 2_000;
const READ_LIMIT_MS = 30_000;

/** Each second a fault begins with this probability. */
async function beginFaults(
  faults: Faults,
  random: SeededRandom,
  failureRate: number,
  forMs: number,
): Promise<void> {
  for (const end = performance.now() + forMs; performance.now() < end; await sleep(SECOND_MS)) {
    if (random.chance(failureRate)) faults.begin();
  }
}

async function readLedger(caller: Caller, main: Node, home: Node): Promise<LedgerContent> {
  const ids: number[] = [];
  for (;;) {
    const outcome = await caller.call(
      main.url,
      { node_id: home.id, service_name: 'ledger', method: 'entries', args: [ids.length, PAGE] },
      READ_LIMIT_MS,
    );
    if (outcome.kind !== 'result') {
      throw new Error(`${home.id} does not show its ledger: ${JSON.stringify(outcome)}`);
    }
    const page = outcome.value as Omit<LedgerContent, 'home'>;
    ids.push(...page.ids);
    if (page.ids.length < PAGE) return { home: home.id, length: page.length, total: page.total, ids };
  }
}

function writeLogs(federation: Federation, directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const { id, lines } of [...federation.mains, ...federation.homes]) {
    writeFileSync(path.join(directory, `${id}.log`), `${lines.join('\n')}\n`);
  }
}

/** Shows now and then where the run stands. */
function showing(progress: Progress, text: () => string): Disposable {
  const timer = setInterval(() => progress.now(text()), SECOND_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

await runScript(
  {
    command: './test_federation_chaos.sh',
    about: [
      'Starts Mains and Homes as processes with a fault proxy on each link, and calls them at a steady rate while nodes are',
      'killed, stopped, started again and frozen, and links are cut, reset, slowed down and left half-open. In the end the',
      'state of each Home is compared with what callers were told. Fails if an answer is wrong or comes too late, if a write',
      'ran twice, if an acknowledged write is lost, if a part does not recover within two minutes by itself, or if outside of',
      'the windows of faults less than 99.9 % of the calls were answered.',
    ].join('\n'),
    options: {
      duration: duration('how long faults happen', '10m', '5s'),
      'failure-rate': share('probability that in a second a fault of 1 to 5 s begins', '10%'),
      seed: optionalText('chooses faults and calls; default another one each time', 'TEXT'),
      mains: count('Main Relays', 3, 1, 20),
      homes: count('Home Relays', 6, 1, 200),
      rate: count('calls a second', 40, 1, 10_000),
      logs: optionalText('directory for what the nodes print', 'DIRECTORY'),
    },
  },
  async (
    { duration: forMs, 'failure-rate': failureRate, seed: given, mains, homes, rate, logs },
    progress,
  ) => {
    const seed = given ?? String(Date.now() % 1_000_000);
    progress.line(
      `${formatDuration(forMs)} of faults, seed ${seed} (repeat the choices with --seed ${seed})`,
    );
    const random = seededRandom(seed);
    const names = Array.from({ length: mains }, (_, index) => `main-${index + 1}`);
    await using federation = await Federation.start(
      {
        mains: names,
        homes: Array.from({ length: homes }, (_, index) => ({
          id: `home-${index + 1}`,
          program: LEDGER,
          main: names[index % mains] ?? '',
        })),
        hasFallbacks: true,
        random: random.fork('links'),
      },
      (id) => progress.now(`starting ${id}`),
    );
    using _logs = { [Symbol.dispose]: () => logs !== null && writeLogs(federation, logs) };
    await untilEachPairAnswers(federation.mains, federation.homes);

    using caller = new Caller(CONNECTIONS);
    const faults = new Faults(federation, random.fork('parts'), caller, (line) => progress.line(line));
    const traffic = new Traffic(federation.mains, federation.homes, random.fork('calls'), caller);
    const startedAt = performance.now();
    const report = (): string => {
      const left = formatDuration(startedAt + forMs - performance.now());
      return `${left} left, ${traffic.records.length} calls, ${faults.records.length} faults over, ${faults.open} open`;
    };
    {
      using _showing = showing(progress, report);
      await Promise.all([
        traffic.run(rate, forMs),
        beginFaults(faults, random.fork('moments'), failureRate, forMs),
      ]);
      await faults.over();
    }
    progress.now('reading the ledgers');
    const [main] = federation.mains;
    if (main === undefined) throw new Error('no Main');
    const ledgers: LedgerContent[] = [];
    for (const home of federation.homes) ledgers.push(await readLedger(caller, main, home));
    const { text, isRight } = reportText(traffic.records, ledgers, faults.records);
    progress.line(text);
    return isRight;
  },
);
