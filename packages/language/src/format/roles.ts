// What the tokens of a file are for, read from its tree: which braces are bodies and which are objects, where items begin, which
// signs are binary. The tree itself is not printed: only blanks and line breaks between tokens change.

import type { Entry, Expression, Item, Name, Parameter, TypeExpression } from '../syntax/ast.ts';
import type { Token, TokenKind } from '../syntax/token.ts';
import { partsOf } from '../syntax/walk.ts';
import { unreachable } from '../unreachable.ts';

/** `body` and `members` hold items between which line breaks mean something; the others hold a list. */
export type BraceRole = 'body' | 'members' | 'padded-list' | 'list';

/** Operators of one level, of which all stand at the end of a line if one does; or the dots of a row of members and calls. */
export interface Chain {
  readonly kind: 'operators' | 'dots';
  readonly first: number;
  readonly last: number;
  /** Indices of the operator or dot tokens. */
  readonly signs: readonly number[];
}

/** Bodies that belong together: those of one `if` with its `else`, or of `try` and `catch`. */
export interface Siblings {
  readonly first: number;
  readonly last: number;
  /** Indices of the opening braces. */
  readonly braces: readonly number[];
}

/** All by index of token. */
export interface Roles {
  readonly braces: ReadonlyMap<number, BraceRole>;
  /** Braces that follow a struct name without a blank. */
  readonly structs: ReadonlySet<number>;
  /** First tokens of items and members. */
  readonly starts: ReadonlySet<number>;
  readonly binary: ReadonlySet<number>;
  /** Colons of `:name`. */
  readonly symbols: ReadonlySet<number>;
  /** Words that are names, keywords among them. */
  readonly names: ReadonlySet<number>;
  readonly chains: readonly Chain[];
  readonly siblings: readonly Siblings[];
}

export function readRoles(items: readonly Item[], tokens: readonly Token[]): Roles {
  return new RoleReader(tokens).read(items);
}

