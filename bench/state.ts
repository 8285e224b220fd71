// How the cost of state grows with its size: adding to a list that has a type, setting a key of a map, committing that, comparing.
// The columns of one row should be about the same, except for what compares copies.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  ArrayValue,
  fit,
  fromJsonText,
  isEqual,
  measure,
  ObjectValue,
  type RuntimeType,
  toJsonText,
  typedObject,
  type Value,
} from '@relay/language';
import { SqliteStateStore } from '../packages/host/src/state-store/sqlite.ts';
import { pushMeasured, setMeasured } from '../packages/language/src/run/inspect.ts';
import type { SuiteResult } from './main.ts';
import { median } from './stats.ts';

const SIZES = [10, 1_000, 100_000];
const ROUNDS = 300;
const NONE = new Map();
const NUMBER: RuntimeType = { kind: 'plain', name: 'number', text: 'number', validators: [] };
const LIST: RuntimeType = { kind: 'list', element: NUMBER, text: '[number]', validators: [] };
const MAP: RuntimeType = { kind: 'map', value: NUMBER, text: '{string: number}', validators: [] };

/** No key is ever set to the value it has. */
let fresh = 0;

/** What is measured, and its median in µs by size. */
type Rows = Map<string, number[]>;

/** The median, in µs. */
async function medianUs(run: (round: number) => unknown): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    const result = run(round);
    if (result instanceof Promise) await result;
    times.push((performance.now() - began) * 1_000);
  }
  return median(times);
}

/** What `state.set` does with a value. */
function check<T extends Value>(value: T, type: RuntimeType): T {
  if (!fit(value, type, NONE).ok) throw new Error('does not fit');
  measure(value);
  return value;
}

async function measureSize(size: number, folder: string, rows: Rows): Promise<void> {
  const time = async (name: string, run: (round: number) => unknown): Promise<void> => {
    rows.set(name, [...(rows.get(name) ?? []), await medianUs(run)]);
  };
  const codec = {
    encode: (value: Value) => toJsonText(value, { tagged: true }),
    decode: (text: string) => fromJsonText(text, { tagged: true }),
    revive: (object: ObjectValue) => typedObject(object, NONE, true),
  };
  const items = Array.from({ length: size }, (_, at) => at);
  let list = check(new ArrayValue([...items]), LIST);
  let map = check(ObjectValue.from(items.map((at) => [`k${at}`, at])), MAP);
  const state = (): ObjectValue =>
    ObjectValue.from([
      ['list', list],
      ['map', map],
    ]);
  await time('add to a list, check its type, measure it', (round) => {
    list = check(pushMeasured(list, round), LIST);
  });
  await time('set a key of a map, check its type, measure it', (round) => {
    map = check(setMeasured(map, `k${round % size}`, -round - 1), MAP);
  });
  const equal = new ArrayValue(list.toArray());
  await time('compare a list with the version it shares its elements with', () =>
    isEqual(list, new ArrayValue(list.items, list.length)),
  );
  await time('compare a list with a copy', () => isEqual(list, equal));
  for (const sync of ['normal', 'full'] as const) {
    const store = new SqliteStateStore({ folder: mkdtempSync(path.join(folder, `${size}-`)), sync }, codec);
    await store.commit('s', state());
    await time(`commit an added element (sync ${sync})`, (round) => {
      list = check(pushMeasured(list, round), LIST);
      return store.commit('s', state());
    });
    await time(`commit a set key (sync ${sync})`, (round) => {
      fresh += 1;
      map = check(setMeasured(map, `k${round % size}`, fresh + 0.5), MAP);
      return store.commit('s', state());
    });
    store.close();
  }
}

export async function benchState(): Promise<SuiteResult> {
  const rows: Rows = new Map();
  const folder = mkdtempSync(path.join(tmpdir(), 'relay-bench-state-'));
  try {
    for (const size of SIZES) await measureSize(size, folder, rows);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const markdown = [
    `| µs, median, at a size of | ${SIZES.map((size) => size.toLocaleString('en')).join(' | ')} |`,
    `|---|${SIZES.map(() => '---:|').join('')}`,
    ...[...rows].map(([name, figures]) => `| ${name} | ${figures.map((us) => us.toFixed(1)).join(' | ')} |`),
  ].join('\n');
  return { markdown, data: { sizes: SIZES, medianUs: Object.fromEntries(rows) }, failures: 0 };
}
