// Walks over the tokens for the parser: line-break rules, error reports, and getting back on track after an error.

import type { Diagnostic } from '../diagnostic.ts';
import type { SourceFile, Span } from '../source.ts';
import type { Name } from './ast.ts';
import { describeToken, isWord, type Token, type TokenKind } from './token.ts';

/** Levels of brackets and braces a source may have. */
export const MAX_NESTING = 256;
/** Prefix operators and forms nest without brackets; this bounds them all together, well within the stack. */
const MAX_RECURSION = 600;

/** Tokens that may be looked through to recognise an outdated form: bounded, so that reading stays linear. */
const LOOK_AHEAD = 500;

export type Closer = ')' | ']' | '}';

const OPENERS: ReadonlySet<TokenKind> = new Set<TokenKind>(['(', '[', '{']);
const CLOSERS: ReadonlySet<TokenKind> = new Set<TokenKind>([')', ']', '}']);
const DECLARATION_STARTS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  ...(['import', 'struct', 'protocol', 'server', 'template', 'config', 'receive'] as const),
]);
/** Before these, two items on one line need no separator. */
const FORM_STARTS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  ...(['set', 'return', 'throw', 'if', 'for', 'while', 'try', 'dispatch', 'fn', 'send'] as const),
  ...(['import', 'struct', 'protocol', 'server', 'template', 'config'] as const),
]);

const MEMBER_STOPS: ReadonlySet<TokenKind> = new Set<TokenKind>([';', ',', 'receive', 'state']);

export class Cursor {
  readonly #source: SourceFile;
  readonly #file: number;
  readonly #tokens: readonly Token[];
  readonly #diagnostics: Diagnostic[];
  readonly #open: Closer[] = [];
  #index = 0;
  #recursion = 0;
  #lastErrorIndex = -1;
  /** Errors so far; a sequence that sees it grow gets back on track. */
  errors = 0;
  /** Diagnostics of the parser so far. */
  reports = 0;
  /** Directly inside brackets, where line breaks mean nothing. */
  ignoresBreaks = false;
  /** In the head of `if`, `for`, `while` and `dispatch`, where `NAME {` is a name and a body. */
  isHead = false;

  constructor(source: SourceFile, file: number, tokens: readonly Token[], diagnostics: Diagnostic[]) {
    this.#source = source;
    this.#file = file;
    this.#tokens = tokens;
    this.#diagnostics = diagnostics;
  }

  get index(): number {
    return this.#index;
  }

  peek(distance = 0): Token {
    return this.#tokens[Math.min(this.#index + distance, this.#tokens.length - 1)]!;
  }

  /** The token before; the first one if there is none. */
  previous(): Token {
    return this.#tokens[Math.max(this.#index - 1, 0)]!;
  }

  at(kind: TokenKind): boolean {
    return this.peek().kind === kind;
  }

  /** Whether the line goes on here, or breaks mean nothing. */
  get continues(): boolean {
    return this.ignoresBreaks || !this.peek().breakBefore;
  }

  atContinued(kind: TokenKind): boolean {
    return this.at(kind) && this.continues;
  }

  /** On the same line, whatever stands around it: the `(` of a call. */
  atSameLine(kind: TokenKind): boolean {
    return this.at(kind) && !this.peek().breakBefore;
  }

  atWord(): boolean {
    return isWord(this.peek());
  }

  /** A colon with a word directly behind it. */
  atSymbol(distance = 0): boolean {
    const colon = this.peek(distance);
    const word = this.peek(distance + 1);
    return colon.kind === ':' && isWord(word) && word.start === colon.end;
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#index += 1;
    return token;
  }

  take(kind: TokenKind): Token | undefined {
    return this.at(kind) ? this.next() : undefined;
  }

