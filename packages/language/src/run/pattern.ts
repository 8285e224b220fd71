// Patterns of `.regex(…)`: compiled to a small program and run over all threads at once, so matching is linear in the text. No
// look-around, no back-references. A pattern matches anywhere in the text unless anchored.

import { owe } from './debt.ts';
import { RuntimeFailure } from './failure.ts';

type CharacterTest = (codePoint: number) => boolean;

type Step =
  | { readonly kind: 'one'; readonly test: CharacterTest }
  | { readonly kind: 'split'; first: number; second: number }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'assert'; readonly what: 'start' | 'end' | 'word' | 'not-word' }
  | { readonly kind: 'match' };

type Tree =
  | { readonly kind: 'one'; readonly test: CharacterTest }
  | { readonly kind: 'assert'; readonly what: 'start' | 'end' | 'word' | 'not-word' }
  | { readonly kind: 'sequence'; readonly parts: readonly Tree[] }
  | { readonly kind: 'choice'; readonly parts: readonly Tree[] }
  | { readonly kind: 'repeat'; readonly part: Tree; readonly min: number; readonly max: number };

const MAX_STEPS = 5_000;
const MAX_GROUPS = 100;

export interface Pattern {
  readonly source: string;
  /** Steps of work per code point; what a match costs. */
  readonly size: number;
  matches(text: string): boolean;
}

const isDigit: CharacterTest = (c) => c >= 48 && c <= 57;
const isWord: CharacterTest = (c) => isDigit(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
const isSpace: CharacterTest = (c) => c === 32 || (c >= 9 && c <= 13) || c === 0xa0 || c === 0xfeff;
const CLASSES: Readonly<Record<string, CharacterTest>> = {
  d: isDigit,
  w: isWord,
  s: isSpace,
  D: (c) => !isDigit(c),
  W: (c) => !isWord(c),
  S: (c) => !isSpace(c),
};
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, '0': 0 };

/** Throws a `RuntimeFailure` that says what is wrong with it. */
export function compilePattern(source: string): Pattern {
  const program: Step[] = [];
  emit(new PatternReader(source).read(), program);
  program.push({ kind: 'match' });
  const matches = (text: string): boolean => {
    owe((text.length * program.length) / 8);
    return run(program, [...text]);
  };
  return { source, size: program.length, matches };
}

