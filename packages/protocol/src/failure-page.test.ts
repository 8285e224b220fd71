// docs/errors.md has a section for every failure, and none for one that is gone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { FAILURES } from './failure.ts';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => [/^`([a-z_]+)`$/m.exec(text)?.[1] ?? text.slice(0, 40), text]),
);

describe('docs/errors.md', () => {
  it('has a section for every failure in the order of the table, and no other', () => {
    assert.deepEqual([...sections.keys()], Object.keys(FAILURES));
  });

  for (const [name, row] of Object.entries(FAILURES)) {
    it(`says of ${name} what the table says`, () => {
      const breaker = row.countsForBreaker ? 'counts for the breaker' : 'does not count for the breaker';
      const elsewhere = row.canTryElsewhere ? 'may go elsewhere' : 'stays where it is';
      const [, , line] = (sections.get(name) ?? '').split('\n');
      assert.equal(line, `\`${row.code}\` · ${row.title} · ${row.executed} · ${breaker} · ${elsewhere}`);
    });

    it(`says of ${name} what happened, where, whether it ran and what to do`, () => {
      const said = [...(sections.get(name) ?? '').matchAll(/^- \*\*(.+?):\*\* (\S.{2,})$/gm)];
      assert.deepEqual(
        said.map(([, what]) => what),
        ['What happened', 'Where', 'Did it run', 'What to do'],
      );
    });
  }
});
