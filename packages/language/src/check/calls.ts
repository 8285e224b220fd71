// Calls of functions and methods, and sends: RL3001, RL3002, RL3003, RL3008, and arguments known not to fit (RL3006).

import type { Entry, Expression, FunctionExpression, Receive, TypeExpression } from '../syntax/ast.ts';
import { arityText, type CheckContext, fitsArity, literalText } from './context.ts';
import { receivesOf } from './infer.ts';
import { brokenLimit } from './limits.ts';
import { nearestHint } from './nearest-name.ts';
import { misfit } from './type.ts';

type Call = Expression & { readonly kind: 'call' };
type MethodCall = Expression & { readonly kind: 'method' };
type Send = Expression & { readonly kind: 'send' };

export function checkCall(expression: Call, context: CheckContext): void {
  const { callee, args } = expression;
  if (callee.kind === 'function') {
    checkFunctionArity([callee], expression, context);
    return;
  }
  if (callee.kind !== 'name') return;
  const reference = context.resolution.references.get(callee);
  if (reference === undefined) return;
  const { bindings, receives, isBuiltin } = reference;
  if (bindings.length === 0 && receives.length > 0) {
    checkPositional(receives, expression, args, context);
    return;
  }
  if (bindings.length > 0) {
    if (isBuiltin || receives.length > 0) return;
    const definitions: FunctionExpression[] = [];
    for (const { kind, functions, assigned } of bindings) {
      definitions.push(...functions);
      // A parameter, or a value that is no lambda, may be any function.
      for (const value of kind === 'variable' ? assigned : [callee]) {
        if (value.kind !== 'function') return;
        definitions.push(value);
      }
    }
    checkFunctionArity(definitions, expression, context);
    return;
  }
  if (callee.name === 'send' || callee.name === 'message') checkSendCall(expression, context);
  const arity = context.builtins.functions.get(callee.name);
  if (arity === undefined || fitsArity(arity, args.length)) return;
  const message = `${callee.name}() expected ${arityText(arity)}, got ${args.length}`;
  context.report.error('RL3001', message, expression.span);
}

/** None of the functions that may be meant takes so many arguments. */
function checkFunctionArity(
  definitions: readonly FunctionExpression[],
  call: Call,
  context: CheckContext,
): void {
  const count = call.args.length;
  const [first] = definitions;
  if (first === undefined) return;
  if (!definitions.some((definition) => definition.params.length === count)) {
    const name = first.name?.text ?? (call.callee.kind === 'name' ? call.callee.name : '');
    const wanted = first.params.length;
    const message = `function '${name}' expects ${wanted} arguments, got ${count}`;
    context.report.error('RL3001', message, call.span);
    return;
  }
  if (definitions.length > 1) return;
  first.params.forEach((param, at) => {
    checkFits(call.args[at], param.type, false, `parameter '${param.name.text}'`, context);
  });
}

/** Arguments of a receive function by position: fewer are allowed. */
function checkPositional(
  receives: readonly Receive[],
  call: Expression,
  args: readonly Expression[],
  context: CheckContext,
): void {
  const [first, ...others] = receives;
  if (first === undefined) return;
  if (!receives.some((receive) => args.length <= receive.params.length)) {
    const wanted = first.params.length;
    const message = `method '${first.name.text}' expects ${wanted} arguments, got ${args.length}`;
    context.report.error('RL3001', message, call.span);
    return;
  }
  if (others.length > 0) return;
  first.params.forEach((param, at) => {
    checkFits(
      args[at],
      param.type,
      true,
      `method '${first.name.text}' parameter '${param.name.text}'`,
      context,
    );
  });
}

/** `send("s", "m", …)` with both names written out. */
function checkSendCall(expression: Call, context: CheckContext): void {
  const [server, method, ...args] = expression.args;
  const serverName = literalText(server);
  const methodName = literalText(method);
  if (serverName === undefined || methodName === undefined || method === undefined) return;
  const receives = knownReceives(serverName, methodName, method, context);
  if (receives.length > 0) checkPositional(receives, expression, args, context);
}

