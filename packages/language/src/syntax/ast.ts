// The tree of a program: declarations and expressions, never "nodes". Every member is there, whatever the text was: the parser
// puts a `missing` expression where it could read none, and has reported it.

import type { Span } from '../source.ts';

interface Spanned {
  readonly span: Span;
}

/** A word with its place: names, keys, members, parameters. */
export interface Name extends Spanned {
  readonly text: string;
}

export type Literal =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'nil' }
  /** ms since 1970 */
  | { readonly kind: 'datetime'; readonly value: number };

/** A validator: `.min(1)`. */
export interface Validator extends Spanned {
  readonly name: string;
  readonly args: readonly (string | number | boolean)[];
}

export type TypeExpression = Spanned & { readonly validators: readonly Validator[] } & (
    | { readonly kind: 'array'; readonly element: TypeExpression }
    | { readonly kind: 'map'; readonly key: TypeExpression; readonly value: TypeExpression }
    /** `string`, `optional(T)`, `Post`, and `nil`. */
    | { readonly kind: 'named'; readonly name: string; readonly args: readonly TypeExpression[] }
    | {
        readonly kind: 'fn';
        readonly params: readonly TypeExpression[];
        readonly returns: TypeExpression | undefined;
      }
  );

export interface Parameter extends Spanned {
  readonly name: Name;
  readonly type: TypeExpression | undefined;
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '==' | '!=' | '<' | '<=' | '>' | '>=';
export type LogicalOperator = '&&' | '||' | '??';

/** `key: value` of an object or struct literal. */
export interface Entry extends Spanned {
  readonly key: Name;
  readonly value: Expression;
}

export interface Arm extends Spanned {
  readonly pattern: (Literal & Spanned) | { readonly kind: 'default'; readonly span: Span };
  readonly value: Expression;
}

/** The braces of a body. Whether it is a declaring scope is up to what stands around it (language.md §8). */
export interface Body extends Spanned {
  readonly items: readonly Expression[];
}

export interface FunctionExpression extends Spanned {
  readonly kind: 'function';
  /** Absent for lambdas. The named form defines `name` in the current scope. */
  readonly name: Name | undefined;
  readonly params: readonly Parameter[];
  readonly returns: TypeExpression | undefined;
  readonly body: Body;
}

export type Expression =
  | (Spanned & { readonly kind: 'literal'; readonly literal: Literal })
  | (Spanned & { readonly kind: 'name'; readonly name: string })
  /** The word `state` where a value is read. */
  | (Spanned & { readonly kind: 'state' })
  | (Spanned & { readonly kind: 'array'; readonly elements: readonly Expression[] })
  | (Spanned & { readonly kind: 'object'; readonly entries: readonly Entry[] })
  | (Spanned & { readonly kind: 'struct'; readonly name: Name; readonly entries: readonly Entry[] })
  /** A bare block: a declaring scope, and what `return` ends. */
  | (Spanned & { readonly kind: 'block'; readonly body: Body })
  | FunctionExpression
  | (Spanned & {
      readonly kind: 'set';
      readonly name: Name;
      readonly type: TypeExpression | undefined;
      readonly value: Expression;
    })
  | (Spanned & { readonly kind: 'return'; readonly value: Expression | undefined })
  | (Spanned & { readonly kind: 'throw'; readonly value: Expression })
  | (Spanned & {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly then: Body;
      /** `else if` is a body with the one `if` in it. */
      readonly otherwise: Body | undefined;
    })
  | (Spanned & {
      readonly kind: 'for';
      readonly variable: Name;
      readonly iterable: Expression;
      readonly body: Body;
    })
  | (Spanned & { readonly kind: 'while'; readonly condition: Expression; readonly body: Body })
  | (Spanned & {
      readonly kind: 'try';
      readonly body: Body;
      readonly variable: Name | undefined;
      readonly handler: Body;
    })
  | (Spanned & { readonly kind: 'dispatch'; readonly subject: Expression; readonly arms: readonly Arm[] })
  | (Spanned & {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Spanned & {
      readonly kind: 'logical';
      readonly operator: LogicalOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Spanned & { readonly kind: 'unary'; readonly operator: '!' | '-'; readonly operand: Expression })
  /** `o.f` */
  | (Spanned & { readonly kind: 'member'; readonly object: Expression; readonly member: Name })
  /** `o.m(a)` */
  | (Spanned & {
      readonly kind: 'method';
      readonly object: Expression;
      readonly member: Name;
      readonly args: readonly Expression[];
    })
  | (Spanned & { readonly kind: 'index'; readonly object: Expression; readonly index: Expression })
  | (Spanned & { readonly kind: 'call'; readonly callee: Expression; readonly args: readonly Expression[] })
  /** `send "s" m {a: 1}`: arguments by name. `send("s", "m", 1)` is a `call` of the name `send`. */
  | (Spanned & {
      readonly kind: 'send';
      readonly server: string;
      readonly method: Name;
      readonly entries: readonly Entry[];
    })
  /** Nothing could be read here; already reported. */
  | (Spanned & { readonly kind: 'missing' });

export interface Field extends Spanned {
  readonly name: Name;
  readonly type: TypeExpression;
}

export interface StateField extends Field {
  readonly initial: Expression | undefined;
}

export interface ProtocolMethod extends Spanned {
  readonly name: Name;
  readonly params: readonly Parameter[];
  readonly returns: TypeExpression | undefined;
}

export interface Receive extends Spanned {
  readonly name: Name;
  readonly params: readonly Parameter[];
  readonly returns: TypeExpression | undefined;
  readonly body: Body;
  /** The comment directly above, without its marks. */
  readonly doc: string | undefined;
}

export interface Server extends Spanned {
  readonly kind: 'server';
  readonly name: Name;
  readonly implements: Name | undefined;
  /** All `state` blocks merged. */
  readonly state: readonly StateField[];
  readonly receives: readonly Receive[];
  readonly doc: string | undefined;
}

export type Declaration =
  | (Spanned & { readonly kind: 'import'; readonly path: string })
  | (Spanned & {
      readonly kind: 'struct-declaration';
      readonly name: Name;
      readonly fields: readonly Field[];
    })
  | (Spanned & {
      readonly kind: 'protocol';
      readonly name: Name;
      readonly methods: readonly ProtocolMethod[];
    })
  | Server
  | (Spanned & {
      readonly kind: 'template';
      readonly path: string;
      readonly method: Name;
      readonly params: readonly Parameter[];
    })
  | (Spanned & { readonly kind: 'config'; readonly entries: readonly Entry[] });

export type Item = Declaration | Expression;

/** One file as parsed. */
export interface ParsedFile {
  readonly items: readonly Item[];
}
