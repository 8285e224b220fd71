// relay call SERVICE.METHOD [JSON]: one remote_call to any node. cli.md §8.3.

import type { Command, CommandContext } from '../context.ts';
import { asArray, asNumber, asObject, asText, type JsonObject } from '../json.ts';
import { nodeClient } from '../node-client.ts';
import { type ParsedOptions, parseOptions } from '../options.ts';
import { escapeControls, formatMs } from '../terminal.ts';
import { CommandFailure, usageError } from '../usage.ts';

const OPTIONS = {
  main: 'value',
  node: 'value',
  timeout: 'value',
  'idempotency-key': 'value',
  trace: 'flag',
  json: 'flag',
} as const;

const DEFAULT_TIMEOUT_S = 60;
/** The node answers by its deadline plus one second; this is for the way. */
const GRACE_MS = 5_000;

export const call: Command = async (argv, context) => {
  const options = parseOptions(argv, OPTIONS);
  const seconds = timeoutOf(options);
  const params = await paramsOf(options, seconds, context);
  const node = nodeClient(options.value('main'), context);
  const request = { jsonrpc: '2.0', method: 'remote_call', params, id: 1 };
  const answer = await node.post('/rpc', request, seconds * 1000 + GRACE_MS);
  const body = asObject(answer.body);
  if (!('result' in body) && !('error' in body)) {
    throw new CommandFailure(`${node.url} gave no JSON-RPC answer (HTTP status ${answer.status})`);
  }
  if (options.has('json')) {
    context.out(`${format(answer.body, context)}\n`);
    return 'error' in body ? 1 : 0;
  }
  return printAnswer(body, options.has('trace'), context);
};

function printAnswer(body: JsonObject, isTraced: boolean, context: CommandContext): number {
  if ('error' in body) {
    const error = asObject(body['error']);
    context.err(`${renderFailure(error)}\n`);
    const { value, trace } = asObject(error['data']);
    if (value !== undefined) context.err(`${JSON.stringify(value)}\n`);
    if (isTraced && trace !== undefined) context.err(renderTrace(asObject(trace)));
    return 1;
  }
  const result = asObject(body['result']);
  context.out(`${format(isTraced ? result['result'] : body['result'], context)}\n`);
  if (isTraced) context.err(renderTrace(asObject(result['trace'])));
  return 0;
}

async function paramsOf(
  options: ParsedOptions,
  timeout: number,
  context: CommandContext,
): Promise<JsonObject> {
  const [target, json, ...more] = options.words;
  if (target === undefined)
    throw usageError('relay call needs SERVICE.METHOD', 'for example: relay call blog_service.get_posts');
  const dot = target.indexOf('.');
  if (dot < 1 || dot === target.length - 1) {
    throw usageError(`not a method: ${target}`, 'write SERVICE.METHOD, for example blog_service.get_posts');
  }
  if (more.length > 0) {
    throw usageError(
      `unexpected argument: ${more[0]}`,
      'put the JSON in quotes, so that the shell keeps it together',
    );
  }
  const service = target.slice(0, dot);
  const node = options.value('node');
  const key = options.value('idempotency-key');
  return {
    ...(node === undefined ? { service_name: service } : { node_id: node, server_name: service }),
    method: target.slice(dot + 1),
    ...(json === undefined ? {} : { args: parseArgs(json === '-' ? await context.readStdin() : json) }),
    timeout,
    ...(options.has('trace') ? { trace: true } : {}),
    ...(key === undefined ? {} : { idempotency_key: key }),
  };
}

function parseArgs(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usageError(`bad JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== 'object' || value === null) {
    throw usageError('bad JSON: expected an array (by position) or an object (by name)');
  }
  return value;
}

function timeoutOf(options: ParsedOptions): number {
  const text = options.value('timeout');
  if (text === undefined) return DEFAULT_TIMEOUT_S;
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3600)) {
    throw usageError(`invalid value "${text}" for flag -timeout: must be a number of seconds up to 3600`);
  }
  return seconds;
}

function format(value: unknown, context: CommandContext): string {
  return JSON.stringify(value ?? null, null, context.screen.isTerminal ? 2 : 0);
}

/** `Error -32006 timeout: MESSAGE (executed: unknown, at relay-a.com, trace 5f2c…)` */
export function renderFailure(error: JsonObject): string {
  const data = asObject(error['data']);
  const trace = asText(data['trace_id'], '');
  const facts = [
    `executed: ${asText(data['executed'], 'unknown')}`,
    ...(typeof data['at'] === 'string' ? [`at ${data['at']}`] : []),
    ...(trace === '' ? [] : [`trace ${trace}`]),
  ];
  const message = asText(data['message'], asText(error['message'], 'unknown'));
  const name = asText(data['code'], asText(error['message'], 'error'));
  return escapeControls(`Error ${asText(error['code'])} ${name}: ${message} (${facts.join(', ')})`);
}

/** The route, then one line per span. */
export function renderTrace(trace: JsonObject): string {
  const lines = [renderRoute(trace)];
  for (const item of asArray(trace['spans'])) {
    const span = asObject(item);
    const at = formatMs(asNumber(span['ms']));
    lines.push(escapeControls(`  ${asText(span['node'])}  ${asText(span['event'])}  ${at}`));
  }
  return `${lines.join('\n')}\n`;
}

/** `alice.home → relay-a.com → bob.home  2 hops  11.8 ms` */
export function renderRoute(trace: JsonObject): string {
  const path = asArray(trace['path']).map((id) => asText(id));
  const hops = asNumber(trace['hops']) ?? path.length - 1;
  const word = hops === 1 ? 'hop' : 'hops';
  return escapeControls(`${path.join(' → ')}  ${hops} ${word}  ${formatMs(asNumber(trace['total_ms']))}`);
}
