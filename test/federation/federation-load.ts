// ./test_federation_load.sh: calls over HTTP to one Main for services of Homes at another, and how long they take.

import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration, table } from '../../packages/cli/src/terminal.ts';
import { Caller, isAnswerOf, type Outcome } from './calls.ts';
import { count, optionalCount } from './command-line.ts';
import { Federation, LEDGER } from './federation.ts';
import { addTo, countsText, FIGURE_NAMES, type Figures, figureCells, figuresOf } from './figures.ts';
import { untilEachPairAnswers } from './probe.ts';
import { type Progress, runScript } from './script.ts';

/** The plan's: all calls complete in this time. It is also that of each call. */
const LIMIT_MS = 60_000;
/** The plan's thousand calls at once; a client has no more than some ten thousand ports. */
const MAX_AT_ONCE = 1_000;
const TICK_MS = 2;

/** When a call begins: as soon as an earlier one has ended, or at its time whatever became of those. */
type Pace =
  | { readonly kind: 'closed'; readonly atOnce: number }
  | { readonly kind: 'open'; readonly perSecond: number };

interface Round {
  readonly pace: Pace;
  readonly figures: Figures;
  readonly errors: ReadonlyMap<string, number>;
  readonly tookMs: number;
}

async function runRound(url: string, calls: number, pace: Pace, progress: Progress): Promise<Round> {
  using caller = new Caller(pace.kind === 'closed' ? pace.atOnce : MAX_AT_ONCE);
  const latencies: number[] = [];
  const errors = new Map<string, number>();
  const call = async (id: number): Promise<void> => {
    const sentAt = performance.now();
    const params = { service_name: 'ledger', method: 'read', args: [id], timeout: LIMIT_MS / 1_000 };
    const error = errorIn(await caller.call(url, params, LIMIT_MS), id);
    latencies.push(performance.now() - sentAt);
    if (error !== undefined) addTo(errors, error);
    progress.now(`${nameOf(pace)}: ${latencies.length} of ${calls} calls, errors: ${countsText(errors)}`);
  };
  const startedAt = performance.now();
  const running: Promise<void>[] = [];
  if (pace.kind === 'closed') {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < calls) {
        next += 1;
        await call(next);
      }
    };
    for (let workers = 0; workers < pace.atOnce; workers += 1) running.push(worker());
  } else {
    while (running.length < calls) {
      const due = ((performance.now() - startedAt) * pace.perSecond) / 1_000;
      while (running.length < Math.min(due, calls)) running.push(call(running.length + 1));
      await sleep(TICK_MS);
    }
  }
  await Promise.all(running);
  return { pace, figures: figuresOf(latencies), errors, tookMs: performance.now() - startedAt };
}

function errorIn(outcome: Outcome, id: number): string | undefined {
  if (outcome.kind === 'result') return isAnswerOf(outcome.value, id, undefined) ? undefined : 'wrong answer';
  return outcome.kind === 'failure' ? outcome.code : outcome.kind;
}

function nameOf(pace: Pace): string {
  return pace.kind === 'closed' ? `${pace.atOnce} at once` : `${pace.perSecond} a second`;
}

/** Time in which a round of so many calls has to be over. */
function limitOf(pace: Pace, calls: number): number {
  if (pace.kind === 'open') return LIMIT_MS + (calls * 1_000) / pace.perSecond;
  return LIMIT_MS * Math.max(1, calls / MAX_AT_ONCE);
}

/** The table of all rounds; returns whether each was right. */
function report(rounds: readonly Round[], progress: Progress): boolean {
  const header = ['round', 'calls', 'took', 'calls/s', ...FIGURE_NAMES, 'errors', ''];
  let isRight = true;
  const rows = rounds.map(({ pace, figures, errors, tookMs }) => {
    const isOk = errors.size === 0 && tookMs <= limitOf(pace, figures.count);
    isRight &&= isOk;
    const perSecond = Math.round((figures.count * 1_000) / tookMs);
    const took = tookMs < 10_000 ? `${(tookMs / 1_000).toFixed(1)} s` : formatDuration(tookMs);
    return [
      nameOf(pace),
      `${figures.count}`,
      took,
      `${perSecond}`,
      ...figureCells(figures),
      countsText(errors),
      isOk ? 'ok' : 'FAILED',
    ];
  });
  progress.line(['', ...table([header, ...rows]), '', isRight ? 'Load OK' : 'Load FAILED'].join('\n'));
  return isRight;
}

await runScript(
  {
    command: './test_federation_load.sh',
    about: [
      'Starts two Mains and two Homes as processes and calls the Homes of one Main through the other: with a number of calls',
      'at once, then with all of them at once (at most 1,000), and with --rate a third time as calls that come whether earlier',
      'ones were answered or not. Fails if a call is refused, fails or is answered wrongly, or if a round takes more than 60 s',
      'for each 1,000 calls (with --rate: more than 60 s after the last call was due).',
    ].join('\n'),
    options: {
      calls: count('calls of each round', 1_000, 1, 10_000_000),
      concurrency: count('calls at once in the first round', 50, 1, 10_000),
      rate: optionalCount('calls a second of a third round', 1, 100_000),
    },
  },
  async ({ calls, concurrency, rate }, progress) => {
    await using federation = await Federation.start(
      {
        mains: ['relay-a.com', 'relay-b.com'],
        homes: ['bob.home', 'charlie.home'].map((id) => ({ id, program: LEDGER, main: 'relay-b.com' })),
      },
      (id) => progress.now(`starting ${id}`),
    );
    await untilEachPairAnswers(federation.mains, federation.homes);
    const { url } = federation.main('relay-a.com');
    const rounds: Round[] = [];
    for (const atOnce of new Set([concurrency, Math.min(calls, MAX_AT_ONCE)])) {
      rounds.push(await runRound(url, calls, { kind: 'closed', atOnce }, progress));
    }
    if (rate !== null) {
      rounds.push(await runRound(url, calls, { kind: 'open', perSecond: rate }, progress));
    }
    return report(rounds, progress);
  },
);
