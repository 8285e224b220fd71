// Declaring scopes and what is bound in them; language.md §8. Which names a scope binds is known before its code is looked at:
// names are resolved when used, not where they are written.

import type { Span } from '../source.ts';
import type { Expression, FunctionExpression, TypeExpression } from '../syntax/ast.ts';
import { partsOf } from '../syntax/walk.ts';

export interface Binding {
  readonly name: string;
  readonly scope: Scope;
  /** All but variables are bound as long as their scope lives. */
  readonly kind: 'variable' | 'parameter' | 'loop' | 'caught';
  /** Values given by `set`; for a loop variable, what is iterated. */
  readonly assigned: Expression[];
  readonly annotations: TypeExpression[];
  /** Definitions by `fn name`. */
  readonly functions: FunctionExpression[];
  /** From this offset on it is certainly bound; of globals, any number says that some item binds it. */
  boundFrom: number | undefined;
  /** A lambda's parameter: the method call the lambda is an argument of, and which parameter it is. */
  context: { readonly call: Expression & { readonly kind: 'method' }; readonly position: number } | undefined;
}

export interface Scope {
  /** `variable` holds one loop or catch variable and is no declaring scope. */
  readonly kind: 'global' | 'function' | 'block' | 'variable';
  readonly parent: Scope | undefined;
  readonly bindings: Map<string, Binding>;
}

export function createScope(kind: Scope['kind'], parent: Scope | undefined): Scope {
  return { kind, parent, bindings: new Map() };
}

export function bind(scope: Scope, name: string, kind: Binding['kind']): Binding {
  const existing = scope.bindings.get(name);
  if (existing !== undefined) return existing;
  const binding: Binding = {
    name,
    scope,
    kind,
    assigned: [],
    annotations: [],
    functions: [],
    boundFrom: undefined,
    context: undefined,
  };
  scope.bindings.set(name, binding);
  return binding;
}

/** The scope where `set` creates a name. */
export function declaringScope(scope: Scope): Scope {
  let at = scope;
  while (at.kind === 'variable' && at.parent !== undefined) at = at.parent;
  return at;
}

/** The nearest binding below the global scope. */
export function localBinding(scope: Scope | undefined, name: string): Binding | undefined {
  for (let at = scope; at !== undefined && at.kind !== 'global'; at = at.parent) {
    const binding = at.bindings.get(name);
    if (binding !== undefined) return binding;
  }
  return undefined;
}

/** Binds all names that the code of a declaring scope sets or defines. */
export function collectBindings(items: readonly Expression[], scope: Scope): void {
  for (const item of items) collect(item, scope, []);
  for (const item of items) {
    // Further inside, a condition may keep the item from being reached.
    const name = item.kind === 'set' || item.kind === 'function' ? item.name : undefined;
    const binding = name && scope.bindings.get(name.text);
    if (binding === undefined) continue;
    // The body of a function runs only after its definition, so there it is bound already.
    const from = item.kind === 'function' ? item.span.start : item.span.end;
    binding.boundFrom = Math.min(binding.boundFrom ?? from, from);
  }
}

/** `inner`: loop and catch variables around, which take what is set under their name. */
function collect(expression: Expression, scope: Scope, inner: readonly string[]): void {
  const all = (parts: readonly Expression[], names: readonly string[] = inner): void => {
    for (const part of parts) collect(part, scope, names);
  };
  switch (expression.kind) {
    case 'block':
      return;
    case 'function':
      if (expression.name !== undefined) bind(scope, expression.name.text, 'variable');
      return;
    case 'set': {
      const name = expression.name.text;
      const isTaken = inner.includes(name) || localBinding(scope.parent, name) !== undefined;
      if (!isTaken) bind(scope, name, 'variable');
      all([expression.value]);
      return;
    }
    case 'for':
      all([expression.iterable]);
      all(expression.body.items, [...inner, expression.variable.text]);
      return;
    case 'try':
      all(expression.body.items);
      all(
        expression.handler.items,
        expression.variable === undefined ? inner : [...inner, expression.variable.text],
      );
      return;
    default:
      all(partsOf(expression));
  }
}

/** Whether a use at a place certainly finds this binding, not one further out. */
export function isCertain(binding: Binding, use: Span): boolean {
  if (binding.kind !== 'variable') return true;
  if (binding.boundFrom === undefined) return false;
  return binding.scope.kind === 'global' || binding.boundFrom <= use.start;
}
