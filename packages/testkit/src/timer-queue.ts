// A binary heap of timers by time, then by order of insertion. Cancelled timers stay until they come up.

export interface Timer extends Disposable {
  readonly at: number;
  readonly run: () => void;
}

interface Entry extends Timer {
  readonly order: number;
  isCancelled: boolean;
  isTaken: boolean;
}

export class TimerQueue {
  readonly #heap: Entry[] = [];
  #inserted = 0;
  #size = 0;

  /** Timers that are neither taken nor cancelled. */
  get size(): number {
    return this.#size;
  }

  add(at: number, run: () => void): Disposable {
    const entry: Entry = {
      at,
      run,
      order: this.#inserted,
      isCancelled: false,
      isTaken: false,
      [Symbol.dispose]: () => {
        if (entry.isCancelled || entry.isTaken) return;
        entry.isCancelled = true;
        this.#size -= 1;
      },
    };
    this.#inserted += 1;
    this.#size += 1;
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return entry;
  }

  /** Removes and returns the first timer that is due at `until`. */
  take(until: number): Timer | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || (!first.isCancelled && first.at > until)) return undefined;
      const last = this.#heap.pop() as Entry;
      if (last !== first) {
        this.#heap[0] = last;
        this.#sink(0);
      }
      if (first.isCancelled) continue;
      first.isTaken = true;
      this.#size -= 1;
      return first;
    }
  }

  #rise(index: number): void {
    let child = index;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#isBefore(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #sink(index: number): void {
    let parent = index;
    for (;;) {
      const left = 2 * parent + 1;
      let first = parent;
      if (this.#isBefore(left, first)) first = left;
      if (this.#isBefore(left + 1, first)) first = left + 1;
      if (first === parent) return;
      this.#swap(first, parent);
      parent = first;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const a = this.#heap[left];
    const b = this.#heap[right];
    if (a === undefined || b === undefined) return false;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(left: number, right: number): void {
    const kept = this.#heap[left] as Entry;
    this.#heap[left] = this.#heap[right] as Entry;
    this.#heap[right] = kept;
  }
}
