// Flag beats environment beats config block beats default, setting by setting. The role comes from the highest level that names
// one, never from the config block; what a lower level says and does not fit the role is dropped with a warning. cli.md §4.

import type { AdmissionMode } from '@relay/federation';
import type { Level } from './argv.ts';
import { findMissing, sideLabel } from './conflicts.ts';
import { FLAGS, type FlagName, type Role } from './flags.ts';
import { detectRole, ROLE_NAMES } from './role.ts';
import { UsageError } from './usage.ts';

/** What a server node is started with. Every value is complete except those that only the start can know. */
export interface NodeSettings {
  readonly role: Role;
  readonly host: string;
  readonly port: number;
  /** Absent: generated, then kept in the data directory. */
  readonly nodeId?: string;
  readonly connect?: string;
  readonly fallback: readonly string[];
  readonly uplinks: number;
  readonly peers: readonly string[];
  readonly addPeers: readonly string[];
  readonly disableRegistry: boolean;
  readonly admission: AdmissionMode;
}

export interface MergedSettings {
  readonly settings: NodeSettings;
  /** Lines for stderr or the start-up output, each beginning with `warning: `. */
  readonly warnings: readonly string[];
}

const MAIN_PORT = 8080;

/** Levels in order of precedence. Throws a UsageError for what is missing. */
export function mergeSettings(levels: readonly Level[], role: Role): MergedSettings {
  const warnings: string[] = [];
  const chosen = new Map<FlagName, { value: string | readonly string[]; level: Level }>();
  for (const level of levels) {
    for (const row of FLAGS) {
      const value = level.values.get(row.name);
      if (value === undefined || row.appliesTo === undefined) continue;
      if (!row.appliesTo.includes(role) || contradicts(level, row.name, role)) {
        warnings.push(unfitting(level, row.name, role, level === levels[0]));
        continue;
      }
      if (!chosen.has(row.name)) chosen.set(row.name, { value, level });
    }
  }

  const text = (name: FlagName): string | undefined => {
    const value = chosen.get(name)?.value;
    return typeof value === 'string' ? value : undefined;
  };
  const list = (name: FlagName): readonly string[] => {
    const value = chosen.get(name)?.value;
    return value === undefined || typeof value === 'string' ? [] : value;
  };
  const connect = text('connect');
  const fallback = list('fallback').filter((url) => url !== connect);
  const uplinks = Number(text('uplinks') ?? 1);

  const typeLevel = levels.find((level) => level.values.get('node-type') === role);
  const problems = findMissing({
    role,
    connect,
    hasFallback: fallback.length > 0,
    uplinks,
    fallbackLabel: chosen.get('fallback')?.level.label('fallback'),
    nodeTypeLabel: typeLevel === undefined ? undefined : sideLabel(typeLevel, 'node-type'),
  });
  if (problems.length > 0) throw new UsageError(problems);

  const nodeId = text('node-id');
  return {
    settings: {
      role,
      host: text('host') ?? (role === 'p2p' ? '0.0.0.0' : '127.0.0.1'),
      port: Number(text('port') ?? (role === 'home' ? 0 : MAIN_PORT)),
      ...(nodeId === undefined ? {} : { nodeId }),
      ...(connect === undefined ? {} : { connect }),
      fallback,
      uplinks,
      peers: list('peers'),
      addPeers: list('add-peer'),
      disableRegistry: text('disable-registry') === 'true',
      // The table of flags lets nothing else pass.
      admission: (text('admission') ?? 'open') as AdmissionMode,
    },
    warnings,
  };
}

/** A role that was overruled by a higher level. */
function contradicts(level: Level, name: FlagName, role: Role): boolean {
  return name === 'node-type' && detectRole(level) !== role;
}

function unfitting(level: Level, name: FlagName, role: Role, isTop: boolean): string {
  return isTop
    ? `warning: ${level.label(name)} has no effect on a ${ROLE_NAMES[role]}`
    : `warning: ${level.label(name)} ignored: this node is a ${ROLE_NAMES[role]}`;
}
