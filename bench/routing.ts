// Round trips through a federation, beside a bare corked WebSocket forwarder with the same number of hops and beside what other people
// would pick instead, in the same run.

import { type Goal, goalTable } from './goals.ts';
import type { SuiteOptions, SuiteResult } from './main.ts';
import { measureRows, type Row, type RowResult, rowTable, untilReachable } from './rows.ts';
import {
  BARE_3,
  bareWays,
  FASTIFY,
  federationWays,
  httpWays,
  LOCAL_HTTP,
  NATS_GATEWAYS,
  natsGateways,
  otherPeers,
  P2P_HTTP,
  Processes,
  programWays,
  TWO_MAINS,
  TWO_MAINS_HTTP,
  UNPROTECTED,
  unprotectedWays,
  type Way,
} from './ways.ts';

const MESSAGES_IN_FLIGHT = [1, 64];
/** As the earlier mesh was measured. */
const HTTP_IN_FLIGHT = [1, 50];

export async function benchRouting(options: SuiteOptions): Promise<SuiteResult> {
  await using processes = new Processes();
  const bare = await bareWays(processes);
  const own = await federationWays(processes);
  const program = await programWays(processes);
  const unprotected = await unprotectedWays(processes);
  const gateways = await natsGateways(processes);
  const peers = await otherPeers(processes);
  const http = await httpWays(processes);
  const rows = [
    ...rowsOf(
      [...bare, ...own.sdk, ...unprotected, ...program, ...gateways.ways, ...peers.ways],
      MESSAGES_IN_FLIGHT,
    ),
    ...rowsOf([...http, ...own.http], HTTP_IN_FLIGHT),
  ];
  await untilReachable(rows);
  const results = await measureRows(rows, options);
  const goals = goalsOf(results);
  const skipped = [...gateways.skipped, ...peers.skipped];
  return {
    markdown: [rowTable(results), ...skipped, goalTable(goals)].join('\n\n'),
    data: { rows: results, skipped, goals },
    failures: results.reduce((sum, { failures }) => sum + failures, 0),
  };
}

function rowsOf(ways: readonly Way[], inFlights: readonly number[]): readonly Row[] {
  return inFlights.flatMap((inFlight) => ways.map((way) => ({ ...way, inFlight })));
}

function goalsOf(rows: readonly RowResult[]): readonly Goal[] {
  const ratio = (
    inFlight: number,
    name: string,
    against: string,
    pick: (row: RowResult) => number,
  ): number | undefined => {
    const [one, other] = [name, against].map((wanted) =>
      rows.find((row) => row.name === wanted && row.inFlight === inFlight),
    );
    return one === undefined || other === undefined ? undefined : pick(one) / pick(other);
  };
  const rate = ({ perSecond }: RowResult): number => perSecond;
  // The last forwarder before the service on both ways, so the second with that name where there are two.
  const transit = ({ cpuUs }: RowResult): number => cpuUs['Main B'] ?? cpuUs['forwarder 2'] ?? Number.NaN;
  const limit = 'at least';
  return [
    {
      what: `calls/s, 64 in flight: ${TWO_MAINS} / ${NATS_GATEWAYS}`,
      goal: 2,
      limit,
      reached: ratio(64, TWO_MAINS, NATS_GATEWAYS, rate),
    },
    {
      what: `calls/s, 64 in flight: ${TWO_MAINS} / ${BARE_3}`,
      goal: 0.6,
      limit,
      reached: ratio(64, TWO_MAINS, BARE_3, rate),
    },
    {
      what: `calls/s, 64 in flight: ${TWO_MAINS} / ${UNPROTECTED}`,
      goal: 0.85,
      limit,
      reached: ratio(64, TWO_MAINS, UNPROTECTED, rate),
    },
    {
      what: `calls/s, 1 in flight: ${TWO_MAINS} / ${NATS_GATEWAYS}`,
      goal: 1.3,
      limit,
      reached: ratio(1, TWO_MAINS, NATS_GATEWAYS, rate),
    },
    {
      what: `p50, 1 in flight: ${TWO_MAINS} / ${NATS_GATEWAYS}`,
      goal: 1,
      limit: 'at most',
      reached: ratio(1, TWO_MAINS, NATS_GATEWAYS, ({ p50Ms }) => p50Ms),
    },
    {
      what: `p99, 1 in flight: ${TWO_MAINS} / ${NATS_GATEWAYS}`,
      goal: 1,
      limit: 'at most',
      reached: ratio(1, TWO_MAINS, NATS_GATEWAYS, ({ p99Ms }) => p99Ms),
    },
    {
      what: `calls/s, 50 in flight: ${TWO_MAINS_HTTP} / ${P2P_HTTP}`,
      goal: 1.5,
      limit,
      reached: ratio(50, TWO_MAINS_HTTP, P2P_HTTP, rate),
    },
    {
      what: `calls/s, 50 in flight: ${LOCAL_HTTP} / ${FASTIFY}`,
      goal: 0.85,
      limit,
      reached: ratio(50, LOCAL_HTTP, FASTIFY, rate),
    },
    {
      what: 'CPU of a call, 64 in flight: Main B / the forwarder at its place',
      goal: 1.6,
      limit: 'at most',
      reached: ratio(64, TWO_MAINS, BARE_3, transit),
    },
  ];
}
