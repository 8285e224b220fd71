// What the first pass finds out and the second pass needs to know.

import type { Expression, FunctionExpression, Receive } from '../syntax/ast.ts';
import type { Activation, Read, Scope, Variable, Write } from './scope.ts';

export interface FunctionPlan {
  readonly activation: Activation;
  readonly scope: Scope;
  /** The slot that a named function defines. */
  readonly variable: Variable | undefined;
}

export interface Resolution {
  /** Other modules share the globals: nothing is known of what they bind and call. */
  readonly isSession: boolean;
  readonly global: Scope;
  readonly reads: ReadonlyMap<Expression, Read>;
  readonly writes: ReadonlyMap<Expression, Write>;
  readonly functions: ReadonlyMap<FunctionExpression | Receive, FunctionPlan>;
  /** Scopes of bare blocks, loops and catch bodies. */
  readonly scopes: ReadonlyMap<Expression, Scope>;
  readonly activations: readonly Activation[];
  /** Method calls and dispatch arms that may call something unknown. */
  readonly unknownCalls: ReadonlySet<Expression>;
  /** The function that a method or arm calls for certain. */
  readonly knownCalls: ReadonlyMap<Expression, Activation>;
}