export function checkSend(expression: Send, context: CheckContext): void {
  const { server, method, entries } = expression;
  const receives = knownReceives(server, method.text, { ...expression, span: method.span }, context);
  const [receive, ...others] = receives;
  if (receive === undefined || others.length > 0 || takesWholeObject(receive, entries)) return;
  for (const { key, value } of entries) {
    const param = receive.params.find((candidate) => candidate.name.text === key.text);
    if (param === undefined) {
      const names = receive.params.map((candidate) => candidate.name.text);
      const hint =
        nearestHint(key.text, names) ?? (names.length > 0 ? `it has ${names.join(', ')}` : undefined);
      context.report.error(
        'RL3008',
        `method '${method.text}' has no parameter '${key.text}'`,
        key.span,
        hint,
      );
    } else {
      checkFits(value, param.type, true, `method '${method.text}' parameter '${key.text}'`, context);
    }
  }
}

/** The receive functions of a server of this program; reports if it has none of the name. */
function knownReceives(server: string, method: string, place: Expression, context: CheckContext): Receive[] {
  const servers = context.declarations.servers.get(server);
  if (servers === undefined) return [];
  const receives = receivesOf(context.declarations, server, method);
  if (receives.length === 0) {
    const names = servers.flatMap((one) => one.receives.map((receive) => receive.name.text));
    const message = `server '${server}' has no method '${method}'`;
    context.report.error('RL3008', message, place.span, nearestHint(method, names));
  }
  return receives;
}

/** The exception of language.md §14: one parameter that accepts objects takes all of them together. */
function takesWholeObject(receive: Receive, entries: readonly Entry[]): boolean {
  const [param, ...others] = receive.params;
  if (param === undefined || others.length > 0 || entries.length === 0) return false;
  if (entries.some((entry) => entry.key.text === param.name.text)) return false;
  return acceptsObjects(param.type);
}

function acceptsObjects(type: TypeExpression | undefined): boolean {
  if (type === undefined || type.kind === 'map') return true;
  if (type.kind !== 'named') return false;
  if (type.name === 'optional') return acceptsObjects(type.args[0]);
  return !['string', 'number', 'bool', 'datetime', 'array', 'function', 'nil'].includes(type.name);
}

export function checkMethod(expression: MethodCall, context: CheckContext): void {
  const { object, member, args } = expression;
  const { types, builtins, report } = context;
  const method = member.text;
  if (method === '') return;
  const type = object.kind === 'state' ? { kind: 'object' as const } : types.typeOf(object);
  if (method === 'pop' && (type.kind === 'array' || type.kind === 'unknown')) {
    report.error(
      'RL3003',
      "array has no method 'pop': values do not change; use last() and drop_last()",
      member.span,
    );
    return;
  }
  const methods = type.kind === 'unknown' ? undefined : builtins.methods.get(type.kind);
  if (methods === undefined) return;
  const arity = methods.get(method) ?? (method === 'toString' ? { min: 0, max: 0 } : undefined);
  if (arity !== undefined) {
    if (fitsArity(arity, args.length)) return;
    report.error('RL3001', `${method} method expects ${arityText(arity)}`, expression.span);
    return;
  }
  // A field of an object may hold a function.
  if (type.kind === 'object') return;
  if (type.kind === 'struct') {
    const struct = context.declarations.structs.get(type.name)?.at(-1);
    if (struct?.fields.some((field) => field.name.text === method)) return;
  }
  const isShort = type.kind === 'string' || type.kind === 'array' || type.kind === 'struct';
  const message = isShort ? `unknown method: ${method}` : `method '${method}' not supported for ${type.kind}`;
  report.error('RL3002', message, member.span, nearestHint(method, methods.keys()));
}

/** RL3006. `allowsNil`: where nil counts as missing. */
export function checkFits(
  value: Expression | undefined,
  type: TypeExpression | undefined,
  allowsNil: boolean,
  what: string,
  context: CheckContext,
): void {
  if (value === undefined || type === undefined) return;
  const known = context.types.typeOf(value);
  if (known.kind === 'nil' && allowsNil) return;
  const reason = misfit(known, type, context.declarations);
  if (reason !== undefined) {
    context.report.error('RL3006', `${what}: ${reason}`, value.span);
    return;
  }
  const broken = brokenLimit(value, type);
  if (broken !== undefined) context.report.error('RL3006', `${what}: ${broken.reason}`, broken.place.span);
}
