// The slots of a declaring scope: all names set or defined in it, known before its code is walked.

import type { Expression, FunctionExpression } from '../syntax/ast.ts';
import { partsOf } from '../syntax/walk.ts';
import { outsideOf, singleName } from './names.ts';
import type { Scope, Variable } from './scope.ts';

export class Slots {
  readonly #isSession: boolean;
  #ids = 0;

  constructor(isSession = false) {
    this.#isSession = isSession;
  }

  declare(scope: Scope, name: string, canBeBound = false): Variable {
    let found = scope.variables.get(name);
    if (found === undefined) {
      this.#ids += 1;
      // Globals of a session are shared by its modules, any of which may bind them.
      const isShared = this.#isSession && scope.kind === 'global';
      const js = isShared ? `g.v_${name}` : `v${this.#ids}_${name}`;
      found = { name, js, scope, canBeBound: canBeBound || isShared, constant: undefined };
      scope.variables.set(name, found);
    }
    if (canBeBound) found.canBeBound = true;
    return found;
  }

  /** Slots for all names set or defined in a declaring scope, not in the scopes within it. */
  collect(items: readonly Expression[], scope: Scope): void {
    for (const item of items) this.#collect(item, scope, new Set());
  }

  #collect(expression: Expression, scope: Scope, single: ReadonlySet<string>): void {
    if (expression.kind === 'block') return;
    if (expression.kind === 'function') {
      if (expression.name !== undefined) this.declare(scope, expression.name.text, true);
      return;
    }
    if (expression.kind === 'set' && !single.has(expression.name.text)) {
      this.declare(scope, expression.name.text);
    }
    const bound = singleName(expression);
    const outside = outsideOf(expression);
    for (const part of partsOf(expression)) {
      const inner = bound === undefined || outside.includes(part) ? single : new Set([...single, bound]);
      this.#collect(part, scope, inner);
    }
  }
}

/** Named functions of a declaring scope whose name has no other definition there. */
export function definedOnce(items: readonly Expression[]): readonly FunctionExpression[] {
  const counts = new Map<string, number>();
  const functions: FunctionExpression[] = [];
  const count = (expression: Expression, isInSingle: boolean): void => {
    if (expression.kind === 'block') return;
    if (expression.kind === 'function') {
      const name = expression.name?.text;
      if (name === undefined) return;
      counts.set(name, (counts.get(name) ?? 0) + (isInSingle ? 2 : 1));
      functions.push(expression);
      return;
    }
    if (expression.kind === 'set') {
      counts.set(expression.name.text, (counts.get(expression.name.text) ?? 0) + 2);
    }
    const isSingle = isInSingle || singleName(expression) !== undefined;
    for (const part of partsOf(expression)) count(part, isSingle);
  };
  for (const item of items) count(item, false);
  return functions.filter((expression) => counts.get(expression.name!.text) === 1);
}
