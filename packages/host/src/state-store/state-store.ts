// Where the state of servers outlives a message. The port is in terms of values, so that a store can write only what is not
// identical to the last commit; it runs beside the program, in the worker.

import type { ObjectValue, Value } from '@relay/language';
import type { FindOutcome, KeptOutcome } from '@relay/protocol';
import type { StoreOperation } from '../program-meter.ts';

/** JSON of language.md §18 in the tagged form, which loses nothing. */
export interface ValueCodec {
  encode(value: Value): string;
  /** Throws for text that is not JSON. */
  decode(text: string): Value;
  /** What an object with `_type` stands for, if it stands for something else. */
  revive(object: ObjectValue): Value;
}

export interface StateStore {
  /** Stored fields of a server, undefined if it never committed. Called once per start of a server, before its first message. */
  load(server: string): ReadonlyMap<string, Value> | undefined;
  /**
   * Takes over the state a message leaves, if it leaves another one, and the outcome to be kept, if its call had an idempotency key;
   * together, and in order of the calls. Undefined: it is durable already. A rejection with
   * `StateNotSaved` takes back every commit that is not durable yet: they are rejected as well, and the program goes on with what
   * is. Any other rejection means that nobody knows what is stored; the program is then started anew from the store.
   */
  commit(
    server: string,
    state: ObjectValue | undefined,
    previous: ObjectValue | undefined,
    outcome?: KeptOutcome,
  ): Promise<void> | undefined;
  /** What it keeps of a call, once that is durable. Asked for calls with an idempotency key only. */
  readonly findOutcome: FindOutcome;
  /** After the last commit. */
  close(): void;
}

/** A commit failed, and the state is as it was before. */
export class StateNotSaved extends Error {
  override readonly name = 'StateNotSaved';
  /** `unknown`: it may be on disk all the same, and be found there by the next start. */
  readonly executed: 'yes' | 'unknown';

  constructor(message: string, executed: 'yes' | 'unknown', options?: ErrorOptions) {
    super(message, options);
    this.executed = executed;
  }
}

/** The store cannot be opened or read. The message says what to do. */
export class StateUnreadable extends Error {
  override readonly name = 'StateUnreadable';
}

/** Who looks on at a store, and lends it the clock for that. */
export interface StoreWatch {
  /** In ms, monotonic. */
  readonly now: () => number;
  /** A commit is durable after so many ms. */
  readonly committed: (ms: number) => void;
  readonly failed: (operation: StoreOperation) => void;
}

/** What a module of a store exports as `openStateStore`. */
export type OpenStateStore = (
  options: unknown,
  codec: ValueCodec,
  watch: StoreWatch,
) => StateStore | Promise<StateStore>;

/** Names a store to the worker that opens it. */
export type StateStoreSpec =
  | { readonly kind: 'memory' }
  /** A module by its URL; `options` must be plain data. */
  | {
      readonly kind: 'module';
      readonly url: string;
      readonly options: unknown;
      /** Where it keeps the state, if that is one file with a log beside it; for its size. */
      readonly file?: string;
    };
