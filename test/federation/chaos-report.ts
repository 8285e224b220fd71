// The report of the chaos script: calls, invariants, recovery and availability, and whether all is right.

import { table } from '../../packages/cli/src/terminal.ts';
import type { FaultRecord } from './faults.ts';
import { addTo, countsText, FIGURE_NAMES, figureCells, figuresOf } from './figures.ts';
import {
  type Availability,
  availability,
  type CallRecord,
  invariants,
  isWrite,
  type LedgerContent,
  mergeWindows,
  ratio,
} from './invariants.ts';

/** The plan's success criterion. */
const LEAST_AVAILABILITY = 0.999;

export interface Report {
  readonly text: string;
  readonly isRight: boolean;
}

export function reportText(
  calls: readonly CallRecord[],
  ledgers: readonly LedgerContent[],
  faults: readonly FaultRecord[],
): Report {
  const found = invariants(calls, ledgers, faults);
  const stuck = faults.filter(({ hasRecovered }) => !hasRecovered);
  const { outside, inside } = availability(calls, faults);
  const isAvailable = outside.calls === 0 || ratio(outside) >= LEAST_AVAILABILITY;
  const isRight = found.every((one) => one.found === 0) && stuck.length === 0 && isAvailable;
  const checks = [
    ...found.map((one) => [one.name, `${one.found}`, '0', verdict(one.found === 0), one.examples.join('; ')]),
    [
      'parts that did not recover',
      `${stuck.length}`,
      '0',
      verdict(stuck.length === 0),
      stuck.map(({ kind, part }) => `${kind}: ${part}`).join('; '),
    ],
    [
      'answered outside of fault windows',
      percent(outside),
      `at least ${LEAST_AVAILABILITY * 100} %`,
      verdict(isAvailable),
      countsText(outside.failures),
    ],
  ];
  const windowMs = mergeWindows(faults).reduce((sum, { from, until }) => sum + until - from, 0);
  const text = [
    '',
    ...table([['calls', 'number', 'result', 'other outcomes'], ...callRows(calls)]),
    '',
    ...table([['faults', 'number', 'recovery:', ...FIGURE_NAMES], ...faultRows(faults)]),
    '',
    ...table([
      ['availability', 'calls', 'answered', 'failures'],
      ['outside of fault windows', `${outside.calls}`, percent(outside), countsText(outside.failures)],
      ['inside fault windows', `${inside.calls}`, percent(inside), countsText(inside.failures)],
    ]),
    `Windows of faults: ${(windowMs / 1_000).toFixed(1)} s in all; a window lasts until every call through the part works again.`,
    '',
    ...table([['invariant', 'found', 'allowed', ''], ...checks]),
    '',
    `${ledgers.reduce((sum, { length }) => sum + length, 0)} writes in ${ledgers.length} ledgers`,
    isRight ? 'Chaos OK' : 'Chaos FAILED',
  ].join('\n');
  return { text, isRight };
}

function callRows(calls: readonly CallRecord[]): readonly (readonly string[])[] {
  const kinds = [...new Set(calls.map(({ kind }) => kind))].toSorted();
  return kinds.map((kind) => {
    const outcomes = new Map<string, number>();
    const ofKind = calls.filter((call) => call.kind === kind);
    for (const { outcome, executed } of ofKind) {
      if (outcome === 'result') continue;
      addTo(outcomes, isWrite(kind) ? `${outcome} (ran: ${executed})` : outcome);
    }
    const results = ofKind.filter(({ outcome }) => outcome === 'result').length;
    return [kind, `${ofKind.length}`, `${results}`, countsText(outcomes)];
  });
}

function faultRows(faults: readonly FaultRecord[]): readonly (readonly string[])[] {
  const kinds = [...new Set(faults.map(({ kind }) => kind))].toSorted();
  const row = (name: string, some: readonly FaultRecord[]): readonly string[] => {
    const figures = figuresOf(some.map(({ healedAt, until }) => until - healedAt));
    return [name, `${some.length}`, '', ...figureCells(figures)];
  };
  return [
    ...kinds.map((kind) =>
      row(
        kind,
        faults.filter((fault) => fault.kind === kind),
      ),
    ),
    row('all', faults),
  ];
}

function percent(of: Availability): string {
  return of.calls === 0 ? '-' : `${(ratio(of) * 100).toFixed(3)} %`;
}

function verdict(isMet: boolean): string {
  return isMet ? 'ok' : 'FAILED';
}
