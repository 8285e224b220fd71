// What is still known of a container from the version it was made of. A value that was looked through once (does it fit its type,
// is it on disk) hands that knowledge to what is made of it, so that looking at the new one costs what was changed.

interface Change {
  readonly at: number;
  readonly next: Change | undefined;
}

/** The first `length` places are as they were when somebody wrote `key` down, except for `changes`. */
export class Lineage {
  readonly key: object;
  readonly length: number;
  readonly #changes: Change | undefined;
  readonly #count: number;

  constructor(key: object, length: number, changes?: Change, count = 0) {
    this.key = key;
    this.length = length;
    this.#changes = changes;
    this.#count = count;
  }

  /** After a change at a place. Undefined once so much has changed that looking at everything is no dearer. */
  changed(at: number): Lineage | undefined {
    if (at >= this.length) return this;
    if (this.#count >= 16 + (this.length >>> 3)) return undefined;
    return new Lineage(this.key, this.length, { at, next: this.#changes }, this.#count + 1);
  }

  /** After the end was cut off. */
  cut(length: number): Lineage | undefined {
    if (length >= this.length) return this;
    return this.#changes === undefined ? new Lineage(this.key, length) : undefined;
  }

  /** Places below `length` that may be others; one may come twice. */
  *changes(): IterableIterator<number> {
    for (let change = this.#changes; change !== undefined; change = change.next) yield change.at;
  }
}
