// Calls of functions, methods and receive functions. A callee that is known is called as a JavaScript function; any other goes
// through its value.

import { builtins } from '../run/builtins/table.ts';
import type { Expression } from '../syntax/ast.ts';
import type { BodyBuilder } from './body-builder.ts';
import { type Code, complex, simple } from './code.ts';
import { boundCandidates, chain } from './emit-name.ts';
import type { Activation } from './scope.ts';

type Of<K extends Expression['kind']> = Expression & { readonly kind: K };

function list(codes: readonly Code[]): string {
  return codes.map(({ text }) => text).join(', ');
}

function waitsFor(activation: Activation): 'always' | 'never' {
  return activation.suspends ? 'always' : 'never';
}

function unknownWaits(body: BodyBuilder): 'maybe' | 'never' {
  return body.module.isUnknownSuspending ? 'maybe' : 'never';
}

export function emitCall(body: BodyBuilder, expression: Of<'call'>): Code {
  const { callee, args, span } = expression;
  if (callee.kind !== 'name') {
    const [value, ...codes] = body.operands([callee, ...args]) as [Code, ...Code[]];
    return callValue(body, value, codes, body.place(span));
  }
  const read = body.module.resolution.reads.get(callee)!;
  const candidates = boundCandidates(read);
  const { name } = callee;
  const place = body.place(span);
  const [only] = candidates;
  if (read.isCertain && candidates.length === 1) {
    if (only!.constant !== undefined) return callKnown(body, only!.constant, args, place);
    const [value, ...codes] = body.operands([callee, ...args]) as [Code, ...Code[]];
    return callValue(body, value, codes, place);
  }
  const isKnown = candidates.length === 1 && only!.constant !== undefined;
  const receive = siblingOf(body, name);
  if (isKnown && receive === undefined && !builtins.functions.has(name)) {
    const { result, lines } = body.capture(() => callKnown(body, only!.constant!, args, place));
    const check = `${only!.js} === void 0 ? $.unknown(${JSON.stringify(name)}, ${place}) : 0`;
    // The callee comes first, also before what the arguments do.
    const isFirst = lines.every((line) => line.isPure);
    if (!isFirst) body.emit(`${check};`, span);
    body.lines.push(...lines);
    return isFirst ? complex(`(${check}, ${result.text})`) : result;
  }
  if (receive !== undefined && !read.isCertain) return callSibling(body, expression, receive, place);
  const isBuiltin = builtins.functions.has(name);
  const fallback = isBuiltin ? body.module.builtin(name) : `$.unknown(${JSON.stringify(name)}, ${place})`;
  if (candidates.length === 0) {
    if (isBuiltin) return callBuiltin(body, name, args, place);
    body.emit(`${fallback};`, span);
    return simple('null');
  }
  const value = body.temp();
  body.emit(`${value} = ${chain(candidates, read.isCertain, fallback)};`, span);
  const isSender = isBuiltin && (name === 'message' || name === 'send');
  return callValue(body, simple(value), body.operands(args), place, isSender ? 'maybe' : undefined);
}

/** The compiled receive function of that name in the server around. */
function siblingOf(body: BodyBuilder, name: string): Activation | undefined {
  const receive = body.activation.server?.receives.findLast((one) => one.name.text === name);
  return receive === undefined ? undefined : body.module.resolution.functions.get(receive)!.activation;
}

function callSibling(body: BodyBuilder, expression: Of<'call'>, receive: Activation, place: number): Code {
  const callee = expression.callee as Of<'name'>;
  const candidates = boundCandidates(body.module.resolution.reads.get(callee)!);
  let value: string | undefined;
  if (candidates.length > 0) {
    value = body.temp();
    body.emit(`${value} = ${chain(candidates, false, 'void 0')};`, expression.span);
  }
  const before: string[] = [];
  const codes = body.repeatable(body.operands(expression.args), before);
  const direct = body.settled(
    `$.direct(${body.m}, ${receiveName(receive)}, [${list(codes)}], ${place})`,
    waitsFor(receive),
  );
  if (value === undefined) return complex(joined(before, direct));
  const called = callValue(body, simple(value), codes, place);
  return complex(joined(before, `(${value} === void 0 ? ${direct} : ${called.text})`));
}

/** The constant that holds the definition of a receive function. */
export function receiveName(activation: Activation): string {
  return `r${activation.id}_${activation.name}`;
}

