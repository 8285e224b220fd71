// Which role a server mode has: the first row that matches. cli.md §4.

import type { Level } from './argv.ts';
import type { FlagName, Role } from './flags.ts';

/** Flags that select a server mode; -fallback alone does not say which. */
export const SERVER_SELECTORS: readonly FlagName[] = [
  'server',
  'node-type',
  'connect',
  'fallback',
  'peers',
  'add-peer',
];

const ROLES: readonly { readonly flag: FlagName; readonly role: Role }[] = [
  { flag: 'connect', role: 'home' },
  { flag: 'peers', role: 'main' },
  { flag: 'add-peer', role: 'p2p' },
  { flag: 'server', role: 'main' },
];

export function selectsServer(level: Level): boolean {
  return SERVER_SELECTORS.some((name) => level.values.has(name));
}

/** The role one level asks for, if any. */
export function detectRole(level: Level): Role | undefined {
  const type = level.values.get('node-type');
  if (type === 'main' || type === 'home' || type === 'p2p') return type;
  return ROLES.find(({ flag }) => level.values.has(flag))?.role;
}

export const ROLE_NAMES: Readonly<Record<Role, string>> = {
  main: 'Main Relay',
  home: 'Home Relay',
  p2p: 'P2P Node',
};