  spanOf(token: Token): Span {
    return { file: this.#file, start: token.start, end: token.end };
  }

  /** From an offset to the end of the last token read. */
  spanFrom(start: number): Span {
    const end = this.#index === 0 ? start : this.previous().end;
    return { file: this.#file, start, end: Math.max(start, end) };
  }

  text(span: Span): string {
    return this.#source.text.slice(span.start, span.end);
  }

  nameOf(token: Token): Name {
    return { text: token.text, span: this.spanOf(token) };
  }

  /** Once per token: what follows from an error is not another one. */
  error(code: string, message: string, span: Span = this.spanOf(this.peek()), hint?: string): void {
    const isFollowUp = this.#lastErrorIndex === this.#index || this.at('bad');
    this.errors += 1;
    this.#lastErrorIndex = this.#index;
    if (!isFollowUp) this.errorAt(code, message, span, hint);
  }

  /** An error about something already read, which the parser understood: nothing has to be skipped. */
  errorAt(code: string, message: string, span: Span, hint?: string): void {
    this.reports += 1;
    this.#diagnostics.push({
      code,
      severity: 'error',
      message,
      span,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  unexpected(expected: string, hint?: string): void {
    const token = this.peek();
    this.error(
      'RL1010',
      `unexpected ${describeToken(token)}, expected ${expected}`,
      this.spanOf(token),
      hint,
    );
  }

  expect(kind: TokenKind, expected = `'${kind}'`): Token | undefined {
    const token = this.take(kind);
    if (token === undefined) this.unexpected(expected);
    return token;
  }

  /** As `expect`, where a line break would have ended what stands before. */
  expectContinued(kind: TokenKind, expected = `'${kind}'`): Token | undefined {
    if (this.continues) return this.expect(kind, expected);
    this.error('RL1010', `unexpected line break, expected ${expected}`);
    return undefined;
  }

  /** A name that is bound: no keyword. */
  expectName(what: string): Name {
    const token = this.peek();
    if (token.kind === 'word') return this.nameOf(this.next());
    if (isWord(token)) {
      this.error('RL1013', `'${token.text}' is a keyword and cannot name a ${what}`);
      return this.nameOf(this.next());
    }
    this.unexpected(`the name of a ${what}`);
    return this.missingName();
  }

  expectMember(what: string): Name {
    if (this.atWord()) return this.nameOf(this.next());
    this.unexpected(what);
    return this.missingName();
  }

  /** Empty text: nothing was there, and it has been reported. */
  missingName(): Name {
    return { text: '', span: this.spanFrom(this.peek().start) };
  }

  /** Refuses to go on when forms nest too deeply: the rest of the file is not read. */
  nested<T>(parse: () => T, otherwise: () => T): T {
    if (this.#recursion >= MAX_RECURSION) {
      this.giveUp();
      return otherwise();
    }
    this.#recursion += 1;
    const result = parse();
    this.#recursion -= 1;
    return result;
  }

  giveUp(span: Span = this.spanOf(this.peek())): void {
    this.error('RL1010', `nested more than ${MAX_NESTING} levels deep`, span);
    this.#index = this.#tokens.length - 1;
    this.#lastErrorIndex = this.#index;
  }

  /** What stands between an opening bracket, which is the next token, and its partner. Modes are set inside and restored after. */
  bracketed(closer: Closer, mode: { readonly ignoresBreaks: boolean }, parseInside: () => void): void {
    const open = this.next();
    if (this.#open.length >= MAX_NESTING) {
      this.giveUp(this.spanOf(open));
      return;
    }
    const { ignoresBreaks, isHead } = this;
    this.ignoresBreaks = mode.ignoresBreaks;
    this.isHead = false;
    this.#open.push(closer);
    const errors = this.errors;
    parseInside();
    this.#close(open, closer, this.errors > errors);
    this.#open.pop();
    this.ignoresBreaks = ignoresBreaks;
    this.isHead = isHead;
  }

  #close(open: Token, closer: Closer, isDisturbed: boolean): void {
    if (this.take(closer) !== undefined) return;
    const { kind, breakBefore } = this.peek();
    const isForgotten = kind === 'end' || CLOSERS.has(kind) || (breakBefore && FORM_STARTS.has(kind));
    if (isDisturbed && closer !== '}') {
      // Whatever went wrong inside may well have cost the bracket.
      this.errors += 1;
    } else if (isForgotten) {
      this.error('RL1012', `'${open.text}' is not closed`, this.spanOf(open));
    } else {
      this.unexpected(`'${closer}'`);
    }
    this.skip((token) => token.kind === closer);
    // Without the bracket, what should follow it is missing here too: that is no news.
    if (this.take(closer) === undefined) this.#lastErrorIndex = this.#index;
  }

  /** Comma-separated entries up to the closer; the comma after the last one is optional. */
  entries(closer: Closer, parseOne: () => void): void {
    while (!this.at(closer) && !this.at('end')) {
      const before = this.#index;
      const errors = this.errors;
      parseOne();
      if (this.take(',') !== undefined) continue;
      if (this.at(closer)) return;
      if (this.errors === errors) {
        // What cannot be an entry is left to the closing bracket, which says what it expected.
        if (this.at('end') || CLOSERS.has(this.peek().kind) || this.#index === before) return;
        if (!this.at(';')) {
          this.error('RL1011', `missing ',' before ${describeToken(this.peek())}`);
          continue;
        }
        this.unexpected(`',' or '${closer}'`);
      }
      this.skip((token) => token.kind === ',' || token.kind === closer);
      if (this.take(',') === undefined) return;
    }
  }

  /** Items between separators, up to `end`. Always makes progress. */
  sequence(end: '}' | 'end', parseOne: () => void): void {
    for (;;) {
      while (this.take(';') !== undefined);
      const { kind } = this.peek();
      if (kind === end || kind === 'end') return;
      if (CLOSERS.has(kind)) {
        if (this.#open.includes(kind as Closer)) return;
        this.error('RL1010', `unexpected '${kind}': nothing is open here`);
        this.next();
        continue;
      }
      const before = this.#index;
      const errors = this.errors;
      parseOne();
      if (this.errors === errors && this.#index > before) {
        if (!this.#isSeparated()) {
          this.error(
            'RL1011',
            `missing separator before ${describeToken(this.peek())}`,
            undefined,
            SEPARATOR_HINT,
          );
        }
        continue;
      }
      // The token at fault may be a bracket that belongs to somebody outside.
      if (this.#index === before && !CLOSERS.has(this.peek().kind)) this.next();
      if (!this.#isSeparated())
        this.skip((token) => token.breakBefore || token.kind === ';' || FORM_STARTS.has(token.kind));
    }
  }

  /** Entries of `struct`, `protocol`, `server` and `state` braces, where separators are optional. */
  members(parseOne: () => void, allowsComma: boolean): void {
    for (;;) {
      while (this.take(';') !== undefined);
      const { kind } = this.peek();
      if (kind === 'end' || CLOSERS.has(kind)) return;
      const before = this.#index;
      const errors = this.errors;
      parseOne();
      if (this.errors > errors || this.#index === before) {
        if (this.#index === before && !CLOSERS.has(this.peek().kind)) this.next();
        const isDone = this.peek().breakBefore || this.previous().kind === '}';
        if (!isDone) this.skip((token) => token.breakBefore || MEMBER_STOPS.has(token.kind));
      }
      if (allowsComma) this.take(',');
    }
  }

  #isSeparated(): boolean {
    const token = this.peek();
    if (token.breakBefore || token.kind === ';' || token.kind === 'end') return true;
    if (this.#open.includes(token.kind as Closer)) return true;
    return this.previous().kind === '}' || FORM_STARTS.has(token.kind);
  }

  /** How far the partner of the bracket at a distance is away; undefined if it is not near. */
  closingDistance(distance: number): number | undefined {
    let depth = 0;
    for (let at = distance; at < distance + LOOK_AHEAD; at += 1) {
      const { kind } = this.peek(at);
      if (kind === 'end') return undefined;
      if (OPENERS.has(kind)) depth += 1;
      else if (CLOSERS.has(kind)) depth -= 1;
      if (depth === 0) return at;
    }
    return undefined;
  }

  /** Skips the rest of a declaration: to the end of its line, or of its braces. */
  skipDeclaration(): void {
    this.skip((token) => token.breakBefore || token.kind === ';' || token.kind === '{');
    if (!this.at('{') || this.#open.length >= MAX_NESTING) return;
    this.bracketed('}', { ignoresBreaks: false }, () => this.skip((token) => token.kind === '}'));
  }

  /** Skips to a token that `stops`, over balanced brackets, never out of the brackets that are open nor into a declaration. */
  skip(stops: (token: Token) => boolean): void {
    let depth = 0;
    for (; ; this.next()) {
      const token = this.peek();
      if (token.kind === 'end') return;
      if (token.breakBefore && DECLARATION_STARTS.has(token.kind)) return;
      if (depth === 0) {
        if (stops(token) || this.#open.includes(token.kind as Closer)) return;
        // A line that begins so is hardly the rest of what went wrong: rather a bracket was forgotten.
        if (token.breakBefore && FORM_STARTS.has(token.kind)) return;
      }
      if (OPENERS.has(token.kind)) depth += 1;
      else if (depth > 0 && CLOSERS.has(token.kind)) depth -= 1;
    }
  }
}

const SEPARATOR_HINT = "start a new line, or put ';' between them";
