// Text of a template to its parts; language.md §19. Never throws, whatever the text is: what cannot be read is reported and left
// out. Everything is copied as it is but `@{…}`, `@raw{…}`, `@if(…) {…} else {…}`, `@for(…) {…}` and `@@`.

import type { Diagnostic } from '../diagnostic.ts';
import type { SourceFile, Span } from '../source.ts';
import type { Expression, Item, Name } from '../syntax/ast.ts';
import { Cursor } from '../syntax/cursor.ts';
import { tokenize } from '../syntax/lexer.ts';
import { parseExpression } from '../syntax/parse-expression.ts';
import { MAX_SOURCE_BYTES } from '../syntax/parser.ts';
import { isTooTall, MAX_TREE_HEIGHT } from '../syntax/tree-height.ts';
import { endOfCode } from './code-span.ts';

interface Spanned {
  readonly span: Span;
}

export type TemplatePart =
  | (Spanned & { readonly kind: 'text'; readonly text: string })
  | (Spanned & {
      readonly kind: 'value';
      readonly expression: Expression;
      /** `@raw{…}` */
      readonly isRaw: boolean;
      /** Directly between double quotes of the text. */
      readonly isQuoted: boolean;
    })
  | (Spanned & {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly then: readonly TemplatePart[];
      /** `else if` is the one `if` in it. */
      readonly otherwise: readonly TemplatePart[] | undefined;
    })
  | (Spanned & {
      readonly kind: 'for';
      readonly variable: Name;
      readonly iterable: Expression;
      readonly body: readonly TemplatePart[];
    });

