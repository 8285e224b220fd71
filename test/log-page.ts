// The table of log messages on the page, for the tests that hold it against the sources and against running nodes.

/** Levels by message. */
export type Messages = ReadonlyMap<string, ReadonlySet<string>>;

/** A message that goes on with something else ends in `…`. */
export function messagesOf(page: string): Messages {
  const found = new Map<string, Set<string>>();
  const table = page.slice(page.indexOf('| Message | Level |')).split('\n\n')[0] ?? '';
  for (const row of table.split('\n').slice(2)) {
    const [, messages = '', levels = ''] = row.split('|');
    for (const [, message = ''] of messages.matchAll(/`([^`]+)`/g)) {
      const words = [...levels.matchAll(/`([^`]+)`/g)].map(([, level = '']) => level);
      found.set(message, new Set(words));
    }
  }
  return found;
}