function joined(before: readonly string[], text: string): string {
  return before.length === 0 ? text : `(${[...before, text].join(', ')})`;
}

function callKnown(body: BodyBuilder, callee: Activation, args: readonly Expression[], place: number): Code {
  const codes = body.operands(args);
  if (args.length === callee.arity) {
    return complex(
      body.settled(
        `${callee.js}(${[body.m, ...codes.map((code) => code.text)].join(', ')})`,
        waitsFor(callee),
      ),
    );
  }
  const failure = `$.arity(${JSON.stringify(callee.name)}, ${callee.arity}, ${args.length}, ${place})`;
  return complex(`(${[...codes.map((code) => code.text), failure].join(', ')})`);
}

function callBuiltin(body: BodyBuilder, name: string, args: readonly Expression[], place: number): Code {
  const codes = body.operands(args);
  const isSender = name === 'message' || name === 'send';
  if (!isSender) {
    return complex(`$.call(${body.m}, ${body.module.builtinRow(name)}, [${list(codes)}], ${place})`);
  }
  const call = `$.invoke(${body.m}, ${body.module.builtin(name)}, [${list(codes)}], ${place})`;
  return complex(body.settled(call, 'maybe'));
}

function callValue(
  body: BodyBuilder,
  callee: Code,
  args: readonly Code[],
  place: number,
  waits: 'maybe' | 'never' = unknownWaits(body),
): Code {
  const before: string[] = [];
  const [value, ...codes] = body.repeatable([callee, ...args], before) as [Code, ...Code[]];
  const { text } = value;
  const isFitting = `${text} instanceof $.F && ${text}.arity === ${args.length}`;
  const fast = `${text}.run(${[body.m, ...codes.map((code) => code.text)].join(', ')})`;
  const slow = `$.invoke(${body.m}, ${text}, [${list(codes)}], ${place})`;
  return complex(joined(before, body.settled(`(${isFitting} ? ${fast} : ${slow})`, waits)));
}

export function emitMethod(body: BodyBuilder, expression: Of<'method'>): Code {
  const { object, member, args, span } = expression;
  const place = body.place(span);
  if (object.kind === 'state' && member.text === 'set' && body.activation.server !== undefined) {
    const codes = body.operands(args);
    if (args.length === 2) return complex(`$.setState(${body.m}, ${list(codes)}, ${place})`);
    const failure = `$.fail('set method expects 2 arguments', ${place})`;
    return complex(`(${[...codes.map((code) => code.text), failure].join(', ')})`);
  }
  const [self, ...codes] = body.operands([object, ...args]) as [Code, ...Code[]];
  const { knownCalls, unknownCalls } = body.module.resolution;
  const known = knownCalls.get(expression);
  const isUnknown = known === undefined && unknownCalls.has(expression);
  const waits = isUnknown ? unknownWaits(body) : known?.suspends === true ? 'maybe' : 'never';
  const start = `${body.m}, ${body.module.methods(member.text, waits !== 'never')}, ${self.text}`;
  const call =
    codes.length > 2
      ? `$.method(${start}, [${list(codes)}], ${place})`
      : `$.m${codes.length}(${[start, ...codes.map((code) => code.text)].join(', ')}, ${place})`;
  return complex(body.settled(call, waits));
}

export function emitSend(body: BodyBuilder, expression: Of<'send'>, value: Code): Code {
  const { server, method, span } = expression;
  const names = `${JSON.stringify(server)}, ${JSON.stringify(method.text)}`;
  const call = `$.send(${body.m}, ${names}, ${value.text}, ${body.place(span)})`;
  if (body.activation.server?.name.text !== server) return complex(body.settled(call, 'maybe'));
  const known = body.module.resolution.knownCalls.get(expression);
  return complex(body.settled(call, known?.suspends === true ? 'maybe' : 'never'));
}

/** What a dispatch arm gives: a function there is called. */
export function emitArm(body: BodyBuilder, arm: Expression, value: Code, subject: string): Code {
  const { knownCalls, unknownCalls } = body.module.resolution;
  const known = knownCalls.get(arm);
  if (known === undefined && !unknownCalls.has(arm)) return value;
  const call = `$.arm(${body.m}, ${value.text}, ${subject}, ${body.place(arm.span)})`;
  return complex(body.settled(call, known !== undefined ? waitsFor(known) : unknownWaits(body)));
}
