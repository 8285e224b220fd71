import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import {
  ArrayValue,
  DatetimeValue,
  display,
  fromJsonText,
  ObjectValue,
  type StructDefinition,
  StructValue,
  toJsonText,
  typedObject,
  type Value,
} from '@relay/language';
import { SqliteStateStore } from './sqlite.ts';
import { STATE_FILE, StateFile, type SyncMode, type Write } from './state-file.ts';
import { StateNotSaved, StateUnreadable, type StoreWatch, type ValueCodec } from './state-store.ts';
import { exportState, importState, readState, resetState } from './state-tools.ts';

const ANY = { kind: 'any', text: 'any', validators: [] } as const;
const POINT: StructDefinition = {
  name: 'Point',
  fields: [
    { name: 'x', type: ANY },
    { name: 'y', type: ANY },
  ],
  index: new Map([
    ['x', 0],
    ['y', 1],
  ]),
};
const STRUCTS = new Map([['Point', POINT]]);
const CODEC: ValueCodec = {
  encode: (value) => toJsonText(value, { tagged: true }),
  decode: (text) => fromJsonText(text, { tagged: true, structs: STRUCTS }),
  revive: (object) => typedObject(object, STRUCTS, true),
};

const root = mkdtempSync(path.join(tmpdir(), 'relay-state-'));
after(() => rmSync(root, { recursive: true, force: true }));
const newFolder = (): string => mkdtempSync(path.join(root, 'node-'));

const state = (fields: Record<string, Value>): ObjectValue => ObjectValue.from(Object.entries(fields));
const numbers = (count: number): ArrayValue => new ArrayValue(Array.from({ length: count }, (_, at) => at));

/** Counts what is written. */
class CountingFile extends StateFile {
  static writes: (readonly Write[])[] = [];
  override commit(writes: readonly Write[]): void {
    CountingFile.writes.push(writes);
    super.commit(writes);
  }
}

function open(
  folder: string,
  make = (at: string, sync: SyncMode) => new StateFile(at, sync),
  watch?: StoreWatch,
): SqliteStateStore {
  return new SqliteStateStore({ folder, sync: 'full' }, CODEC, make, watch);
}

const counting = (at: string, sync: SyncMode): StateFile => new CountingFile(at, sync);

function shown(store: SqliteStateStore, server = 's'): string | undefined {
  const fields = store.load(server);
  return fields === undefined ? undefined : display(ObjectValue.from(fields));
}

/** What a store that is opened anew says. */
function reread(folder: string): string | undefined {
  const store = open(folder);
  try {
    return shown(store);
  } finally {
    store.close();
  }
}

/** The writes of each step, from the state the one before left. */
async function writesOf(...states: readonly ObjectValue[]): Promise<{ folder: string; counts: number[] }> {
  const folder = newFolder();
  const store = open(folder, counting);
  const counts: number[] = [];
  for (const one of states) {
    CountingFile.writes = [];
    await store.commit('s', one);
    counts.push(CountingFile.writes.flat().length);
  }
  store.close();
  assert.equal(reread(folder), display(states.at(-1)!));
  return { folder, counts };
}

