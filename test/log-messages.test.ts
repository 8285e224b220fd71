// Every line that a node can log is on the page, with its levels, and no other.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';

const ROOT = path.resolve(import.meta.dirname, '..');

/** `MESSAGE: LEVEL LEVEL`, sorted. A message that goes on with something else ends in `…`. */
type Messages = readonly string[];

function sorted(found: ReadonlyMap<string, ReadonlySet<string>>): Messages {
  return [...found].map(([message, levels]) => `${message}: ${[...levels].toSorted().join(' ')}`).toSorted();
}

function add(found: Map<string, Set<string>>, message: string, level: string): void {
  found.set(message, (found.get(message) ?? new Set()).add(level));
}

function messagesIn(texts: Iterable<string>): Messages {
  const found = new Map<string, Set<string>>();
  for (const text of texts) {
    for (const [, level = '', message = ''] of text.matchAll(
      /\blog\.(error|warn|info|debug)\(\s*['`]([^'`]+)['`]/g,
    )) {
      add(found, message.replace(/\$\{.*/, '…'), level);
    }
  }
  return sorted(found);
}

function messagesOf(page: string): Messages {
  const found = new Map<string, Set<string>>();
  const table = page.slice(page.indexOf('| Message | Level |')).split('\n\n')[0] ?? '';
  for (const row of table.split('\n').slice(2)) {
    const [, messages = '', levels = ''] = row.split('|');
    for (const [, message = ''] of messages.matchAll(/`([^`]+)`/g)) {
      for (const [, level = ''] of levels.matchAll(/`([^`]+)`/g)) add(found, message, level);
    }
  }
  return sorted(found);
}

function* sources(): Iterable<string> {
  for (const file of globSync('packages/{federation,cli,host}/src/**/*.ts', { cwd: ROOT })) {
    if (!file.endsWith('.test.ts')) yield readFileSync(path.join(ROOT, file), 'utf8');
  }
}

it('the page of the log lists every message with its levels', () => {
  const documented = messagesOf(readFileSync(path.join(ROOT, 'docs/observability.md'), 'utf8'));
  assert.ok(documented.length > 10);
  assert.deepEqual(documented, messagesIn(sources()));
});

it('a message without a row, or with another level, would be noticed', () => {
  const page =
    '| Message | Level | Fields | When |\n|---|---|---|---|\n| `a`, `b` | `warn`, else `info` | | x |\n\n';
  assert.deepEqual(messagesOf(page), ['a: info warn', 'b: info warn']);
  const source = "log.warn('a', {}); this.#log.info(`b $" + '{x}`)';
  assert.deepEqual(messagesIn([source]), ['a: warn', 'b …: info']);
});
