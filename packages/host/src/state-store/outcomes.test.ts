import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { display, fromJsonText, ObjectValue, toJsonText, typedObject, type Value } from '@relay/language';
import { KEPT_MS, type KeptOutcome } from '@relay/protocol';
import { CREATE_OUTCOMES, OutcomeTable } from './outcome-table.ts';
import { SqliteStateStore } from './sqlite.ts';
import { STATE_FILE, StateFile, type SyncMode, type Write } from './state-file.ts';
import type { ValueCodec } from './state-store.ts';
import { exportState, importState, resetState } from './state-tools.ts';

const CODEC: ValueCodec = {
  encode: (value) => toJsonText(value, { tagged: true }),
  decode: (text) => fromJsonText(text, { tagged: true }),
  revive: (object) => typedObject(object, new Map(), true),
};
const VERSION_1 = fileURLToPath(new URL('../../../../test/fixtures/state/v1/state.db', import.meta.url));

const root = mkdtempSync(path.join(tmpdir(), 'relay-outcomes-'));
after(() => rmSync(root, { recursive: true, force: true }));
const newFolder = (): string => mkdtempSync(path.join(root, 'node-'));

const state = (fields: Record<string, Value>): ObjectValue => ObjectValue.from(Object.entries(fields));

function outcome(id: string, more: Partial<KeptOutcome> = {}): KeptOutcome {
  return { id, service: 's', fingerprint: 'args', keptAt: 5, kind: 'result', text: '1', ...more };
}

function open(
  folder: string,
  make = (at: string, sync: SyncMode) => new StateFile(at, sync),
): SqliteStateStore {
  return new SqliteStateStore({ folder, sync: 'full' }, CODEC, make);
}

function shown(store: SqliteStateStore, server: string): string | undefined {
  const fields = store.load(server);
  return fields === undefined ? undefined : display(ObjectValue.from(fields));
}

describe('outcomes in the state file', () => {
  it('are found again after a restart, as they were', async () => {
    const folder = newFolder();
    const store = open(folder);
    const kept = outcome('a', { kind: 'failure', text: '{"name":"ü"}', keptAt: 1_767_225_600_123 });
    await store.commit('s', state({ count: 1 }), undefined, kept);
    assert.deepEqual(store.findOutcome('a'), kept);
    store.close();
    const again = open(folder);
    assert.deepEqual(again.findOutcome('a'), kept);
    assert.equal(again.findOutcome('b'), undefined);
    assert.equal(shown(again, 's'), '{count: 1}');
    again.close();
  });

  it('are kept without a change of state, which then stays as it is', async () => {
    const folder = newFolder();
    const store = open(folder);
    await store.commit('s', undefined, state({ count: 0 }), outcome('a'));
    store.close();
    const again = open(folder);
    assert.deepEqual(again.findOutcome('a'), outcome('a'));
    assert.equal(shown(again, 's'), undefined);
    again.close();
  });

  it('are there together with the change, or not at all', async () => {
    class Failing extends StateFile {
      static isDown = false;
      override commit(writes: readonly Write[]): void {
        // The change is written, the outcome after it is not: the file must not keep half of that.
        const broken = { ...outcome('a'), keptAt: Number.NaN };
        super.commit(
          Failing.isDown
            ? writes.map((write) => (write.kind === 'outcome' ? { ...write, outcome: broken } : write))
            : writes,
        );
      }
    }
    const folder = newFolder();
    const store = open(folder, (at, sync) => new Failing(at, sync));
    await store.commit('s', state({ count: 1 }), undefined);
    Failing.isDown = true;
    await assert.rejects(store.commit('s', state({ count: 2 }), undefined, outcome('a')), {
      name: 'StateNotSaved',
    });
    Failing.isDown = false;
    assert.equal(shown(store, 's'), '{count: 1}');
    assert.equal(store.findOutcome('a'), undefined);
    await store.commit('s', state({ count: 2 }), undefined, outcome('a'));
    store.close();
    const again = open(folder);
    assert.equal(shown(again, 's'), '{count: 2}');
    assert.deepEqual(again.findOutcome('a'), outcome('a'));
    again.close();
  });

  it('that are damaged are never given to anybody', async () => {
    const folder = newFolder();
    const store = open(folder);
    await store.commit('s', undefined, undefined, outcome('a', { text: '"something long enough"' }));
    store.close();
    const file = path.join(folder, STATE_FILE);
    const bytes = readFileSync(file);
    bytes.write('LONG', bytes.indexOf('long enough'));
    writeFileSync(file, bytes);
    const again = open(folder);
    assert.throws(() => again.findOutcome('a'), {
      name: 'DamagedOutcome',
      message: /does not match its checksum/,
    });
    again.close();
  });

  it('of a server go when it is reset, and stay when it is imported', async () => {
    const folder = newFolder();
    const store = open(folder);
    await store.commit('s', state({ count: 1 }), undefined, outcome('a'));
    await store.commit('t', state({ count: 1 }), undefined, outcome('b', { service: 't' }));
    store.close();
    importState(folder, exportState(folder) ?? '');
    assert.equal(resetState(folder, 's'), true);
    const again = open(folder);
    assert.deepEqual([again.findOutcome('a'), again.findOutcome('b')?.id], [undefined, 'b']);
    again.close();
  });
});

