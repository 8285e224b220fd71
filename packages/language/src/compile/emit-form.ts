// The forms that are statements in JavaScript: each delivers its value to a target.

import type { Arm, Body, Expression, FunctionExpression, Receive } from '../syntax/ast.ts';
import { BodyBuilder } from './body-builder.ts';
import { type Code, complex, DISCARD, type Line, NIL, RETURN, simple, type Target } from './code.ts';
import { costOf } from './cost.ts';
import { emitArm } from './emit-call.ts';
import { conditionText } from './emit-operator.ts';
import { emitLiteral } from './emit-value.ts';
import type { Scope } from './scope.ts';

type Of<K extends Expression['kind']> = Expression & { readonly kind: K };

/** All items; the value of the last one is that of the body. */
export function emitBody(body: BodyBuilder, { items }: Body, target: Target): void {
  if (items.length === 0) body.deliver(NIL, target);
  items.forEach((item, at) => {
    body.statement(item, at === items.length - 1 ? target : DISCARD);
  });
}

export function emitIf(body: BodyBuilder, expression: Of<'if'>, target: Target): void {
  const condition = body.expression(expression.condition);
  body.emit(`if (${conditionText(condition)}) {`, expression.span);
  emitBody(body, expression.then, target);
  const { otherwise } = expression;
  if (otherwise !== undefined || target.kind !== 'discard') {
    body.emit('} else {');
    if (otherwise === undefined) body.deliver(NIL, target);
    else emitBody(body, otherwise, target);
  }
  body.emit('}');
}

/** One round of a loop is paid before it begins. */
function emitSteps(body: BodyBuilder, items: readonly Expression[]): void {
  body.emit(`if ((${body.m}.steps -= ${costOf(items) + 1}) < 0) $.over(${body.m});`);
}

export function emitFor(body: BodyBuilder, expression: Of<'for'>, target: Target): void {
  const { iterable, span } = expression;
  const variable = [...body.module.resolution.scopes.get(expression)!.variables.values()][0]!;
  const list = body.temp();
  const code = body.expression(iterable);
  body.emit(`${list} = $.iterate(${body.m}, ${code.text}, ${body.place(iterable.span)});`, span);
  const at = body.module.fresh('i');
  body.emit(`for (let ${at} = 0; ${at} < ${list}.length; ${at}++) {`, span);
  emitSteps(body, expression.body.items);
  body.emit(`let ${variable.js} = ${list}.items[${at}];`);
  emitBody(body, expression.body, DISCARD);
  body.emit('}');
  body.deliver(NIL, target);
}

export function emitWhile(body: BodyBuilder, expression: Of<'while'>, target: Target): void {
  const { result: condition, lines } = body.capture(() => body.expression(expression.condition));
  const text = conditionText(condition);
  if (lines.length === 0) body.emit(`while (${text}) {`, expression.span);
  else {
    body.emit('while (true) {', expression.span);
    body.lines.push(...lines);
    body.emit(`if (!${text}) break;`);
  }
  emitSteps(body, [expression.condition, ...expression.body.items]);
  emitBody(body, expression.body, DISCARD);
  body.emit('}');
  body.deliver(NIL, target);
}

export function emitTry(body: BodyBuilder, expression: Of<'try'>, target: Target): void {
  const depth = body.module.fresh('d');
  const thrown = body.module.fresh('e');
  const variable = [...(body.module.resolution.scopes.get(expression)?.variables.values() ?? [])][0];
  body.emit(`const ${depth} = ${body.m}.depth;`);
  body.emit('try {', expression.span);
  emitBody(body, expression.body, target);
  body.emit(`} catch (${thrown}) {`);
  const caught = `$.caught(${thrown})`;
  body.emit(variable === undefined ? `${caught};` : `let ${variable.js} = ${caught};`);
  body.emit(`${body.m}.depth = ${depth};`);
  emitBody(body, expression.handler, target);
  body.emit('}');
}

export function emitDispatch(body: BodyBuilder, expression: Of<'dispatch'>, target: Target): void {
  const subject = body.temp();
  body.emit(`${subject} = ${body.expression(expression.subject).text};`, expression.span);
  const arms = expression.arms.filter((arm) => arm.pattern.kind !== 'default');
  const fallback = expression.arms.find((arm) => arm.pattern.kind === 'default');
  arms.forEach((arm, at) => {
    body.emit(`${at === 0 ? '' : '} else '}if (${matchText(body, arm, subject)}) {`);
    emitArmBody(body, arm, subject, target);
  });
  if (arms.length > 0) body.emit('} else {');
  if (fallback !== undefined) emitArmBody(body, fallback, subject, target);
  else body.deliver(NIL, target);
  if (arms.length > 0) body.emit('}');
}

