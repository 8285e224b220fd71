// Tokens and comments to the commands of the printer. The author decides which bodies, lists and rows of calls are spread over
// lines, by the line breaks of the source; the width decides which further ones are.

import type { SourceFile } from '../source.ts';
import type { Token, TokenKind } from '../syntax/token.ts';
import { type Comment, type Gap, readGaps } from './comments.ts';
import { type Command, createGroup, type Group } from './printer.ts';
import type { Chain, Roles, Siblings } from './roles.ts';
import { blankBetween } from './spacing.ts';

interface Frame {
  readonly kind: 'items' | 'list';
  readonly group: Group;
  /** Index of the opening bracket; -1 for the file. */
  readonly open: number;
  /** Blanks inside the braces if they stand on one line. */
  readonly padding: '' | ' ';
  /** The author began a new line after the opening bracket. */
  readonly isSpread: boolean;
}

interface OpenChain {
  readonly chain: Chain;
  readonly group: Group;
  isIndented: boolean;
}

const OPENERS: ReadonlySet<TokenKind> = new Set<TokenKind>(['(', '[', '{']);
const CLOSERS: ReadonlySet<TokenKind> = new Set<TokenKind>([')', ']', '}']);

export function layOut(source: SourceFile, tokens: readonly Token[], roles: Roles): Command[] {
  return new Layout(source, tokens, roles).run();
}

class Layout {
  readonly #source: SourceFile;
  readonly #tokens: readonly Token[];
  readonly #roles: Roles;
  readonly #gaps: readonly Gap[];
  readonly #commands: Command[] = [];
  readonly #frames: Frame[];
  /** Groups of brackets by index of the opening one; made when first needed. */
  readonly #groups = new Map<number, Group>();
  readonly #partners: ReadonlyMap<number, number>;
  readonly #chainsFrom: ReadonlyMap<number, readonly Chain[]>;
  readonly #siblingsFrom: ReadonlyMap<number, readonly Siblings[]>;
  readonly #siblingBraces: ReadonlySet<number>;
  readonly #openChains: OpenChain[] = [];
  readonly #openSiblings: { readonly last: number; readonly group: Group }[] = [];
  /** What stands before semicolons left out since the last token. */
  #pending: Gap | undefined;
  /** The last token that was put out. */
  #previous = -1;

  constructor(source: SourceFile, tokens: readonly Token[], roles: Roles) {
    this.#source = source;
    this.#tokens = tokens;
    this.#roles = roles;
    this.#gaps = readGaps(source, tokens);
    this.#partners = partners(tokens);
    this.#chainsFrom = Map.groupBy(roles.chains, (chain) => chain.first);
    this.#siblingsFrom = Map.groupBy(roles.siblings, (siblings) => siblings.first);
    this.#siblingBraces = new Set(roles.siblings.flatMap(({ braces }) => braces));
    const file = createGroup();
    file.isBroken = true;
    this.#frames = [{ kind: 'items', group: file, open: -1, padding: '', isSpread: true }];
  }

