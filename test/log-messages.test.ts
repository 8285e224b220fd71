// Every line that a node can log is on the page, with its levels, and no other.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { type Messages, messagesOf } from './log-page.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

/** `MESSAGE: LEVEL LEVEL`, sorted. */
function sorted(found: Messages): readonly string[] {
  return [...found].map(([message, levels]) => `${message}: ${[...levels].toSorted().join(' ')}`).toSorted();
}

function messagesIn(texts: Iterable<string>): Messages {
  const found = new Map<string, Set<string>>();
  for (const text of texts) {
    for (const [, level = '', message = ''] of text.matchAll(
      /\blog\.(error|warn|info|debug)\(\s*['`]([^'`]+)['`]/g,
    )) {
      const name = message.replace(/\$\{.*/, '…');
      found.set(name, (found.get(name) ?? new Set()).add(level));
    }
  }
  return found;
}

function* sources(): Iterable<string> {
  for (const file of globSync('packages/{federation,cli,host}/src/**/*.ts', { cwd: ROOT })) {
    if (!file.endsWith('.test.ts')) yield readFileSync(path.join(ROOT, file), 'utf8');
  }
}

it('the page of the log lists every message with its levels', () => {
  const documented = messagesOf(readFileSync(path.join(ROOT, 'docs/observability.md'), 'utf8'));
  assert.ok(documented.size > 10);
  assert.deepEqual(sorted(documented), sorted(messagesIn(sources())));
});

it('a message without a row, or with another level, would be noticed', () => {
  const page =
    '| Message | Level | Fields | When |\n|---|---|---|---|\n| `a`, `b` | `warn`, else `info` | | x |\n\n';
  assert.deepEqual(sorted(messagesOf(page)), ['a: info warn', 'b: info warn']);
  const source = "log.warn('a', {}); this.#log.info(`b $" + '{x}`)';
  assert.deepEqual(sorted(messagesIn([source])), ['a: warn', 'b …: info']);
});
