// A tree as people read it: one line for each part, what is within it indented. Shows how a text was understood, so operators group
// as they were parsed and every part has its own line.

import { unreachable } from '../unreachable.ts';
import type {
  Arm,
  Body,
  Entry,
  Expression,
  FunctionExpression,
  Item,
  Literal,
  Parameter,
  Receive,
  Server,
  TypeExpression,
} from './ast.ts';

interface Line {
  readonly text: string;
  readonly parts: readonly Line[];
}

const leaf = (text: string): Line => ({ text, parts: [] });

/** The tree of an item, without a line break at its end. The height of trees is bounded, see tree-height.ts. */
export function printTree(item: Item): string {
  const lines: string[] = [];
  const add = ({ text, parts }: Line, indent: string): void => {
    lines.push(indent + text);
    for (const part of parts) add(part, `${indent}  `);
  };
  add(itemLine(item), '');
  return lines.join('\n');
}

function itemLine(item: Item): Line {
  switch (item.kind) {
    case 'import':
      return leaf(`import ${JSON.stringify(item.path)}`);
    case 'struct-declaration': {
      const fields = item.fields.map(({ name, type }) => leaf(`field ${name.text}: ${typeText(type)}`));
      return { text: `struct ${item.name.text}`, parts: fields };
    }
    case 'protocol': {
      const methods = item.methods.map(({ name, params, returns }) =>
        leaf(`method ${name.text}${signature(params, returns)}`),
      );
      return { text: `protocol ${item.name.text}`, parts: methods };
    }
    case 'server':
      return serverLine(item);
    case 'template':
      return leaf(
        `template ${JSON.stringify(item.path)} from ${item.method.text}${signature(item.params, undefined)}`,
      );
    case 'config':
      return { text: 'config', parts: item.entries.map(entryLine) };
    default:
      return expressionLine(item);
  }
}

function serverLine({ name, implements: wanted, state, receives }: Server): Line {
  const fields = state.map(({ name: field, type, initial }) => ({
    text: `state ${field.text}: ${typeText(type)}`,
    parts: initial === undefined ? [] : [expressionLine(initial)],
  }));
  return {
    text: `server ${name.text}${wanted === undefined ? '' : ` implements ${wanted.text}`}`,
    parts: [...fields, ...receives.map(receiveLine)],
  };
}

function receiveLine({ name, params, returns, body }: Receive): Line {
  return { text: `receive ${name.text}${signature(params, returns)}`, parts: bodyLines(body) };
}

function functionLine({ name, params, returns, body }: FunctionExpression): Line {
  const text = `fn ${name === undefined ? '' : name.text}${signature(params, returns)}`;
  return { text, parts: bodyLines(body) };
}

function expressionLine(expression: Expression): Line {
  const of = (text: string, ...parts: readonly Expression[]): Line => ({
    text,
    parts: parts.map(expressionLine),
  });
  switch (expression.kind) {
    case 'literal':
      return leaf(literalText(expression.literal));
    case 'name':
      return leaf(`name ${expression.name}`);
    case 'state':
    case 'missing':
      return leaf(expression.kind);
    case 'array':
      return of('array', ...expression.elements);
    case 'object':
      return { text: 'object', parts: expression.entries.map(entryLine) };
    case 'struct':
      return { text: `struct ${expression.name.text}`, parts: expression.entries.map(entryLine) };
    case 'block':
      return { text: 'block', parts: bodyLines(expression.body) };
    case 'function':
      return functionLine(expression);
    case 'set': {
      const type = expression.type === undefined ? '' : `: ${typeText(expression.type)}`;
      return of(`set ${expression.name.text}${type}`, expression.value);
    }
    case 'return':
      return of('return', ...(expression.value === undefined ? [] : [expression.value]));
    case 'throw':
      return of('throw', expression.value);
    case 'if': {
      const { condition, then, otherwise } = expression;
      const parts = [expressionLine(condition), bodyLine('then', then)];
      return { text: 'if', parts: otherwise === undefined ? parts : [...parts, bodyLine('else', otherwise)] };
    }
    case 'for':
      return {
        text: `for ${expression.variable.text}`,
        parts: [expressionLine(expression.iterable), bodyLine('do', expression.body)],
      };
    case 'while':
      return {
        text: 'while',
        parts: [expressionLine(expression.condition), bodyLine('do', expression.body)],
      };
    case 'try': {
      const caught = expression.variable === undefined ? 'catch' : `catch ${expression.variable.text}`;
      return { text: 'try', parts: [bodyLine('do', expression.body), bodyLine(caught, expression.handler)] };
    }
    case 'dispatch':
      return {
        text: 'dispatch',
        parts: [expressionLine(expression.subject), ...expression.arms.map(armLine)],
      };
    case 'binary':
    case 'logical':
      return of(expression.operator, expression.left, expression.right);
    case 'unary':
      return of(`prefix ${expression.operator}`, expression.operand);
    case 'member':
      return of(`member ${expression.member.text}`, expression.object);
    case 'method':
      return of(`method ${expression.member.text}`, expression.object, ...expression.args);
    case 'index':
      return of('index', expression.object, expression.index);
    case 'call':
      return of('call', expression.callee, ...expression.args);
    case 'send': {
      const { server, method, entries } = expression;
      return { text: `send ${JSON.stringify(server)} ${method.text}`, parts: entries.map(entryLine) };
    }
    default:
      return unreachable(expression);
  }
}

function bodyLines(body: Body): readonly Line[] {
  return body.items.map(expressionLine);
}

function bodyLine(text: string, body: Body): Line {
  return { text, parts: bodyLines(body) };
}

function entryLine({ key, value }: Entry): Line {
  return { text: `${keyText(key.text)}:`, parts: [expressionLine(value)] };
}

function armLine({ pattern, value }: Arm): Line {
  const text = pattern.kind === 'default' ? ':default' : literalText(pattern);
  return { text: `arm ${text}`, parts: [expressionLine(value)] };
}

function keyText(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? key : JSON.stringify(key);
}

function literalText(literal: Literal): string {
  switch (literal.kind) {
    case 'string':
      return JSON.stringify(literal.value);
    case 'nil':
      return 'nil';
    case 'number':
    case 'bool':
      return String(literal.value);
    case 'datetime':
      return new Date(literal.value).toISOString();
    default:
      return unreachable(literal);
  }
}

function signature(params: readonly Parameter[], returns: TypeExpression | undefined): string {
  const shown = params.map(({ name, type }) =>
    type === undefined ? name.text : `${name.text}: ${typeText(type)}`,
  );
  return `(${shown.join(', ')})${returns === undefined ? '' : ` -> ${typeText(returns)}`}`;
}

/** As it is written, validators included. */
function typeText(type: TypeExpression): string {
  const chain = type.validators.map(({ name, args }) => {
    const given = args.length === 0 ? '' : `(${args.map((arg) => JSON.stringify(arg)).join(', ')})`;
    return `.${name}${given}`;
  });
  return baseText(type) + chain.join('');
}

function baseText(type: TypeExpression): string {
  switch (type.kind) {
    case 'array':
      return `[${typeText(type.element)}]`;
    case 'map':
      return `{${typeText(type.key)}: ${typeText(type.value)}}`;
    case 'named':
      return type.args.length === 0 ? type.name : `${type.name}(${type.args.map(typeText).join(', ')})`;
    case 'fn': {
      const returns = type.returns === undefined ? '' : ` -> ${typeText(type.returns)}`;
      return `fn(${type.params.map(typeText).join(', ')})${returns}`;
    }
    default:
      return unreachable(type);
  }
}
