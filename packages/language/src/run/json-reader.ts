import { parseIso } from './datetime.ts';
import { owe } from './debt.ts';
import { BudgetExceeded, RuntimeFailure } from './failure.ts';
import { buildStruct, fit } from './fit.ts';
import { MAX_NESTING } from './inspect.ts';
import type { Structs } from './type.ts';
import { ArrayValue, EMPTY_ARRAY, EMPTY_OBJECT, ObjectValue, StructValue, type Value } from './value.ts';

export interface ReadOptions {
  /** Objects with `_type` become one of these if they fit. */
  readonly structs?: Structs;
  /** Read the tagged form: `{"_type":"datetime",…}` is a datetime. Default false. */
  readonly tagged?: boolean;
  /** Elements of one array, keys of one object; more is «budget exceeded: array length». Default: no bound. */
  readonly maxElements?: number;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const NO_STRUCTS: Structs = new Map();

/** Reads one text. Depth is bounded, keys keep their order, a repeated key keeps its last value. */
export class JsonReader {
  readonly #text: string;
  readonly #structs: Structs;
  readonly #tagged: boolean;
  readonly #maxElements: number;
  #at = 0;

  constructor(text: string, options: ReadOptions) {
    this.#text = text;
    this.#structs = options.structs ?? NO_STRUCTS;
    this.#tagged = options.tagged ?? false;
    this.#maxElements = options.maxElements ?? Infinity;
  }

  read(): Value {
    const value = this.#value(0);
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.#unexpected();
    return value;
  }

  #unexpected(): RuntimeFailure {
    if (this.#at >= this.#text.length) return new RuntimeFailure('unexpected end of text');
    const found = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    return new RuntimeFailure(`unexpected ${JSON.stringify(found)} at position ${this.#at}`);
  }

  #skipBlanks(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at += 1;
    }
  }

  #value(depth: number): Value {
    this.#skipBlanks();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #word(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected();
    this.#at += word.length;
    return value;
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.#text);
    if (found === null) throw this.#unexpected();
    const value = Number(found[0]);
    if (!Number.isFinite(value)) throw new RuntimeFailure(`number too large at position ${this.#at}`);
    this.#at += found[0].length;
    return value;
  }

  #string(): string {
    const start = this.#at;
    let isPlain = true;
    for (let at = start + 1; ; at += 1) {
      const unit = this.#text.charCodeAt(at);
      if (unit === 0x22) {
        this.#at = at + 1;
        const raw = this.#text.slice(start + 1, at);
        return isPlain ? raw : this.#unescaped(start);
      }
      // NaN beyond the end; control characters must be escaped.
      if (!(unit >= 0x20)) {
        this.#at = at;
        throw this.#unexpected();
      }
      if (unit === 0x5c) {
        isPlain = false;
        at += 1;
      } else if (unit >= 0xd800 && unit <= 0xdfff) isPlain = false;
    }
  }

  #unescaped(start: number): string {
    try {
      const text: string = JSON.parse(this.#text.slice(start, this.#at));
      if (text.isWellFormed()) return text;
    } catch {
      // Reported below, like half a surrogate pair.
    }
    throw new RuntimeFailure(`malformed string at position ${start}`);
  }

  #open(depth: number): void {
    if (depth >= MAX_NESTING) throw new RuntimeFailure('nested too deeply');
    this.#at += 1;
    this.#skipBlanks();
  }

  /** After a part: true if another follows. */
  #goesOn(close: string): boolean {
    this.#skipBlanks();
    const mark = this.#text[this.#at];
    if (mark !== ',' && mark !== close) throw this.#unexpected();
    this.#at += 1;
    return mark === ',';
  }

  #array(depth: number): ArrayValue {
    this.#open(depth);
    if (this.#text[this.#at] === ']') {
      this.#at += 1;
      return EMPTY_ARRAY;
    }
    const items: Value[] = [];
    do {
      items.push(this.#value(depth + 1));
      if (items.length > this.#maxElements) throw new BudgetExceeded('array length');
    } while (this.#goesOn(']'));
    return new ArrayValue(items);
  }

  #object(depth: number): Value {
    this.#open(depth);
    if (this.#text[this.#at] === '}') {
      this.#at += 1;
      return EMPTY_OBJECT;
    }
    const entries: [string, Value][] = [];
    do {
      this.#skipBlanks();
      if (this.#text[this.#at] !== '"') throw this.#unexpected();
      const key = this.#string();
      this.#skipBlanks();
      if (this.#text[this.#at] !== ':') throw this.#unexpected();
      this.#at += 1;
      entries.push([key, this.#value(depth + 1)]);
      if (entries.length > this.#maxElements) throw new BudgetExceeded('array length');
    } while (this.#goesOn('}'));
    return (
      this.#structOf(entries, depth) ?? typedObject(ObjectValue.from(entries), this.#structs, this.#tagged)
    );
  }

  /** A struct or datetime in the form it is written, which needs no object in between. */
  #structOf(entries: readonly (readonly [string, Value])[], depth: number): Value | undefined {
    const [first, second] = entries;
    if (first?.[0] !== '_type' || typeof first[1] !== 'string') return undefined;
    if (this.#tagged && first[1] === 'datetime' && entries.length === 2 && second?.[0] === 'value') {
      return typeof second[1] === 'string' ? parseIso(second[1]) : undefined;
    }
    const definition = this.#structs.get(first[1]);
    if (definition === undefined || definition.fields.length !== entries.length - 1) return undefined;
    owe(entries.length);
    const values: Value[] = [];
    for (const [at, { name, type }] of definition.fields.entries()) {
      const [key, given] = entries[at + 1]!;
      if (key !== name) return undefined;
      const found = fit(given, type, this.#structs, depth + 1);
      if (!found.ok) return undefined;
      values.push(found.value);
    }
    return new StructValue(definition, values);
  }
}

/** An object with `_type` as the datetime or struct it stands for, if it fits. */
export function typedObject(object: ObjectValue, structs: Structs, tagged: boolean): Value {
  const type = object.get('_type');
  if (typeof type !== 'string') return object;
  if (type === 'datetime' && tagged && object.size === 2) {
    const text = object.get('value');
    return (typeof text === 'string' ? parseIso(text) : undefined) ?? object;
  }
  const definition = structs.get(type);
  if (definition === undefined) return object;
  const built = buildStruct(object.remove('_type'), definition, structs);
  return built.ok ? built.value : object;
}
