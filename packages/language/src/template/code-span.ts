// Where a piece of code inside a template ends. Only brackets, strings and comments are looked at; whether it is an expression is
// for the parser to say.

const CLOSERS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** Offset of the bracket that closes what begins at `start`; undefined if there is none. */
export function endOfCode(text: string, start: number, closer: ')' | '}'): number | undefined {
  const open: string[] = [];
  for (let at = start; at < text.length; at += 1) {
    const char = text[at]!;
    if (char === '"') at = endOfString(text, at);
    else if (char === '/' && text[at + 1] === '/') at = endOf(text, '\n', at, 0);
    else if (char === '/' && text[at + 1] === '*') at = endOf(text, '*/', at + 2, 1);
    else if (open.length === 0 && char === closer) return at;
    else if (Object.hasOwn(CLOSERS, char)) open.push(CLOSERS[char]!);
    else if (char === open.at(-1)) open.pop();
  }
  return undefined;
}

/** Offset of the closing quote, or of the last character. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at, text.length);
}

function endOf(text: string, mark: string, from: number, more: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + more;
}
