// Which settings exclude each other, in the order of the table of cli.md §6. Raised only between settings of one level: a lower
// level that does not fit is dropped with a warning instead (settings.ts).

import type { Level } from './argv.ts';
import type { FlagName, Role } from './flags.ts';
import { SERVER_SELECTORS } from './role.ts';
import type { UsageProblem } from './usage.ts';

/** One side of a pair: a flag, or a role given with -node-type. */
type Side = FlagName | `node-type ${Role}`;

interface ConflictRow {
  readonly first: Side;
  readonly second: Side;
  readonly advice?: string;
}

const HOME_HAS_ONE_MAIN = 'a Home has one Main; only Main Relays have peers';
const HOME_OPENS_NO_P2P = 'a Home opens no P2P links';
const P2P_HAS_NO_FEDERATION = 'P2P mode has no federation; use -add-peer';
const STAND_ALONE = '-disable-registry runs a stand-alone server';
const USE_CALL = 'start the server in one terminal and use relay call in another';
const HOME_LINE = './relay FILE -node-type home -connect ws://HOST:PORT';

const CONFLICTS: readonly ConflictRow[] = [
  {
    first: 'server',
    second: 'node-type home',
    advice: `-server starts a Main Relay; a Home only dials out: ${HOME_LINE}`,
  },
  {
    first: 'server',
    second: 'connect',
    advice: 'use -connect for a Home Relay, or -server -peers for a Main Relay',
  },
  { first: 'node-type main', second: 'connect', advice: 'a Main Relay reaches other Mains with -peers' },
  { first: 'node-type main', second: 'fallback', advice: '-fallback belongs to a Home Relay' },
  { first: 'connect', second: 'peers', advice: HOME_HAS_ONE_MAIN },
  { first: 'node-type home', second: 'peers', advice: HOME_HAS_ONE_MAIN },
  { first: 'connect', second: 'add-peer', advice: HOME_OPENS_NO_P2P },
  { first: 'node-type home', second: 'add-peer', advice: HOME_OPENS_NO_P2P },
  { first: 'node-type p2p', second: 'connect', advice: P2P_HAS_NO_FEDERATION },
  { first: 'node-type p2p', second: 'fallback', advice: P2P_HAS_NO_FEDERATION },
  { first: 'node-type p2p', second: 'peers', advice: P2P_HAS_NO_FEDERATION },
];

/** After the missing settings, as in the table. */
const LATER_CONFLICTS: readonly ConflictRow[] = [
  { first: 'disable-registry', second: 'connect', advice: STAND_ALONE },
  { first: 'disable-registry', second: 'peers', advice: STAND_ALONE },
  { first: 'disable-registry', second: 'add-peer', advice: STAND_ALONE },
  { first: 'disable-registry', second: 'node-type home', advice: STAND_ALONE },
  { first: 'disable-registry', second: 'node-type p2p', advice: STAND_ALONE },
];

const MISSING_RANK = 20;
const LATER_RANK = 30;

/** Every conflict within one level. */
export function findConflicts(level: Level): UsageProblem[] {
  const problems = [...pairs(level, CONFLICTS, 1), ...pairs(level, LATER_CONFLICTS, LATER_RANK)];
  // A tool that ends by itself and a server exclude each other; the flag that selected the server mode is named.
  const selector = SERVER_SELECTORS.find((name) => level.values.has(name));
  if (level.values.has('repl') && selector !== undefined) {
    problems.push(incompatible(LATER_RANK + 10, level.label('repl'), sideLabel(level, selector), USE_CALL));
  }
  if (level.values.has('build')) {
    const other = selector ?? (level.values.has('repl') ? 'repl' : undefined);
    if (other !== undefined) {
      problems.push(incompatible(LATER_RANK + 11, level.label('build'), sideLabel(level, other)));
    }
  }
  return problems;
}

/** What is still missing after all levels were merged. `label` names the setting that asks for it. */
export function findMissing(settings: {
  readonly role: Role;
  readonly connect: string | undefined;
  readonly hasFallback: boolean;
  readonly uplinks: number;
  /** Where -fallback and -node-type come from, if they were given. */
  readonly fallbackLabel: string | undefined;
  readonly nodeTypeLabel: string | undefined;
}): UsageProblem[] {
  const problems: UsageProblem[] = [];
  if (settings.role !== 'home') return problems;
  if (settings.connect === undefined && settings.nodeTypeLabel !== undefined) {
    problems.push(missing(MISSING_RANK, settings.nodeTypeLabel, '-connect', HOME_LINE));
  }
  if (settings.connect === undefined && settings.hasFallback && settings.fallbackLabel !== undefined) {
    problems.push(missing(MISSING_RANK + 1, settings.fallbackLabel, '-connect', HOME_LINE));
  }
  if (settings.uplinks === 2 && !settings.hasFallback) {
    const advice = 'name a second Main Relay: -fallback ws://HOST:PORT';
    problems.push(missing(MISSING_RANK + 2, '-uplinks 2', '-fallback', advice));
  }
  return problems;
}

function pairs(level: Level, rows: readonly ConflictRow[], rank: number): UsageProblem[] {
  return rows.flatMap(({ first, second, advice }, index) =>
    isGiven(level, first) && isGiven(level, second)
      ? [incompatible(rank + index / 100, sideLabel(level, first), sideLabel(level, second), advice)]
      : [],
  );
}

function isGiven(level: Level, side: Side): boolean {
  const [name, value] = side.split(' ') as [FlagName, string | undefined];
  return value === undefined ? level.values.has(name) : level.values.get(name) === value;
}

/** `-node-type home`, `-connect`; from the environment `RELAY_NODE_TYPE=home`, `RELAY_CONNECT`. */
export function sideLabel(level: Level, side: Side): string {
  const [name, wanted] = side.split(' ') as [FlagName, string | undefined];
  const label = level.label(name);
  const value = wanted ?? (name === 'node-type' ? level.values.get(name) : undefined);
  if (value === undefined) return label;
  return label.startsWith('-') ? `${label} ${value}` : `${label}=${value}`;
}

function incompatible(rank: number, first: string, second: string, advice?: string): UsageProblem {
  return {
    rank,
    text: `incompatible flags: ${first} and ${second}`,
    ...(advice === undefined ? {} : { advice }),
  };
}

function missing(rank: number, what: string, needed: string, advice: string): UsageProblem {
  return { rank, text: `missing flag: ${what} needs ${needed}`, advice };
}
