// Turns the launch line of a P2P node, or a running one, into the flags of a federation. It only prints; `--write` saves the config
// block. Source: cli.md §8.5.

import { writeFileSync } from 'node:fs';
import { parseArguments } from '../argv.ts';
import type { CommandContext } from '../context.ts';
import { readNodeEnvironment } from '../environment.ts';
import type { FlagName } from '../flags.ts';
import { requestJson, Unreachable } from '../http-client.ts';
import { parseOptions } from '../options.ts';
import { detectRole } from '../role.ts';
import { httpUrl, normalizeUrl } from '../url.ts';
import { CommandFailure, UsageError, usageError } from '../usage.ts';

const OPTIONS = { as: 'value', main: 'value', from: 'value', write: 'value' } as const;
/** What a P2P node of the earlier software understood. */
const LEGACY: readonly FlagName[] = [
  'run',
  'server',
  'port',
  'host',
  'node-id',
  'add-peer',
  'disable-registry',
];
const EXIT_UNREACHABLE = 4;
const ASK_MS = 5_000;

/** What is known of the node that moves. */
interface OldNode {
  readonly file?: string;
  readonly nodeId?: string;
  readonly port?: string;
  readonly host?: string;
  /** URLs of its peers, `http://h:p` or as written. */
  readonly peers: readonly string[];
  readonly notes: readonly string[];
}

