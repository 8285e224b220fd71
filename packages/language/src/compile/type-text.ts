import type { PlainTypeExpression } from '../run/resolve-type.ts';
import type { TypeExpression } from '../syntax/ast.ts';
import { unreachable } from '../unreachable.ts';

/** As error texts and published interfaces show it; validators only where `withValidators` says so. */
export function typeText(type: TypeExpression, withValidators = false): string {
  const text = baseText(type, withValidators);
  if (!withValidators) return text;
  const chain = type.validators.map(({ name, args }) =>
    args.length === 0 ? `.${name}` : `.${name}(${args.map((arg) => JSON.stringify(arg)).join(', ')})`,
  );
  return text + chain.join('');
}

function baseText(type: TypeExpression, withValidators: boolean): string {
  const text = (part: TypeExpression): string => typeText(part, withValidators);
  switch (type.kind) {
    case 'array':
      return `[${text(type.element)}]`;
    case 'map':
      return `{${text(type.key)}: ${text(type.value)}}`;
    case 'named':
      return type.args.length === 0 ? type.name : `${type.name}(${type.args.map(text).join(', ')})`;
    case 'fn': {
      const returns = type.returns === undefined ? '' : ` -> ${text(type.returns)}`;
      return `fn(${type.params.map(text).join(', ')})${returns}`;
    }
    default:
      return unreachable(type);
  }
}

/** The form that stands in compiled code. */
export function plainType(type: TypeExpression): PlainTypeExpression {
  const base = {
    text: typeText(type),
    validators: type.validators.map(({ name, args }) => ({ name, args })),
  };
  switch (type.kind) {
    case 'array':
      return { ...base, kind: 'array', parts: [plainType(type.element)] };
    case 'map':
      return { ...base, kind: 'map', parts: [plainType(type.value)] };
    case 'named':
      return { ...base, kind: 'named', name: type.name, parts: type.args.map(plainType) };
    case 'fn':
      return { ...base, kind: 'fn', parts: [] };
    default:
      return unreachable(type);
  }
}