function matchText(body: BodyBuilder, { pattern }: Arm, subject: string): string {
  if (pattern.kind === 'default') return 'true';
  const { text } = emitLiteral(body, pattern);
  if (pattern.kind !== 'datetime') return `${subject} === ${text}`;
  return `$.equal(${body.m}, ${subject}, ${text}, ${body.place(pattern.span)})`;
}

function emitArmBody(body: BodyBuilder, { value }: Arm, subject: string, target: Target): void {
  const { knownCalls, unknownCalls } = body.module.resolution;
  if (!knownCalls.has(value) && !unknownCalls.has(value)) {
    body.statement(value, target);
    return;
  }
  body.deliver(emitArm(body, value, body.expression(value), subject), target, value.span);
}

export function emitBlock(body: BodyBuilder, expression: Of<'block'>, target: Target): void {
  const scope = body.module.resolution.scopes.get(expression)!;
  const label = body.module.fresh('b');
  const outer = body.exit;
  // A block whose value the function returns is left by returning.
  body.exit = target.kind === 'return' ? { kind: 'function' } : { kind: 'block', label, target };
  body.emit(`${label}: {`);
  const slots = slotsOf(scope);
  if (slots.length > 0) body.emit(`let ${slots.join(', ')};`);
  emitBody(body, expression.body, target);
  body.emit('}');
  body.exit = outer;
}

/** Slots that are not parameters and can be bound. */
export function slotsOf(scope: Scope, params: ReadonlySet<string> = new Set()): string[] {
  return [...scope.variables.values()]
    .filter((variable) => variable.canBeBound && !params.has(variable.name))
    .map(({ js }) => js);
}

export function emitReturn(body: BodyBuilder, expression: Of<'return'>): void {
  const { value, span } = expression;
  const { exit } = body;
  const target = exit === undefined ? DISCARD : exit.kind === 'function' ? RETURN : exit.target;
  if (value === undefined) body.deliver(NIL, target, span);
  else body.statement(value, target);
  if (exit?.kind === 'block') body.emit(`break ${exit.label};`, span);
  if (exit === undefined) {
    body.emit(`$.fail('return used outside of a function or block', ${body.place(span)});`, span);
  }
}

export function emitThrow(body: BodyBuilder, expression: Of<'throw'>): void {
  const value = body.expression(expression.value);
  body.emit(`$.raise(${value.text}, ${body.place(expression.span)});`, expression.span);
}

/** A function value; the named form also binds its name. */
export function emitFunction(body: BodyBuilder, expression: FunctionExpression): Code {
  const { activation, variable } = body.module.resolution.functions.get(expression)!;
  const lines = functionLines(body, expression);
  if (variable?.constant === activation) body.module.hoisted.push(...lines);
  else body.lines.push(...lines.map((line) => ({ ...line, isPure: true })));
  const name = JSON.stringify(activation.name);
  const code = `$.fn(${name}, ${activation.arity}, ${activation.js}, ${activation.suspends})`;
  return complex(variable === undefined ? code : `(${variable.js} = ${code})`);
}

/** The JavaScript function of a function or receive function. */
export function functionLines(outer: BodyBuilder, source: FunctionExpression | Receive): Line[] {
  const { activation, scope } = outer.module.resolution.functions.get(source)!;
  const body = new BodyBuilder(outer.module, activation, outer.forms, { kind: 'function' });
  const params = source.params.map((param) => param.name.text);
  emitBody(body, source.body, RETURN);
  const slots = [...body.temps, ...slotsOf(scope, new Set(params))];
  const names = [activation.message, ...params.map((name) => scope.variables.get(name)!.js)];
  const line = (text: string): Line => ({ text, span: source.span, isPure: false });
  const { m } = body;
  return [
    line(`${activation.suspends ? 'async ' : ''}function ${activation.js}(${names.join(', ')}) {`),
    line(`if ((${m}.steps -= ${costOf(source.body.items) + 1}) < 0) $.over(${m});`),
    line(`if (--${m}.depth < 0) $.deep();`),
    ...(slots.length > 0 ? [line(`let ${slots.join(', ')};`)] : []),
    ...body.lines,
    line('}'),
  ];
}

/** A form as an expression: its value goes through a temporary. */
export function emitAsExpression(body: BodyBuilder, expression: Expression): Code {
  const name = body.temp();
  body.statement(expression, { kind: 'assign', variable: name });
  return simple(name);
}
