// Where the variables of a program live once it is compiled. A declaring scope has a slot for each name that is set in it; whether
// a slot is bound when it is used may depend on what has run, so uses keep several candidates until one is certain.

import type { Server } from '../syntax/ast.ts';

export interface Variable {
  readonly name: string;
  /** In compiled code. */
  readonly js: string;
  readonly scope: Scope;
  /** Some `set`, definition or loop can bind it; otherwise it takes no part. */
  canBeBound: boolean;
  /** The one function that a global name can be, if that is certain. */
  constant: Activation | undefined;
}

export interface Scope {
  /** `single`: nothing but a loop or catch variable. */
  readonly kind: 'global' | 'function' | 'block' | 'single';
  readonly parent: Scope | undefined;
  readonly activation: Activation;
  readonly variables: Map<string, Variable>;
}

/** One function of compiled code: a function, lambda, receive function, or the top-level code. */
export interface Activation {
  readonly id: number;
  /** Of the compiled function. */
  readonly js: string;
  /** The variable of its message. */
  readonly message: string;
  /** The server it is written in. */
  readonly server: Server | undefined;
  /** Of named functions and receive functions. */
  readonly name: string;
  readonly arity: number;
  /** Sends, or calls a built-in that does. */
  sends: boolean;
  /** Calls something that only the run time knows. */
  callsUnknown: boolean;
  readonly callees: Set<Activation>;
  /** Can be called by whoever calls something unknown. */
  isValue: boolean;
  /** May wait for a reply, so it is asynchronous. */
  suspends: boolean;
}

/** The bound slots that a use may mean, innermost first. */
export interface Read {
  readonly candidates: readonly Variable[];
  /** The last candidate is bound for certain. */
  readonly isCertain: boolean;
}

export interface Write {
  /** The slot of the current declaring scope, or the loop or catch variable. */
  readonly own: Variable;
  /** Slots of enclosing scopes that are written instead if they are bound and `own` is not. */
  readonly outer: readonly Variable[];
  /** The last of `outer` is bound for certain. */
  readonly isOuterCertain: boolean;
}

export function declaringScope(scope: Scope): Scope {
  let at = scope;
  while (at.kind === 'single') at = at.parent!;
  return at;
}