export async function migrate(argv: readonly string[], context: CommandContext): Promise<number> {
  const end = argv.indexOf('--');
  const options = parseOptions(end < 0 ? argv : argv.slice(0, end), OPTIONS);
  const legacy = end < 0 ? options.words : [...options.words, ...argv.slice(end + 1)];
  const main = options.value('main');
  const role = options.value('as') ?? (main === undefined ? 'main' : 'home');
  if (role !== 'main' && role !== 'home') {
    throw usageError(`invalid value "${role}" for flag -as: must be main or home`);
  }
  if (main !== undefined && !normalizeUrl(main, 'main').ok)
    throw usageError(`invalid URL "${main}" for --main`);
  const from = options.value('from');
  if (legacy.length === 0 && from === undefined) {
    throw usageError('nothing to migrate', 'relay migrate -- FILE -server -port N -node-id ID -add-peer P');
  }
  const line = readLine(legacy);
  const node = from === undefined ? line : merged(line, await ask(from, context));
  const words = role === 'main' ? mainWords(node) : homeWords(node, main);
  const block = configBlock(node, role, main);
  const notes = [...node.notes, ...roleNotes(node, role, main)];
  const file = node.file === undefined ? [] : [node.file];
  const classic = [
    './relay',
    ...file,
    ...(role === 'main' ? ['-server', '-node-type', 'main'] : ['-node-type', 'home']),
  ];
  const lines = [
    shell([...classic, ...words]),
    shell(['./relay', role, ...file, ...words]),
    '',
    block,
    '',
    ...notes.map((note) => `note: ${note}`),
    ...wayBack(legacy),
  ];
  context.out(`${lines.join('\n')}\n`);
  const target = options.value('write');
  if (target !== undefined) {
    try {
      writeFileSync(target, `${block}\n`);
    } catch (error) {
      throw new CommandFailure(`cannot write ${target}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return 0;
}

function readLine(words: readonly string[]): OldNode {
  const { flags, words: files, problems } = parseArguments(words);
  if (problems.length > 0) throw new UsageError(problems);
  for (const name of flags.values.keys()) {
    if (!LEGACY.includes(name)) throw usageError(`no P2P node understood -${name}`);
  }
  if (flags.values.get('disable-registry') === 'true') {
    throw usageError('-disable-registry: such a node never federated; there is nothing to migrate');
  }
  const text = (name: FlagName): string | undefined => {
    const value = flags.values.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const all = [...new Set([...files, ...[text('run') ?? []].flat()])];
  if (all.length > 1) throw usageError(`only one program file can be run: ${all.join(', ')}`);
  const peers = flags.values.get('add-peer');
  return withoutUndefined({
    file: all[0],
    nodeId: text('node-id'),
    port: text('port'),
    host: text('host'),
    peers: Array.isArray(peers) ? (peers as readonly string[]) : [],
    notes: [],
  });
}

/** What a running node says of itself and its peers. */
async function ask(from: string, context: CommandContext): Promise<OldNode> {
  const url = httpUrl(from);
  if (url === undefined) throw usageError(`invalid URL "${from}" for --from`);
  const { resolve } = readNodeEnvironment(context.env).value;
  const get = async (path: string): Promise<Record<string, unknown>> => {
    try {
      const { status, body } = await requestJson({ url: url + path, timeoutMs: ASK_MS, resolve });
      if (status === 200 && typeof body === 'object' && body !== null) return body as Record<string, unknown>;
      throw new CommandFailure(`${url}${path} answered HTTP ${status}; is it a P2P node?`, EXIT_UNREACHABLE);
    } catch (error) {
      if (error instanceof Unreachable) {
        throw new CommandFailure(`cannot reach ${url}: ${error.message}`, EXIT_UNREACHABLE);
      }
      throw error;
    }
  };
  const health = await get('/registry/health');
  const peers: string[] = [];
  const notes: string[] = [];
  for (const [id, peer] of Object.entries(await get('/registry/peers'))) {
    const address = (peer as { readonly address?: unknown } | null)?.address;
    if (typeof address !== 'string') continue;
    const plain = address.replace(/^(?:https?|wss?):\/\//, '');
    if (/^(?:0\.0\.0\.0|127\.|\[::\]|\[::1\]|localhost)/.test(plain)) {
      notes.push(`peer ${id} calls itself ${address}, which means nothing elsewhere; name it by hand`);
    } else peers.push(`http://${plain}`);
  }
  const nodeId = health['node_id'];
  const port = /:(\d+)$/.exec(String(health['node_address'] ?? ''))?.[1];
  return withoutUndefined({ nodeId: typeof nodeId === 'string' ? nodeId : undefined, port, peers, notes });
}

/** What was typed goes before what a node says. */
function merged(line: OldNode, running: OldNode): OldNode {
  return {
    ...running,
    ...line,
    peers: [...new Set([...line.peers, ...running.peers])],
    notes: [...line.notes, ...running.notes],
  };
}

function mainWords(node: OldNode): readonly string[] {
  const peers = node.peers.map(peerUrl);
  return [
    ...(node.port === undefined ? [] : ['-port', node.port]),
    ...(node.host === undefined ? [] : ['-host', node.host]),
    ...(node.nodeId === undefined ? [] : ['-node-id', node.nodeId]),
    ...(peers.length === 0 ? [] : ['-peers', peers.join(',')]),
  ];
}

function homeWords(node: OldNode, main: string | undefined): readonly string[] {
  return [
    ...(node.nodeId === undefined ? [] : ['-node-id', node.nodeId]),
    '-connect',
    main ?? 'ws://MAIN:8080',
  ];
}

function configBlock(node: OldNode, role: 'main' | 'home', main: string | undefined): string {
  const entries: string[] = [];
  const id = node.nodeId === undefined ? [] : [`node_id: ${JSON.stringify(node.nodeId)}`];
  if (role === 'home') entries.push(...id, `relay: ${JSON.stringify(main ?? 'ws://MAIN:8080')}`);
  else {
    if (node.port !== undefined) entries.push(`port: ${Number(node.port)}`);
    if (node.host !== undefined) entries.push(`host: ${JSON.stringify(node.host)}`);
    entries.push(...id);
    const peers = node.peers.map((peer) => JSON.stringify(peerUrl(peer)));
    if (peers.length > 0) entries.push(`federation: { peers: [${peers.join(', ')}] }`);
  }
  return `config {\n${entries.map((entry) => `  ${entry}`).join(',\n')}\n}`;
}

function roleNotes(node: OldNode, role: 'main' | 'home', main: string | undefined): readonly string[] {
  const notes: string[] = [];
  if (node.nodeId === undefined)
    notes.push('give the node a fixed -node-id: a random one changes at every start');
  if (role === 'main') {
    if (node.peers.length > 0) {
      notes.push(`while a peer is a P2P node, keep -add-peer beside -peers: ${node.peers.join(', ')}`);
    }
    return notes;
  }
  if (main === undefined) notes.push('replace ws://MAIN:8080 by the URL of your Main Relay');
  if (node.peers.length > 0) {
    notes.push(`-add-peer ${node.peers.join(', ')} dropped: other nodes are reached through the Main Relay`);
  }
  if (node.port !== undefined || node.host !== undefined) {
    notes.push('-port and -host dropped: a Home Relay needs no inbound port');
  }
  return notes;
}

/** The old line; and what it takes where this version reads another role in it, as it does if a node only accepted links. */
function wayBack(legacy: readonly string[]): readonly string[] {
  if (legacy.length === 0) return [];
  const unchanged = `way back: ${shell(['./relay', ...legacy])}`;
  if (detectRole(parseArguments(legacy).flags) === 'p2p') return [unchanged];
  const inP2pMode = shell(['./relay', ...legacy, '-node-type', 'p2p']);
  return [unchanged, `way back with this version: ${inP2pMode}`];
}

/** `http://h:p` → `ws://h:p`; an id before the address is of no use to a Main. */
function peerUrl(peer: string): string {
  const address = peer.replace(/^[A-Za-z0-9._-]+@/, '').replace(/\/$/, '');
  if (/^wss?:/.test(address)) return address;
  return /^https?:/.test(address) ? address.replace(/^http/, 'ws') : `ws://${address}`;
}

function shell(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

type Given<T> = { readonly [K in keyof T]: T[K] | undefined };

function withoutUndefined(node: Given<OldNode> & Pick<OldNode, 'peers' | 'notes'>): OldNode {
  const { file, nodeId, port, host, peers, notes } = node;
  return {
    ...(file === undefined ? {} : { file }),
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    peers,
    notes,
  };
}
