// Operators: plain numbers are done in place, everything else goes to the run-time table.

import type { Expression } from '../syntax/ast.ts';
import { unreachable } from '../unreachable.ts';
import type { BodyBuilder } from './body-builder.ts';
import { type Code, complex, constant } from './code.ts';

type Of<K extends Expression['kind']> = Expression & { readonly kind: K };

/** A condition as a JavaScript boolean. */
export function conditionText(code: Code): string {
  if (code.type === 'bool') return code.text;
  if (code.type === 'number') return `(${code.text} !== 0)`;
  if (code.weight === 'complex') return `$.truthy(${code.text})`;
  return `(${code.text} === true || $.truthy(${code.text}))`;
}

function joined(before: readonly string[], text: string): string {
  return before.length === 0 ? text : `(${[...before, text].join(', ')})`;
}

function isNumber(code: Code): string[] {
  return code.type === 'number' ? [] : [`typeof ${code.text} === 'number'`];
}

export function emitBinary(body: BodyBuilder, expression: Of<'binary'>): Code {
  const { operator, left, right } = expression;
  const before: string[] = [];
  const codes = body.repeatable(body.operands([left, right]), before);
  const [a, b] = codes as [Code, Code];
  const place = body.place(expression.span);
  switch (operator) {
    case '==':
    case '!=': {
      const text = equality(body, a, b, place);
      return complex(joined(before, operator === '==' ? text : `!${text}`), 'bool');
    }
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const checks = [...isNumber(a), ...isNumber(b)];
      const fast = `${a.text} ${operator} ${b.text}`;
      const slow = `$.rel(${body.m}, ${a.text}, ${b.text}, ${place}) ${operator} 0`;
      const text = checks.length === 0 ? `(${fast})` : `(${checks.join(' && ')} ? ${fast} : ${slow})`;
      return complex(joined(before, text), 'bool');
    }
    case '+':
      body.module.operands(place, left.span, right.span);
      return arithmetic(body, operator, a, b, before, `$.add(${body.m}, ${a.text}, ${b.text}, ${place})`);
    case '-':
      return arithmetic(body, operator, a, b, before, `$.sub(${a.text}, ${b.text}, ${place})`);
    case '*':
      return arithmetic(body, operator, a, b, before, `$.mul(${a.text}, ${b.text}, ${place})`);
    case '/':
      return arithmetic(body, operator, a, b, before, `$.div(${a.text}, ${b.text}, ${place})`);
    case '%':
      return arithmetic(body, operator, a, b, before, `$.mod(${a.text}, ${b.text}, ${place})`);
    default:
      return unreachable(operator);
  }
}

function equality(body: BodyBuilder, a: Code, b: Code, place: number): string {
  const isPlain = a.weight === 'constant' || b.weight === 'constant';
  const isDate = /^k\d/.test(a.text) || /^k\d/.test(b.text);
  if ((isPlain && !isDate) || a.type === 'number' || b.type === 'number') return `(${a.text} === ${b.text})`;
  const isObject = `typeof ${a.text} === 'object' && typeof ${b.text} === 'object'`;
  return `(${a.text} === ${b.text} || ${isObject} && $.equal(${body.m}, ${a.text}, ${b.text}, ${place}))`;
}

/** Numbers below this added to any finite number stay finite. */
const SMALL = 2 ** 53;

function arithmetic(
  body: BodyBuilder,
  operator: '+' | '-' | '*' | '/' | '%',
  a: Code,
  b: Code,
  before: readonly string[],
  slow: string,
): Code {
  const isSum = operator === '+' || operator === '-';
  const checks = [...isNumber(a), ...isNumber(b)];
  if ((operator === '/' || operator === '%') && !isNonZero(b)) {
    checks.push(`${b.text} !== 0`);
  }
  const isNumeric = !isSum || (a.type === 'number' && b.type === 'number');
  const type = isNumeric ? 'number' : undefined;
  const isBounded = operator === '%' || (isSum && [a, b].some(isSmall));
  const plain = `${a.text} ${operator} ${b.text}`;
  if (isBounded) {
    const text = checks.length === 0 ? `(${plain})` : `(${checks.join(' && ')} ? ${plain} : ${slow})`;
    return complex(joined(before, text), type);
  }
  const result = body.temp();
  checks.push(`(${result} = ${plain}) - ${result} === 0`);
  return complex(joined(before, `(${checks.join(' && ')} ? ${result} : ${slow})`), type);
}

/** Negative ones stand in parentheses. */
function constantNumber(code: Code): number {
  return code.weight === 'constant' && code.type === 'number'
    ? Number(code.text.replace(/^\((.*)\)$/, '$1'))
    : Number.NaN;
}

function isNonZero(code: Code): boolean {
  return Math.abs(constantNumber(code)) > 0;
}

function isSmall(code: Code): boolean {
  return Math.abs(constantNumber(code)) <= SMALL;
}

export function emitUnary(body: BodyBuilder, expression: Of<'unary'>): Code {
  const operand = body.expression(expression.operand);
  if (expression.operator === '!') return complex(`!${conditionText(operand)}`, 'bool');
  if (operand.weight === 'constant' && operand.type === 'number' && !operand.text.startsWith('(')) {
    return constant(`(-${operand.text})`, 'number');
  }
  if (operand.type === 'number') return complex(`(-${operand.text})`, 'number');
  const before: string[] = [];
  const [code] = body.repeatable([operand], before) as [Code];
  const slow = `$.neg(${code.text}, ${body.place(expression.span)})`;
  return complex(joined(before, `(typeof ${code.text} === 'number' ? -${code.text} : ${slow})`), 'number');
}

/** The right side is evaluated only if needed; if it takes statements, so does the whole. */
export function emitLogical(body: BodyBuilder, expression: Of<'logical'>): Code {
  const { operator } = expression;
  const left = body.expression(expression.left);
  const { result: right, lines } = body.capture(() => body.expression(expression.right));
  const isDefault = operator === '??';
  const first = isDefault ? left.text : conditionText(left);
  const second = isDefault ? right.text : conditionText(right);
  const type = isDefault ? undefined : 'bool';
  if (lines.length === 0) return complex(`(${first} ${operator} ${second})`, type);
  const result = body.temp();
  body.emit(`${result} = ${first};`);
  const isNeeded = isDefault ? `${result} === null` : operator === '&&' ? result : `!${result}`;
  body.emit(`if (${isNeeded}) {`);
  body.lines.push(...lines);
  body.emit(`${result} = ${second};`);
  body.emit('}');
  return { text: result, type, weight: 'simple' };
}
