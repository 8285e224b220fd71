// relay status: what a node says of itself, as tables. cli.md §8.4.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command, CommandContext } from '../context.ts';
import { asArray, asNumber, asObject, asText, type JsonObject } from '../json.ts';
import { type NodeClient, nodeClient } from '../node-client.ts';
import { parseOptions } from '../options.ts';
import { formatDuration, formatMs, table } from '../terminal.ts';
import { CommandFailure, usageError } from '../usage.ts';

const OPTIONS = { main: 'value', json: 'flag', watch: 'optional' } as const;
const DEFAULT_WATCH_S = '2';
/** Clears the terminal and puts the cursor at its start. */
const CLEAR = '\u001b[2J\u001b[H';

export const status: Command = async (argv, context) => {
  const options = parseOptions(argv, OPTIONS);
  if (options.words.length > 0)
    throw usageError(`unexpected argument: ${options.words[0]}`, 'name the node with --main URL');
  const node = nodeClient(options.value('main'), context);
  const show = async (): Promise<number> => {
    const answers = await readNode(node);
    if (options.has('json'))
      context.out(`${JSON.stringify(answers, null, context.screen.isTerminal ? 2 : 0)}\n`);
    else context.out(`${renderStatus(answers, Date.now()).join('\n')}\n`);
    return isUnhealthy(answers) ? 1 : 0;
  };
  if (!options.has('watch')) return show();

  const seconds = Number(options.value('watch') || DEFAULT_WATCH_S);
  if (!(seconds >= 0.1)) throw usageError('invalid value for flag -watch: must be a number of seconds');
  return watch(show, seconds * 1000, context);
};

/** Until Ctrl+C. A node that goes away for a moment does not end the watch. */
async function watch(show: () => Promise<number>, everyMs: number, context: CommandContext): Promise<number> {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  process.once('SIGINT', abort).once('SIGTERM', abort);
  let exitCode = 0;
  while (!stop.signal.aborted) {
    if (context.screen.isTerminal) context.out(CLEAR);
    try {
      exitCode = await show();
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      exitCode = error.exitCode;
      context.err(`Error: ${error.message}\n`);
    }
    await sleep(everyMs, undefined, { signal: stop.signal }).catch(() => {});
  }
  return exitCode;
}

/** The answers of the endpoints that the node's role has, by path. */
export type NodeAnswers = Readonly<Record<string, unknown>>;

async function readNode(node: NodeClient): Promise<NodeAnswers> {
  const health = await node.get('/health');
  const type = asObject(health.body)['node_type'];
  const paths =
    type === 'main'
      ? ['/federation/health', '/federation/registry', '/federation/peers']
      : type === 'home'
        ? ['/status', '/services']
        : ['/registry'];
  const answers = await Promise.all(paths.map((path) => node.get(path)));
  const found: Record<string, unknown> = {};
  for (const [index, path] of paths.entries()) {
    const answer = answers[index];
    if (answer === undefined || answer.status !== 200) {
      throw new CommandFailure(
        `${node.url}${path} answered ${answer?.status ?? 'nothing'}; is this a Relay node?`,
      );
    }
    found[path] = answer.body;
  }
  return found;
}

function isUnhealthy(answers: NodeAnswers): boolean {
  return asObject(answers['/federation/health'])['status'] === 'unhealthy';
}

/** `now` in ms since 1970. */
export function renderStatus(answers: NodeAnswers, now: number): string[] {
  if ('/federation/health' in answers) return renderMain(answers, now);
  if ('/status' in answers) return renderHome(answers, now);
  return renderP2p(asObject(answers['/registry']));
}

function renderMain(answers: NodeAnswers, now: number): string[] {
  const health = asObject(answers['/federation/health']);
  const registry = asObject(answers['/federation/registry']);
  const homes = asArray(registry['homes']).map(asObject);
  const peers = asArray(asObject(answers['/federation/peers'])['peers']).map(asObject);
  const services = [...asArray(registry['local']), ...asArray(registry['federated'])].map(asObject);
  const head = [
    asText(health['node_id']),
    asText(health['node_type'], 'main'),
    asText(health['status']),
    `up ${formatDuration((asNumber(health['uptime_seconds']) ?? 0) * 1000)}`,
    `homes ${asText(health['connected_homes'])}`,
    peersText(health, peers),
    `services ${asText(health['total_services'])} (${asText(health['failed_services'])} failed)`,
    `latency ${asText(health['average_latency'])}`,
  ];
  return [
    ...table([head]),
    ...section(
      ['HOME', 'STATE', 'SINCE', 'LATENCY', 'SERVICES'],
      homes.map((home) => [
        asText(home['id']),
        home['connected'] === true ? 'connected' : 'disconnected',
        since(home['connected_since'], now),
        formatMs(asNumber(home['latency_ms'])),
        asText(home['services']),
      ]),
    ),
    ...section(
      ['PEER', 'STATE', 'LATENCY', 'SERVICES', 'RECONNECTS', 'LAST ERROR'],
      peers.map((peer) => [
        asText(peer['id'], asText(peer['url'])),
        isInbound(peer) ? 'connected (inbound)' : asText(peer['state']),
        formatMs(asNumber(peer['latency_ms'])),
        asText(peer['services']),
        asText(peer['reconnect_attempts']),
        asText(peer['last_error']),
      ]),
    ),
    ...serviceSection(services),
  ];
}

