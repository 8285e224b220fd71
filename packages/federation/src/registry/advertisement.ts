// What this Main tells its peers: only its own entries, each change with a number, so that a peer can ask for what it missed.
// The traffic is proportional to what changed. Source: protocol.md §8.

import type { Clock, Discovery, RegistryEntry, RegistryState } from '@relay/protocol';
import { chunkEntries } from './chunk.ts';
import { bucketOf, Digest, entryKey } from './digest.ts';

/** Changes remembered for peers that missed some; one that missed more gets a snapshot. */
const MAX_LOG = 10_000;

/** An entry without the number that the advertisement gives it. */
export type UnnumberedEntry = Omit<RegistryEntry, 'seq'>;

export interface AdvertisementOptions {
  readonly clock: Clock;
  /** That of AUTH: new at each process start. */
  readonly instance: string;
  /** The changes of one turn of the event loop, for every peer; put together only when asked for, since there may be none. */
  readonly onChange: (deltas: () => readonly Discovery[]) => void;
}

export class Advertisement {
  readonly #options: AdvertisementOptions;
  readonly #entries = new Map<string, RegistryEntry>();
  readonly #digest = new Digest();
  /** Key of each change; the change at index i has the number `#logStart + i + 1`. */
  #log: string[] = [];
  #logStart = 0;
  #seq = 0;
  /** Number up to which the peers have been told. */
  #told = 0;
  #isTelling = false;

  constructor(options: AdvertisementOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  state(): RegistryState {
    return { instance: this.#options.instance, seq: this.#seq, digest: this.#digest.texts() };
  }

  /** Adds or replaces an entry. */
  put(entry: UnnumberedEntry): void {
    const key = entryKey(entry.name, entry.node.id);
    const seq = this.#change(key);
    this.#entries.set(key, { ...entry, seq });
    this.#digest.toggle(key, seq);
  }

  remove(service: string, nodeId: string): void {
    const key = entryKey(service, nodeId);
    if (!this.#entries.has(key)) return;
    this.#change(key);
    this.#entries.delete(key);
  }

  /** What a peer has to get that knows everything up to `since` (0: nothing) of `instance`. */
  answer(want: {
    readonly instance: string;
    readonly since?: number;
    readonly bucket?: number;
  }): readonly Discovery[] {
    if (want.bucket !== undefined) return this.#snapshot(want.bucket);
    const since = want.since ?? 0;
    const isKnown =
      want.instance === this.#options.instance && since > 0 && since >= this.#logStart && since <= this.#seq;
    return isKnown ? this.#deltas(since) : this.#snapshot(undefined);
  }

  /** Takes the old version of `key` out of the digest and gives the change its number. */
  #change(key: string): number {
    const earlier = this.#entries.get(key);
    if (earlier !== undefined) this.#digest.toggle(key, earlier.seq);
    this.#seq += 1;
    this.#log.push(key);
    if (this.#log.length > 2 * MAX_LOG) {
      this.#logStart += this.#log.length - MAX_LOG;
      this.#log = this.#log.slice(-MAX_LOG);
    }
    if (!this.#isTelling) {
      this.#isTelling = true;
      this.#options.clock.defer(() => this.#tell());
    }
    return this.#seq;
  }

  #tell(): void {
    this.#isTelling = false;
    const since = this.#told;
    this.#told = this.#seq;
    // More changes in one turn than the log holds: peers see a gap and ask for a snapshot.
    if (since >= this.#logStart) this.#options.onChange(() => this.#deltas(since));
  }

  #deltas(since: number): readonly Discovery[] {
    const lastChange = new Map<string, number>();
    for (let seq = since + 1; seq <= this.#seq; seq += 1) {
      const key = this.#log[seq - this.#logStart - 1];
      if (key === undefined) continue;
      // Re-insertion keeps the map in the order of the last changes, so that a chunk covers a range of numbers.
      lastChange.delete(key);
      lastChange.set(key, seq);
    }
    const changes = [...lastChange].map(([key, seq]) => ({ key, seq, entry: this.#entries.get(key) }));
    const { instance } = this.#options;
    let from = since;
    return chunkEntries(changes, (change) => change.entry ?? change.key).map((chunk, index, chunks) => {
      const to = index === chunks.length - 1 ? this.#seq : (chunk.at(-1)?.seq ?? from);
      const delta: Discovery = {
        kind: 'delta',
        instance,
        from,
        to,
        add: chunk.flatMap(({ entry }) => (entry === undefined ? [] : [entry])),
        remove: chunk.flatMap(({ key, entry }) => (entry === undefined ? [splitKey(key)] : [])),
      };
      from = to;
      return delta;
    });
  }

  #snapshot(bucket: number | undefined): readonly Discovery[] {
    const { instance } = this.#options;
    const entries: RegistryEntry[] = [];
    for (const [key, entry] of this.#entries)
      if (bucket === undefined || bucketOf(key) === bucket) entries.push(entry);
    return chunkEntries(entries, (entry) => entry).map((add, index, chunks) => ({
      kind: 'snapshot',
      instance,
      seq: this.#seq,
      add,
      complete: index === chunks.length - 1,
      ...(bucket === undefined ? {} : { bucket }),
    }));
  }
}

function splitKey(key: string): readonly [string, string] {
  const at = key.indexOf('\0');
  return [key.slice(0, at), key.slice(at + 1)];
}
