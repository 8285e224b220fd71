// Outcomes of calls with an idempotency key in the file of the state: written in the transaction of what the call changed, so that
// after a crash both are there or neither. Rows are numbered in the order of their making, which is what the oldest are found by.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { KEPT_MS, type KeptOutcome, keptSizeOf, type OutcomeBounds } from '@relay/protocol';

export const CREATE_OUTCOMES = `
  CREATE TABLE outcome (number INTEGER PRIMARY KEY, size INTEGER NOT NULL, kept_at INTEGER NOT NULL, sum INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE, service TEXT NOT NULL, fingerprint TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);`;

/** Rows that one new outcome may push out at most: more than come in, few enough for nobody to wait for. */
const MAX_DROPPED = 16;

interface Row {
  readonly number: number;
  readonly size: number;
  readonly kept_at: number;
}

interface OutcomeRow extends Row {
  readonly sum: number;
  readonly service: string;
  readonly fingerprint: string;
  readonly kind: KeptOutcome['kind'];
  readonly text: string;
}

/** Valid as long as its database: after a transaction that was rolled back it must be made anew. */
export class OutcomeTable {
  readonly #prepare: (text: string) => StatementSync;
  readonly #bounds: OutcomeBounds;
  /** Undefined: not counted yet. */
  #count: number | undefined;
  #bytes = 0;

  /** `prepare`: of the database, with or without a memory. */
  constructor(prepare: DatabaseSync['prepare'], bounds: OutcomeBounds) {
    this.#prepare = prepare;
    this.#bounds = bounds;
  }

  /** Undefined: there is none. Throws `DamagedOutcome`. */
  find(id: string): KeptOutcome | undefined {
    const row = this.#prepare('SELECT * FROM outcome WHERE id = ?').get(id) as OutcomeRow | undefined;
    if (row === undefined) return undefined;
    const { service, fingerprint, kind, text } = row;
    const outcome: KeptOutcome = { id, service, fingerprint, keptAt: row.kept_at, kind, text };
    if (sumOf(outcome) !== row.sum) throw new DamagedOutcome();
    return outcome;
  }

  /** Within a transaction. */
  keep(outcome: KeptOutcome): void {
    const count = this.#counted();
    const size = keptSizeOf(outcome);
    const earlier = this.#prepare('DELETE FROM outcome WHERE id = ? RETURNING size').get(outcome.id);
    this.#bytes += size - ((earlier as Pick<Row, 'size'> | undefined)?.size ?? 0);
    this.#count = count + (earlier === undefined ? 1 : 0);
    const { id, service, fingerprint, keptAt, kind, text } = outcome;
    this.#prepare(
      'INSERT INTO outcome (size, kept_at, sum, id, service, fingerprint, kind, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ).run(size, keptAt, sumOf(outcome), id, service, fingerprint, kind, text);
    this.#dropOldest(keptAt);
  }

  /** Within a transaction. Looks at all of them. */
  forget(service: string): void {
    this.#prepare('DELETE FROM outcome WHERE service = ?').run(service);
    this.#count = undefined;
  }

  #dropOldest(now: number): void {
    for (let dropped = 0; dropped < MAX_DROPPED; dropped += 1) {
      const oldest = this.#prepare('SELECT number, size, kept_at FROM outcome ORDER BY number LIMIT 1').get();
      if (oldest === undefined) return;
      const { number, size, kept_at: keptAt } = oldest as unknown as Row;
      const isOver = this.#counted() > this.#bounds.count || this.#bytes > this.#bounds.bytes;
      if (!isOver && now - keptAt < KEPT_MS) return;
      this.#prepare('DELETE FROM outcome WHERE number = ?').run(number);
      this.#count = this.#counted() - 1;
      this.#bytes -= size;
    }
  }

  #counted(): number {
    if (this.#count === undefined) {
      const sums = this.#prepare('SELECT count(*) AS count, total(size) AS bytes FROM outcome').get();
      const { count, bytes } = sums as { readonly count: number; readonly bytes: number };
      this.#bytes = bytes;
      this.#count = count;
    }
    return this.#count;
  }
}

export class DamagedOutcome extends Error {
  override readonly name = 'DamagedOutcome';

  constructor() {
    super('an outcome kept for an idempotency key does not match its checksum');
  }
}

function sumOf({ id, service, fingerprint, keptAt, kind, text }: KeptOutcome): number {
  return crc32(`${id}/${service}/${fingerprint}/${keptAt}/${kind}/${text}`) | 0;
}
