// npm run bench -- SUITE [--rounds N] [--seconds S] [--homes N] [--peers] [--json]

import { parseArgs } from 'node:util';
import { installPeers } from './peers/installed.ts';

/** What a suite gives: Markdown for people and docs/performance.md, data for programs. */
export interface SuiteResult {
  readonly markdown: string;
  readonly data: unknown;
  /** Wrong or failed answers: then the figures say nothing. */
  readonly failures: number;
}

export interface SuiteOptions {
  readonly rounds: number;
  readonly measureMs: number;
  readonly homes: number;
}

interface Suite {
  readonly about: string;
  run(options: SuiteOptions): Promise<SuiteResult>;
}

const SUITES: Readonly<Record<string, Suite>> = {
  routing: {
    about:
      'round trips through one and two Main Relays, beside a bare WebSocket forwarder, NATS and Moleculer',
    run: async (options) => (await import('./routing.ts')).benchRouting(options),
  },
  tail: {
    about: 'p50, p99 and p99.9 at 25, 50 and 75 % of the most, event-loop delay and garbage collection',
    run: async (options) => (await import('./tail.ts')).benchTail(options),
  },
  registry: {
    about:
      'calls at a Main Relay that knows 10,000 Homes and 50,000 services, beside one that knows ten Homes',
    run: async (options) => (await import('./registry.ts')).benchRegistry(options),
  },
  payload: {
    about:
      'answers of 1 KB to 16 MB over three hops, beside a bare WebSocket forwarder; small calls meanwhile',
    run: async (options) => (await import('./payload.ts')).benchPayload(options),
  },
  language: {
    about: 'compiled programs beside JavaScript, messages through a mailbox, growth of appends and equality',
    run: async (options) => (await import('./language.ts')).benchLanguage(options),
  },
  state: {
    about: 'what a change of durable state costs by its size: check, measure, commit, compare',
    run: async () => (await import('./state.ts')).benchState(),
  },
  overload: {
    about: 'three times the calls that a service can take, with and without the protections',
    run: async (options) => (await import('./overload.ts')).benchOverload(options),
  },
  homes: {
    about:
      'many Homes at one Main Relay: joining, memory, calls meanwhile, and the return after a crash of the Main',
    run: async (options) => (await import('./homes.ts')).benchHomes(options),
  },
};

const USAGE = `Usage: npm run bench -- SUITE [--rounds N] [--seconds S] [--homes N] [--peers] [--json]

${Object.entries(SUITES)
  .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`)
  .join('\n')}

  --rounds N   rounds of every row, interleaved; each figure is their median (default 5)
  --seconds S  measured time of a row in a round (default 2)
  --homes N    of the suites homes and registry (default 10000)
  --peers      fetches NATS clients and Moleculer into bench/node_modules first
  --json       the figures as JSON`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    homes: { type: 'string', default: '10000' },
    peers: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const options = {
  rounds: Number(values.rounds),
  measureMs: Number(values.seconds) * 1_000,
  homes: Number(values.homes),
};
const [name = 'routing', ...others] = positionals;
const suite = Object.hasOwn(SUITES, name) ? SUITES[name] : undefined;

if (values.help) {
  console.log(USAGE);
} else if (
  suite === undefined ||
  others.length > 0 ||
  !(options.rounds >= 1 && options.measureMs > 0 && options.homes >= 1)
) {
  console.error(`Error: cannot run ${JSON.stringify(process.argv.slice(2).join(' '))}\n\n${USAGE}`);
  process.exitCode = 2;
} else {
  if (values.peers) installPeers();
  const { markdown, data, failures } = await suite.run(options);
  console.log(values.json ? JSON.stringify(data, null, 2) : markdown);
  if (failures > 0) process.exitCode = 1;
}