class RoleReader {
  readonly #tokens: readonly Token[];
  readonly #indexAt: ReadonlyMap<number, number>;
  readonly #braces = new Map<number, BraceRole>();
  readonly #structs = new Set<number>();
  readonly #starts = new Set<number>();
  readonly #binary = new Set<number>();
  readonly #symbols = new Set<number>();
  readonly #names = new Set<number>();
  readonly #chains: Chain[] = [];
  readonly #siblings: Siblings[] = [];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.#indexAt = new Map(tokens.map((token, index) => [token.start, index]));
  }

  read(items: readonly Item[]): Roles {
    for (const item of items) {
      this.#start(item.span.start);
      this.#item(item);
    }
    return {
      braces: this.#braces,
      structs: this.#structs,
      starts: this.#starts,
      binary: this.#binary,
      symbols: this.#symbols,
      names: this.#names,
      chains: this.#chains,
      siblings: this.#siblings,
    };
  }

  #at(offset: number): number {
    return this.#indexAt.get(offset) ?? -1;
  }

  /** The first token of a kind at or behind an offset. */
  #find(kind: TokenKind, offset: number): number {
    let low = 0;
    let high = this.#tokens.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#tokens[middle]!.start < offset) low = middle + 1;
      else high = middle;
    }
    while (low < this.#tokens.length - 1 && this.#tokens[low]!.kind !== kind) low += 1;
    return low;
  }

  /** The last token that ends at or before an offset. */
  #lastBefore(offset: number): number {
    let low = 0;
    let high = this.#tokens.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#tokens[middle]!.end <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** An item in parentheses has the span of what is inside. */
  #start(offset: number): void {
    let index = this.#at(offset);
    while (this.#tokens[index - 1]?.kind === '(') index -= 1;
    this.#starts.add(index);
  }

  #item(item: Item): void {
    switch (item.kind) {
      case 'import':
        return;
      case 'struct-declaration':
        this.#name(item.name);
        this.#brace(item.name.span.end, 'members');
        for (const field of item.fields) this.#field(field.name, field.type);
        return;
      case 'protocol':
        this.#name(item.name);
        this.#brace(item.name.span.end, 'members');
        for (const method of item.methods) {
          this.#starts.add(this.#at(method.span.start));
          this.#signature(method);
        }
        return;
      case 'template':
        this.#name(item.method);
        for (const param of item.params) this.#param(param);
        return;
      case 'config':
        this.#config(item.span.start, item.entries);
        return;
      case 'server':
        this.#name(item.name);
        if (item.implements !== undefined) this.#name(item.implements);
        this.#stateBlocks(this.#brace((item.implements ?? item.name).span.end, 'members'));
        for (const field of item.state) {
          this.#field(field.name, field.type);
          if (field.initial !== undefined) this.#expression(field.initial);
        }
        for (const receive of item.receives) {
          this.#starts.add(this.#at(receive.span.start));
          this.#signature(receive);
          this.#body(receive.body);
        }
        return;
      default:
        this.#expression(item);
    }
  }

  /** The tree holds the fields of all `state` blocks as one; the braces are found by their word. */
  #stateBlocks(brace: number): void {
    let depth = 0;
    for (let index = brace; index < this.#tokens.length; index += 1) {
      const { kind } = this.#tokens[index]!;
      if (kind === '{' || kind === '(' || kind === '[') depth += 1;
      else if (kind === '}' || kind === ')' || kind === ']') depth -= 1;
      else if (kind === 'state' && depth === 1 && this.#tokens[index + 1]?.kind === '{') {
        this.#starts.add(index);
        this.#braces.set(index + 1, 'members');
      }
      if (depth === 0) return;
    }
  }

  #brace(from: number, role: BraceRole): number {
    const index = this.#find('{', from);
    this.#braces.set(index, role);
    return index;
  }

  #name(name: Name): void {
    const index = this.#at(name.span.start);
    this.#names.add(index);
    if (this.#tokens[index]?.kind === ':') this.#symbols.add(index);
  }

  #field(name: Name, type: TypeExpression): void {
    this.#starts.add(this.#at(name.span.start));
    this.#name(name);
    this.#type(type);
  }

  #param(param: Parameter): void {
    this.#name(param.name);
    if (param.type !== undefined) this.#type(param.type);
  }

  #signature(signature: {
    readonly name: Name | undefined;
    readonly params: readonly Parameter[];
    readonly returns: TypeExpression | undefined;
  }): void {
    if (signature.name !== undefined) this.#name(signature.name);
    for (const param of signature.params) this.#param(param);
    if (signature.returns !== undefined) this.#type(signature.returns);
  }

  #type(type: TypeExpression): void {
    switch (type.kind) {
      case 'array':
        this.#type(type.element);
        return;
      case 'map':
        this.#braces.set(this.#at(type.span.start), 'list');
        this.#type(type.key);
        this.#type(type.value);
        return;
      case 'named':
        type.args.forEach((arg) => {
          this.#type(arg);
        });
        return;
      case 'fn':
        type.params.forEach((param) => {
          this.#type(param);
        });
        if (type.returns !== undefined) this.#type(type.returns);
        return;
      default:
        unreachable(type);
    }
  }

  #entries(entries: readonly Entry[]): void {
    for (const { key, value } of entries) {
      this.#name(key);
      this.#expression(value);
    }
  }

  /** Settings within settings have blanks inside their braces too. */
  #config(from: number, entries: readonly Entry[]): void {
    this.#brace(from, 'padded-list');
    for (const { key, value } of entries) {
      this.#name(key);
      if (value.kind === 'object') this.#config(value.span.start, value.entries);
      else this.#expression(value);
    }
  }

  #body(body: { readonly span: { readonly start: number }; readonly items: readonly Expression[] }): number {
    const index = this.#at(body.span.start);
    // What follows `else` may be an `if` without braces of its own.
    const hasBraces = this.#tokens[index]?.kind === '{';
    if (hasBraces) this.#braces.set(index, 'body');
    for (const item of body.items) {
      if (hasBraces) this.#start(item.span.start);
      this.#expression(item);
    }
    return index;
  }

  #expression(expression: Expression): void {
    const { span } = expression;
    switch (expression.kind) {
      case 'literal':
        if (this.#tokens[this.#at(span.start)]?.kind === ':') this.#symbols.add(this.#at(span.start));
        return;
      case 'object':
        this.#braces.set(this.#at(span.start), 'list');
        this.#entries(expression.entries);
        return;
      case 'struct':
        this.#structs.add(this.#brace(expression.name.span.end, 'list'));
        this.#entries(expression.entries);
        return;
      case 'send':
        this.#name(expression.method);
        this.#brace(expression.method.span.end, expression.entries.length === 0 ? 'list' : 'padded-list');
        this.#entries(expression.entries);
        return;
      case 'block':
        this.#body(expression.body);
        return;
      case 'function':
        this.#signature(expression);
        this.#body(expression.body);
        return;
      case 'set':
        this.#name(expression.name);
        if (expression.type !== undefined) this.#type(expression.type);
        this.#expression(expression.value);
        return;
      case 'for':
        this.#expression(expression.iterable);
        this.#body(expression.body);
        return;
      case 'while':
        this.#expression(expression.condition);
        this.#body(expression.body);
        return;
      case 'if':
        this.#if(expression);
        return;
      case 'try': {
        const braces = [this.#body(expression.body), this.#body(expression.handler)];
        this.#siblings.push({ first: this.#at(span.start), last: this.#lastBefore(span.end), braces });
        return;
      }
      case 'dispatch':
        this.#brace(expression.subject.span.end, 'padded-list');
        this.#expression(expression.subject);
        for (const { pattern, value } of expression.arms) {
          const index = this.#at(pattern.span.start);
          if (this.#tokens[index]?.kind === ':') this.#symbols.add(index);
          this.#expression(value);
        }
        return;
      case 'binary':
      case 'logical':
        this.#operators(expression);
        return;
      case 'member':
      case 'method':
      case 'index':
      case 'call':
        this.#links(expression);
        return;
      default:
        for (const part of partsOf(expression)) this.#expression(part);
    }
  }

  #if(expression: Expression & { readonly kind: 'if' }): void {
    const first = this.#at(expression.span.start);
    const braces: number[] = [];
    let at = expression;
    for (;;) {
      this.#expression(at.condition);
      braces.push(this.#body(at.then));
      const { otherwise } = at;
      if (otherwise === undefined) break;
      const [next] = otherwise.items;
      const isElseIf = next?.kind === 'if' && next.span.start === otherwise.span.start;
      if (!isElseIf) {
        braces.push(this.#body(otherwise));
        break;
      }
      at = next;
    }
    this.#siblings.push({ first, last: this.#lastBefore(expression.span.end), braces });
  }

  /** Operators of one precedence stand in a row; the operands between them are chains of their own. */
  #operators(expression: Expression & { readonly kind: 'binary' | 'logical' }): void {
    const operators: number[] = [];
    let left: Expression = expression;
    for (;;) {
      if (left.kind !== 'binary' && left.kind !== 'logical') break;
      if (left !== expression && !isSameLevel(left.operator, expression.operator)) break;
      const operator = this.#find(left.operator, left.left.span.end);
      operators.push(operator);
      this.#binary.add(operator);
      this.#expression(left.right);
      // In parentheses it is a chain of its own.
      if (left.left.span.start !== left.span.start) {
        left = left.left;
        break;
      }
      left = left.left;
    }
    this.#expression(left);
    const { start, end } = expression.span;
    this.#chains.push({
      kind: 'operators',
      first: this.#at(start),
      last: this.#lastBefore(end),
      signs: operators.reverse(),
    });
  }

  /** From the outermost link inwards; arguments are looked at on the way. */
  #links(expression: Link): void {
    const signs: number[] = [];
    let at: Expression = expression;
    while (isLink(at)) {
      if (at.kind === 'member' || at.kind === 'method') {
        this.#name(at.member);
        signs.push(this.#at(at.member.span.start) - 1);
      }
      const [inner, ...others]: readonly Expression[] = partsOf(at);
      for (const part of others) this.#expression(part);
      const isInParentheses: boolean = inner!.span.start !== at.span.start;
      at = inner!;
      if (isInParentheses) break;
    }
    this.#expression(at);
    if (signs.length === 0) return;
    const { start, end } = expression.span;
    this.#chains.push({
      kind: 'dots',
      first: this.#at(start),
      last: this.#lastBefore(end),
      signs: signs.reverse(),
    });
  }
}

type Link = Expression & { readonly kind: 'member' | 'method' | 'index' | 'call' };

function isLink(expression: Expression): expression is Link {
  const { kind } = expression;
  return kind === 'member' || kind === 'method' || kind === 'index' || kind === 'call';
}

const LEVELS: readonly (readonly string[])[] = [
  ['??'],
  ['||'],
  ['&&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['+', '-'],
  ['*', '/', '%'],
];

function isSameLevel(a: string, b: string): boolean {
  return LEVELS.some((level) => level.includes(a) && level.includes(b));
}
