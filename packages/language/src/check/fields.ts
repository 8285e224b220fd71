// Structs, state and the types that are named: RL2002, RL2004, RL3004 to RL3007.

import type {
  Expression,
  FunctionExpression,
  Item,
  Name,
  Parameter,
  Server,
  TypeExpression,
} from '../syntax/ast.ts';
import { unreachable } from '../unreachable.ts';
import { checkFits } from './calls.ts';
import { type CheckContext, literalText } from './context.ts';
import { checkValidators } from './limits.ts';
import { nearestHint } from './nearest-name.ts';
import { resultsOf } from './results.ts';
import { TYPE_NAMES } from './type.ts';

export function checkStruct(
  expression: Expression & { readonly kind: 'struct' },
  context: CheckContext,
): void {
  const { name, entries } = expression;
  const { declarations, report } = context;
  const structs = declarations.structs.get(name.text);
  if (structs === undefined) {
    const hint = nearestHint(name.text, declarations.structs.keys());
    report.error('RL2002', `undefined struct type: ${name.text}`, name.span, hint);
    return;
  }
  const [struct, ...others] = structs;
  // Which of several definitions counts depends on the run.
  if (struct === undefined || others.length > 0) return;
  const given = new Set<string>();
  for (const { key, value } of entries) {
    given.add(key.text);
    const field = struct.fields.find((candidate) => candidate.name.text === key.text);
    if (field === undefined) reportField(struct.name.text, struct.fields, key, context);
    else checkFits(value, field.type, false, `struct ${name.text} field '${key.text}'`, context);
  }
  for (const field of struct.fields) {
    const isOptional = field.type.kind === 'named' && field.type.name === 'optional';
    if (isOptional || given.has(field.name.text)) continue;
    const message = `missing required field '${field.name.text}' for struct ${name.text}`;
    report.error('RL3005', message, name.span);
  }
}

function reportField(
  struct: string,
  fields: readonly { readonly name: Name }[],
  key: Name,
  context: CheckContext,
): void {
  const hint = nearestHint(
    key.text,
    fields.map((field) => field.name.text),
  );
  context.report.error('RL3004', `struct ${struct} has no field '${key.text}'`, key.span, hint);
}

export function checkMember(
  expression: Expression & { readonly kind: 'member' },
  context: CheckContext,
): void {
  const { object, member } = expression;
  if (member.text === '') return;
  if (object.kind === 'state') {
    checkStateRead(object, member.text, member, context);
    return;
  }
  const type = context.types.typeOf(object);
  if (type.kind !== 'struct') return;
  const struct = context.declarations.structs.get(type.name)?.at(-1);
  if (struct === undefined || struct.fields.some((field) => field.name.text === member.text)) return;
  const hint = nearestHint(
    member.text,
    struct.fields.map((field) => field.name.text),
  );
  const message = `field '${member.text}' not found in struct '${type.name}'`;
  context.report.error('RL3004', message, member.span, hint);
}

/** `state.get("k")` and `state.set("k", v)`. */
export function checkStateMethod(
  expression: Expression & { readonly kind: 'method' },
  context: CheckContext,
): void {
  const { object, member, args } = expression;
  if (object.kind !== 'state') return;
  const server = context.resolution.servers.get(object);
  const [key, value] = args;
  const name = literalText(key);
  if (server === undefined || key === undefined || name === undefined) return;
  if (member.text === 'get') checkStateRead(object, name, key, context);
  if (member.text !== 'set') return;
  const field = server.state.find((candidate) => candidate.name.text === name);
  if (field !== undefined) {
    checkFits(value, field.type, true, `state field '${name}'`, context);
    return;
  }
  const declared = stateNames(server);
  const list = declared.length === 0 ? 'none' : declared.join(', ');
  const message = `server '${server.name.text}' has no state field '${name}'; declared: ${list}`;
  context.report.error('RL3007', message, key.span, nearestHint(name, declared));
}

function checkStateRead(
  state: Expression,
  name: string,
  place: { readonly span: Name['span'] },
  context: CheckContext,
): void {
  const server = context.resolution.servers.get(state);
  if (server === undefined || name === 'length') return;
  const declared = stateNames(server);
  if (declared.includes(name)) return;
  const message = `server '${server.name.text}' has no state field '${name}': it reads as nil`;
  context.report.warning('RL2004', message, place.span, nearestHint(name, declared));
}

function stateNames(server: Server): string[] {
  return server.state.map((field) => field.name.text);
}

/** The types an expression names. */
export function checkTypesOf(expression: Expression, context: CheckContext): void {
  if (expression.kind === 'set') {
    checkType(expression.type, context);
    checkFits(expression.value, expression.type, false, `'${expression.name.text}'`, context);
  } else if (expression.kind === 'function') {
    checkSignature(expression, context);
    checkResults(expression, `result of '${expression.name?.text ?? 'fn'}'`, context);
  }
}

/** The types a declaration names, and state defaults that do not fit theirs. */
export function checkDeclaredTypes(item: Item, context: CheckContext): void {
  switch (item.kind) {
    case 'struct-declaration':
      for (const field of item.fields) checkType(field.type, context);
      return;
    case 'protocol':
      for (const method of item.methods) checkSignature(method, context);
      return;
    case 'template':
      checkSignature({ params: item.params, returns: undefined }, context);
      return;
    case 'server':
      for (const { name, type, initial } of item.state) {
        checkType(type, context);
        checkFits(initial, type, true, `state field '${name.text}'`, context);
      }
      for (const receive of item.receives) {
        checkSignature(receive, context);
        checkResults(receive, `result of method '${receive.name.text}'`, context);
      }
      return;
    default:
  }
}

/** What a body gives against its declared result. Nil may stand for "nothing found", and `-> nil` for "of no interest". */
function checkResults(
  { returns, body }: Pick<FunctionExpression, 'returns' | 'body'>,
  what: string,
  context: CheckContext,
): void {
  if (returns === undefined || (returns.kind === 'named' && returns.name === 'nil')) return;
  for (const part of resultsOf(body)) checkFits(part, returns, true, what, context);
}

function checkSignature(
  signature: { readonly params: readonly Parameter[]; readonly returns: TypeExpression | undefined },
  context: CheckContext,
): void {
  for (const param of signature.params) checkType(param.type, context);
  checkType(signature.returns, context);
}

function checkType(type: TypeExpression | undefined, context: CheckContext): void {
  if (type === undefined) return;
  checkValidators(type, context);
  switch (type.kind) {
    case 'array':
      checkType(type.element, context);
      return;
    case 'map':
      checkType(type.key, context);
      checkType(type.value, context);
      return;
    case 'fn':
      for (const param of type.params) checkType(param, context);
      checkType(type.returns, context);
      return;
    case 'named': {
      for (const arg of type.args) checkType(arg, context);
      const { structs, protocols } = context.declarations;
      if (TYPE_NAMES.has(type.name) || structs.has(type.name) || protocols.has(type.name)) return;
      const hint = nearestHint(type.name, [...TYPE_NAMES, ...structs.keys(), ...protocols.keys()]);
      context.report.warning(
        'RL2002',
        `unknown type: ${type.name}`,
        type.span,
        hint ?? 'it accepts everything',
      );
      return;
    }
    default:
      unreachable(type);
  }
}
