// The one table of flags. Parsing, help, environment variables and error texts are all read from it. cli.md §2 and §7.

export type FlagName =
  | 'version'
  | 'help'
  | 'run'
  | 'build'
  | 'repl'
  | 'server'
  | 'port'
  | 'host'
  | 'node-id'
  | 'node-type'
  | 'connect'
  | 'fallback'
  | 'uplinks'
  | 'peers'
  | 'add-peer'
  | 'disable-registry'
  | 'admission';

export type Role = 'main' | 'home' | 'p2p';

/** How the text of a value is read. */
export type FlagValue =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'text'; readonly word: string }
  | { readonly kind: 'number'; readonly word: string; readonly min: number; readonly max: number }
  | { readonly kind: 'choice'; readonly word: string; readonly choices: readonly string[] }
  | { readonly kind: 'id'; readonly word: string }
  /** One URL, or a list of them. `option` decides the path that is added. */
  | { readonly kind: 'url'; readonly word: string }
  | { readonly kind: 'list'; readonly word: string; readonly of: 'main' | 'peer' | 'p2p' };

export interface FlagRow {
  readonly name: FlagName;
  readonly short?: string;
  readonly value: FlagValue;
  /** As shown in the help. */
  readonly default?: string;
  /** Server flags: roles where it has an effect. Absent for flags that select or belong to another mode. */
  readonly appliesTo?: readonly Role[];
  readonly variable?: string;
  readonly meaning: string;
  /** Not built yet: using it is an error that says so. */
  readonly planned?: boolean;
}

const BOOLEAN = { kind: 'boolean' } as const;
const EVERY_ROLE: readonly Role[] = ['main', 'home', 'p2p'];

export const FLAGS: readonly FlagRow[] = [
  { name: 'version', value: BOOLEAN, meaning: 'print the version and exit' },
  { name: 'help', short: 'h', value: BOOLEAN, meaning: 'print this help and exit' },
  {
    name: 'run',
    value: { kind: 'text', word: 'FILE' },
    meaning: 'run FILE; the same as naming it without a flag',
  },
  {
    name: 'build',
    value: { kind: 'text', word: 'FILE' },
    meaning: 'check FILE completely without running it; writes no file',
  },
  { name: 'repl', value: BOOLEAN, meaning: 'interactive session, after running FILE if there is one' },
  {
    name: 'server',
    value: BOOLEAN,
    appliesTo: ['main', 'p2p'],
    variable: 'RELAY_SERVER',
    meaning: 'start a server; alone it means Main Relay',
  },
  {
    name: 'port',
    value: { kind: 'number', word: 'N', min: 0, max: 65_535 },
    default: '8080; Home: any free port',
    appliesTo: EVERY_ROLE,
    variable: 'RELAY_PORT',
    meaning: 'HTTP port; 0 = any free port, printed at start',
  },
  {
    name: 'host',
    value: { kind: 'text', word: 'H' },
    default: '127.0.0.1',
    appliesTo: EVERY_ROLE,
    variable: 'RELAY_HOST',
    meaning: 'address or name to listen on',
  },
  {
    name: 'node-id',
    value: { kind: 'id', word: 'ID' },
    default: 'generated, then kept',
    appliesTo: EVERY_ROLE,
    variable: 'RELAY_NODE_ID',
    meaning: 'id of this node',
  },
  {
    name: 'node-type',
    value: { kind: 'choice', word: 'T', choices: ['main', 'home', 'p2p'] },
    default: 'detected',
    appliesTo: EVERY_ROLE,
    variable: 'RELAY_NODE_TYPE',
    meaning: 'role: main, home or p2p',
  },
  {
    name: 'connect',
    value: { kind: 'url', word: 'URL' },
    appliesTo: ['home'],
    variable: 'RELAY_CONNECT',
    meaning: 'Main Relay to connect to; alone it means Home Relay',
  },
  {
    name: 'fallback',
    value: { kind: 'list', word: 'LIST', of: 'main' },
    appliesTo: ['home'],
    variable: 'RELAY_FALLBACK',
    meaning: 'further Main Relays, tried in order',
  },
  {
    name: 'uplinks',
    value: { kind: 'number', word: 'N', min: 1, max: 2 },
    default: '1',
    appliesTo: ['home'],
    variable: 'RELAY_UPLINKS',
    meaning: 'links held at once, each to another Main out of -connect and -fallback',
  },
  {
    name: 'peers',
    value: { kind: 'list', word: 'LIST', of: 'peer' },
    appliesTo: ['main'],
    variable: 'RELAY_PEERS',
    meaning: 'peer Main Relays, or dns://NAME for all that DNS names',
  },
  {
    name: 'add-peer',
    value: { kind: 'list', word: 'P', of: 'p2p' },
    appliesTo: ['main', 'p2p'],
    variable: 'RELAY_ADD_PEER',
    meaning: 'P2P peer to dial; may be repeated',
  },
  {
    name: 'disable-registry',
    value: BOOLEAN,
    appliesTo: ['main'],
    variable: 'RELAY_DISABLE_REGISTRY',
    meaning: 'stand-alone server: no registry, no federation, no P2P',
  },
  {
    name: 'admission',
    value: { kind: 'choice', word: 'MODE', choices: ['open', 'invite', 'closed'] },
    default: 'open',
    appliesTo: ['main'],
    variable: 'RELAY_ADMISSION',
    meaning: 'who may join: open, invite (with a token of relay invite), closed (who has joined before)',
  },
];

const BY_NAME = new Map<string, FlagRow>();
for (const row of FLAGS) {
  BY_NAME.set(row.name, row);
  if (row.short !== undefined) BY_NAME.set(row.short, row);
}

export function findFlag(name: string): FlagRow | undefined {
  return BY_NAME.get(name);
}

export function flagRow(name: FlagName): FlagRow {
  const row = BY_NAME.get(name);
  if (row === undefined) throw new Error(`no flag ${name}`);
  return row;
}
