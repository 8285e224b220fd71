// Pieces of JavaScript on their way into a module.

import type { Span } from '../source.ts';

export interface Line {
  readonly text: string;
  /** What it was made from, for the source map. */
  readonly span: Span | undefined;
  /** A declaration without effects: may move before what is evaluated earlier. */
  readonly isPure: boolean;
}

/** A JavaScript expression. */
export interface Code {
  readonly text: string;
  /** What is known of its value. */
  readonly type: 'number' | 'bool' | undefined;
  /** `constant`: always the same, wherever it stands. `simple`: may be repeated, but not moved past what changes it. */
  readonly weight: 'constant' | 'simple' | 'complex';
}

export const NIL: Code = { text: 'null', type: undefined, weight: 'constant' };

export function constant(text: string, type?: Code['type']): Code {
  return { text, type, weight: 'constant' };
}

export function simple(text: string): Code {
  return { text, type: undefined, weight: 'simple' };
}

export function complex(text: string, type?: Code['type']): Code {
  return { text, type, weight: 'complex' };
}

/** What becomes of the value of a statement. */
export type Target =
  | { readonly kind: 'discard' }
  | { readonly kind: 'assign'; readonly variable: string }
  /** Ends the function. */
  | { readonly kind: 'return' };

export const DISCARD: Target = { kind: 'discard' };
export const RETURN: Target = { kind: 'return' };

/** What `return` ends. */
export type Exit =
  | { readonly kind: 'function' }
  | { readonly kind: 'block'; readonly label: string; readonly target: Target };
