// What is on disk, as values: for every node the container that was last written there, by identity, and where its rows are. The
// difference between that and a new version of it is what a commit writes. Nothing here is taken back: after a failed commit the
// tree is thrown away and read again.

import { ArrayValue, Lineage, measure, ObjectValue, type Value } from '@relay/language';
import {
  type Container,
  countOf,
  editsBetween,
  entryAt,
  isContainer,
  keyAt,
  kindOfContainer,
} from './entries.ts';
import { type NodeRecord, rowSum, type StateFile, type Write } from './state-file.ts';
import type { ValueCodec } from './state-store.ts';

/** A container of more JSON than this is a node of its own; what is smaller is written whole when a part of it changes. */
const INLINE_BYTES = 2_048;
/** Between the places of neighbours, so that others fit in. */
const STEP = 2 ** 20;

interface StoredNode {
  readonly id: number;
  value: Container;
  /** Stands for `value` in what is made of it. */
  token: object;
  /** Of each row, in order. */
  places: number[];
  sums: number[];
  sum: number;
  /** Rows that are nodes, by place. */
  readonly children: Map<number, StoredNode>;
}

/** Of a root (the list of servers) or a server (the list of its fields), whose entries are found by key. */
interface NamedNode {
  readonly id: number;
  sum: number;
  readonly entries: Map<string, NamedEntry>;
  lastPlace: number;
}

interface NamedEntry {
  readonly place: number;
  sum: number;
  value: Value;
  child: StoredNode | undefined;
}

export class StoredTree {
  readonly #file: StateFile;
  readonly #codec: ValueCodec;
  #lastNode: number;
  #writes: Write[] = [];

  constructor(file: StateFile, codec: ValueCodec) {
    this.#file = file;
    this.#codec = codec;
    this.#lastNode = file.lastNode();
  }

  /** Changes since the last call. */
  takeWrites(): Write[] {
    const writes = this.#writes;
    this.#writes = [];
    return writes;
  }

  /** A server, or the root with its servers as opaque entries. */
  readNamed(id: number, isRoot = false): NamedNode {
    const record = this.#file.node(id);
    const entries = new Map<string, NamedEntry>();
    let lastPlace = 0;
    for (const { place, key, value, sum } of this.#file.rows(id, record)) {
      const child = !isRoot && value.startsWith('@') ? this.#read(Number(value.slice(1))) : undefined;
      const read = isRoot
        ? Number(value.slice(1))
        : child === undefined
          ? this.#codec.decode(value)
          : child.value;
      entries.set(key, { place, sum, value: read, child: child?.node });
      lastPlace = Math.max(lastPlace, place);
    }
    return { id, sum: record.sum, entries, lastPlace };
  }

  /** A server that is not there yet, below the root. */
  addNamed(root: NamedNode, name: string): NamedNode {
    const id = this.#nextId();
    this.#putNamed(root, name, `@${id}`, id, undefined);
    this.#putRecord(root.id, 'object', root.entries.size, root.sum);
    return { id, sum: 0, entries: new Map(), lastPlace: 0 };
  }

  /** Entries that `state` does not have stay. */
  updateNamed(node: NamedNode, state: ObjectValue): void {
    let isChanged = false;
    for (const [key, value] of state.entries()) {
      const entry = node.entries.get(key);
      if (entry !== undefined && entry.value === value) continue;
      const { child } = entry ?? {};
      if (
        child !== undefined &&
        isContainer(value) &&
        kindOfContainer(value) === kindOfContainer(child.value)
      ) {
        this.#update(child, value);
        entry!.value = value;
        continue;
      }
      if (child !== undefined) this.#drop(child);
      const made = this.#make(value);
      if (typeof made === 'string') {
        if (entry !== undefined && child === undefined && this.#codec.encode(entry.value) === made) {
          entry.value = value;
          continue;
        }
        this.#putNamed(node, key, made, value, undefined);
      } else this.#putNamed(node, key, `@${made.id}`, value, made);
      isChanged = true;
    }
    if (isChanged) this.#putRecord(node.id, 'object', node.entries.size, node.sum);
  }

  /** Writes its record, changed or not. */
  touch(node: NamedNode): void {
    this.#putRecord(node.id, 'object', node.entries.size, node.sum);
  }

  removeNamed(root: NamedNode, name: string): void {
    const entry = root.entries.get(name);
    if (entry === undefined) return;
    const server = this.readNamed(entry.value as number);
    for (const { child } of server.entries.values()) if (child !== undefined) this.#drop(child);
    this.#writes.push({ kind: 'delete-node', node: server.id });
    this.#writes.push({ kind: 'delete-row', node: root.id, place: entry.place });
    root.entries.delete(name);
    root.sum ^= entry.sum;
    this.#putRecord(root.id, 'object', root.entries.size, root.sum);
  }

