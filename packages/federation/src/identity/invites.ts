// Join tokens (`rlj_<id>_<secret>`) and ids to forget, left in the folder of a Main by commands that run beside it. SQLite, because
// the Main and such a command write at the same time, and a token must be used up by exactly one of those that show it.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { OwnerRole } from './admission-store.ts';

export interface ForgottenId {
  readonly role: OwnerRole;
  readonly id: string;
}

export interface InviteStore {
  /** Whether this token lets a stranger of this role in. Unknown, wrong, used and expired look alike, and cost alike. */
  isValid(token: string, role: OwnerRole, wallNow: number): boolean;
  /** Uses the token up; false for all but the first who shows it. */
  consume(token: string, role: OwnerRole, wallNow: number): boolean;
  /** Ids whose key somebody has asked to forget since the last look. */
  takeForgotten(): readonly ForgottenId[];
}

/** What `relay invite` and `relay forget` do beside a Main that may be running. */
export interface InviteBook extends InviteStore, Disposable {
  /** Returns the token, which is kept nowhere. */
  create(role: OwnerRole, expiresAt: number, wallNow: number): string;
  requestForget(role: OwnerRole, id: string): void;
}

/** In the folder of a Main. */
export const INVITES_FILE = 'invites.db';

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const TOKEN = /^rlj_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
/** Another process writes for a moment; longer than this something is wrong, and the handshake fails instead of the Main. */
const BUSY_MS = 1_000;
/** Used tokens say nothing; they are kept for a look at what happened. */
const KEPT_MS = 7 * 86_400_000;
const NOBODYS_HASH = Buffer.alloc(32);

export function openInvites(folder: string): InviteBook {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, INVITES_FILE);
  const isNew = !existsSync(file);
  // The mode comes from the umask while it is made: nobody else may read even the hashes.
  const umask = isNew ? process.umask(0o077) : undefined;
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(file, { timeout: BUSY_MS });
    database.exec(`PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS invite (id TEXT PRIMARY KEY, hash BLOB NOT NULL, role TEXT NOT NULL,
        expires_at INTEGER NOT NULL, used_at INTEGER) STRICT;
      CREATE TABLE IF NOT EXISTS forget (role TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (role, id)) STRICT`);
  } finally {
    if (umask !== undefined) process.umask(umask);
  }
  const select = database.prepare('SELECT hash, role, expires_at, used_at FROM invite WHERE id = ?');
  const use = database.prepare('UPDATE invite SET used_at = ? WHERE id = ? AND used_at IS NULL');
  const insert = database.prepare('INSERT INTO invite (id, hash, role, expires_at) VALUES (?, ?, ?, ?)');
  const prune = database.prepare('DELETE FROM invite WHERE expires_at < ?');
  const hasForgotten = database.prepare('SELECT 1 FROM forget LIMIT 1');
  const takeForgotten = database.prepare('DELETE FROM forget RETURNING role, id');
  const addForgotten = database.prepare('INSERT OR IGNORE INTO forget (role, id) VALUES (?, ?)');

  const isValid = (token: string, role: OwnerRole, wallNow: number): boolean => {
    const [, id = '', secret = ''] = TOKEN.exec(token) ?? [];
    const row = select.get(id);
    const hash = row?.['hash'] instanceof Uint8Array ? row['hash'] : NOBODYS_HASH;
    const isRight = timingSafeEqual(hashOf(secret), hash);
    if (row === undefined || !isRight) return false;
    return row['role'] === role && Number(row['expires_at']) > wallNow && row['used_at'] === null;
  };
  return {
    isValid,
    consume(token, role, wallNow) {
      if (!isValid(token, role, wallNow)) return false;
      const [, id = ''] = TOKEN.exec(token) ?? [];
      return use.run(wallNow, id).changes === 1;
    },
    takeForgotten() {
      // Reading alone takes no lock that would wait for the disk.
      if (hasForgotten.get() === undefined) return [];
      return takeForgotten
        .all()
        .map(({ role, id }) => ({ role: role === 'main' ? 'main' : 'home', id: String(id) }));
    },
    create(role, expiresAt, wallNow) {
      const id = randomBytes(ID_BYTES).toString('hex');
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      prune.run(wallNow - KEPT_MS);
      insert.run(id, hashOf(secret), role, expiresAt);
      return `rlj_${id}_${secret}`;
    },
    requestForget: (role, id) => void addForgotten.run(role, id),
    [Symbol.dispose]: () => database.close(),
  };
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