export interface ParsedTemplate {
  readonly parts: readonly TemplatePart[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Forms within forms; well within the stack of the parser and of the compiler. */
const MAX_DEPTH = 100;

/** `file` is the index of the source in the program's list of files. */
export function parseTemplate(source: SourceFile, file: number): ParsedTemplate {
  if (source.text.length > MAX_SOURCE_BYTES) {
    const span = { file, start: 0, end: 0 };
    const message = 'the template is larger than 1 MiB';
    return { parts: [], diagnostics: [{ code: 'RL1010', severity: 'error', message, span }] };
  }
  const parser = new TemplateParser(source, file);
  const parts = parser.body(undefined);
  parser.diagnostics.sort((a, b) => a.span.start - b.span.start);
  return { parts, diagnostics: parser.diagnostics };
}

const FORM = /@(?:(@)|(raw)?(\{)|(if|for)[ \t]*\()/y;
const BODY = /\s*\{/y;
const ELSE = /\s*else\s*(?:(\{)|if[ \t]*\()/y;

class TemplateParser {
  readonly diagnostics: Diagnostic[] = [];
  readonly #source: SourceFile;
  readonly #text: string;
  readonly #file: number;
  #at: number;
  #depth = 0;

  constructor(source: SourceFile, file: number) {
    this.#source = source;
    this.#text = source.text;
    this.#file = file;
    this.#at = this.#text.startsWith('\uFEFF') ? 1 : 0;
  }

  /** Up to the brace that closes the body opened at `open`; without one, up to the end of the text. */
  body(open: number | undefined): TemplatePart[] {
    const parts: TemplatePart[] = [];
    let text = '';
    let from = this.#at;
    const flush = (): void => {
      if (text !== '') parts.push({ kind: 'text', text, span: this.#span(from, this.#at) });
      text = '';
    };
    const skipTo = (end: number): void => {
      this.#at = end;
      from = end;
    };
    let braces = 0;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (open !== undefined && char === '{') braces += 1;
      if (open !== undefined && char === '}') {
        if (braces === 0) {
          flush();
          this.#at += 1;
          return parts;
        }
        braces -= 1;
      }
      const form = char === '@' ? this.#match(FORM) : undefined;
      if (form === undefined) {
        const next = this.#nextMark();
        text += this.#text.slice(this.#at, next);
        this.#at = next;
        continue;
      }
      const [whole, at, raw, brace, word] = form;
      if (at !== undefined) {
        text += '@';
        this.#at += 2;
        continue;
      }
      flush();
      const start = this.#at;
      this.#at += whole.length;
      if (brace !== undefined) parts.push(...this.#value(start, raw !== undefined));
      else if (word === 'if') parts.push(...this.#if(start));
      else parts.push(...this.#for(start));
      skipTo(this.#at);
    }
    flush();
    if (open !== undefined) this.#error('RL1012', "'{' is not closed", open, open + 1);
    return parts;
  }

  /** Where something begins that may not be plain text; always further on. */
  #nextMark(): number {
    let at = this.#at + 1;
    while (at < this.#text.length && !'@{}'.includes(this.#text[at]!)) at += 1;
    return at;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text) ?? undefined;
  }

  #value(start: number, isRaw: boolean): TemplatePart[] {
    const end = this.#code(start, '}');
    if (end === undefined) return [];
    const [from, to] = end;
    const expression = this.#parse(from, to, 'an expression', parseExpression);
    if (expression === undefined) return [];
    const isQuoted = this.#text[start - 1] === '"' && this.#text[to + 1] === '"';
    return [{ kind: 'value', expression, isRaw, isQuoted, span: this.#span(start, this.#at) }];
  }

  #if(start: number): TemplatePart[] {
    const head = this.#code(start, ')');
    if (head === undefined) return [];
    const condition = this.#parse(...head, 'a condition', parseExpression);
    const then = this.#block('@if(…)', head[1]);
    if (then === undefined) return [];
    let otherwise: readonly TemplatePart[] | undefined;
    const next = this.#match(ELSE);
    if (next !== undefined) {
      const begin = this.#at + next[0].length;
      this.#at = begin;
      if (next[1] !== undefined) otherwise = this.#nested(begin - 1);
      else otherwise = this.#deeper(() => this.#if(begin - 1));
    }
    if (condition === undefined) return [];
    return [{ kind: 'if', condition, then, otherwise, span: this.#span(start, this.#at) }];
  }

  #for(start: number): TemplatePart[] {
    const head = this.#code(start, ')');
    if (head === undefined) return [];
    const read = this.#parse(...head, 'NAME in VALUE', (cursor) => {
      const variable = cursor.expectName('loop variable');
      if (cursor.expect('in') === undefined) return undefined;
      return { variable, iterable: parseExpression(cursor) };
    });
    const body = this.#block('@for(…)', head[1]);
    if (body === undefined || read === undefined) return [];
    return [{ kind: 'for', ...read, body, span: this.#span(start, this.#at) }];
  }

  /** The braces after a head. */
  #block(what: string, end: number): TemplatePart[] | undefined {
    const brace = this.#match(BODY);
    if (brace === undefined) {
      this.#error('RL1010', `expected '{' after ${what}`, end, end + 1);
      return undefined;
    }
    this.#at += brace[0].length;
    return this.#nested(this.#at - 1);
  }

  #nested(open: number): TemplatePart[] {
    return this.#deeper(() => this.body(open));
  }

  #deeper(read: () => TemplatePart[]): TemplatePart[] {
    if (this.#depth >= MAX_DEPTH) {
      this.#error('RL1010', `nested more than ${MAX_DEPTH} levels deep`, this.#at - 1, this.#at);
      this.#at = this.#text.length;
      return [];
    }
    this.#depth += 1;
    const parts = read();
    this.#depth -= 1;
    return parts;
  }

  /** The code from here to its closing bracket, which is passed; what is not closed ends the template. */
  #code(start: number, closer: ')' | '}'): [number, number] | undefined {
    const from = this.#at;
    const end = endOfCode(this.#text, from, closer);
    if (end === undefined) {
      this.#error('RL1012', `'${this.#text.slice(start, from)}' is not closed`, start, from);
      this.#at = this.#text.length;
      return undefined;
    }
    this.#at = end + 1;
    return [from, end];
  }

  /** As in brackets: line breaks mean nothing. Undefined if something is wrong, which has been reported. */
  #parse<T extends object>(
    from: number,
    to: number,
    expected: string,
    read: (cursor: Cursor) => T | undefined,
  ): T | undefined {
    const found: Diagnostic[] = [];
    const shift = (offset: number): number => offset + from;
    const tokens = tokenize({ name: this.#source.name, text: this.#text.slice(from, to) }, this.#file, found);
    const moved = tokens.map((token) => ({ ...token, start: shift(token.start), end: shift(token.end) }));
    for (const { span, ...rest } of found) {
      this.diagnostics.push({ ...rest, span: this.#span(shift(span.start), shift(span.end)) });
    }
    if (moved.length === 1) {
      if (found.length === 0) this.#error('RL1010', `expected ${expected}`, from - 1, to + 1);
      return undefined;
    }
    const problems: Diagnostic[] = [];
    const cursor = new Cursor(this.#source, this.#file, moved, problems);
    cursor.ignoresBreaks = true;
    const result = read(cursor);
    if (cursor.errors === 0 && !cursor.at('end')) cursor.unexpected('the end of the expression');
    for (const problem of problems) this.diagnostics.push(problem);
    if (found.length + problems.length + cursor.errors > 0) return undefined;
    if (result === undefined || moved.length < MAX_TREE_HEIGHT) return result;
    for (const part of Object.values(result)) {
      if (!isTooTall(part as Item)) continue;
      this.#error('RL1010', 'this expression has too many parts', from, to);
      return undefined;
    }
    return result;
  }

  #span(start: number, end: number): Span {
    return { file: this.#file, start, end };
  }

  #error(code: string, message: string, start: number, end: number): void {
    this.diagnostics.push({ code, severity: 'error', message, span: this.#span(start, end) });
  }
}
