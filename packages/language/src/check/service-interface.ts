import type { Receive, Server } from '../syntax/ast.ts';
import type { Declarations } from './declarations.ts';
import type { Effect, InferredEffect, Level } from './effect.ts';
import { publishedEffect } from './effect.ts';
import { typeText } from './type.ts';

export type { Effect } from './effect.ts';

/** What a server publishes: for registration, OpenRPC and tools. Types are texts in the language's notation, `any` if not declared. */
export interface ServiceInterface {
  readonly name: string;
  readonly doc: string | undefined;
  readonly methods: readonly {
    readonly name: string;
    readonly params: readonly { readonly name: string; readonly type: string; readonly optional: boolean }[];
    readonly returns: string;
    readonly effect: Effect;
    /** Of a function that calls: how strongly it acts beside that. */
    readonly level: Level;
    readonly doc: string | undefined;
  }[];
}

/** One interface per server name; of several definitions the last one counts, as when the program runs. */
export function buildInterfaces(
  declarations: Declarations,
  effects: ReadonlyMap<Receive, InferredEffect>,
): ServiceInterface[] {
  return [...declarations.servers.values()].flatMap((definitions) => {
    const server = definitions.at(-1);
    return server === undefined ? [] : [buildInterface(server, effects)];
  });
}

function buildInterface(server: Server, effects: ReadonlyMap<Receive, InferredEffect>): ServiceInterface {
  // A function written twice is published once, as the later one.
  const receives = new Map(server.receives.map((receive) => [receive.name.text, receive]));
  const methods = [...receives.values()].map((receive) => {
    const effect = effects.get(receive) ?? { level: 'writes', sends: true };
    return {
      name: receive.name.text,
      params: receive.params.map(({ name, type }) => ({
        name: name.text,
        type: typeText(type),
        optional: type?.kind === 'named' && type.name === 'optional',
      })),
      returns: typeText(receive.returns),
      effect: publishedEffect(effect),
      level: effect.level,
      doc: receive.doc,
    };
  });
  return { name: server.name.text, doc: server.doc, methods };
}
