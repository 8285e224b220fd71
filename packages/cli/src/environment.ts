// The environment: one level of settings below the flags, and what has no flag at all. Empty means not set. cli.md §7.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type Level, readValue } from './argv.ts';
import { FLAGS, type FlagName, flagRow } from './flags.ts';
import { RANK, type UsageProblem } from './usage.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

export interface EnvironmentLevel {
  readonly level: Level;
  readonly problems: readonly UsageProblem[];
  readonly warnings: readonly string[];
}

/** What has a variable but no flag. Secrets are here because command lines are visible to others. */
export interface NodeEnvironment {
  readonly token?: string;
  readonly apiToken?: string;
  readonly adminToken?: string;
  readonly p2pToken?: string;
  readonly dataDir: string;
  readonly advertise?: string;
  readonly logLevel: LogLevel;
  readonly logFormat: 'text' | 'json';
  readonly drainMs: number;
  readonly resolve: ReadonlyMap<string, string>;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

export function variableOf(name: FlagName): string {
  return flagRow(name).variable ?? `-${name}`;
}

/** The settings that flags have too. */
export function readEnvironmentLevel(env: Variables): EnvironmentLevel {
  const values = new Map<FlagName, string | readonly string[]>();
  const problems: UsageProblem[] = [];
  const warnings: string[] = [];
  for (const row of FLAGS) {
    const text = row.variable === undefined ? undefined : env[row.variable]?.trim();
    if (text === undefined || text === '' || row.variable === undefined) continue;
    const read = readValue(row, text, row.variable, row.variable);
    problems.push(...read.problems);
    warnings.push(...read.warnings);
    if (read.value !== undefined) values.set(row.name, read.value);
  }
  return { level: { values, label: variableOf }, problems, warnings };
}

export function readNodeEnvironment(env: Variables): { value: NodeEnvironment; problems: UsageProblem[] } {
  const problems: UsageProblem[] = [];
  const bad = (variable: string, text: string, reason: string): void => {
    problems.push({ rank: RANK.badValue, text: `invalid value "${text}" for ${variable}: ${reason}` });
  };
  const secret = (variable: string): string | undefined => {
    try {
      return readSecret(env, variable);
    } catch (error) {
      problems.push({ rank: RANK.badValue, text: `cannot read ${variable}_FILE: ${reasonOf(error)}` });
      return undefined;
    }
  };

  const logLevel = given(env, 'RELAY_LOG_LEVEL') ?? 'info';
  if (!LOG_LEVELS.some((level) => level === logLevel)) {
    bad('RELAY_LOG_LEVEL', logLevel, 'must be error, warn, info or debug');
  }
  const logFormat = given(env, 'RELAY_LOG_FORMAT') ?? 'text';
  if (logFormat !== 'text' && logFormat !== 'json')
    bad('RELAY_LOG_FORMAT', logFormat, 'must be text or json');
  const drain = given(env, 'RELAY_DRAIN_SECONDS') ?? '30';
  if (!/^\d{1,5}(?:\.\d+)?$/.test(drain)) bad('RELAY_DRAIN_SECONDS', drain, 'must be a number of seconds');

  const resolve = new Map<string, string>();
  for (const item of (given(env, 'RELAY_RESOLVE') ?? '').split(',')) {
    const [name = '', ip = ''] = item.split('=', 2).map((part) => part.trim());
    if (item.trim() === '') continue;
    if (name === '' || isIP(ip) === 0) bad('RELAY_RESOLVE', item.trim(), 'use NAME=IP,NAME=IP');
    else resolve.set(name.toLowerCase(), ip);
  }

  const optional = {
    token: secret('RELAY_TOKEN'),
    apiToken: secret('RELAY_API_TOKEN'),
    adminToken: secret('RELAY_ADMIN_TOKEN'),
    p2pToken: secret('RELAY_P2P_TOKEN'),
    advertise: given(env, 'RELAY_ADVERTISE'),
  };
  return {
    value: {
      ...withoutUndefined(optional),
      dataDir: given(env, 'RELAY_DATA_DIR') ?? '.relay',
      logLevel: LOG_LEVELS.find((level) => level === logLevel) ?? 'info',
      logFormat: logFormat === 'json' ? 'json' : 'text',
      drainMs: Number(drain) * 1000,
      resolve,
    },
    problems,
  };
}

/** A credential, also from the file that `VARIABLE_FILE` names (container secrets). The file's last line break is no part of it. */
export function readSecret(env: Variables, variable: string): string | undefined {
  const direct = given(env, variable);
  if (direct !== undefined) return direct;
  const file = given(env, `${variable}_FILE`);
  if (file === undefined) return undefined;
  const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  return text === '' ? undefined : text;
}

function given(env: Variables, variable: string): string | undefined {
  const text = env[variable]?.trim();
  return text === '' ? undefined : text;
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
