// The embedded store: state in a file of the node's folder. Messages that finish in one turn of the event loop, and those that
// waited while the disk was busy, share one transaction and one sync.

import type { ObjectValue, Value } from '@relay/language';
import type { KeptOutcome } from '@relay/protocol';
import { errorCode, ROOT, StateFile, type SyncMode } from './state-file.ts';
import {
  StateNotSaved,
  type StateStore,
  StateUnreadable,
  type StoreWatch,
  type ValueCodec,
} from './state-store.ts';
import { type NamedNode, StoredTree } from './stored-tree.ts';

export interface SqliteStoreOptions {
  readonly folder: string;
  readonly sync: SyncMode;
}

interface Batch {
  /** The last state of each server; the ones before it nobody will ever ask for. */
  readonly states: Map<string, ObjectValue>;
  /** All of them, in order. */
  readonly outcomes: KeptOutcome[];
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Opened {
  readonly file: StateFile;
  readonly tree: StoredTree;
  readonly root: NamedNode;
  readonly servers: Map<string, NamedNode>;
}

export class SqliteStateStore implements StateStore {
  readonly #options: SqliteStoreOptions;
  readonly #codec: ValueCodec;
  readonly #watch: StoreWatch;
  readonly #open: (folder: string, sync: SyncMode) => StateFile;
  #opened: Opened | undefined;
  /** Of the last commit that is durable; a file that has another number of them is not the one we know. */
  #commits: number;
  #batch: Batch | undefined;

  constructor(
    options: SqliteStoreOptions,
    codec: ValueCodec,
    open: (folder: string, sync: SyncMode) => StateFile = (folder, sync) => new StateFile(folder, sync),
    watch: StoreWatch = UNWATCHED,
  ) {
    this.#options = options;
    this.#codec = codec;
    this.#open = open;
    this.#watch = watch;
    this.#commits = this.#reopen().file.commits;
  }

  load(server: string): ReadonlyMap<string, Value> | undefined {
    // A server that is defined again goes on from what its predecessor left.
    this.#flush();
    const opened = this.#opened ?? this.#reopen();
    const node = this.#read(() => this.#server(opened, server));
    if (node === undefined) return undefined;
    return new Map([...node.entries].map(([field, { value }]) => [field, value]));
  }

  commit(
    server: string,
    state: ObjectValue | undefined,
    _previous?: ObjectValue,
    outcome?: KeptOutcome,
  ): Promise<void> {
    if (this.#batch === undefined) {
      this.#batch = { states: new Map(), outcomes: [], ...Promise.withResolvers<void>() };
      setImmediate(() => this.#flush());
    }
    if (state !== undefined) this.#batch.states.set(server, state);
    if (outcome !== undefined) this.#batch.outcomes.push(outcome);
    return this.#batch.promise;
  }

  findOutcome(id: string): KeptOutcome | undefined {
    const { file } = this.#opened ?? this.#reopen();
    return this.#read(() => file.outcome(id));
  }

  close(): void {
    this.#flush();
    this.#opened?.file.close();
    this.#opened = undefined;
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    let hasBegun = false;
    const startedAt = this.#watch.now();
    try {
      const opened = this.#opened ?? this.#reopen();
      if (opened.file.commits !== this.#commits) {
        // A commit that was reported as failed is there after all, and the program has gone on without it.
        this.#watch.failed('commit');
        batch.reject(new StateUnreadable(`${opened.file.file} is not as this node left it; it is read anew`));
        return;
      }
      for (const [name, state] of batch.states) {
        let server = this.#server(opened, name);
        if (server === undefined) {
          server = opened.tree.addNamed(opened.root, name);
          opened.servers.set(name, server);
        }
        opened.tree.updateNamed(server, state);
      }
      const writes = opened.tree.takeWrites();
      for (const outcome of batch.outcomes) writes.push({ kind: 'outcome', outcome });
      hasBegun = true;
      if (writes.length > 0) opened.file.commit(writes);
      this.#commits = opened.file.commits;
      this.#watch.committed(this.#watch.now() - startedAt);
      batch.resolve();
    } catch (error) {
      this.#watch.failed('commit');
      // After a failed write or sync nobody knows what this handle believes; the next commit begins with a look at the file.
      const isFull = errorCode(error) === SQLITE_FULL;
      this.#close();
      const why = isFull
        ? 'no space left on the disk'
        : error instanceof Error
          ? error.message
          : String(error);
      batch.reject(
        new StateNotSaved(
          `the state could not be saved: ${why}; the message has changed nothing`,
          hasBegun && !isFull ? 'unknown' : 'yes',
          { cause: error },
        ),
      );
    }
  }

  #close(): void {
    try {
      this.#opened?.file.close();
    } catch {
      // A disk that does not write does not close well either.
    }
    this.#opened = undefined;
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.#watch.failed('read');
      throw error;
    }
  }

  #reopen(): Opened {
    let file: StateFile | undefined;
    try {
      file = this.#open(this.#options.folder, this.#options.sync);
      const tree = new StoredTree(file, this.#codec);
      this.#opened = { file, tree, root: tree.readNamed(ROOT, true), servers: new Map() };
      return this.#opened;
    } catch (error) {
      this.#watch.failed('open');
      file?.close();
      throw error;
    }
  }

  #server({ tree, root, servers }: Opened, name: string): NamedNode | undefined {
    const known = servers.get(name);
    const entry = root.entries.get(name);
    if (known !== undefined || entry === undefined) return known;
    const read = tree.readNamed(entry.value as number);
    servers.set(name, read);
    return read;
  }
}

const SQLITE_FULL = 13;

const UNWATCHED: StoreWatch = Object.freeze({ now: () => 0, committed: () => {}, failed: () => {} });

/** What the worker of a program imports. */
export function openStateStore(options: unknown, codec: ValueCodec, watch: StoreWatch): StateStore {
  return new SqliteStateStore(options as SqliteStoreOptions, codec, undefined, watch);
}
