// What one peer Main advertises, as this Main holds it. Entries live for the ttl after the last word from their Main; a lost link
// makes them uncallable at once. Source: protocol.md §8.

import {
  type Clock,
  type Discovery,
  REGISTRY_LIMITS,
  type RegistryEntry,
  type RegistryState,
} from '@relay/protocol';
import { returned } from '../balance/instance-stats.ts';
import { bucketOf, Digest, entryKey } from './digest.ts';
import { createInstance, type Holder, type Instance } from './instance.ts';

type Want = Extract<Discovery, { kind: 'want' }>;
type Snapshot = Extract<Discovery, { kind: 'snapshot' }>;
type Delta = Extract<Discovery, { kind: 'delta' }>;

/** Where the entries show up for look-ups; told of every change. */
export interface RemoteEntries {
  added(instance: Instance): void;
  removed(instance: Instance): void;
  /** It named what is not its own, or its list is not what it has told. */
  conflicted(): void;
}

export class RemoteMain implements Holder {
  readonly id: string;
  /** The session with it, while there is one. */
  link: { readonly isHealthy: boolean } | undefined;
  lastSeen = 0;
  expiresAt: number | undefined;
  expiry: Disposable | undefined;
  /** Monotonic ms of the last word. */
  renewedAt = 0;
  readonly #entries: RemoteEntries;
  readonly #clock: Clock;
  readonly #held = new Map<string, { readonly instance: Instance; readonly seq: number }>();
  /** Of Homes that it had before it was started again and has not named since. */
  readonly #awaited = new Map<string, Instance>();
  #awaitedEnd: Disposable | undefined;
  #digest = new Digest();
  #instance = '';
  #seq = 0;
  /** Keys that the chunks of a snapshot named so far. */
  #snapshotKeys: Set<string> | undefined;
  /** Asked and not yet answered, so that one gap is asked about once. */
  #isWaiting = false;
  /** Monotonic ms at which it was first known that something is missing here. */
  #behindSince: number | undefined;

  constructor(id: string, entries: RemoteEntries, clock: Clock) {
    this.id = id;
    this.#clock = clock;
    this.#entries = entries;
  }

  get isReachable(): boolean {
    return this.link?.isHealthy ?? false;
  }

  get size(): number {
    return this.#held.size + this.#awaited.size;
  }

  /** Of its process; nodes of the former protocol that it speaks for are advertised with it. */
  get instance(): string {
    return this.#instance;
  }

  /** For how long something that it has said is missing here, in ms; 0: nothing is. Says nothing while there is no link. */
  get lagMs(): number {
    const isBehind = this.link !== undefined && this.#behindSince !== undefined;
    return isBehind ? this.#clock.now() - (this.#behindSince ?? 0) : 0;
  }

  /** Everything that it advertised has arrived once. */
  get isSynced(): boolean {
    return this.#instance !== '';
  }

  /** A new session: what was asked on the old one will not be answered. */
  restart(): void {
    this.#isWaiting = false;
    this.#snapshotKeys = undefined;
  }

  /** Takes one word of the peer; returns what to ask it for. */
  receive(discovery: Exclude<Discovery, Want>): readonly Want[] {
    switch (discovery.kind) {
      case 'state':
        return this.#compare(discovery.state);
      case 'delta':
        return this.#delta(discovery);
      case 'snapshot':
        return this.#snapshot(discovery);
    }
  }

  /** Ends its timers; the entries stay. */
  stop(): void {
    this.expiry?.[Symbol.dispose]();
    this.#awaitedEnd?.[Symbol.dispose]();
  }

