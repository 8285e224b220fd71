// The bodies that are under way to this side of one link. Those that are kept until they are whole get credit a few at a time: so what
// strangers can make us hold stays bounded, and every body gets its turn.

import type { Body } from '../call.ts';
import type { BodyMessage, CallId } from '../message.ts';
import type { BufferBudget } from './buffer-budget.ts';
import { type BodyEvents, type BodyOf, type BodySource, IncomingBody } from './incoming-body.ts';

/** Bodies kept until they are whole that get credit at once. */
const CREDITED = 4;

export interface AssemblyOptions {
  readonly bodyBytes: number;
  /** All unfinished bodies of the link. */
  readonly totalBytes: number;
  readonly budget: BufferBudget;
  giveCredit(of: BodyOf, id: CallId, bytes: number): void;
  /** The other side broke the rules: the session is to be closed. */
  malformed(reason: string): void;
}

export class BodyAssembly implements BodySource {
  readonly bodyBytes: number;
  readonly #options: AssemblyOptions;
  readonly #open = new Map<string, IncomingBody>();
  /** Kept until they are whole, oldest first. */
  readonly #kept = new Set<IncomingBody>();
  #totalBytes = 0;
  #credited = 0;
  #waitsForRoom = false;

  constructor(options: AssemblyOptions) {
    this.#options = options;
    this.bodyBytes = options.bodyBytes;
  }

  /** Bytes of unfinished bodies. */
  get heldBytes(): number {
    return this.#totalBytes;
  }

  /** Begins a body with its first part. Undefined if that alone was too much, and told so. */
  begin(of: BodyOf, id: CallId, first: Body, events: BodyEvents): IncomingBody | undefined {
    const body = new IncomingBody(of, id, first, this, events);
    this.#open.set(keyOf(of, id), body);
    return body.begin() ? body : undefined;
  }

  /** A further part. One of a body that has ended is dropped. */
  add({ of, id, body, continues }: BodyMessage): void {
    this.#open.get(keyOf(of, id))?.append(body, !continues);
  }

  /** Forgets a body that is under way. */
  drop(of: BodyOf, id: CallId): void {
    if (this.#open.size > 0) this.#open.get(keyOf(of, id))?.end();
  }

  clear(): void {
    for (const body of [...this.#open.values()]) body.end();
  }

  hold(bytes: number): boolean {
    this.#totalBytes += bytes;
    this.#options.budget.add(bytes);
    return bytes <= 0 || this.#totalBytes <= this.#options.totalBytes;
  }

  giveCredit(body: IncomingBody, bytes: number): void {
    this.#options.giveCredit(body.of, body.id, bytes);
  }

  keep(body: IncomingBody): void {
    this.#kept.add(body);
    this.#creditNext();
  }

  end(body: IncomingBody): void {
    const key = keyOf(body.of, body.id);
    if (this.#open.get(key) === body) this.#open.delete(key);
    if (!this.#kept.delete(body) || !body.isCredited) return;
    this.#credited -= 1;
    this.#creditNext();
  }

  malformed(reason: string): void {
    this.#options.malformed(reason);
  }

  #creditNext(): void {
    if (this.#credited >= CREDITED || this.#kept.size === this.#credited) return;
    if (this.#options.budget.isTight) {
      this.#waitForRoom();
      return;
    }
    for (const body of this.#kept) {
      if (body.isCredited) continue;
      body.isCredited = true;
      this.#credited += 1;
      body.creditMore();
      if (this.#credited >= CREDITED) return;
    }
  }

  #waitForRoom(): void {
    if (this.#waitsForRoom) return;
    this.#waitsForRoom = true;
    this.#options.budget.whenRelaxed(() => {
      this.#waitsForRoom = false;
      this.#creditNext();
    });
  }
}

function keyOf(of: BodyOf, id: CallId): string {
  return `${of} ${id}`;
}