describe('the embedded store', () => {
  it('gives back what was committed, and nothing for a server that never was', async () => {
    const folder = newFolder();
    const store = open(folder);
    assert.equal(store.load('s'), undefined);
    const point = new StructValue(POINT, [new DatetimeValue(0), new ArrayValue([1, 'ü', null, true])]);
    const big = new StructValue(POINT, ['x'.repeat(3_000), new ArrayValue([point, 'y'.repeat(3_000)])]);
    const mixed = state({
      '2': 1,
      __proto: 'x',
      points: new ArrayValue([point]),
      big,
      time: new DatetimeValue(5),
    });
    await store.commit('s', mixed);
    store.close();
    const again = open(folder);
    assert.equal(shown(again), display(mixed));
    assert.ok(again.load('s')?.get('big') instanceof StructValue);
    again.close();
  });

  it('is for its owner only, and says how it syncs', () => {
    const folder = newFolder();
    const store = open(folder);
    assert.equal(statSync(path.join(folder, STATE_FILE)).mode & 0o777, 0o600);
    store.close();
  });

  it('shares one transaction among messages of all servers that finish in a turn', async () => {
    const store = open(newFolder(), counting);
    CountingFile.writes = [];
    await Promise.all([
      store.commit('a', state({ n: 1 })),
      store.commit('b', state({ n: 1 })),
      store.commit('a', state({ n: 2 })),
    ]);
    assert.equal(CountingFile.writes.length, 1);
    assert.equal(shown(store, 'a'), '{n: 2}');
    store.close();
  });

  it('writes nothing where nothing has changed', async () => {
    const list = numbers(1_000);
    const one = state({ list, small: new ArrayValue([1, 2]) });
    const copies = state({ list: new ArrayValue(list.toArray()), small: new ArrayValue([1, 2]) });
    const { counts } = await writesOf(one, one, copies);
    assert.deepEqual(counts.slice(1), [0, 0]);
  });

  for (const size of [1_000, 10_000]) {
    it(`writes two rows for one change in ${size}`, async () => {
      const list = numbers(size);
      const map = ObjectValue.from(list.toArray().map((value) => [`k${value}`, value]));
      const steps = [
        state({ list, map }),
        state({ list: list.push(7), map }),
        state({ list: list.push(7).with(3, 'new'), map }),
        state({ list: list.push(7).with(3, 'new').dropLast(), map }),
        state({ list: list.with(3, 'new'), map: map.set('k5', 'new') }),
        state({ list: list.with(3, 'new'), map: map.set('k5', 'new').set('more', 1) }),
      ];
      const { counts } = await writesOf(...steps);
      // Versions that do not come from the one before are compared in whole; what is written stays the change.
      assert.deepEqual(counts.slice(1), [2, 2, 2, 2, 2]);
    });
  }

  it('writes little for elements taken from the front, put in the middle, filtered out', async () => {
    const items = numbers(1_000).toArray();
    const list = (values: readonly Value[]): ObjectValue => state({ list: new ArrayValue([...values]) });
    const without = items.slice(1);
    const between = [...without.slice(0, 500), 'new', 'newer', ...without.slice(500)];
    const filtered = between.filter((_, at) => at % 100 !== 0);
    const first = ['first', ...filtered];
    const { counts } = await writesOf(list(items), list(without), list(between), list(filtered), list(first));
    assert.deepEqual(counts.slice(1), [2, 3, 12, 2]);
  });

  it('keeps any order of changes, as random ones show', async () => {
    let seed = 20_261_122;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return Math.floor((seed / 0x8000_0000) * below);
    };
    const folder = newFolder();
    let store = open(folder);
    let list = numbers(800);
    let map = ObjectValue.from([['deep', list as Value]]);
    for (let step = 0; step < 250; step += 1) {
      const items = list.toArray();
      const at = random(items.length + 1);
      switch (random(6)) {
        case 0:
          list = list.push(`p${step}`);
          break;
        case 1:
          list = list.length > 0 ? list.with(random(list.length), 'w'.repeat(random(3_000))) : list;
          break;
        case 2:
          items.splice(at, random(3), `i${step}`, numbers(random(1_500)));
          list = new ArrayValue(items);
          break;
        case 3:
          list = list.dropLast();
          break;
        case 4:
          map = map.set(`k${random(20)}`, random(2) === 0 ? list : step);
          break;
        default:
          map = map.remove(`k${random(20)}`);
      }
      map = map.set('deep', list);
      await store.commit('s', state({ list, map, step }));
      if (step % 50 === 49) {
        store.close();
        store = open(folder);
        assert.equal(shown(store), display(state({ list, map, step })), `after step ${step}`);
      }
    }
    store.close();
  });

  it('finds room for insertion after insertion at one spot', async () => {
    const folder = newFolder();
    const store = open(folder);
    let items: Value[] = numbers(700).toArray();
    for (let step = 0; step < 60; step += 1) {
      items = [...items.slice(0, 350), `n${step}`, ...items.slice(350)];
      await store.commit('s', state({ list: new ArrayValue(items) }));
    }
    store.close();
    assert.equal(reread(folder), display(state({ list: new ArrayValue(items) })));
  });

  it('keeps fields that a program no longer declares', async () => {
    const folder = newFolder();
    const store = open(folder);
    await store.commit('s', state({ old: 1, kept: 2 }));
    await store.commit('s', state({ kept: 3 }));
    store.close();
    assert.equal(reread(folder), '{old: 1, kept: 3}');
  });
});

