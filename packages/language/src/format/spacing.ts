// The blank between two tokens on one line, or none.

import type { Token, TokenKind } from '../syntax/token.ts';
import type { Roles } from './roles.ts';

/** A bracket behind one of these belongs to it: it is a call, a parameter list or an index. */
const OPERAND_ENDS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  ...(['word', 'string', 'number', 'datetime', 'true', 'false', 'nil', 'state', ')', ']', '}'] as const),
]);

/** Between tokens that stand in the same brackets; what is next to an opening or closing bracket is not asked for. */
export function blankBetween(tokens: readonly Token[], index: number, roles: Roles): '' | ' ' {
  const before = tokens[index - 1];
  const next = tokens[index];
  if (before === undefined || next === undefined) return '';
  switch (next.kind) {
    case ',':
    case ';':
    case '.':
      return '';
    case ':':
      if (!roles.symbols.has(index)) return '';
      break;
    case '(':
    case '[': {
      const isNamed = OPERAND_ENDS.has(before.kind) || roles.names.has(index - 1);
      const isWord = next.kind === '(' && (before.kind === 'fn' || before.kind === 'send');
      if ((isNamed || isWord) && !roles.starts.has(index)) return '';
      break;
    }
    case '{':
      if (roles.structs.has(index)) return '';
  }
  switch (before.kind) {
    case '.':
      return '';
    case ':':
      return roles.symbols.has(index - 1) ? '' : ' ';
    case '!':
      return '';
    case '-':
      return roles.binary.has(index - 1) ? ' ' : '';
    default:
      return ' ';
  }
}
