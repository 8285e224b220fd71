// relay trace [ID] and relay why SERVICE.METHOD: where a call went, and where one would go now. http-api.md §10.5.

import type { Command } from '../context.ts';
import { asArray, asNumber, asObject, asText, type JsonObject } from '../json.ts';
import { type NodeClient, nodeClient } from '../node-client.ts';
import { parseOptions } from '../options.ts';
import { escapeControls, formatMs, table } from '../terminal.ts';
import { CommandFailure, usageError } from '../usage.ts';
import { renderTrace } from './call.ts';

const TRACE_OPTIONS = { main: 'value', limit: 'value', json: 'flag' } as const;
const WHY_OPTIONS = { main: 'value', node: 'value', json: 'flag' } as const;

export const trace: Command = async (argv, context) => {
  const options = parseOptions(argv, TRACE_OPTIONS);
  const [id, ...more] = options.words;
  if (more.length > 0) throw usageError(`unexpected argument: ${more[0]}`, 'relay trace [ID]');
  const node = nodeClient(options.value('main'), context);
  const limit = options.value('limit');
  const path =
    id === undefined ? `?limit=${encodeURIComponent(limit ?? '20')}` : `/${encodeURIComponent(id)}`;
  const body = await answerOf(node, `/federation/traces${path}`);
  if (options.has('json')) context.out(`${JSON.stringify(body)}\n`);
  else context.out(`${(id === undefined ? renderList(body) : renderOne(body)).join('\n')}\n`);
  return 0;
};

export const why: Command = async (argv, context) => {
  const options = parseOptions(argv, WHY_OPTIONS);
  const [target = '', ...more] = options.words;
  const [service = '', method = ''] = target.split('.', 2);
  if (service === '' || method === '' || more.length > 0) {
    throw usageError('relay why needs SERVICE.METHOD', 'for example: relay why blog_service.get_posts');
  }
  const address = options.value('node');
  const query = new URLSearchParams({ service, method, ...(address === undefined ? {} : { node: address }) });
  const body = await answerOf(nodeClient(options.value('main'), context), `/federation/why?${query}`);
  context.out(options.has('json') ? `${JSON.stringify(body)}\n` : `${renderWhy(body).join('\n')}\n`);
  return body['outcome'] === 'routed' ? 0 : 1;
};

async function answerOf(node: NodeClient, path: string): Promise<JsonObject> {
  const { status, body } = await node.get(path);
  if (status === 200) return asObject(body);
  const { message } = asObject(asObject(body)['error']);
  throw new CommandFailure(`${node.url}: ${asText(message, `answered ${status}; is this a Main Relay?`)}`);
}

function renderList(body: JsonObject): string[] {
  const traces = asArray(body['traces']).map(asObject);
  if (traces.length === 0)
    return ['no call is remembered: traced, failed and slow ones are, for ten minutes'];
  return table([
    ['TRACE', 'METHOD', 'OUTCOME', 'AT', 'STARTED', 'TIME'],
    ...traces.map((each) => [
      asText(each['trace_id']),
      asText(each['method']),
      asText(each['outcome']),
      asText(each['at'], '-'),
      asText(each['started']),
      formatMs(asNumber(each['total_ms'])),
    ]),
  ]);
}

function renderOne(body: JsonObject): string[] {
  return [body, ...asArray(body['further']).map(asObject)].flatMap((each) => {
    const { method, outcome, started, at, executed } = each;
    const failed = at === undefined ? '' : `  (executed: ${asText(executed)}, at ${asText(at)})`;
    const way = asObject(each['trace']);
    return [
      escapeControls(`${asText(method)}  ${asText(outcome)}  ${asText(started)}${failed}`),
      ...renderTrace(way).trimEnd().split('\n'),
      ...asArray(way['decisions']).map(asObject).flatMap(renderDecision),
    ];
  });
}

function renderWhy(body: JsonObject): string[] {
  const { outcome, message } = body;
  const isRouted = outcome === 'routed';
  const missing = body['has_method'] === false ? ['note: none of them says that it has this method'] : [];
  return [
    escapeControls(
      isRouted
        ? `${asText(body['service'])}.${asText(body['method'])} can be called`
        : `${asText(outcome)}: ${asText(message)}`,
    ),
    ...missing,
    ...renderDecision(asObject(body['decision'])),
  ];
}

function renderDecision(decision: JsonObject): string[] {
  const { node, chosen, reason, strategy, candidate_count: count } = decision;
  const candidates = asArray(decision['candidates']).map(asObject);
  const by = typeof strategy === 'string' ? `, ${strategy}` : '';
  const head = `${asText(node)} chose ${asText(chosen, 'one of several')}: ${asText(reason)}${by}`;
  const left = (asNumber(count) ?? 0) - candidates.length;
  if (candidates.length === 0) return [escapeControls(`  ${head}`)];
  const rows = table([
    ['CANDIDATE', 'ORIGIN', 'IN FLIGHT', 'LATENCY', 'SCORE', 'CIRCUIT', 'LEFT OUT'],
    ...candidates.map((each) => [
      asText(each['address']),
      asText(each['origin']),
      `${asText(each['in_flight'])} of ${asText(each['limit'])}`,
      formatMs(asNumber(each['average_latency_ms'])),
      asText(each['score']),
      asText(each['circuit']),
      asText(each['excluded'], '-'),
    ]),
  ]);
  return [
    escapeControls(`  ${head}`),
    ...rows.map((row) => `  ${row}`),
    ...(left > 0 ? [`  and ${left} more`] : []),
  ];
}
