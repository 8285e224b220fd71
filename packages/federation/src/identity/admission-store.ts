// Which key owns which id, kept over restarts. The file is a journal of JSON lines: a handshake costs one short append, however many
// ids are remembered, and the journal is written anew, atomically, when most of it is history.

import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { writeAtomically } from './write-atomically.ts';

/** What kind of node owns the id. Clients own none. */
export type OwnerRole = 'home' | 'main';

/** How an id stands: with a session, without one that may come back, or gone by its own word. */
export type Presence = 'connected' | 'lost' | 'left';

const PRESENCES: readonly unknown[] = ['connected', 'lost', 'left'] satisfies Presence[];

export interface AdmissionRecord {
  readonly role: OwnerRole;
  readonly id: string;
  /** base64url. */
  readonly key: string;
  /** Highest epoch that was given. */
  readonly epoch: number;
  /** Wall ms. */
  readonly seenAt: number;
  /** `connected` in the journal of a Main that does not run: it had a session when the Main ended. */
  readonly presence: Presence;
}

export interface AdmissionStore {
  /** In order of last use. */
  load(): readonly AdmissionRecord[];
  put(record: AdmissionRecord): void;
  remove(role: OwnerRole, id: string): void;
}

/** For tests; `records` outlives the Main that uses it. */
export function createMemoryAdmissionStore(records = new Map<string, AdmissionRecord>()): AdmissionStore {
  return {
    load: () => [...records.values()],
    put(record) {
      const key = `${record.role} ${record.id}`;
      records.delete(key);
      records.set(key, record);
    },
    remove: (role, id) => void records.delete(`${role} ${id}`),
  };
}

/** Lines of history beyond those that still count, from which on the journal is written anew. */
const HISTORY_LINES = 10_000;

/** In the folder of a Main. */
export const ADMITTED_FILE = 'admitted.jsonl';

/** What a Main remembers, by role and id; it may be running. */
export function readAdmissionRecords(file: string): Map<string, AdmissionRecord> {
  const records = new Map<string, AdmissionRecord>();
  const memory = createMemoryAdmissionStore(records);
  for (const line of readLines(file)) {
    const entry = parse(line);
    if (entry === undefined) continue;
    if (entry.key === '') memory.remove(entry.role, entry.id);
    else memory.put(entry);
  }
  return records;
}

export function createFileAdmissionStore(file: string): AdmissionStore {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const records = readAdmissionRecords(file);
  const memory = createMemoryAdmissionStore(records);
  let lines = 0;
  /** Open for as long as this file is the journal: opening it anew costs several times what a line does. */
  let journal: number | undefined;
  const compact = (): void => {
    writeAtomically(file, [...records.values()].map((record) => `${JSON.stringify(record)}\n`).join(''));
    lines = records.size;
    if (journal !== undefined) closeSync(journal);
    journal = undefined;
  };
  // Also drops a last line that a crash cut short, which would spoil the next one.
  compact();
  const append = (record: AdmissionRecord): void => {
    // NOTE: not synced: a process that dies loses nothing, a machine that loses power may forget its last second of handshakes.
    journal ??= openSync(file, 'a', 0o600);
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    for (let offset = 0; offset < line.length; ) offset += writeSync(journal, line, offset);
    lines += 1;
    if (lines > 2 * records.size + HISTORY_LINES) compact();
  };
  return {
    load: memory.load,
    put(record) {
      memory.put(record);
      append(record);
    },
    remove(role, id) {
      memory.remove(role, id);
      append({ role, id, key: '', epoch: 0, seenAt: 0, presence: 'left' });
    },
  };
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function parse(line: string): AdmissionRecord | undefined {
  if (line === '') return undefined;
  try {
    const { role, id, key, epoch, seenAt, presence } = JSON.parse(line) as Partial<AdmissionRecord>;
    if ((role !== 'home' && role !== 'main') || typeof id !== 'string' || typeof key !== 'string')
      return undefined;
    if (typeof epoch !== 'number' || typeof seenAt !== 'number') return undefined;
    return { role, id, key, epoch, seenAt, presence: isPresence(presence) ? presence : 'left' };
  } catch {
    return undefined;
  }
}

function isPresence(value: unknown): value is Presence {
  return PRESENCES.includes(value);
}
