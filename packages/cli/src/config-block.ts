// What the config block of a program says about its node: the level below the environment. Read from the tree before anything runs,
// because the program starts on a node that has its port and id already. So these values must be plain ones; a computed value is
// for the program alone. language.md §20, cli.md §7.

import { type Diagnostic, positionAt, type SourceFile, type Span } from '@relay/language';
import { durationMs } from '@relay/protocol';
import { type Level, readValue } from './argv.ts';
import { type BalanceSettings, readBalanceEntry } from './config-balance.ts';
import { type FlagName, flagRow, type Role } from './flags.ts';
import { CommandFailure } from './usage.ts';

/** The parts of a loaded program that are looked at here. */
export interface ConfigSource {
  readonly files: readonly SourceFile[];
  readonly items: readonly { readonly kind: string; readonly span: Span }[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface ConfigBlock extends BalanceSettings {
  readonly level: Level;
  /** `federation.known_relays` and the like, and what has no flag. */
  readonly advertise?: string;
  /** Where `/metrics` is served instead of on the HTTP port. */
  readonly metricsListen?: { readonly host: string; readonly port: number };
  /** Base URL of a collector of spans. */
  readonly otlpEndpoint?: string;
  readonly allowRemoteAdmin?: boolean;
  readonly cors?: boolean;
  readonly corsOrigins?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly httpLimits?: { readonly bodyBytes?: number; readonly batch?: number };
  readonly arrivals?: { readonly handshakesPerIp?: number; readonly homesPerIp?: number };
  readonly admissionRate?: number;
  readonly federation?: FederationTimes;
  readonly persistence?: Persistence;
  /** A Main Relay is named: worth a note when the file is only run. */
  readonly namesMain: boolean;
  readonly warnings: readonly string[];
}

/** In ms. */
export interface FederationTimes {
  readonly healthCheckMs?: number;
  readonly serviceTtlMs?: number;
  readonly keepAlternativesMs?: number;
}

/** Where the state of the program is kept; language.md §17. */
export interface Persistence {
  readonly backend?: 'embedded' | 'memory' | 'postgres';
  readonly sync?: 'full' | 'normal';
}

type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

interface Entry {
  readonly path: string;
  readonly value: Plain | undefined;
  readonly span: Span;
}

/** Keys that are flags too. */
const FLAG_KEYS: Readonly<Record<string, FlagName>> = {
  relay: 'connect',
  port: 'port',
  host: 'host',
  node_id: 'node-id',
  admission: 'admission',
  'federation.fallback': 'fallback',
  'federation.uplinks': 'uplinks',
  'federation.peers': 'peers',
  'federation.p2p_peers': 'add-peer',
};

/** `limits` that the program's own thread keeps; the others are the node's. */
const PROGRAM_LIMITS: ReadonlySet<string> = new Set([
  'steps',
  'time',
  'depth',
  'value_size',
  'string_length',
  'array_length',
  'sends',
  'mailbox',
]);
const HTTP_LIMIT_KEYS: Readonly<Record<string, 'bodyBytes' | 'batch'>> = {
  body: 'bodyBytes',
  batch: 'batch',
};

/** Durations, their names in the settings of a node, and the least that makes sense. */
const FEDERATION_TIMES: Readonly<
  Record<string, { readonly name: keyof FederationTimes; readonly least: string }>
> = {
  'federation.health_check_interval': { name: 'healthCheckMs', least: '1s' },
  'load_balancing.health_check_interval': { name: 'healthCheckMs', least: '1s' },
  'federation.service_ttl': { name: 'serviceTtlMs', least: '10s' },
  'federation.cache_duration': { name: 'keepAlternativesMs', least: '0s' },
};

const ARRIVAL_LIMIT_KEYS: Readonly<Record<string, 'handshakesPerIp' | 'homesPerIp'>> = {
  handshakes_per_ip: 'handshakesPerIp',
  homes_per_ip: 'homesPerIp',
};

export function readConfigBlock(source: ConfigSource, role: Role): ConfigBlock {
  const values = new Map<FlagName, string | readonly string[]>();
  const paths = new Map<FlagName, string>();
  const warnings: string[] = [];
  const place = (span: Span): string => {
    const file = source.files[span.file];
    if (file === undefined) return '';
    const { line, column } = positionAt(file, span.start);
    return `${file.name}:${line}:${column}: `;
  };
  const wrong = (entry: Entry, reason: string): CommandFailure =>
    new CommandFailure(`${place(entry.span)}config ${entry.path}: ${reason}`);
  // Where state is kept cannot be guessed: what is misspelt or computed stops the start.
  const oneOf = <T extends string>(entry: Entry, allowed: readonly T[]): T => {
    const found = allowed.find((word) => word === entry.value);
    if (found === undefined)
      throw wrong(entry, `expected ${allowed.map((word) => `"${word}"`).join(' or ')}`);
    return found;
  };
  let namesMain = false;
  let forgetsAlternatives = false;
  let balance: BalanceSettings = {};
  const more: { -readonly [K in keyof ConfigBlock]?: ConfigBlock[K] } = {};

  for (const entry of entriesOf(source)) {
    const { path, value } = entry;
    const known =
      path === 'federation.known_relays' ? (role === 'home' ? 'fallback' : 'peers') : FLAG_KEYS[path];
    if (known !== undefined) {
      if (value === undefined) {
        warnings.push(`warning: ${place(entry.span)}config ${path} is not a plain value and was ignored`);
        continue;
      }
      if (path === 'relay') namesMain = true;
      const text = textOf(known, value);
      if (text === undefined) throw wrong(entry, `expected ${expectedType(known)}`);
      if (text === '') continue;
      const read = readValue(flagRow(known), text, `config ${path}`, `config ${path}`);
      const [problem] = read.problems;
      if (problem !== undefined) throw new CommandFailure(`${place(entry.span)}${problem.text}`);
      if (read.value !== undefined) {
        values.set(known, read.value);
        paths.set(known, path);
      }
      continue;
    }
    const time = Object.hasOwn(FEDERATION_TIMES, path) ? FEDERATION_TIMES[path] : undefined;
    if (time !== undefined) {
      const ms = durationMs(value);
      if (ms === undefined) throw wrong(entry, 'expected a duration, like "30s"');
      if (ms < (durationMs(time.least) ?? 0)) throw wrong(entry, `must be at least ${time.least}`);
      more.federation = { ...more.federation, [time.name]: ms };
      continue;
    }
    const reading = readBalanceEntry(path, value, role, balance);
    if (reading !== undefined) {
      if (reading.kind === 'wrong') throw wrong(entry, reading.reason);
      if (reading.kind === 'warn')
        warnings.push(`warning: ${place(entry.span)}config ${path} ${reading.reason}`);
      else balance = reading.settings;
      continue;
    }
    switch (path) {
      case 'metrics_listen': {
        const [, host, port] =
          (typeof value === 'string' && /^(?:\[?([^[\]]+)\]?):(\d{1,5})$/.exec(value)) || [];
        if (host === undefined || Number(port) > 65_535)
          throw wrong(entry, 'expected a string like "127.0.0.1:9090"');
        more.metricsListen = { host, port: Number(port) };
        break;
      }
      case 'otlp_endpoint':
        if (typeof value !== 'string') throw wrong(entry, 'expected a string like "http://127.0.0.1:4318"');
        more.otlpEndpoint = value;
        break;
      case 'advertise':
        if (typeof value !== 'string') throw wrong(entry, 'expected a string');
        more.advertise = value;
        break;
      case 'federation.auto_discover':
        if (typeof value !== 'boolean') throw wrong(entry, 'expected a bool');
        if (!value) forgetsAlternatives = true;
        break;
      case 'federation.allow_remote_admin':
      case 'http.cors':
        if (typeof value !== 'boolean') throw wrong(entry, 'expected a bool');
        if (path === 'http.cors') more.cors = value;
        else more.allowRemoteAdmin = value;
        break;
      // Read again where the templates are; here they are only checked.
      case 'templates.template_dir':
      case 'templates.static_dir':
        if (typeof value !== 'string') throw wrong(entry, 'expected a string');
        break;
      case 'templates.auto_reload':
        if (typeof value !== 'boolean') throw wrong(entry, 'expected a bool');
        break;
      case 'http.cors_origins':
        if (!isTexts(value)) throw wrong(entry, 'expected an array of strings');
        more.corsOrigins = value;
        break;
      case 'persistence.backend':
        more.persistence = { ...more.persistence, backend: oneOf(entry, ['embedded', 'memory', 'postgres']) };
        break;
      case 'persistence.sync':
        more.persistence = { ...more.persistence, sync: oneOf(entry, ['full', 'normal']) };
        break;
      case 'persistence':
        throw wrong(entry, 'expected an object with plain values, like {backend: "embedded", sync: "full"}');
      default:
        if (path.startsWith('limits.')) {
          const name = path.slice('limits.'.length);
          const limit = Object.hasOwn(HTTP_LIMIT_KEYS, name) ? HTTP_LIMIT_KEYS[name] : undefined;
          const arrival = Object.hasOwn(ARRIVAL_LIMIT_KEYS, name) ? ARRIVAL_LIMIT_KEYS[name] : undefined;
          if (limit !== undefined || arrival !== undefined || name === 'admission_rate') {
            if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
              throw wrong(entry, 'expected a whole number above 0');
            }
            if (limit !== undefined) more.httpLimits = { ...more.httpLimits, [limit]: value };
            else if (arrival !== undefined) more.arrivals = { ...more.arrivals, [arrival]: value };
            else more.admissionRate = value;
          } else if (!PROGRAM_LIMITS.has(name)) {
            warnings.push(`warning: ${place(entry.span)}config ${path} has no effect in this version yet`);
          }
        }
        if (path.startsWith('http.headers.')) {
          if (typeof value !== 'string') throw wrong(entry, 'expected a string');
          more.headers = { ...more.headers, [path.slice('http.headers.'.length)]: value };
        }
    }
  }
  if (forgetsAlternatives) more.federation = { ...more.federation, keepAlternativesMs: 0 };
  const label = (name: FlagName): string => `config ${paths.get(name) ?? name}`;
  return { ...more, ...balance, level: { values, label }, namesMain, warnings };
}

/** All entries of all blocks, groups unfolded to dotted paths; later ones win by coming later. */
function entriesOf({ items }: ConfigSource): Entry[] {
  const found: Entry[] = [];
  const unfold = (prefix: string, entries: readonly TreeEntry[]): void => {
    for (const { key, value, span } of entries) {
      const path = prefix === '' ? key.text : `${prefix}.${key.text}`;
      if (value.kind === 'object' && value.entries !== undefined) unfold(path, value.entries);
      else found.push({ path, value: plainOf(value), span });
    }
  };
  for (const item of items) {
    if (item.kind === 'config')
      unfold('', (item as unknown as { readonly entries: readonly TreeEntry[] }).entries);
  }
  return found;
}

interface TreeEntry {
  readonly key: { readonly text: string };
  readonly value: Tree;
  readonly span: Span;
}

interface Tree {
  readonly kind: string;
  readonly literal?: { readonly kind: string; readonly value?: unknown };
  readonly elements?: readonly Tree[];
  readonly entries?: readonly TreeEntry[];
  readonly operator?: string;
  readonly operand?: Tree;
}

/** The value of a literal; undefined for everything that has to be computed. */
function plainOf(tree: Tree): Plain | undefined {
  switch (tree.kind) {
    case 'literal': {
      const value = tree.literal?.value;
      if (tree.literal?.kind === 'nil') return null;
      return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? value
        : undefined;
    }
    case 'array': {
      const elements = (tree.elements ?? []).map(plainOf);
      return elements.includes(undefined) ? undefined : (elements as Plain[]);
    }
    case 'unary': {
      const operand = tree.operand === undefined ? undefined : plainOf(tree.operand);
      return tree.operator === '-' && typeof operand === 'number' ? -operand : undefined;
    }
    default:
      return undefined;
  }
}

/** As the flag would be written; undefined for a value of another type, empty for nil. */
function textOf(name: FlagName, value: Plain): string | undefined {
  if (value === null) return '';
  const { kind } = flagRow(name).value;
  if (kind === 'number') return typeof value === 'number' ? String(value) : undefined;
  if (kind === 'list') return isTexts(value) ? value.join(',') : undefined;
  return typeof value === 'string' ? value : undefined;
}

function expectedType(name: FlagName): string {
  const { kind } = flagRow(name).value;
  return kind === 'number' ? 'a number' : kind === 'list' ? 'an array of strings' : 'a string';
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