  #putNamed(node: NamedNode, key: string, text: string, value: Value, child: StoredNode | undefined): void {
    const old = node.entries.get(key);
    const place = old?.place ?? node.lastPlace + STEP;
    node.lastPlace = Math.max(node.lastPlace, place);
    const sum = rowSum(node.id, place, key, text);
    node.sum ^= (old?.sum ?? 0) ^ sum;
    node.entries.set(key, { place, sum, value, child });
    this.#writes.push({ kind: 'row', node: node.id, place, key, value: text, sum });
  }

  #putRecord(node: number, kind: NodeRecord['kind'], count: number, sum: number): void {
    this.#writes.push({ kind: 'node', node, record: { kind, count, sum } });
  }

  #nextId(): number {
    this.#lastNode += 1;
    return this.#lastNode;
  }

  /** A struct is compared as the object that was stored: its rows may lack fields it has now, or be in another order. */
  #read(id: number): { readonly node: StoredNode; readonly value: Value } {
    const record = this.#file.node(id);
    const rows = this.#file.rows(id, record);
    const children = new Map<number, StoredNode>();
    const values: Value[] = rows.map(({ place, value }) => {
      if (!value.startsWith('@')) return this.#codec.decode(value);
      const child = this.#read(Number(value.slice(1)));
      children.set(place, child.node);
      return child.value;
    });
    const value =
      record.kind === 'array'
        ? new ArrayValue(values)
        : ObjectValue.from(rows.map(({ key }, at) => [key, values[at]!]));
    const places = rows.map(({ place }) => place);
    const sums = rows.map(({ sum }) => sum);
    const node: StoredNode = { id, value, token: {}, places, sums, sum: record.sum, children };
    remember(node);
    return { node, value: value instanceof ObjectValue ? this.#codec.revive(value) : value };
  }

  /** The text of its row, or the node it becomes. */
  #make(value: Value): string | StoredNode {
    if (!isContainer(value) || measure(value).bytes <= INLINE_BYTES) return this.#codec.encode(value);
    const node: StoredNode = {
      id: this.#nextId(),
      value,
      token: {},
      places: [],
      sums: [],
      sum: 0,
      children: new Map(),
    };
    const count = countOf(value);
    for (let at = 0; at < count; at += 1) {
      const place = (at + 1) * STEP;
      node.places.push(place);
      node.sums.push(0);
      this.#putRow(node, at, keyAt(value, at), entryAt(value, at));
    }
    this.#putRecord(node.id, kindOfContainer(value), count, node.sum);
    remember(node);
    return node;
  }

  #drop(node: StoredNode): void {
    for (const child of node.children.values()) this.#drop(child);
    this.#writes.push({ kind: 'delete-node', node: node.id });
  }

  /** Writes the row at a place in order. */
  #putRow(node: StoredNode, at: number, key: string, value: Value): void {
    const place = node.places[at]!;
    const made = this.#make(value);
    const text = typeof made === 'string' ? made : `@${made.id}`;
    if (typeof made === 'string') node.children.delete(place);
    else node.children.set(place, made);
    const sum = rowSum(node.id, place, key, text);
    node.sum ^= node.sums[at]! ^ sum;
    node.sums[at] = sum;
    this.#writes.push({ kind: 'row', node: node.id, place, key, value: text, sum });
  }

  #update(node: StoredNode, value: Container): void {
    const before = node.value;
    if (before === value) return;
    const oldCount = countOf(before);
    const edits = editsBetween(before, value, known(node, value));
    const count = countOf(value);
    let isChanged = false;
    // Insertions at the end are by far the most common edits and need no moving.
    const last = edits.findIndex((edit) => edit.kind !== 'change');
    const changes = last < 0 ? edits : edits.slice(0, last);
    for (const edit of changes) {
      if (edit.kind === 'change' && this.#change(node, edit.old, value, edit.next)) isChanged = true;
    }
    const rest = last < 0 ? [] : edits.slice(last);
    if (rest.length > 0) {
      isChanged = true;
      if (rest.every((edit) => edit.kind === 'insert' && edit.old === oldCount))
        this.#append(node, value, oldCount);
      else this.#splice(node, rest, value);
    }
    node.value = value;
    node.token = {};
    remember(node);
    if (isChanged) this.#putRecord(node.id, kindOfContainer(value), count, node.sum);
  }

  #append(node: StoredNode, value: Container, from: number): void {
    const count = countOf(value);
    let place = node.places.at(-1) ?? 0;
    for (let at = from; at < count; at += 1) {
      place += STEP;
      node.places.push(place);
      node.sums.push(0);
      this.#putRow(node, at, keyAt(value, at), entryAt(value, at));
    }
  }

  /** False: what is on disk stays as it is, though the identity or the parts of a part have changed. */
  #change(node: StoredNode, old: number, value: Container, next: number): boolean {
    const place = node.places[old]!;
    const child = node.children.get(place);
    const before = entryAt(node.value, old);
    const after = entryAt(value, next);
    const key = keyAt(value, next);
    if (keyAt(node.value, old) === key) {
      if (
        child !== undefined &&
        isContainer(after) &&
        kindOfContainer(after) === kindOfContainer(child.value)
      ) {
        this.#update(child, after);
        return false;
      }
      const isSmall = child === undefined && isContainer(after) && isContainer(before);
      if (
        isSmall &&
        measure(after).bytes <= INLINE_BYTES &&
        this.#codec.encode(before) === this.#codec.encode(after)
      ) {
        return false;
      }
    }
    if (child !== undefined) this.#drop(child);
    this.#putRow(node, old, key, after);
    return true;
  }

  /** Removals and insertions anywhere: the order of rows is made anew, and what is new gets places between its neighbours. */
  #splice(
    node: StoredNode,
    edits: readonly ReturnType<typeof editsBetween>[number][],
    value: Container,
  ): void {
    const places: number[] = [];
    const sums: number[] = [];
    const fresh: { readonly at: number; readonly next: number }[] = [];
    let old = 0;
    const copyTo = (end: number): void => {
      for (; old < end; old += 1) {
        places.push(node.places[old]!);
        sums.push(node.sums[old]!);
      }
    };
    for (const edit of edits) {
      copyTo(edit.old);
      if (edit.kind === 'change') this.#change(node, edit.old, value, edit.next);
      else if (edit.kind === 'insert') {
        fresh.push({ at: places.length, next: edit.next });
        places.push(Number.NaN);
        sums.push(0);
      } else {
        const place = node.places[old]!;
        const child = node.children.get(place);
        if (child !== undefined) this.#drop(child);
        node.children.delete(place);
        this.#writes.push({ kind: 'delete-row', node: node.id, place });
        node.sum ^= node.sums[old]!;
        old += 1;
      }
    }
    copyTo(node.places.length);
    node.places = places;
    node.sums = sums;
    if (!fillPlaces(places)) {
      this.#rewrite(node, value);
      return;
    }
    for (const { at, next } of fresh) this.#putRow(node, at, keyAt(value, next), entryAt(value, next));
  }

  /** No place is left between two neighbours: all rows move. Happens once in many insertions at the same spot. */
  #rewrite(node: StoredNode, value: Container): void {
    for (const child of node.children.values()) this.#drop(child);
    node.children.clear();
    this.#writes.push({ kind: 'delete-node', node: node.id });
    const count = countOf(value);
    node.places = Array.from({ length: count }, (_, at) => (at + 1) * STEP);
    node.sums = new Array<number>(count).fill(0);
    node.sum = 0;
    for (let at = 0; at < count; at += 1) this.#putRow(node, at, keyAt(value, at), entryAt(value, at));
  }
}