/** Connected of those configured here; peers that dialled in without being configured are no part of either. */
function peersText(health: JsonObject, peers: readonly JsonObject[]): string {
  const inbound = peers.filter(isInbound).length;
  const configured = asText(health['configured_peers']);
  const more = inbound === 0 ? '' : `${inbound} inbound`;
  if (configured === '0') return `peers ${more === '' ? '0' : more}`;
  const connected = asNumber(health['connected_peers']);
  const all = `peers ${connected === undefined ? '-' : Math.max(0, connected - inbound)}/${configured}`;
  return more === '' ? all : `${all} + ${more}`;
}

/** It dialled this Main, and nobody configured it here. */
function isInbound(peer: JsonObject): boolean {
  return peer['source'] === 'inbound' && peer['state'] === 'connected';
}

export function serviceSection(services: readonly JsonObject[]): string[] {
  const sorted = services.toSorted(
    (a, b) =>
      compare(asText(a['service_name']), asText(b['service_name'])) ||
      compare(asText(a['address']), asText(b['address'])),
  );
  return section(
    ['SERVICE', 'NODE', 'ORIGIN', 'HEALTH', 'CIRCUIT', 'CALLS', 'OK %', 'LATENCY'],
    sorted.map((service) => {
      const load = asObject(service['load_metrics']);
      const calls = asNumber(load['calls']) ?? 0;
      const rate = asNumber(load['success_rate']);
      return [
        asText(service['service_name']),
        asText(service['address']),
        asText(service['origin']),
        service['is_healthy'] === true ? 'ok' : 'failed',
        asText(service['circuit']),
        String(calls),
        calls === 0 || rate === undefined ? '-' : percent(rate),
        calls === 0 ? '-' : formatMs(asNumber(load['average_latency_ms'])),
      ];
    }),
  );
}

function renderHome(answers: NodeAnswers, now: number): string[] {
  const home = asObject(answers['/status']);
  const main = asObject(home['main_relay']);
  const services = asArray(asObject(answers['/services'])['services']).map(asObject);
  const head = [
    asText(home['node_id']),
    'home',
    asText(home['status']),
    `up ${formatDuration((asNumber(home['uptime_seconds']) ?? 0) * 1000)}`,
    `services ${asText(home['services'])}`,
  ];
  return [
    ...table([head]),
    ...section(
      ['MAIN RELAY', 'URL', 'SINCE', 'LATENCY', 'RECONNECTS', 'LAST ERROR'],
      [
        [
          asText(main['id']),
          asText(main['url']),
          since(main['connected_since'], now),
          formatMs(asNumber(main['latency_ms'])),
          asText(main['reconnect_attempts']),
          asText(main['last_error']),
        ],
      ],
    ),
    ...section(
      ['SERVICE', 'REGISTERED', 'IN FLIGHT', 'CALLS', 'ERRORS'],
      services.map((service) => [
        asText(service['service_name']),
        service['registered'] === true ? 'yes' : 'no',
        asText(service['in_flight']),
        asText(service['calls']),
        asText(service['errors']),
      ]),
    ),
  ];
}

function renderP2p(registry: JsonObject): string[] {
  const servers = Object.values(asObject(registry['servers'])).map(asObject);
  const peers = Object.values(asObject(registry['peers'])).map(asObject);
  const health = (item: JsonObject): string => (item['is_healthy'] === true ? 'ok' : 'failed');
  return [
    ...table([[asText(registry['node_id']), 'p2p', asText(registry['node_address'])]]),
    ...section(
      ['PEER', 'ADDRESS', 'HEALTH', 'SERVERS'],
      peers.map((peer) => [
        asText(peer['node_id']),
        asText(peer['address']),
        health(peer),
        asText(peer['server_count']),
      ]),
    ),
    ...section(
      ['SERVICE', 'NODE', 'HEALTH'],
      servers.map((server) => [asText(server['name']), asText(server['node_id']), health(server)]),
    ),
  ];
}

/** A table below a blank line; nothing without rows. */
function section(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : ['', ...table([heads, ...rows])];
}

function since(value: unknown, now: number): string {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? '-' : formatDuration(now - at);
}

function percent(rate: number): string {
  const value = rate * 100;
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
