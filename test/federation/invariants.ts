// What has to hold whatever failed: judged from what callers were told, and from what the ledgers of the Homes hold in the end.

import type { Executed } from './calls.ts';

export type CallKind = 'read of any Home' | 'read of one Home' | 'write to any Home' | 'write with a key';

/** One call as its caller saw it; with a key, all its attempts together. */
export interface CallRecord {
  readonly id: number;
  readonly kind: CallKind;
  /** On the clock of `performance`. */
  readonly sentAt: number;
  readonly endedAt: number;
  /** `result`, the code of the failure, `refused` or `lost`. */
  readonly outcome: string;
  readonly executed: Executed;
  /** A result that does not belong to this call. */
  readonly isWrong: boolean;
  /** The Main that was asked. */
  readonly main: string;
  /** By how much the outcome missed the deadline, of the attempt that missed it most. */
  readonly lateMs: number;
}

/** What one Home holds. */
export interface LedgerContent {
  readonly home: string;
  readonly length: number;
  readonly total: number;
  readonly ids: readonly number[];
}

/** Times on the clock of `performance`. */
export interface Window {
  readonly from: number;
  readonly until: number;
}

export interface FaultWindow extends Window {
  /** A node, or a link as `from>to`. */
  readonly part: string;
}

export interface Invariant {
  readonly name: string;
  readonly found: number;
  /** Some of what was found. */
  readonly examples: readonly string[];
}

export function isWrite(kind: CallKind): boolean {
  return kind.startsWith('write');
}

/** An outcome comes by its deadline and so much. */
const GRACE_MS = 1_000;

/** None of what these count may be there. */
export function invariants(
  calls: readonly CallRecord[],
  ledgers: readonly LedgerContent[],
  faults: readonly FaultWindow[],
): readonly Invariant[] {
  const runs = new Map<number, number>();
  for (const { ids } of ledgers) for (const id of ids) runs.set(id, (runs.get(id) ?? 0) + 1);
  const writes = calls.filter(({ kind }) => isWrite(kind));
  const sent = new Set(writes.map(({ id }) => id));
  const runsOf = ({ id }: CallRecord): number => runs.get(id) ?? 0;
  const among = (name: string, found: readonly CallRecord[]): Invariant => ({
    name,
    found: found.length,
    examples: found.slice(0, 5).map(describeCall),
  });
  const unknown = [...runs.keys()].filter((id) => !sent.has(id));
  const torn = ledgers.filter(
    ({ length, total, ids }) => length !== ids.length || total !== ids.reduce((sum, id) => sum + id, 0),
  );
  return [
    among(
      'wrong answers',
      calls.filter(({ isWrong }) => isWrong),
    ),
    among(
      'writes that ran twice',
      writes.filter((call) => runsOf(call) > 1),
    ),
    among(
      'acknowledged writes lost',
      writes.filter((call) => call.outcome === 'result' && runsOf(call) === 0),
    ),
    among(
      '"executed: no", and it ran',
      writes.filter((call) => call.executed === 'no' && runsOf(call) > 0),
    ),
    among(
      'answers after deadline + 1 s',
      // A Main that is frozen or gone can tell nobody.
      calls.filter(
        (call) =>
          call.lateMs > GRACE_MS &&
          !faults.some((fault) => fault.part === call.main && isDuring(call, fault)),
      ),
    ),
    { name: 'entries that nobody wrote', found: unknown.length, examples: unknown.slice(0, 5).map(String) },
    { name: 'ledgers with half a write', found: torn.length, examples: torn.map(({ home }) => home) },
  ];
}

export interface Availability {
  readonly calls: number;
  readonly answered: number;
  /** Of the calls that were not answered, by outcome. */
  readonly failures: ReadonlyMap<string, number>;
}

/** Calls that had no part in any window, and the others. */
export function availability(
  calls: readonly CallRecord[],
  windows: readonly Window[],
): Readonly<Record<'outside' | 'inside', Availability>> {
  const merged = mergeWindows(windows);
  const isInside = (call: CallRecord): boolean => merged.some((window) => isDuring(call, window));
  return {
    outside: countAnswered(calls.filter((call) => !isInside(call))),
    inside: countAnswered(calls.filter(isInside)),
  };
}

function isDuring({ sentAt, endedAt }: CallRecord, { from, until }: Window): boolean {
  return sentAt <= until && endedAt >= from;
}

export function ratio({ calls, answered }: Availability): number {
  return calls === 0 ? Number.NaN : answered / calls;
}

function describeCall({ id, kind, outcome, main, lateMs }: CallRecord): string {
  const late = lateMs > 0 ? `, ${Math.round(lateMs)} ms late` : '';
  return `${id} (${kind}, ${outcome} by ${main}${late})`;
}

function countAnswered(calls: readonly CallRecord[]): Availability {
  const failures = new Map<string, number>();
  for (const { outcome, isWrong } of calls) {
    const name = isWrong ? 'wrong answer' : outcome;
    if (name !== 'result') failures.set(name, (failures.get(name) ?? 0) + 1);
  }
  const failed = [...failures.values()].reduce((sum, times) => sum + times, 0);
  return { calls: calls.length, answered: calls.length - failed, failures };
}

/** In order, and none touches the next. */
export function mergeWindows(windows: readonly Window[]): readonly Window[] {
  const merged: Window[] = [];
  for (const window of windows.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last === undefined || window.from > last.until) merged.push(window);
    else merged[merged.length - 1] = { from: last.from, until: Math.max(last.until, window.until) };
  }
  return merged;
}
