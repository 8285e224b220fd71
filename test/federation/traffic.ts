// The load of the chaos script: calls that come at a steady rate whatever became of earlier ones, by callers who know all Mains and go
// on to the next when nobody listens at one or it is shutting down.

import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '@relay/testkit';
import { type Caller, type Executed, isAnswerOf, type Outcome, type RemoteCall } from './calls.ts';
import type { Node } from './federation.ts';
import { type CallKind, type CallRecord, isWrite } from './invariants.ts';

const TICK_MS = 5;
const TIMEOUT_MS = 5_000;
/** How long a caller waits for an outcome after its deadline. */
const WAIT_MS = 5_000;
/** How long a caller with a key asks again, and how often. */
const PATIENCE_MS = 60_000;
const AGAIN_MS = 250;
const KINDS: readonly CallKind[] = [
  'read of any Home',
  'read of any Home',
  'read of one Home',
  'write to any Home',
  'write with a key',
];

interface Attempt {
  readonly outcome: Outcome;
  readonly main: Node;
  /** By how much it missed the deadline. */
  readonly lateMs: number;
}

export class Traffic {
  readonly records: CallRecord[] = [];
  readonly #mains: readonly Node[];
  readonly #homes: readonly Node[];
  readonly #random: SeededRandom;
  readonly #caller: Caller;
  #nextId = 1;

  constructor(mains: readonly Node[], homes: readonly Node[], random: SeededRandom, caller: Caller) {
    this.#mains = mains;
    this.#homes = homes;
    this.#random = random;
    this.#caller = caller;
  }

  /** Resolves when the last call of this time has ended. */
  async run(perSecond: number, forMs: number): Promise<void> {
    const startedAt = performance.now();
    const running = new Set<Promise<void>>();
    for (let elapsed = 0; elapsed < forMs; elapsed = performance.now() - startedAt) {
      while (this.#nextId - 1 < (elapsed * perSecond) / 1_000) {
        const call = this.#call().finally(() => running.delete(call));
        running.add(call);
      }
      await sleep(TICK_MS);
    }
    await Promise.all(running);
  }

  async #call(): Promise<void> {
    const id = this.#nextId;
    this.#nextId += 1;
    const kind = this.#random.pick(KINDS);
    const mains = this.#random.shuffle(this.#mains);
    const home = this.#random.pick(this.#homes).id;
    const isForOne = kind === 'read of one Home' || kind === 'write with a key';
    const params: RemoteCall = {
      service_name: 'ledger',
      method: isWrite(kind) ? 'add' : 'read',
      args: [id],
      timeout: TIMEOUT_MS / 1_000,
      ...(isForOne ? { node_id: home } : {}),
      ...(kind === 'write with a key' ? { idempotency_key: `call-${id}` } : {}),
    };
    const sentAt = performance.now();
    const first = await this.#ask(mains, params);
    const { main } = first;
    let { outcome, lateMs } = first;
    // Whoever has a key asks again until it is known that the method ran, at the same Main, since keys belong to it.
    while (
      kind === 'write with a key' &&
      outcome.kind !== 'result' &&
      performance.now() - sentAt < PATIENCE_MS
    ) {
      await sleep(AGAIN_MS);
      const again = await this.#ask([main], params);
      outcome = again.outcome;
      lateMs = Math.max(lateMs, again.lateMs);
    }
    this.records.push({
      id,
      kind,
      sentAt,
      endedAt: performance.now(),
      outcome: outcome.kind === 'failure' ? outcome.code : outcome.kind,
      executed: kind === 'write with a key' && outcome.kind !== 'result' ? 'unknown' : executedOf(outcome),
      isWrong: outcome.kind === 'result' && !isAnswerOf(outcome.value, id, isForOne ? home : undefined),
      main: main.id,
      lateMs,
    });
  }

  /** The first of `mains` that takes calls decides. */
  async #ask(mains: readonly Node[], params: RemoteCall): Promise<Attempt> {
    let last: Attempt | undefined;
    for (const main of mains) {
      const startedAt = performance.now();
      const outcome = await this.#caller.call(main.url, params, TIMEOUT_MS + WAIT_MS);
      last = { outcome, main, lateMs: performance.now() - startedAt - TIMEOUT_MS };
      if (!isForTheNext(outcome)) break;
    }
    if (last === undefined) throw new RangeError('no Main to ask');
    return last;
  }
}

/** Nobody listens, or the Main is about to end and has not begun the call. */
function isForTheNext(outcome: Outcome): boolean {
  if (outcome.kind === 'failure') return outcome.code === 'shutting_down' && outcome.executed === 'no';
  return outcome.kind === 'refused';
}

function executedOf(outcome: Outcome): Executed {
  switch (outcome.kind) {
    case 'result':
      return 'yes';
    case 'failure':
      return outcome.executed;
    case 'refused':
      return 'no';
    case 'lost':
      return 'unknown';
  }
}
