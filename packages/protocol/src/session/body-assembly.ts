// Bodies that come in parts, until they are whole. Credit is given as parts come in, to a few bodies at a time: so what strangers can
// make us hold stays bounded, and every body gets its turn.

import type { Body } from '../call.ts';
import type { BodyMessage, CallId } from '../message.ts';
import { type BodyOf, UNASKED_BYTES } from './outbox.ts';

/** Bodies that get credit at once. */
const CREDITED = 4;
/** Credit is given in steps, not for each part. */
const CREDIT_STEP_BYTES = UNASKED_BYTES / 2;

interface Assembly {
  readonly of: BodyOf;
  readonly id: CallId;
  readonly parts: Body[];
  readonly done: (body: Body) => void;
  readonly tooLarge: () => void;
  bytes: number;
  /** Bytes that came since the last credit. */
  owed: number;
  isCredited: boolean;
}

export interface AssemblyLimits {
  readonly bodyBytes: number;
  /** All unfinished bodies of the link. */
  readonly totalBytes: number;
}

export class BodyAssembly {
  readonly #limits: AssemblyLimits;
  readonly #giveCredit: (of: BodyOf, id: CallId, bytes: number) => void;
  readonly #open = new Map<string, Assembly>();
  #totalBytes = 0;
  #credited = 0;

  constructor(limits: AssemblyLimits, giveCredit: (of: BodyOf, id: CallId, bytes: number) => void) {
    this.#limits = limits;
    this.#giveCredit = giveCredit;
  }

  /** Begins a body with its first part. Exactly one of `done` and `tooLarge` follows, unless it is dropped. */
  begin(of: BodyOf, id: CallId, first: Body, done: (body: Body) => void, tooLarge: () => void): void {
    const assembly: Assembly = {
      of,
      id,
      parts: [],
      done,
      tooLarge,
      bytes: 0,
      owed: 0,
      isCredited: this.#credited < CREDITED,
    };
    if (assembly.isCredited) this.#credited += 1;
    this.#open.set(keyOf(of, id), assembly);
    this.#append(assembly, first);
  }

  /** A further part. One of a body that has ended is dropped. */
  add(message: BodyMessage): void {
    const assembly = this.#open.get(keyOf(message.of, message.id));
    if (assembly === undefined || !this.#append(assembly, message.body)) return;
    if (message.continues) return;
    this.#end(assembly);
    assembly.done(join(assembly.parts, assembly.bytes));
  }

  /** Forgets a body that is under way. */
  drop(of: BodyOf, id: CallId): void {
    if (this.#open.size === 0) return;
    const assembly = this.#open.get(keyOf(of, id));
    if (assembly !== undefined) this.#end(assembly);
  }

  clear(): void {
    this.#open.clear();
  }

  #append(assembly: Assembly, part: Body): boolean {
    assembly.parts.push(part);
    assembly.bytes += part.length;
    assembly.owed += part.length;
    this.#totalBytes += part.length;
    if (assembly.bytes > this.#limits.bodyBytes || this.#totalBytes > this.#limits.totalBytes) {
      this.#end(assembly);
      assembly.tooLarge();
      return false;
    }
    if (assembly.isCredited) this.#credit(assembly);
    return true;
  }

  #credit(assembly: Assembly): void {
    if (assembly.owed < CREDIT_STEP_BYTES) return;
    this.#giveCredit(assembly.of, assembly.id, assembly.owed);
    assembly.owed = 0;
  }

  #end(assembly: Assembly): void {
    this.#open.delete(keyOf(assembly.of, assembly.id));
    this.#totalBytes -= assembly.bytes;
    if (!assembly.isCredited) return;
    this.#credited -= 1;
    for (const next of this.#open.values()) {
      if (next.isCredited) continue;
      next.isCredited = true;
      this.#credited += 1;
      this.#credit(next);
      return;
    }
  }
}

function keyOf(of: BodyOf, id: CallId): string {
  return `${of} ${id}`;
}

function join(parts: readonly Body[], bytes: number): Body {
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
