// Every kind of fault on every kind of link, under calls: each call ends by its deadline plus a second, and what it says of the
// method is true. Corruption is the exception for the second half: TCP and TLS exist so that a changed byte is noticed, plain
// WebSockets do not, and a changed id is another id.

import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { after, before, describe, it } from 'node:test';
import { RelayError } from '@relay/client';
import type { FaultProxy } from '@relay/testkit';
import { Federation, LINKS, type LinkName } from './federation.ts';

interface Fault {
  readonly name: string;
  readonly begin: (link: FaultProxy) => void;
  /** What was said about the method may be about another call. */
  readonly isCorrupting?: boolean;
  /** A side that hears nothing finds out after 2.25 heartbeats, longer than a test has. */
  readonly endsBySilence?: boolean;
}

const FAULTS: readonly Fault[] = [
  { name: 'latency of 150 ms', begin: (link) => link.set({ latencyMs: 150 }) },
  { name: 'jitter of 200 ms', begin: (link) => link.set({ jitterMs: 200 }) },
  { name: '20 kB a second', begin: (link) => link.set({ bytesPerSecond: 20_000, sliceBytes: 400 }) },
  { name: 'writes of one byte', begin: (link) => link.set({ sliceBytes: 1 }) },
  { name: 'a reset', begin: (link) => link.reset() },
  {
    name: 'resets again and again',
    begin: (link) => {
      const timer = setInterval(() => link.reset(), 150);
      setTimeout(() => clearInterval(timer), 900);
    },
  },
  { name: 'a stall both ways', begin: (link) => link.set({ isStalled: true }) },
  { name: 'a stall towards the caller', begin: (link) => link.set({ isStalled: true }, 'down') },
  { name: 'a stall towards the service', begin: (link) => link.set({ isStalled: true }, 'up') },
  { name: 'bytes lost in the middle', begin: (link) => link.set({ isLost: true }) },
  { name: 'a half-open connection', begin: (link) => link.halfOpen(), endsBySilence: true },
  { name: 'corruption', begin: (link) => link.set({ corruptOneIn: 400 }), isCorrupting: true },
];

const CALLS = 120;
const SPACE_MS = 10;
const TIMEOUT_MS = 1_500;
const FAULT_AT = 30;
const HEAL_AT = 100;

interface Ended {
  readonly id: number;
  readonly executed: 'no' | 'yes' | 'unknown';
  readonly code: string;
  readonly lateMs: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls in an even flow, with the fault in their midst. */
async function callThrough(federation: Federation, link: LinkName, fault: Fault): Promise<Ended[]> {
  const calls: Promise<Ended>[] = [];
  for (let id = 0; id < CALLS; id += 1) {
    if (id === FAULT_AT) fault.begin(federation.links[link]);
    if (id === HEAL_AT) federation.links[link].heal();
    const startedAt = performance.now();
    const ended = (executed: Ended['executed'], code: string): Ended => ({
      id,
      executed,
      code,
      lateMs: performance.now() - startedAt - TIMEOUT_MS,
    });
    calls.push(
      federation.client.call('ledger', 'add', [id], { timeoutMs: TIMEOUT_MS }).then(
        (result) => {
          if (fault.isCorrupting !== true) assert.equal(result, id);
          return ended('yes', 'ok');
        },
        (error: unknown) => {
          assert.ok(error instanceof RelayError, String(error));
          return ended(error.executed, error.code);
        },
      ),
    );
    await pause(SPACE_MS);
  }
  return Promise.all(calls);
}

const loop = monitorEventLoopDelay({ resolution: 10 });

describe('faults on a link', { concurrency: 12 }, () => {
  before(() => loop.enable());
  after(() => loop.disable());
  for (const link of LINKS) {
    for (const fault of FAULTS) {
      it(`${link}: ${fault.name}`, async () => {
        await using federation = await Federation.start(`${link} ${fault.name}`);
        const ended = await callThrough(federation, link, fault);
        // Nodes and callers share this process: what it stood still is nobody's lateness.
        const stoodStillMs = loop.max / 1e6;
        const late = ended.filter(({ lateMs }) => lateMs > 1_000 + stoodStillMs);
        assert.deepEqual(late, [], 'every call ends by its deadline plus a second');
        if (fault.isCorrupting !== true) {
          const wrong = ended.filter(({ id, executed }) => {
            const runs = federation.runs.get(id) ?? 0;
            return runs > 1 || (executed === 'no' && runs > 0) || (executed === 'yes' && runs === 0);
          });
          assert.deepEqual(wrong, [], 'what was said about the method is true, and nothing ran twice');
        }
        const before = ended.filter(({ id }) => id < FAULT_AT - TIMEOUT_MS / SPACE_MS || id < 5);
        assert.ok(
          before.every(({ code }) => code === 'ok'),
          'calls before the fault succeed',
        );
        if (fault.endsBySilence !== true) await federation.untilAnswers(CALLS);
      });
    }
  }

  it('is seen by this test: a proxy that loses everything fails calls', async () => {
    await using federation = await Federation.start('control');
    const ended = await callThrough(federation, 'Home–Main', {
      name: 'nothing passes',
      begin: (link) => link.set({ isLost: true }),
    });
    assert.ok(ended.some(({ executed }) => executed === 'unknown'));
    assert.ok(ended.some(({ code }) => code === 'ok'));
  });
});