describe('a state file of the version before', () => {
  it('is opened with what is in it, and keeps outcomes from then on', async () => {
    const folder = newFolder();
    copyFileSync(VERSION_1, path.join(folder, STATE_FILE));
    const store = open(folder);
    assert.equal(store.findOutcome('a'), undefined);
    assert.equal(shown(store, 'other'), '{name: "Ada"}');
    assert.equal(store.load('counter')?.get('count'), 7);
    await store.commit('counter', state({ count: 8 }), undefined, outcome('a'));
    store.close();
    const again = open(folder);
    assert.equal(again.load('counter')?.get('count'), 8);
    assert.deepEqual(again.findOutcome('a'), outcome('a'));
    again.close();
  });

  it('is as it was if this version was ended while it opened it', () => {
    const folder = newFolder();
    const file = path.join(folder, STATE_FILE);
    copyFileSync(VERSION_1, file);
    // Ended in the middle of the transaction: what a process that is gone leaves is rolled back.
    const database = new DatabaseSync(file);
    database.exec(`BEGIN IMMEDIATE; ${CREATE_OUTCOMES} PRAGMA user_version = 2`);
    database.close();
    const store = open(folder);
    assert.equal(shown(store, 'other'), '{name: "Ada"}');
    assert.equal(store.findOutcome('a'), undefined);
    store.close();
  });

  it('whose tables are missing is damaged', () => {
    const folder = newFolder();
    const file = path.join(folder, STATE_FILE);
    copyFileSync(VERSION_1, file);
    open(folder).close();
    const database = new DatabaseSync(file);
    database.exec('DROP TABLE outcome');
    database.close();
    assert.throws(() => open(folder), { name: 'StateUnreadable', message: /its tables are missing/ });
  });
});

describe('the table of outcomes', () => {
  function createTable(bounds: { readonly count: number; readonly bytes: number }) {
    const database = new DatabaseSync(':memory:');
    database.exec(CREATE_OUTCOMES);
    const statements: string[] = [];
    const prepare = (text: string): StatementSync => {
      statements.push(text);
      return database.prepare(text);
    };
    const ids = (): string =>
      database
        .prepare('SELECT id FROM outcome ORDER BY number')
        .all()
        .map(({ id }) => id)
        .join('');
    const plan = (text: string): string =>
      database
        .prepare(`EXPLAIN QUERY PLAN ${text}`)
        .all(...(text.includes('?') ? ['x'] : []))
        .map(({ detail }) => detail)
        .join();
    return { database, table: new OutcomeTable(prepare, bounds), ids, plan, statements, prepare };
  }

  it('lets the oldest go when there are too many or too much', () => {
    const { table, ids } = createTable({ count: 3, bytes: 2_000 });
    for (const id of ['a', 'b', 'c', 'd']) table.keep(outcome(id));
    assert.equal(ids(), 'bcd');
    table.keep(outcome('e', { text: 'x'.repeat(1_600) }));
    assert.equal(ids(), 'de');
    table.keep(outcome('e', { text: 'y' }));
    table.keep(outcome('f', { text: 'x'.repeat(1_200) }));
    assert.equal(ids(), 'def', 'what is replaced counts once');
  });

  it('lets what is a day old go, a few at a time', () => {
    const { table, ids } = createTable({ count: 1_000, bytes: 1_000_000 });
    for (let at = 0; at < 20; at += 1) table.keep(outcome(`${at}`));
    table.keep(outcome('a', { keptAt: 5 + KEPT_MS - 1 }));
    assert.equal(ids().length, 31);
    table.keep(outcome('b', { keptAt: 5 + KEPT_MS }));
    assert.equal(ids(), '16171819ab');
    table.keep(outcome('c', { keptAt: 5 + KEPT_MS }));
    assert.equal(ids(), 'abc');
  });

  it('counts what an earlier process left', () => {
    const { prepare, ids } = createTable({ count: 0, bytes: 0 });
    const earlier = new OutcomeTable(prepare, { count: 10, bytes: 10_000 });
    for (const id of ['a', 'b', 'c']) earlier.keep(outcome(id));
    const later = new OutcomeTable(prepare, { count: 3, bytes: 10_000 });
    later.keep(outcome('d'));
    assert.equal(ids(), 'bcd');
    later.forget('s');
    later.keep(outcome('e'));
    assert.equal(ids(), 'e');
  });

  it('looks at all rows only once, to count them', () => {
    const { table, statements, plan } = createTable({ count: 2, bytes: 10_000 });
    for (const id of ['a', 'b', 'c']) table.keep(outcome(id));
    table.find('a');
    const scans = [...new Set(statements)].filter((text) => /^SCAN(?! outcome USING)/.test(plan(text)));
    assert.deepEqual(scans, [
      'SELECT count(*) AS count, total(size) AS bytes FROM outcome',
      'SELECT number, size, kept_at FROM outcome ORDER BY number LIMIT 1',
    ]);
    assert.equal(statements.filter((text) => text.includes('count(*)')).length, 1);
  });
});
