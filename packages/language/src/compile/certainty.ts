// Which slots are bound for certain at the place the walk has come to.

import type { Variable } from './scope.ts';

export class Certainty {
  readonly #certain = new Set<Variable>();
  /** What became certain in each open branch, to be undone at its end. */
  readonly #branches: Variable[][] = [[]];

  has(variable: Variable): boolean {
    return this.#certain.has(variable);
  }

  bind(variable: Variable): void {
    if (this.#certain.has(variable)) return;
    this.#certain.add(variable);
    this.#branches.at(-1)!.push(variable);
  }

  /** Runs a part that may be left out; gives what it would make certain. */
  branch(walk: () => void): readonly Variable[] {
    this.#branches.push([]);
    walk();
    const added = this.#branches.pop()!;
    for (const variable of added) this.#certain.delete(variable);
    return added;
  }

  bindBoth(a: readonly Variable[], b: readonly Variable[]): void {
    const others = new Set(b);
    for (const variable of a) if (others.has(variable)) this.bind(variable);
  }
}
