// Names that are used before any `set` or definition of them has run. Only what is certain counts: a use and a definition in the
// code of one function (or of the top level), in the order they run, and not within the same loop, whose next round may differ.

import type { Expression } from '../syntax/ast.ts';
import type { Binding, Scope } from './scope.ts';

/** The outermost loop around; `end` once it is known. */
export interface LoopRange {
  readonly start: number;
  end: number;
}

interface Use<E> {
  readonly expression: E;
  readonly bindings: readonly Binding[];
  readonly frame: Scope;
  readonly at: number;
  readonly loop: LoopRange | undefined;
}

export class UseOrder<E extends Expression> {
  #time = 0;
  readonly #uses: Use<E>[] = [];
  readonly #definitions = new Map<Binding, number[]>();

  tick(): number {
    this.#time += 1;
    return this.#time;
  }

  define(binding: Binding, scope: Scope): void {
    // From a function within, a `set` comes too late to bind a name of the function around: it makes one of its own.
    if (frameOf(binding.scope) !== frameOf(scope)) return;
    const times = this.#definitions.get(binding);
    if (times === undefined) this.#definitions.set(binding, [this.tick()]);
    else times.push(this.tick());
  }

  use(expression: E, bindings: readonly Binding[], scope: Scope, loop: LoopRange | undefined): void {
    this.#uses.push({ expression, bindings, frame: frameOf(scope), at: this.tick(), loop });
  }

  /** Uses of names that are certainly not bound yet. */
  tooEarly(): E[] {
    return this.#uses
      .filter((use) => use.bindings.every((binding) => this.#isLater(binding, use)))
      .map((use) => use.expression);
  }

  #isLater(binding: Binding, { frame, at, loop }: Use<E>): boolean {
    if (binding.kind !== 'variable' || frameOf(binding.scope) !== frame) return false;
    const times = this.#definitions.get(binding) ?? [];
    return times.every((time) => time > at && !(loop !== undefined && time < loop.end));
  }
}

/** The scope of the function around, or the global one. */
function frameOf(scope: Scope): Scope {
  let at = scope;
  while (at.kind !== 'function' && at.parent !== undefined) at = at.parent;
  return at;
}
