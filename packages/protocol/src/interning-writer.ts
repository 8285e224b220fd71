// The sending half of interning: which texts the other side of a link knows by number. When all numbers are taken, one that was not used
// since the hand last came by is given to the new text (the clock algorithm: a good guess at "least recently used" for one bit a text).

import type { NodeAddress } from './address.ts';
import { isName, isNodeId, NodeTypeMain } from './address.ts';
import type { TextKind } from './binary-layout.ts';
import { DEFINES, TEXT_KIND } from './binary-layout.ts';
import type { Caller } from './call.ts';
import { CALLER_KINDS, REQUEST_LIMITS } from './call-json.ts';
import type { FrameWriter } from './frame-writer.ts';
import { asOneOf, malformed } from './json-fields.ts';
import { INTERNED_TEXTS } from './limits.ts';

interface Slot {
  readonly id: number;
  first: string;
  second: string | undefined;
  table: PairTable | undefined;
  isUsed: boolean;
}

/** Slots by one or two texts, without building a key from them. */
class PairTable {
  readonly #rows = new Map<string | undefined, Map<string, Slot>>();
  /** Found last: what comes next is often the same. */
  #last: Slot | undefined;

  get(first: string, second: string | undefined): Slot | undefined {
    const last = this.#last;
    if (last !== undefined && last.first === first && last.second === second) return last;
    const slot = this.#rows.get(second)?.get(first);
    if (slot !== undefined) this.#last = slot;
    return slot;
  }

  set(slot: Slot): void {
    const row = this.#rows.get(slot.second);
    if (row === undefined) this.#rows.set(slot.second, new Map([[slot.first, slot]]));
    else row.set(slot.first, slot);
  }

  delete(slot: Slot): void {
    if (this.#last === slot) this.#last = undefined;
    const row = this.#rows.get(slot.second);
    row?.delete(slot.first);
    if (row?.size === 0) this.#rows.delete(slot.second);
  }
}

export class InterningWriter {
  readonly #writer: FrameWriter;
  readonly #slots: Slot[] = [];
  #hand = 0;
  /** Slots that the frame in progress has defined. */
  readonly #defined: Slot[] = [];
  readonly #mains = new PairTable();
  readonly #homes = new PairTable();
  readonly #names = new PairTable();
  readonly #nodeIds = new PairTable();
  readonly #texts = new PairTable();
  readonly #callers: Readonly<Record<Caller['kind'], PairTable>> = {
    program: new PairTable(),
    http: new PairTable(),
    client: new PairTable(),
    p2p: new PairTable(),
  };

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  /** A new frame begins: what the one before it defined is sent. */
  begin(): void {
    // Setting the length of an array is a call into the runtime, and hardly any frame defines a text.
    if (this.#defined.length > 0) this.#defined.length = 0;
  }

  /** The frame is not sent: what it defined is unknown to the other side. */
  rollback(): void {
    for (const slot of this.#defined) this.#release(slot);
    this.#defined.length = 0;
  }

  address(address: NodeAddress): void {
    const { type, id, mainRelay } = address;
    const table = type === NodeTypeMain ? this.#mains : this.#homes;
    const slot = table.get(id, mainRelay);
    if (slot !== undefined) {
      this.#use(slot);
      return;
    }
    if (!isNodeId(id) || (mainRelay !== undefined && (type === NodeTypeMain || !isNodeId(mainRelay)))) {
      malformed('address', 'is none');
    }
    this.#define(
      table,
      id,
      mainRelay,
      mainRelay === undefined ? `${type}:${id}` : `${type}:${id}@${mainRelay}`,
    );
  }

  name(name: string): void {
    const slot = this.#names.get(name, undefined);
    if (slot !== undefined) {
      this.#use(slot);
      return;
    }
    if (!isName(name)) malformed('name', 'is none');
    this.#define(this.#names, name, undefined, name);
  }

  nodeId(id: string): void {
    const slot = this.#nodeIds.get(id, undefined);
    if (slot !== undefined) {
      this.#use(slot);
      return;
    }
    if (!isNodeId(id)) malformed('node id', 'is none');
    this.#define(this.#nodeIds, id, undefined, id);
  }

  caller(caller: Caller): void {
    const { kind, node, subject } = caller;
    const table = this.#callers[kind];
    const slot = table?.get(node, subject);
    if (slot !== undefined) {
      this.#use(slot);
      return;
    }
    asOneOf(kind, 'caller.kind', CALLER_KINDS);
    if (!isNodeId(node)) malformed('caller.node', 'is no node id');
    if (subject !== undefined && subject.length > REQUEST_LIMITS.subjectChars)
      malformed('caller.subject', 'is too long');
    this.#define(
      table,
      node,
      subject,
      subject === undefined ? `${kind} ${node}` : `${kind} ${node} ${subject}`,
    );
  }

  text(text: string, field: string, maxChars: number): void {
    const slot = this.#texts.get(text, undefined);
    if (slot !== undefined) {
      this.#use(slot);
      return;
    }
    if (text.length > maxChars) malformed(field, `must have at most ${maxChars} characters`);
    this.#define(this.#texts, text, undefined, text);
  }

  #use(slot: Slot): void {
    slot.isUsed = true;
    this.#writer.u16(slot.id);
  }

  #define(table: PairTable, first: string, second: string | undefined, text: string): void {
    const slot = this.#free();
    slot.first = first;
    slot.second = second;
    slot.table = table;
    // A text has to be used again before it outlives a round of the hand.
    slot.isUsed = false;
    table.set(slot);
    this.#defined.push(slot);
    this.#writer.u16(DEFINES | slot.id);
    this.#writer.text(text);
  }

  #free(): Slot {
    if (this.#slots.length < INTERNED_TEXTS) {
      const slot = {
        id: this.#slots.length + 1,
        first: '',
        second: undefined,
        table: undefined,
        isUsed: false,
      };
      this.#slots.push(slot);
      return slot;
    }
    for (;;) {
      const slot = this.#slots[this.#hand]!;
      this.#hand = (this.#hand + 1) % INTERNED_TEXTS;
      if (!slot.isUsed) {
        this.#release(slot);
        return slot;
      }
      slot.isUsed = false;
    }
  }

  #release(slot: Slot): void {
    slot.table?.delete(slot);
    slot.table = undefined;
    slot.isUsed = false;
  }
}

/** Bytes that the text of each kind takes at most. */
export const TEXT_BYTES: Readonly<Record<TextKind, number>> = {
  [TEXT_KIND.address]: 262,
  [TEXT_KIND.name]: 64,
  [TEXT_KIND.nodeId]: 128,
  [TEXT_KIND.caller]: 137 + 3 * REQUEST_LIMITS.subjectChars,
  [TEXT_KIND.text]: 3 * REQUEST_LIMITS.callPathItemChars,
};
