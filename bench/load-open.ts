// Calls that come whether the earlier ones were answered or not: load-open.ts URL. Each order is a rate for a time; its report tells
// those that were answered from those that were refused.

import { connect, RelayError, type WebSocketConstructor } from '@relay/client';
import { WebSocket } from 'ws';
import { percentile } from './stats.ts';

export interface OpenLoadOrder {
  readonly perSecond: number;
  readonly forMs: number;
}

/** Null where there was no such call. */
export interface OpenLoadReport {
  /** Within a second: later is too late for most callers. */
  readonly answeredPerSecond: number;
  readonly late: number;
  readonly answeredP50Ms: number | null;
  readonly answeredP99Ms: number | null;
  readonly refused: number;
  readonly refusedP50Ms: number | null;
  readonly refusedP99Ms: number | null;
  /** Neither answered nor refused as overloaded. */
  readonly failed: number;
}

const TICK_MS = 2;
const USEFUL_MS = 1_000;
const client = connect(process.argv[2] ?? '', { webSocket: WebSocket as unknown as WebSocketConstructor });

async function run({ perSecond, forMs }: OpenLoadOrder): Promise<OpenLoadReport> {
  const answered: number[] = [];
  const refused: number[] = [];
  let failed = 0;
  const calls: Promise<void>[] = [];
  const startedAt = performance.now();
  const call = async (): Promise<void> => {
    const sentAt = performance.now();
    try {
      await client.call('slow', 'work', []);
      answered.push(performance.now() - sentAt);
    } catch (error) {
      if (error instanceof RelayError && error.code === 'overloaded')
        refused.push(performance.now() - sentAt);
      else failed += 1;
    }
  };
  for (let elapsed = 0; elapsed < forMs; elapsed = performance.now() - startedAt) {
    while (calls.length < (elapsed * perSecond) / 1_000) calls.push(call());
    await new Promise((wake) => setTimeout(wake, TICK_MS));
  }
  await Promise.all(calls);
  answered.sort((a, b) => a - b);
  refused.sort((a, b) => a - b);
  const inTime = answered.filter((ms) => ms <= USEFUL_MS).length;
  return {
    answeredPerSecond: (inTime * 1_000) / forMs,
    late: answered.length - inTime,
    answeredP50Ms: figure(answered, 0.5),
    answeredP99Ms: figure(answered, 0.99),
    refused: refused.length,
    refusedP50Ms: figure(refused, 0.5),
    refusedP99Ms: figure(refused, 0.99),
    failed,
  };
}

function figure(sorted: readonly number[], share: number): number | null {
  return sorted.length === 0 ? null : percentile(sorted, share);
}

process.on('message', (order: OpenLoadOrder) => {
  void run(order).then((report) => process.send?.(report));
});
process.once('disconnect', () => process.exit(0));
process.send?.({ ready: true });
