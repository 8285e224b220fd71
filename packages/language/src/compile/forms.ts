// Which function compiles which form.

import type { Expression } from '../syntax/ast.ts';
import { unreachable } from '../unreachable.ts';
import type { BodyBuilder, Forms } from './body-builder.ts';
import { type Code, complex, NIL, type Target } from './code.ts';
import { emitCall, emitMethod, emitSend } from './emit-call.ts';
import {
  emitAsExpression,
  emitBlock,
  emitDispatch,
  emitFor,
  emitFunction,
  emitIf,
  emitReturn,
  emitThrow,
  emitTry,
  emitWhile,
} from './emit-form.ts';
import { emitName, emitSet } from './emit-name.ts';
import { emitBinary, emitLogical, emitUnary } from './emit-operator.ts';
import {
  emitArray,
  emitEntries,
  emitIndex,
  emitLiteral,
  emitMember,
  emitState,
  emitStruct,
} from './emit-value.ts';

export const FORMS: Forms = { expression, statement };

function expression(body: BodyBuilder, source: Expression): Code {
  switch (source.kind) {
    case 'literal':
      return emitLiteral(body, source.literal);
    case 'name':
      return emitName(body, source);
    case 'state':
      return emitState(body, source);
    case 'array':
      return emitArray(body, source);
    case 'object':
      return emitEntries(body, source.entries);
    case 'struct':
      return emitStruct(body, source);
    case 'function':
      return emitFunction(body, source);
    case 'set':
      return emitSet(body, source);
    case 'binary':
      return emitBinary(body, source);
    case 'logical':
      return emitLogical(body, source);
    case 'unary':
      return emitUnary(body, source);
    case 'member':
      return emitMember(body, source);
    case 'method':
      return emitMethod(body, source);
    case 'index':
      return emitIndex(body, source);
    case 'call':
      return emitCall(body, source);
    case 'send':
      return emitSend(body, source, emitEntries(body, source.entries));
    case 'return':
    case 'throw':
      statement(body, source, { kind: 'discard' });
      return NIL;
    case 'block':
    case 'if':
    case 'for':
    case 'while':
    case 'try':
    case 'dispatch':
      return emitAsExpression(body, source);
    case 'missing':
      return complex(`$.fail('nothing can be evaluated here', ${body.place(source.span)})`);
    default:
      return unreachable(source);
  }
}

function statement(body: BodyBuilder, source: Expression, target: Target): void {
  switch (source.kind) {
    case 'block':
      emitBlock(body, source, target);
      return;
    case 'if':
      emitIf(body, source, target);
      return;
    case 'for':
      emitFor(body, source, target);
      return;
    case 'while':
      emitWhile(body, source, target);
      return;
    case 'try':
      emitTry(body, source, target);
      return;
    case 'dispatch':
      emitDispatch(body, source, target);
      return;
    case 'return':
      emitReturn(body, source);
      return;
    case 'throw':
      emitThrow(body, source);
      return;
    default:
      body.deliver(expression(body, source), target, source.span);
  }
}