/** A disk that fails when told to. */
class FailingFile extends StateFile {
  static failure: 'none' | 'full' | 'sync' | 'late' = 'none';
  override commit(writes: readonly Write[]): void {
    const { failure } = FailingFile;
    // Says that it failed, though it is there.
    if (failure === 'late') super.commit(writes);
    if (failure !== 'none') {
      const full = failure === 'full';
      const text = full ? 'database or disk is full' : 'disk I/O error';
      throw Object.assign(new Error(text), { errcode: full ? 13 : 1_034 });
    }
    super.commit(writes);
  }
}

describe('a disk that fails', () => {
  const failing = (at: string, sync: SyncMode): StateFile => new FailingFile(at, sync);

  for (const [failure, executed] of [
    ['full', 'yes'],
    ['sync', 'unknown'],
  ] as const) {
    it(`is told to the caller (${failure}), and later commits build on what is there`, async () => {
      const folder = newFolder();
      const seen: string[] = [];
      const store = open(folder, failing, {
        now: () => 0,
        committed: () => seen.push('committed'),
        failed: (operation) => seen.push(operation),
      });
      await store.commit('s', state({ n: 1, list: numbers(1_000) }));
      FailingFile.failure = failure;
      await assert.rejects(store.commit('s', state({ n: 2, list: numbers(2) })), (error) => {
        assert.ok(error instanceof StateNotSaved);
        assert.equal(error.executed, executed);
        return true;
      });
      FailingFile.failure = 'none';
      await store.commit('s', state({ n: 3, list: numbers(1_000) }));
      store.close();
      assert.deepEqual(seen, ['committed', 'commit', 'committed']);
      assert.equal(reread(folder), display(state({ n: 3, list: numbers(1_000) })));
    });
  }

  it('that wrote what it said it had not makes the program start anew', async () => {
    const folder = newFolder();
    const store = open(folder, failing);
    await store.commit('s', state({ n: 1 }));
    FailingFile.failure = 'late';
    await assert.rejects(store.commit('s', state({ n: 2 })), StateNotSaved);
    FailingFile.failure = 'none';
    await assert.rejects(store.commit('s', state({ n: 1, m: 5 })), StateUnreadable);
    store.close();
    assert.equal(reread(folder), '{n: 2}');
  });
});