  run(): Command[] {
    this.#tokens.forEach((token, index) => {
      const isSeparator = token.kind === ';' && this.#frame.kind === 'items';
      if (isSeparator) this.#leaveOut(index);
      else this.#token(token, index);
    });
    return this.#commands;
  }

  get #frame(): Frame {
    return this.#frames.at(-1)!;
  }

  /** Semicolons come back where the line goes on. What stands before one is put before what stands behind it. */
  #leaveOut(index: number): void {
    const gap = this.#gaps[index]!;
    this.#pending = this.#pending === undefined ? gap : this.#join(this.#pending, gap);
  }

  #token(token: Token, index: number): void {
    const own = this.#gaps[index]!;
    const gap = this.#pending === undefined ? own : this.#join(this.#pending, own);
    const isCloser = CLOSERS.has(token.kind);
    const isEnd = token.kind === 'end';
    if (index > 0 || gap.comments.length > 0) this.#gap(gap, index, this.#pending !== undefined);
    this.#pending = undefined;
    if (isEnd) return;
    if (isCloser) {
      this.#commands.push({ kind: 'text', text: token.kind });
      this.#commands.push({ kind: 'close', group: this.#frame.group });
      this.#frames.pop();
    } else {
      this.#openSpans(index);
      if (OPENERS.has(token.kind)) this.#openBracket(token, index);
      else this.#commands.push({ kind: 'text', text: this.#source.text.slice(token.start, token.end) });
    }
    this.#closeSpans(index);
    this.#previous = index;
  }

  #join(before: Gap, gap: Gap): Gap {
    const [first, ...others] = gap.comments;
    // A comment that a semicolon keeps from being the documentation of what follows stays apart from it.
    const isCut =
      (before.comments.at(-1)?.breaks ?? 0) > 0 || (before === this.#gaps[0] && before.comments.length > 0);
    const breaks = (own: number): number => (isCut ? Math.max(2, own) : own) + before.breaks;
    if (first === undefined) return { comments: before.comments, breaks: breaks(gap.breaks) };
    const joined = [...before.comments, { ...first, breaks: breaks(first.breaks) }, ...others];
    // The same for a comment behind the semicolon, which comes onto a line of its own.
    const isMoved = isCut && first.breaks === 0 && others.length === 0;
    return { comments: joined, breaks: isMoved ? Math.max(2, gap.breaks) : gap.breaks };
  }

  #openSpans(index: number): void {
    for (const { last, braces } of this.#siblingsFrom.get(index) ?? []) {
      const group = createGroup(braces.map((brace) => this.#group(brace)));
      this.#openSiblings.push({ last, group });
      this.#commands.push({ kind: 'open', group });
    }
    const chains = this.#chainsFrom.get(index) ?? [];
    for (const chain of chains.toSorted((a, b) => b.last - a.last)) {
      const group = createGroup();
      const isOperators = chain.kind === 'operators';
      // Breaks on both sides of an operator count; the operator stays at the end of its line.
      group.isForced = chain.signs.some(
        (sign) => this.#hasBreak(sign) || (isOperators && this.#hasBreak(sign + 1)),
      );
      if (group.isForced) this.#spreadAround();
      this.#openChains.push({ chain, group, isIndented: false });
      this.#commands.push({ kind: 'open', group });
    }
  }

  #closeSpans(index: number): void {
    for (let open = this.#openChains.at(-1); open?.chain.last === index; open = this.#openChains.at(-1)) {
      if (open.isIndented) this.#commands.push({ kind: 'dedent', group: open.group });
      this.#commands.push({ kind: 'close', group: open.group });
      this.#openChains.pop();
    }
    while (this.#openSiblings.at(-1)?.last === index) {
      const { group } = this.#openSiblings.pop()!;
      this.#commands.push({ kind: 'close', group });
    }
  }

  #group(open: number): Group {
    let group = this.#groups.get(open);
    if (group === undefined) {
      group = createGroup();
      this.#groups.set(open, group);
    }
    return group;
  }

  #openBracket(token: Token, index: number): void {
    const group = this.#group(index);
    const role = token.kind === '{' ? this.#roles.braces.get(index) : 'list';
    const kind = role === 'body' || role === 'members' ? 'items' : 'list';
    const close = this.#partners.get(index) ?? index;
    const isSpread = this.#hasBreak(index + 1) && close > index + 1;
    if (kind === 'list' && token.kind === '(' && !isSpread) group.hugged = this.#hugged(close - 1);
    this.#commands.push({ kind: 'open', group }, { kind: 'text', text: token.kind });
    this.#frames.push({ kind, group, open: index, padding: role === 'list' ? '' : ' ', isSpread });
    if (isSpread) this.#spread();
  }

  /** What ends with the token may be spread instead of the call around it. */
  #hugged(index: number): Group | undefined {
    const kind = this.#tokens[index]?.kind;
    if (kind === undefined || !CLOSERS.has(kind)) return undefined;
    const open = this.#partners.get(index) ?? index;
    // One of several bodies by itself would look odd; nothing can be spread in nothing.
    if (this.#siblingBraces.has(open) || open === index - 1) return undefined;
    // Of several arrays or bodies in a row none is special.
    if (this.#tokens[open - 1]?.kind === ',' && CLOSERS.has(this.#tokens[open - 2]?.kind ?? 'end'))
      return undefined;
    return kind === ')' ? this.#hugged(index - 1) : this.#group(open);
  }

  #hasBreak(index: number): boolean {
    const gap = this.#gaps[index];
    if (gap === undefined || gap.breaks > 0) return gap !== undefined;
    return gap.comments.some(hasBreak);
  }

  /** A line break certainly comes into the innermost brackets. */
  #spread(): void {
    this.#frame.group.isForced = true;
    this.#spreadAround();
  }

  /** Bodies around a line break are spread; the lists around it need not be. */
  #spreadAround(): void {
    for (const { kind, group } of this.#frames) if (kind === 'items') group.isForced = true;
  }

  #gap(gap: Gap, index: number, hasSemicolon: boolean): void {
    const frame = this.#frame;
    const token = this.#tokens[index]!;
    const isOpening = this.#previous === frame.open;
    const isClosing = CLOSERS.has(token.kind);
    if (isOpening && isClosing && gap.comments.length === 0) {
      // Without its semicolon an empty block would be an empty object.
      this.#text(frame.kind === 'list' ? '' : hasSemicolon ? ' ; ' : ' ');
      return;
    }
    if (isOpening && frame.open >= 0) this.#commands.push({ kind: 'indent', group: frame.group });
    if (gap.comments.length > 0) {
      this.#comments(gap, index, hasSemicolon);
      return;
    }
    const { group } = frame;
    if (isOpening) {
      if (frame.open >= 0) this.#commands.push({ kind: 'line', group, flat: frame.padding });
    } else if (isClosing) {
      if (gap.breaks > 0 && frame.kind === 'items') this.#spread();
      this.#commands.push({ kind: 'dedent', group }, { kind: 'line', group, flat: frame.padding });
    } else if (token.kind === 'end') this.#commands.push({ kind: 'hard', isBlank: false });
    else this.#between(gap.breaks, index, hasSemicolon);
  }

  #between(breaks: number, index: number, hasSemicolon: boolean): void {
    const { kind, group, isSpread } = this.#frame;
    const isStart = kind === 'items' && this.#roles.starts.has(index);
    const isEntry = kind === 'list' && this.#tokens[index - 1]?.kind === ',';
    if (isStart || isEntry) {
      if (breaks > 0 && (isStart || isSpread)) {
        this.#spread();
        this.#commands.push({ kind: 'hard', isBlank: breaks > 1 });
        return;
      }
      const flat = hasSemicolon ? '; ' : ' ';
      this.#commands.push(isSpread ? { kind: 'fill', flat } : { kind: 'line', group, flat });
      return;
    }
    if (this.#atElse(index)) {
      if (breaks > 0) this.#spreadAround();
      const open = this.#partners.get(index - 1) ?? -1;
      this.#commands.push({ kind: 'else', body: this.#group(open), hasBreak: breaks > 0 });
      return;
    }
    const open = this.#openChains.at(-1);
    const sign = open?.chain.kind === 'operators' ? index - 1 : index;
    if (open?.chain.signs.includes(sign) === true) {
      if (open.chain.kind === 'operators') {
        this.#indentChain(open);
        this.#commands.push({ kind: 'line', group: open.group, flat: ' ' });
        return;
      }
      if (breaks > 0) {
        this.#indentChain(open);
        this.#commands.push({ kind: 'hard', isBlank: false });
        return;
      }
    }
    this.#text(blankBetween(this.#tokens, index, this.#roles));
  }

  /** `else` or `catch` behind a body. */
  #atElse(index: number): boolean {
    const { kind } = this.#tokens[index]!;
    return (kind === 'else' || kind === 'catch') && !this.#roles.names.has(index);
  }

  #indentChain(open: OpenChain): void {
    if (open.isIndented) return;
    open.isIndented = true;
    this.#commands.push({ kind: 'indent', group: open.group });
  }

  /** Comments keep their place: behind the code of a line, on lines of their own, or between two tokens. */
  #comments(gap: Gap, index: number, hasSemicolon: boolean): void {
    const frame = this.#frame;
    const isFirst = this.#previous === frame.open;
    let isAtStart = false;
    gap.comments.forEach((comment, at) => {
      const next = gap.comments[at + 1];
      const endsLine = comment.isLine || comment.text.includes('\n') || (next?.breaks ?? gap.breaks) > 0;
      const isOwnLine = comment.breaks > 0 || (isAtStart && at > 0);
      if (isOwnLine) {
        const isBlank = comment.breaks > 1 && (!isFirst || at > 0);
        this.#spread();
        this.#commands.push({ kind: 'hard', isBlank });
      } else if (endsLine && !(isFirst && frame.open < 0)) {
        this.#spread();
        this.#commands.push({ kind: 'trailing', text: comment.text, column: comment.column });
        isAtStart = true;
        return;
      } else if (isFirst && at === 0 && frame.kind === 'list') {
        this.#commands.push({ kind: 'line', group: frame.group, flat: frame.padding });
      } else if (!isFirst || frame.open >= 0) this.#text(' ');
      this.#commands.push({ kind: 'comment', text: comment.text });
      isAtStart = endsLine;
    });
    this.#afterComments(gap, index, isAtStart, hasSemicolon);
  }

  #afterComments(gap: Gap, index: number, endsLine: boolean, hasSemicolon: boolean): void {
    const frame = this.#frame;
    const { kind } = this.#tokens[index]!;
    const isClosing = CLOSERS.has(kind);
    if (isClosing && hasSemicolon && this.#previous === frame.open && !endsLine) this.#text(' ;');
    if (isClosing) this.#commands.push({ kind: 'dedent', group: frame.group });
    if (endsLine || kind === 'end') {
      this.#spread();
      const isBlank = gap.breaks > 1 && !isClosing && kind !== 'end';
      this.#commands.push({ kind: 'hard', isBlank });
    } else if (isClosing) {
      this.#commands.push({ kind: 'line', group: frame.group, flat: frame.padding });
    } else if (this.#previous === frame.open && frame.kind === 'items' && frame.open >= 0) {
      // Behind the brace it stays: on a line of its own it would document what follows.
      this.#commands.push({ kind: 'line', group: frame.group, flat: ' ' });
    } else if (hasSemicolon && gap.comments.some(hasBreak)) {
      this.#spread();
      this.#commands.push({ kind: 'hard', isBlank: true });
    } else if (hasSemicolon && this.#previous !== frame.open) this.#text('; ');
    else this.#text(kind === ',' ? '' : ' ');
  }

  #text(text: string): void {
    if (text !== '') this.#commands.push({ kind: 'text', text });
  }
}

/** A line break stands before it, in it or behind it. */
function hasBreak({ breaks, isLine, text }: Comment): boolean {
  return breaks > 0 || isLine || text.includes('\n');
}

/** Brackets by index, both ways. */
function partners(tokens: readonly Token[]): Map<number, number> {
  const found = new Map<number, number>();
  const open: number[] = [];
  tokens.forEach(({ kind }, index) => {
    if (OPENERS.has(kind)) open.push(index);
    if (!CLOSERS.has(kind)) return;
    const start = open.pop();
    if (start === undefined) return;
    found.set(start, index);
    found.set(index, start);
  });
  return found;
}