/** Gives every missing place one between its neighbours; false if there is no room. */
function fillPlaces(places: number[]): boolean {
  for (let at = 0; at < places.length; at += 1) {
    if (!Number.isNaN(places[at])) continue;
    let end = at;
    while (end < places.length && Number.isNaN(places[end])) end += 1;
    const missing = end - at;
    const low = at > 0 ? places[at - 1]! : (places[end] ?? STEP) - STEP * (missing + 1);
    const high = end < places.length ? places[end]! : low + STEP * (missing + 1);
    const gap = Math.floor((high - low) / (missing + 1));
    if (gap < 1 || !Number.isSafeInteger(low) || !Number.isSafeInteger(high)) return false;
    for (let step = 1; step <= missing; step += 1) places[at + step - 1] = low + gap * step;
    at = end - 1;
  }
  return true;
}

/** From now on, what is made of the value knows what of it is stored. Structs are small; they are compared. */
function remember(node: StoredNode): void {
  const { value } = node;
  if (value instanceof ArrayValue) value.stored = new Lineage(node.token, value.length);
  else if (value instanceof ObjectValue) value.stored = new Lineage(node.token, value.size);
}

function known(
  { value: before, token }: StoredNode,
  value: Container,
): { readonly length: number; readonly changes: Iterable<number> } | undefined {
  if (value instanceof ArrayValue && before instanceof ArrayValue && value.items === before.items) {
    return { length: Math.min(value.length, before.length), changes: [] };
  }
  const stored = value instanceof ArrayValue || value instanceof ObjectValue ? value.stored : undefined;
  return stored?.key === token ? { length: stored.length, changes: stored.changes() } : undefined;
}

export type { NamedNode };