describe('a damaged file', () => {
  async function filled(): Promise<string> {
    const folder = newFolder();
    const store = open(folder);
    await store.commit(
      's',
      state({ list: new ArrayValue(Array.from({ length: 300 }, (_, at) => `entry ${at}`)) }),
    );
    store.close();
    return folder;
  }
  const isTold = (error: unknown): boolean => {
    assert.ok(error instanceof StateUnreadable, String(error));
    assert.match(
      error.message,
      /^the state in .*state\.db is damaged: .*; put a backup .* relay state reset /s,
    );
    return true;
  };

  it('is reported if it was cut off', async () => {
    const folder = await filled();
    const file = path.join(folder, STATE_FILE);
    truncateSync(file, statSync(file).size - 4_096);
    assert.throws(() => reread(folder), isTold);
  });

  it('is reported if it is something else', async () => {
    const folder = await filled();
    writeFileSync(path.join(folder, STATE_FILE), 'x'.repeat(20_000));
    assert.throws(() => reread(folder), isTold);
  });

  it('is reported if a letter of a value is another one', async () => {
    const folder = await filled();
    const file = path.join(folder, STATE_FILE);
    const bytes = readFileSync(file);
    let at = bytes.indexOf('"entry 123"');
    assert.ok(at > 0);
    for (; at >= 0; at = bytes.indexOf('"entry 123"')) bytes.write('"entry 124"', at);
    writeFileSync(file, bytes);
    assert.throws(() => reread(folder), isTold);
  });

  it('is never read as something else, whatever byte of it is wrong', async () => {
    const folder = await filled();
    const right = reread(folder);
    const file = path.join(folder, STATE_FILE);
    const bytes = readFileSync(file);
    let found = 0;
    for (let at = 0; at < bytes.length; at += at < 100 ? 1 : 211) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x04;
      writeFileSync(file, damaged);
      try {
        assert.equal(reread(folder), right, `byte ${at}`);
      } catch (error) {
        if (!(error instanceof StateUnreadable)) throw new Error(`byte ${at}: ${String(error)}`);
        found += 1;
      }
    }
    assert.ok(found > 0);
  });

  it('is reported if its log is damaged before its last commits', async () => {
    const folder = newFolder();
    const store = open(folder);
    for (let n = 0; n < 20; n += 1) await store.commit('s', state({ n }));
    const file = path.join(folder, STATE_FILE);
    // As after a kill: the log is there.
    const [database, log] = [readFileSync(file), readFileSync(`${file}-wal`)];
    store.close();
    const copy = newFolder();
    writeFileSync(path.join(copy, STATE_FILE), database);
    writeFileSync(path.join(copy, `${STATE_FILE}-wal`), log);
    assert.equal(reread(copy), '{n: 19}');

    const other = newFolder();
    writeFileSync(path.join(other, STATE_FILE), database);
    log[32 + 24 + 4_120 * 6 + 100]! ^= 1;
    writeFileSync(path.join(other, `${STATE_FILE}-wal`), log);
    assert.throws(() => reread(other), isTold);
  });
});

describe('state as text', () => {
  it('comes back as it was', async () => {
    const folder = newFolder();
    const store = open(folder);
    const point = new StructValue(POINT, [new DatetimeValue(0), numbers(900)]);
    await store.commit('s', state({ '2': 'b', '1': 'a', point }));
    await store.commit('t', state({ n: 1 }));
    store.close();
    const before = reread(folder);
    const text = exportState(folder);
    assert.ok(text !== undefined);
    const other = newFolder();
    assert.deepEqual(importState(other, text), ['s', 't']);
    assert.equal(reread(other), before);
    assert.equal(exportState(other), text);
  });

  it('replaces the servers it has, and is refused whole if it is something else', async () => {
    const folder = newFolder();
    importState(folder, '{"relay_state": 1, "servers": {"s": {"n": 1}, "t": {"n": 1}, "empty": {}}}');
    importState(folder, '{"relay_state": 1, "servers": {"s": {"m": 2}}}');
    assert.equal(reread(folder), '{m: 2}');
    assert.deepEqual([...(readState(folder)?.keys() ?? [])].toSorted(), ['empty', 's', 't']);
    for (const text of ['[]', '{"servers": {}}', '{"relay_state": 1, "servers": {"s": 5}}']) {
      assert.throws(() => importState(folder, text), StateUnreadable);
    }
    assert.equal(reread(folder), '{m: 2}');
  });

  it('is forgotten, one server or all', () => {
    const folder = newFolder();
    assert.equal(resetState(folder), false);
    importState(folder, '{"relay_state": 1, "servers": {"s": {"n": 1}, "t": {"n": 1}}}');
    assert.equal(resetState(folder, 'none'), false);
    assert.equal(resetState(folder, 's'), true);
    assert.deepEqual([...(readState(folder)?.keys() ?? [])], ['t']);
    assert.equal(resetState(folder), true);
    assert.equal(readState(folder), undefined);
  });
});
