// What a program declares at its top level, by name.

import type { Declaration, Item, Server } from '../syntax/ast.ts';

export type StructDeclaration = Declaration & { readonly kind: 'struct-declaration' };
export type ProtocolDeclaration = Declaration & { readonly kind: 'protocol' };
export type TemplateDeclaration = Declaration & { readonly kind: 'template' };

/** Every definition of a name, in order; a later one replaces an earlier one at run time. */
export interface Declarations {
  readonly structs: ReadonlyMap<string, readonly StructDeclaration[]>;
  readonly protocols: ReadonlyMap<string, readonly ProtocolDeclaration[]>;
  readonly servers: ReadonlyMap<string, readonly Server[]>;
  readonly templates: readonly TemplateDeclaration[];
}

export function collectDeclarations(items: readonly Item[]): Declarations {
  const structs = new Map<string, StructDeclaration[]>();
  const protocols = new Map<string, ProtocolDeclaration[]>();
  const servers = new Map<string, Server[]>();
  const templates: TemplateDeclaration[] = [];
  for (const item of items) {
    if (item.kind === 'struct-declaration') add(structs, item.name.text, item);
    else if (item.kind === 'protocol') add(protocols, item.name.text, item);
    else if (item.kind === 'server') add(servers, item.name.text, item);
    else if (item.kind === 'template') templates.push(item);
  }
  return { structs, protocols, servers, templates };
}

export function add<T>(map: Map<string, T[]>, name: string, value: T): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [value]);
  else list.push(value);
}
