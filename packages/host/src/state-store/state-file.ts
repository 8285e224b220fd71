// The file that holds the state of a node's servers: SQLite with a write-ahead log. One tree of rows: the entries of node 1 are the
// servers, theirs the fields, and so on; what is small stands as JSON in its row, what is large is a node of its own. Every row has
// a checksum over itself and its place, every node the count and the combined checksum of its rows, so that a bit that fell over is
// found, wherever it is, and never read as something else.

import { closeSync, existsSync, fsyncSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { type KeptOutcome, STORED_OUTCOMES } from '@relay/protocol';
import { CREATE_OUTCOMES, OutcomeTable } from './outcome-table.ts';
import { StateUnreadable } from './state-store.ts';
import { findDamagedLog } from './write-ahead-log.ts';

export const STATE_FILE = 'state.db';

export type SyncMode = 'full' | 'normal';

export type NodeKind = 'object' | 'array';

export interface NodeRecord {
  readonly kind: NodeKind;
  readonly count: number;
  readonly sum: number;
}

export interface RowRecord {
  readonly place: number;
  /** Of objects; empty in arrays. */
  readonly key: string;
  /** JSON text, or `@ID` of a node. */
  readonly value: string;
  readonly sum: number;
}

/** One change; a list of them is a transaction. */
export type Write =
  | {
      readonly kind: 'row';
      readonly node: number;
      readonly place: number;
      readonly key: string;
      readonly value: string;
      readonly sum: number;
    }
  | { readonly kind: 'delete-row'; readonly node: number; readonly place: number }
  | { readonly kind: 'node'; readonly node: number; readonly record: NodeRecord }
  | { readonly kind: 'delete-node'; readonly node: number }
  | { readonly kind: 'outcome'; readonly outcome: KeptOutcome }
  | { readonly kind: 'forget-outcomes'; readonly service: string };

/** Its entries are the servers. */
export const ROOT = 1;
/** Its count is the number of commits so far. */
const COUNTER = 0;

const APPLICATION_ID = 0x524c_5354;
/** 2: with outcomes of calls that have an idempotency key. A file of format 1 gets their table when it is opened. */
const FORMAT = 2;
/** Looking through the structure of a larger file would make starts slow; what is read is checked row by row in any case. */
const QUICK_CHECK_BYTES = 64 * 1024 * 1024;
const BUSY_MS = 5_000;
const SYNCHRONOUS = { normal: 1, full: 2 } as const;

export function rowSum(node: number, place: number, key: string, value: string): number {
  return crc32(`${node}/${place}/${key.length}/${key}${value}`) | 0;
}

function nodeCheck(node: number, { kind, count, sum }: NodeRecord): number {
  return crc32(`${node}/${kind}/${count}/${sum}`) | 0;
}

export class StateFile {
  readonly file: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #outcomes: OutcomeTable;
  #commits: number;

  /** Throws `StateUnreadable` for a damaged file, and for one that is none of ours. */
  constructor(folder: string, sync: SyncMode) {
    this.file = path.join(folder, STATE_FILE);
    const isNew = !existsSync(this.file) || statSync(this.file).size === 0;
    if (isNew) createPrivate(this.file);
    const damage = findDamagedLog(`${this.file}-wal`);
    if (damage !== undefined) throw this.#damaged(damage);
    this.#database = new DatabaseSync(this.file, { timeout: BUSY_MS });
    this.#outcomes = new OutcomeTable((text) => this.#statement(text), STORED_OUTCOMES);
    try {
      this.#commits = this.#guard(() => {
        this.#configure(sync);
        if (isNew) this.#create();
        else this.#verify();
        return this.#node(COUNTER).count;
      });
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** How many transactions were committed to this file. */
  get commits(): number {
    return this.#commits;
  }

  node(id: number): NodeRecord {
    return this.#guard(() => this.#node(id));
  }

  /** In order of their places, each checked, and together as many and the ones that the node counts. */
  rows(id: number, { count, sum }: NodeRecord): RowRecord[] {
    return this.#guard(() => {
      const select = this.#statement('SELECT place, key, value, sum FROM row WHERE node = ? ORDER BY place');
      select.setReturnArrays(true);
      const rows: RowRecord[] = [];
      let found = 0;
      for (const read of select.iterate(id)) {
        const [place, key, value, sum] = read as unknown as [number, string, string, number];
        if (rowSum(id, place, key, value) !== sum) {
          throw this.#damaged(`entry ${place} of node ${id} does not match its checksum`);
        }
        found ^= sum;
        rows.push({ place, key, value, sum });
      }
      if (rows.length !== count || found !== sum) {
        throw this.#damaged(
          `node ${id} has ${rows.length} entries that do not match its checksum of ${count}`,
        );
      }
      return rows;
    });
  }

  /** The highest node id in use. */
  lastNode(): number {
    return this.#guard(
      () => (this.#statement('SELECT max(id) AS last FROM node').get() as { readonly last: number }).last,
    );
  }

  /** What is kept of a call with an idempotency key. Throws `DamagedOutcome`. */
  outcome(id: string): KeptOutcome | undefined {
    return this.#guard(() => this.#outcomes.find(id));
  }

  /** All of it or nothing; when it returns it is as durable as the sync mode says. */
  commit(writes: readonly Write[]): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const write of writes) this.#write(write);
      this.#putNode(COUNTER, { kind: 'object', count: this.#commits + 1, sum: 0 });
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
    this.#commits += 1;
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #configure(sync: SyncMode): void {
    const value = (pragma: string): unknown =>
      Object.values(this.#database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
    const journal = value('journal_mode = WAL');
    if (journal !== 'wal')
      throw new StateUnreadable(`${this.file} cannot have a write-ahead log (${journal})`);
    this.#database.exec(`PRAGMA synchronous = ${SYNCHRONOUS[sync]}`);
    // A library built with another default, or a typing error above, must not cost anybody's data silently.
    if (value('synchronous') !== SYNCHRONOUS[sync]) {
      throw new StateUnreadable(`${this.file}: synchronous is ${value('synchronous')}, not ${sync}`);
    }
    if (value('application_id') !== 0 && value('application_id') !== APPLICATION_ID) {
      throw new StateUnreadable(`${this.file} is not a state file of Relay; move it away`);
    }
    if ((value('user_version') as number) > FORMAT) {
      throw new StateUnreadable(`${this.file} was written by a newer version of Relay; use that one`);
    }
  }

  #create(): void {
    this.#database.exec(`BEGIN IMMEDIATE;
      CREATE TABLE node (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, count INTEGER NOT NULL, sum INTEGER NOT NULL, "check" INTEGER NOT NULL);
      CREATE TABLE row (node INTEGER NOT NULL, place INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, sum INTEGER NOT NULL,
        PRIMARY KEY (node, place)) WITHOUT ROWID;
      ${CREATE_OUTCOMES}
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${FORMAT};`);
    for (const id of [COUNTER, ROOT]) this.#putNode(id, { kind: 'object', count: 0, sum: 0 });
    this.#database.exec('COMMIT');
    syncFolder(path.dirname(this.file));
  }

  #verify(): void {
    const tables = this.#database
      .prepare(
        "SELECT count(*) AS count FROM sqlite_schema WHERE type = 'table' AND name IN ('node', 'row', 'outcome')",
      )
      .get() as { readonly count: number };
    const { user_version: format } = this.#database.prepare('PRAGMA user_version').get() as {
      readonly user_version: number;
    };
    if (tables.count === 0 && statSync(this.file).size <= 4_096) {
      // Ended between its making and its first commit: nothing was ever acknowledged.
      this.#create();
      return;
    }
    if (tables.count !== (format < 2 ? 2 : 3)) throw this.#damaged('its tables are missing');
    if (format < 2) {
      this.#database.exec(`BEGIN IMMEDIATE; ${CREATE_OUTCOMES} PRAGMA user_version = ${FORMAT}; COMMIT`);
    }
    if (statSync(this.file).size > QUICK_CHECK_BYTES) return;
    const found = Object.values(this.#database.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
    if (found !== 'ok') throw this.#damaged(String(found));
  }

  #node(id: number): NodeRecord {
    const row = this.#statement('SELECT kind, count, sum, "check" FROM node WHERE id = ?').get(id) as
      | (NodeRecord & { readonly check: number })
      | undefined;
    if (row === undefined) throw this.#damaged(`node ${id} is missing`);
    if (nodeCheck(id, row) !== row.check) throw this.#damaged(`node ${id} does not match its checksum`);
    return row;
  }

  #putNode(id: number, record: NodeRecord): void {
    this.#statement('INSERT OR REPLACE INTO node (id, kind, count, sum, "check") VALUES (?, ?, ?, ?, ?)').run(
      id,
      record.kind,
      record.count,
      record.sum,
      nodeCheck(id, record),
    );
  }

  #write(write: Write): void {
    switch (write.kind) {
      case 'row':
        this.#statement(
          'INSERT OR REPLACE INTO row (node, place, key, value, sum) VALUES (?, ?, ?, ?, ?)',
        ).run(write.node, write.place, write.key, write.value, write.sum);
        break;
      case 'delete-row':
        this.#statement('DELETE FROM row WHERE node = ? AND place = ?').run(write.node, write.place);
        break;
      case 'node':
        this.#putNode(write.node, write.record);
        break;
      case 'delete-node':
        this.#statement('DELETE FROM row WHERE node = ?').run(write.node);
        this.#statement('DELETE FROM node WHERE id = ?').run(write.node);
        break;
      case 'outcome':
        this.#outcomes.keep(write.outcome);
        break;
      case 'forget-outcomes':
        this.#outcomes.forget(write.service);
        break;
      default:
        unreachable(write);
    }
  }

  #statement(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#database.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /** What SQLite says of a damaged file in the words of this one. */
  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      const code = errorCode(error);
      if (code !== undefined && DAMAGE.has(code & 0xff)) throw this.#damaged((error as Error).message);
      throw error;
    }
  }

  #damaged(why: string): StateUnreadable {
    return new StateUnreadable(
      `the state in ${this.file} is damaged: ${why}; put a backup of this folder in its place, or start without it: ` +
        `relay state reset ${path.dirname(this.file)}`,
    );
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB; SQLITE_ERROR where a table is not as it was made. */
const DAMAGE: ReadonlySet<number> = new Set([1, 11, 26]);

/** The extended result code of SQLite. */
export function errorCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}

/** For the owner only; the log beside it gets the same rights from SQLite. */
function createPrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
}

/** A new name in a folder is durable only with the folder. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function unreachable(value: never): never {
  throw new Error(`unhandled write ${JSON.stringify(value)}`);
}