class PatternReader {
  readonly #source: string;
  readonly #text: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#text = [...source];
  }

  read(): Tree {
    const tree = this.#choice();
    if (this.#at < this.#text.length) throw this.#wrong('unmatched )');
    return tree;
  }

  #wrong(what: string): RuntimeFailure {
    return new RuntimeFailure(`invalid pattern ${this.#source}: ${what}`);
  }

  #take(text: string): boolean {
    if (this.#text[this.#at] !== text) return false;
    this.#at += 1;
    return true;
  }

  #choice(): Tree {
    const parts = [this.#sequence()];
    while (this.#take('|')) parts.push(this.#sequence());
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  #sequence(): Tree {
    const parts: Tree[] = [];
    for (let next = this.#text[this.#at]; next !== undefined && next !== '|' && next !== ')'; ) {
      parts.push(this.#repeated());
      next = this.#text[this.#at];
    }
    return { kind: 'sequence', parts };
  }

  #repeated(): Tree {
    let part = this.#atom();
    for (;;) {
      let bounds: readonly [number, number] | undefined;
      if (this.#take('*')) bounds = [0, Infinity];
      else if (this.#take('+')) bounds = [1, Infinity];
      else if (this.#take('?')) bounds = [0, 1];
      else bounds = this.#counts();
      if (bounds === undefined) return part;
      // Greedy or not makes no difference to whether it matches.
      this.#take('?');
      part = { kind: 'repeat', part, min: bounds[0], max: bounds[1] };
    }
  }

  #counts(): readonly [number, number] | undefined {
    const close = this.#text.indexOf('}', this.#at);
    if (this.#text[this.#at] !== '{' || close < 0) return undefined;
    const match = /^(\d{1,4})(,(\d{0,4}))?$/.exec(this.#text.slice(this.#at + 1, close).join(''));
    if (match === null) return undefined;
    this.#at = close + 1;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === '' ? Infinity : Number(match[3]);
    if (max < min) throw this.#wrong('counts out of order');
    return [min, max];
  }

  #atom(): Tree {
    const next = this.#text[this.#at]!;
    this.#at += 1;
    switch (next) {
      case '.':
        return { kind: 'one', test: (c) => c !== 10 && c !== 13 };
      case '^':
        return { kind: 'assert', what: 'start' };
      case '$':
        return { kind: 'assert', what: 'end' };
      case '(':
        return this.#group();
      case '[':
        return { kind: 'one', test: this.#set() };
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw this.#wrong('nothing to repeat');
      default: {
        const code = next.codePointAt(0)!;
        return { kind: 'one', test: (c) => c === code };
      }
    }
  }

  #group(): Tree {
    this.#depth += 1;
    if (this.#depth > MAX_GROUPS) throw this.#wrong('groups nested too deeply');
    if (this.#take('?') && !this.#take(':')) throw this.#wrong('look-around is not supported');
    const tree = this.#choice();
    if (!this.#take(')')) throw this.#wrong('missing )');
    this.#depth -= 1;
    return tree;
  }

  #escape(): Tree {
    const next = this.#text[this.#at];
    if (next === 'b' || next === 'B') {
      this.#at += 1;
      return { kind: 'assert', what: next === 'b' ? 'word' : 'not-word' };
    }
    const found = this.#escaped();
    return { kind: 'one', test: typeof found === 'number' ? (c) => c === found : found };
  }

  /** After a backslash: a class, or the code point meant. */
  #escaped(): CharacterTest | number {
    const next = this.#text[this.#at];
    if (next === undefined) throw this.#wrong('ends with \\');
    this.#at += 1;
    const test = Object.hasOwn(CLASSES, next) ? CLASSES[next] : undefined;
    if (test !== undefined) return test;
    if (Object.hasOwn(CONTROLS, next)) return CONTROLS[next]!;
    if (next === 'x' || next === 'u') {
      const digits = this.#text.slice(this.#at, this.#at + (next === 'x' ? 2 : 4)).join('');
      if (!/^([0-9a-fA-F]{2}|[0-9a-fA-F]{4})$/.test(digits)) throw this.#wrong(`malformed \\${next}`);
      this.#at += digits.length;
      return Number.parseInt(digits, 16);
    }
    if (/[1-9]/.test(next)) throw this.#wrong('back-references are not supported');
    if (/[A-Za-z]/.test(next)) throw this.#wrong(`unknown escape \\${next}`);
    return next.codePointAt(0)!;
  }

  #set(): CharacterTest {
    const isNegated = this.#take('^');
    const tests: CharacterTest[] = [];
    let isFirst = true;
    while (isFirst || !this.#take(']')) {
      isFirst = false;
      const low = this.#setPart();
      if (typeof low !== 'number') {
        tests.push(low);
        continue;
      }
      if (this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']') {
        this.#at += 1;
        const high = this.#setPart();
        if (typeof high !== 'number' || high < low) throw this.#wrong('range out of order');
        tests.push((c) => c >= low && c <= high);
      } else tests.push((c) => c === low);
    }
    return (c) => tests.some((test) => test(c)) !== isNegated;
  }

  #setPart(): CharacterTest | number {
    const next = this.#text[this.#at];
    if (next === undefined) throw this.#wrong('missing ]');
    this.#at += 1;
    return next === '\\' ? this.#escaped() : next.codePointAt(0)!;
  }
}

function emit(tree: Tree, program: Step[]): void {
  if (program.length > MAX_STEPS) throw new RuntimeFailure('pattern is too large');
  switch (tree.kind) {
    case 'one':
    case 'assert':
      program.push(tree);
      break;
    case 'sequence':
      for (const part of tree.parts) emit(part, program);
      break;
    case 'choice':
      emitChoice(tree.parts, program);
      break;
    case 'repeat':
      emitRepeat(tree.part, tree.min, tree.max, program);
      break;
    default:
      throw new Error(`unhandled case: ${JSON.stringify(tree satisfies never)}`);
  }
}

function emitChoice(parts: readonly Tree[], program: Step[]): void {
  const exits: { kind: 'jump'; to: number }[] = [];
  parts.forEach((part, at) => {
    if (at === parts.length - 1) {
      emit(part, program);
      return;
    }
    const split = { kind: 'split' as const, first: program.length + 1, second: 0 };
    program.push(split);
    emit(part, program);
    const exit = { kind: 'jump' as const, to: 0 };
    exits.push(exit);
    program.push(exit);
    split.second = program.length;
  });
  for (const exit of exits) exit.to = program.length;
}

function emitRepeat(part: Tree, min: number, max: number, program: Step[]): void {
  for (let count = 0; count < min; count += 1) emit(part, program);
  if (max === Infinity) {
    const split = { kind: 'split' as const, first: program.length + 1, second: 0 };
    const start = program.length;
    program.push(split);
    emit(part, program);
    program.push({ kind: 'jump', to: start });
    split.second = program.length;
    return;
  }
  const splits: { kind: 'split'; first: number; second: number }[] = [];
  for (let count = min; count < max; count += 1) {
    const split = { kind: 'split' as const, first: program.length + 1, second: 0 };
    splits.push(split);
    program.push(split);
    emit(part, program);
  }
  for (const split of splits) split.second = program.length;
}

function run(program: readonly Step[], text: readonly string[]): boolean {
  let threads: number[] = [];
  // The round in which a step was last entered, so that each is entered once a round.
  const entered = new Int32Array(program.length).fill(-1);
  for (let at = 0; at <= text.length; at += 1) {
    const waiting: number[] = [];
    const stack = [0, ...threads.toReversed()];
    while (stack.length > 0) {
      const place = stack.pop()!;
      if (entered[place] === at) continue;
      entered[place] = at;
      const step = program[place]!;
      if (step.kind === 'match') return true;
      if (step.kind === 'jump') stack.push(step.to);
      else if (step.kind === 'split') stack.push(step.second, step.first);
      else if (step.kind === 'one') waiting.push(place);
      else if (holds(step.what, text, at)) stack.push(place + 1);
    }
    const code = text[at]?.codePointAt(0);
    threads = [];
    for (const place of waiting) {
      const step = program[place]!;
      if (code !== undefined && step.kind === 'one' && step.test(code)) threads.push(place + 1);
    }
  }
  return false;
}

function holds(what: 'start' | 'end' | 'word' | 'not-word', text: readonly string[], at: number): boolean {
  if (what === 'start') return at === 0;
  if (what === 'end') return at === text.length;
  const before = at > 0 && isWord(text[at - 1]!.codePointAt(0)!);
  const after = at < text.length && isWord(text[at]!.codePointAt(0)!);
  return (before !== after) === (what === 'word');
}
