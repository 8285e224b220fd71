// What stands at the top level of a file only.

import { type InferredEffect, publishedEffect } from '../check/effect.ts';
import type { Declaration, Receive, Server } from '../syntax/ast.ts';
import { unreachable } from '../unreachable.ts';
import type { BodyBuilder } from './body-builder.ts';
import { type Code, complex, NIL } from './code.ts';
import { receiveName } from './emit-call.ts';
import { functionLines } from './emit-form.ts';
import { emitEntries } from './emit-value.ts';

type Effects = ReadonlyMap<Receive, InferredEffect>;

/** Nil, but for a server. */
export function emitDeclaration(body: BodyBuilder, item: Declaration, effects: Effects): Code {
  switch (item.kind) {
    case 'import':
    case 'template':
      return NIL;
    case 'struct-declaration': {
      const fields = item.fields.map(
        ({ name, type }) => `{ name: ${JSON.stringify(name.text)}, type: ${body.module.type(type)} }`,
      );
      body.emit(`$.defineStruct(${JSON.stringify(item.name.text)}, [${fields.join(', ')}]);`, item.span);
      return NIL;
    }
    case 'protocol': {
      const methods = item.methods.map(({ name, params }) => [name.text, params.length]);
      const text = `${JSON.stringify(item.name.text)}, ${JSON.stringify(methods)}`;
      body.emit(`$.defineProtocol(${text});`, item.span);
      return NIL;
    }
    case 'config':
      body.emit(`$.configure(${emitEntries(body, item.entries).text});`, item.span);
      return NIL;
    case 'server':
      return emitServer(body, item, effects);
    default:
      return unreachable(item);
  }
}

function emitServer(body: BodyBuilder, server: Server, effects: Effects): Code {
  for (const receive of server.receives) emitReceive(body, receive, effects.get(receive));
  const initials = server.state.map(({ name, initial }) => {
    if (initial === undefined) return 'null';
    const value = body.temp();
    const thrown = body.module.fresh('e');
    body.emit('try {');
    body.statement(initial, { kind: 'assign', variable: value });
    const place = body.place(initial.span);
    body.emit(`} catch (${thrown}) { $.defaultFailed(${JSON.stringify(name.text)}, ${thrown}, ${place}); }`);
    return value;
  });
  const fields = server.state.map(
    ({ name, type }) => `{ name: ${JSON.stringify(name.text)}, type: ${body.module.type(type)} }`,
  );
  const receives = server.receives.map((receive) =>
    receiveName(body.module.resolution.functions.get(receive)!.activation),
  );
  const parts = [
    `name: ${JSON.stringify(server.name.text)}`,
    `implements: ${server.implements === undefined ? 'void 0' : JSON.stringify(server.implements.text)}`,
    `fields: [${fields.join(', ')}]`,
    `receives: [${receives.join(', ')}]`,
  ];
  const place = body.place(server.span);
  return complex(`$.startServer(${body.m}, { ${parts.join(', ')} }, [${initials.join(', ')}], ${place})`);
}

/** Without a published effect nothing is forbidden: then no checker has looked. */
function emitReceive(body: BodyBuilder, receive: Receive, effect: InferredEffect | undefined): void {
  const { activation } = body.module.resolution.functions.get(receive)!;
  const published = effect === undefined ? 'calls' : publishedEffect(effect);
  body.module.hoisted.push(...functionLines(body, receive));
  const params = receive.params.map(
    ({ name, type }) => `{ name: ${JSON.stringify(name.text)}, type: ${body.module.type(type)} }`,
  );
  const parts = [
    `name: ${JSON.stringify(receive.name.text)}`,
    `params: [${params.join(', ')}]`,
    `effect: ${JSON.stringify(published)}`,
    `level: ${JSON.stringify(effect?.level ?? 'writes')}`,
    `suspends: ${activation.suspends}`,
    `run: ${activation.js}`,
  ];
  body.module.receives.push({
    text: `const ${receiveName(activation)} = $.receive({ ${parts.join(', ')} });`,
    span: receive.span,
    isPure: true,
  });
}
