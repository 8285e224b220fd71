// The bodies that wait to leave on one link. Those with something to send stand in a row per priority; within it each sends one part in
// turn, so that bodies share the link.

import type { CancelMode } from '../call.ts';
import type { CallId } from '../message.ts';
import type { BodyOf } from './incoming-body.ts';
import { OutgoingBody, type OutgoingBodyOptions } from './outgoing-body.ts';

export class BodyQueue {
  readonly #open = new Map<string, OutgoingBody>();
  /** By priority. */
  readonly #rows: OutgoingBody[][] = [];
  readonly #onReady: () => void;

  constructor(onReady: () => void) {
    this.#onReady = onReady;
  }

  get size(): number {
    return this.#open.size;
  }

  add(options: OutgoingBodyOptions): void {
    const body = new OutgoingBody(options, (ready) => this.#enqueue(ready));
    this.#open.set(keyOf(body.of, body.id), body);
    this.#enqueue(body);
    body.start();
  }

  get(of: BodyOf, id: CallId): OutgoingBody | undefined {
    return this.#open.size === 0 ? undefined : this.#open.get(keyOf(of, id));
  }

  /** The body whose turn it is, out of its row. */
  next(): OutgoingBody | undefined {
    for (let priority = this.#rows.length - 1; priority >= 0; priority -= 1) {
      const row = this.#rows[priority];
      if (row === undefined) continue;
      for (let body = row.shift(); body !== undefined; body = row.shift()) {
        body.isQueued = false;
        if (body.isReady) return body;
      }
    }
    return undefined;
  }

  /** After a part of it has left: to the end of its row, or away with the last. */
  putBack(body: OutgoingBody): void {
    if (body.isOver) this.remove(body);
    else this.#enqueue(body);
  }

  remove(body: OutgoingBody): void {
    const key = keyOf(body.of, body.id);
    if (this.#open.get(key) === body) this.#open.delete(key);
  }

  stopAll(mode: CancelMode): void {
    for (const body of [...this.#open.values()]) body.stop(mode);
  }

  #enqueue(body: OutgoingBody): void {
    if (body.isQueued || !body.isReady) return;
    body.isQueued = true;
    this.#rows[body.priority] ??= [];
    this.#rows[body.priority]?.push(body);
    this.#onReady();
  }
}

function keyOf(of: BodyOf, id: CallId): string {
  return `${of} ${id}`;
}