  /** Forgets every entry. */
  clear(): void {
    for (const { instance } of this.#held.values()) this.#entries.removed(instance);
    this.#held.clear();
    this.#forgetAwaited();
    this.#digest = new Digest();
    this.#instance = '';
    this.#seq = 0;
    this.#behindSince = undefined;
    this.restart();
  }

  #compare(state: RegistryState): readonly Want[] {
    if (this.#isWaiting) return [];
    if (state.instance !== this.#instance || state.seq < this.#seq) return this.#ask(state.instance, 0);
    if (state.seq > this.#seq) return this.#ask(state.instance, this.#seq);
    this.#behindSince = undefined;
    const differing = this.#digest.differing(state.digest);
    if (differing.length > 0) this.#entries.conflicted();
    return differing.map((bucket) => ({ kind: 'want', instance: state.instance, bucket }));
  }

  #ask(instance: string, since: number): readonly Want[] {
    this.#isWaiting = true;
    this.#behindSince ??= this.#clock.now();
    return [{ kind: 'want', instance, since }];
  }

  #delta(delta: Delta): readonly Want[] {
    const isKnown = delta.instance === this.#instance;
    if (isKnown && delta.to <= this.#seq) return [];
    if (!isKnown || delta.from > this.#seq) {
      return this.#isWaiting ? [] : this.#ask(delta.instance, isKnown ? this.#seq : 0);
    }
    this.#isWaiting = false;
    this.#behindSince = undefined;
    for (const [service, nodeId] of delta.remove) this.#drop(entryKey(service, nodeId));
    for (const entry of delta.add) this.#put(entry);
    this.#seq = delta.to;
    return [];
  }

  #snapshot(snapshot: Snapshot): readonly Want[] {
    if (
      snapshot.bucket !== undefined &&
      (snapshot.instance !== this.#instance || snapshot.seq !== this.#seq)
    ) {
      this.#snapshotKeys = undefined;
      return this.#isWaiting ? [] : this.#ask(snapshot.instance, 0);
    }
    const keys = this.#snapshotKeys ?? new Set<string>();
    this.#snapshotKeys = keys;
    for (const entry of snapshot.add) {
      keys.add(entryKey(entry.name, entry.node.id));
      this.#put(entry);
    }
    if (!snapshot.complete) return [];
    this.#snapshotKeys = undefined;
    this.#isWaiting = false;
    this.#behindSince = undefined;
    const isRestarted = this.isSynced && snapshot.instance !== this.#instance;
    for (const [key, { instance }] of [...this.#held]) {
      const isCovered = snapshot.bucket === undefined || bucketOf(key) === snapshot.bucket;
      if (!isCovered || keys.has(key)) continue;
      this.#drop(key);
      if (isRestarted && instance.node.type === 'home') this.#await(key, instance);
    }
    this.#instance = snapshot.instance;
    this.#seq = snapshot.seq;
    return [];
  }

  #put(entry: RegistryEntry): void {
    // A Main speaks for itself and the nodes below it, and for nobody else.
    const isItsOwn =
      entry.node.type === 'main' ? entry.node.id === this.id : entry.node.mainRelay === this.id;
    const key = entryKey(entry.name, entry.node.id);
    const earlier = this.#held.get(key);
    const before = earlier?.instance ?? this.#awaited.get(key);
    if (!isItsOwn) this.#entries.conflicted();
    if (!isItsOwn || (earlier === undefined && this.#held.size >= REGISTRY_LIMITS.services)) return;
    const { node, healthy, capacity, seq, ...description } = entry;
    const fields = { description, node, capacity, isHealthy: healthy, origin: 'peer', holder: this } as const;
    const instance = createInstance(fields, before);
    if (before?.isHealthy === false && healthy) returned(instance.stats, this.#clock.now());
    if (earlier !== undefined) this.#digest.toggle(key, earlier.seq);
    this.#digest.toggle(key, seq);
    this.#held.set(key, { instance, seq });
    this.#awaited.delete(key);
    this.#entries.added(instance);
  }

  /** Its Homes have not left: they only have to find their Main again, and until then cannot be called. */
  #await(key: string, instance: Instance): void {
    if (this.size >= REGISTRY_LIMITS.services) return;
    const away = { ...instance, isHealthy: false };
    this.#awaited.set(key, away);
    this.#entries.added(away);
    this.#awaitedEnd ??= this.#clock.after(REGISTRY_LIMITS.settlingMs, () => this.#forgetAwaited());
  }

  #forgetAwaited(): void {
    this.#awaitedEnd?.[Symbol.dispose]();
    this.#awaitedEnd = undefined;
    for (const instance of this.#awaited.values()) this.#entries.removed(instance);
    this.#awaited.clear();
  }

  #drop(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#digest.toggle(key, held.seq);
    this.#held.delete(key);
    this.#entries.removed(held.instance);
  }
}
