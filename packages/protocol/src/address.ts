// Addresses of nodes and the names of services and methods. Source: protocol.md §2, http-api.md §5.1.

export const NodeTypeMain = 'main';
export const NodeTypeHome = 'home';

/** The role of a node of the federation. */
export type NodeType = typeof NodeTypeMain | typeof NodeTypeHome;

/**
 * Where a node is. A Main has no `mainRelay`. A Home with `mainRelay` is that Home (or direct P2P peer) of that Main;
 * a Home without it is a bare id as a person wrote it, which may turn out to be a Home, a Main or a P2P peer.
 */
export interface NodeAddress {
  readonly type: NodeType;
  readonly id: string;
  readonly mainRelay?: string;
}

/** Ids that name something else in every node: the node that received the request, and an HTTP or SDK caller. */
export const RESERVED_IDS: readonly string[] = Object.freeze(['local', 'client']);

const ID = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_])?$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** 1 to 128 characters `[A-Za-z0-9._-]`, beginning and ending with a letter, digit or `_`. */
export function isNodeId(text: string): boolean {
  return ID.test(text);
}

/** Service and method names: 1 to 64 of `[A-Za-z_][A-Za-z0-9_]*`. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

export function mainAddress(id: string): NodeAddress {
  return { type: NodeTypeMain, id };
}

export function homeAddress(id: string, mainRelay?: string): NodeAddress {
  return mainRelay === undefined ? { type: NodeTypeHome, id } : { type: NodeTypeHome, id, mainRelay };
}

/** Text form: `id` or `id@main`. */
export function formatAddress(address: NodeAddress): string {
  return address.mainRelay === undefined ? address.id : `${address.id}@${address.mainRelay}`;
}

/**
 * Reads the text form. `x@x` is the Main `x`; a bare id stays a bare Home address (protocol.md §2).
 * Returns undefined for anything that is no address.
 */
export function parseAddress(text: string): NodeAddress | undefined {
  const at = text.indexOf('@');
  if (at < 0) return isNodeId(text) ? homeAddress(text) : undefined;
  const id = text.slice(0, at);
  const main = text.slice(at + 1);
  if (!isNodeId(id) || !isNodeId(main)) return undefined;
  return id === main ? mainAddress(id) : homeAddress(id, main);
}
