// Tokens carry their own kind: a keyword or a sign is its own kind, so the parser asks `at('if')` and `at('(')` alike.

/** Words that cannot name a variable, parameter, function, server, struct or protocol. */
export const KEYWORDS = [
  'catch',
  'config',
  'dispatch',
  'else',
  'false',
  'fn',
  'for',
  'from',
  'if',
  'implements',
  'import',
  'in',
  'nil',
  'protocol',
  'receive',
  'return',
  'send',
  'server',
  'set',
  'state',
  'struct',
  'template',
  'throw',
  'true',
  'try',
  'while',
] as const;

/** Operators and brackets, longest first. Those of other languages are here too, so the parser can say what to write instead. */
export const SIGNS = [
  ...(['...', '===', '!==', '->', '=>', '??', '==', '!=', '<=', '>=', '&&', '||'] as const),
  ...(['+=', '-=', '*=', '/=', '%=', '=', '<', '>', '+', '-', '*', '/', '%', '!'] as const),
  ...(['.', ',', ';', ':', '(', ')', '{', '}', '[', ']'] as const),
] as const;

export type Keyword = (typeof KEYWORDS)[number];
export type Sign = (typeof SIGNS)[number];
/** `bad` stands for text the lexer could not read and has reported. */
export type TokenKind = 'word' | 'string' | 'number' | 'datetime' | 'bad' | 'end' | Keyword | Sign;

export interface Token {
  readonly kind: TokenKind;
  /** A word, keyword or sign as written; the content of a string. */
  readonly text: string;
  /** Of a number or datetime. */
  readonly value: number;
  readonly start: number;
  readonly end: number;
  /** A line break, or a comment with one, stands before it. */
  readonly breakBefore: boolean;
  /** The comment directly above, of `receive` and `server`. */
  readonly doc: string | undefined;
}

const KEYWORD_SET: ReadonlySet<string> = new Set(KEYWORDS);

export function isKeyword(text: string): text is Keyword {
  return KEYWORD_SET.has(text);
}

/** A word in the sense of the grammar: keys and members may be keywords. */
export function isWord(token: Token): boolean {
  return token.kind === 'word' || KEYWORD_SET.has(token.kind);
}

/** As messages name it. */
export function describeToken(token: Token): string {
  switch (token.kind) {
    case 'end':
      return 'end of file';
    case 'string':
      return 'string';
    case 'number':
      return 'number';
    case 'datetime':
      return 'datetime';
    default:
      return `'${token.text}'`;
  }
}
