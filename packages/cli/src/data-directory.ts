// One folder per node below the data directory: its generated id, its key and the state of its program. Locked while the node
// runs. The lock is one of the operating system (through SQLite), so it ends with its process, however that ends; the pid beside
// it is only told to people. cli.md §5.

import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isNodeId } from '@relay/protocol';
import type { Role } from './flags.ts';
import { CommandFailure } from './usage.ts';

export interface NodeFolder {
  readonly nodeId: string;
  readonly isGenerated: boolean;
  /** For state and keys. */
  readonly path: string;
  /** Lets another process have the folder. Idempotent. */
  release(): void;
}

export interface FolderRequest {
  readonly dataDir: string;
  readonly role: Role;
  /** Given by a person; otherwise one is generated and kept. */
  readonly nodeId: string | undefined;
  /** Program file: each has its own generated id. */
  readonly file: string | undefined;
}

/** More nodes started in the same way on one machine than this are a mistake. */
const MAX_TWINS = 1000;

/** Takes the folder of a node. Throws a CommandFailure if it cannot be written or is in use. */
export function openNodeFolder(request: FolderRequest): NodeFolder {
  const { dataDir, nodeId } = request;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.W_OK);
    if (nodeId !== undefined) {
      const own = path.join(dataDir, nodeId);
      const folder = existsSync(own) ? own : (folderOfGenerated(dataDir, nodeId) ?? own);
      const lock = takeLock(folder);
      if (lock.kind === 'taken') {
        throw new CommandFailure(`node ${nodeId} is already running here (pid ${lock.pid})`);
      }
      return { nodeId, isGenerated: false, path: folder, release: lock.release };
    }
    return openGenerated(request);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(`cannot write to ${dataDir}: ${reasonOf(error)} (set RELAY_DATA_DIR)`);
  }
}

/** Where the node lives that got this id here. Whoever names it, to change its role for one, finds its state and key again. */
function folderOfGenerated(dataDir: string, nodeId: string): string | undefined {
  const name = readdirSync(dataDir).find((entry) => {
    const idFile = path.join(dataDir, entry, 'node-id');
    return existsSync(idFile) && readFileSync(idFile, 'utf8').trim() === nodeId;
  });
  return name === undefined ? undefined : path.join(dataDir, name);
}

/** The first folder of this role and program that no running node holds; a twin gets the next one. */
function openGenerated({ dataDir, role, file }: FolderRequest): NodeFolder {
  for (let twin = 1; twin <= MAX_TWINS; twin += 1) {
    const folder = path.join(dataDir, folderName(role, file, twin));
    const lock = takeLock(folder);
    if (lock.kind === 'taken') continue;
    const idFile = path.join(folder, 'node-id');
    let nodeId = existsSync(idFile) ? readFileSync(idFile, 'utf8').trim() : '';
    if (!isNodeId(nodeId)) {
      nodeId = generateNodeId(role);
      writeFileSync(idFile, `${nodeId}\n`, { mode: 0o600 });
    }
    return { nodeId, isGenerated: true, path: folder, release: lock.release };
  }
  throw new CommandFailure(
    `more than ${MAX_TWINS} nodes of this program run here; give them ids with -node-id`,
  );
}

/** `main-` or `home-` (nothing in P2P mode) and 16 hex digits from a cryptographic source. */
export function generateNodeId(role: Role): string {
  return `${role === 'p2p' ? '' : `${role}-`}${randomBytes(8).toString('hex')}`;
}

/** `~` stands in no node id, so these names never meet that of a given id. */
function folderName(role: Role, file: string | undefined, twin: number): string {
  const parts: string[] = [role];
  if (file !== undefined) {
    const full = path.resolve(file);
    const stem = path
      .basename(full, path.extname(full))
      .replace(/[^A-Za-z0-9_-]/g, '_')
      .slice(0, 64);
    parts.push(stem, createHash('sha256').update(full).digest('hex').slice(0, 8));
  }
  if (twin > 1) parts.push(String(twin));
  return parts.length === 1 ? `${role}~` : parts.join('~');
}

/** Takes the folder of a node that is not running, for work on its files. Throws a CommandFailure if it runs. */
export function holdNodeFolder(folder: string, nodeId: string): Disposable {
  const lock = takeLock(folder);
  if (lock.kind === 'taken') {
    throw new CommandFailure(`node ${nodeId} is running (pid ${lock.pid}); stop it first`);
  }
  return { [Symbol.dispose]: lock.release };
}

type Lock =
  | { readonly kind: 'held'; readonly release: () => void }
  | { readonly kind: 'taken'; readonly pid: string };

function takeLock(folder: string): Lock {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pidFile = path.join(folder, 'pid');
  const database = new DatabaseSync(path.join(folder, 'lock'));
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    return { kind: 'taken', pid: existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : 'unknown' };
  }
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  let isHeld = true;
  return {
    kind: 'held',
    release: () => {
      if (isHeld) database.close();
      isHeld = false;
    },
  };
}

function isBusy(error: unknown): boolean {
  // SQLITE_BUSY
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const texts: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    EROFS: 'read-only file system',
    ENOSPC: 'no space left on device',
    ENOTDIR: 'not a directory',
    EEXIST: 'not a directory',
  };
  return (code === undefined ? undefined : texts[code]) ?? error.message;
}
