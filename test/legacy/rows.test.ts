// Every row of the conformance tables of legacy-p2p.md §8 and §11 is a test whose name begins with the row's id.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';

const ROOT = path.resolve(import.meta.dirname, '../..');
const TABLES = { W: 23, R: 11, H: 34, B: 6 };

/** Ids at the beginning of texts: `it('W1: …`, `row: 'H2: …`, and the list of rows that say the same. */
const ROW = /['`]([WRHB]\d+)(?=[:,'])/g;

it('every row has a test of its name', () => {
  const named = new Set<string>();
  for (const file of globSync(['{packages/*/src/legacy,test/legacy}/*.test.ts'], { cwd: ROOT })) {
    if (file.endsWith('rows.test.ts')) continue;
    for (const [, id = ''] of readFileSync(path.join(ROOT, file), 'utf8').matchAll(ROW)) named.add(id);
  }
  const rows = Object.entries(TABLES).flatMap(([letter, last]) =>
    Array.from({ length: last }, (_, index) => `${letter}${index + 1}`),
  );
  assert.deepEqual(
    rows.filter((row) => !named.has(row)),
    [],
  );
});
