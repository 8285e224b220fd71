// relay circuits: the circuit breakers of a Main Relay that are not closed, and the instances that it leaves out; `reset` closes them.
// http-api.md §10.7.

import type { Command } from '../context.ts';
import { asArray, asNumber, asObject, asText, type JsonObject } from '../json.ts';
import { type NodeClient, nodeClient } from '../node-client.ts';
import { parseOptions } from '../options.ts';
import { table } from '../terminal.ts';
import { CommandFailure, usageError } from '../usage.ts';

const OPTIONS = { main: 'value', service: 'value', address: 'value', json: 'flag' } as const;
const TIMEOUT_MS = 5_000;

interface Filter {
  readonly service: string | undefined;
  readonly address: string | undefined;
}

export const circuits: Command = async (argv, context) => {
  const options = parseOptions(argv, OPTIONS);
  const [action, ...more] = options.words;
  if (more.length > 0 || (action !== undefined && action !== 'reset')) {
    throw usageError(`unexpected argument: ${more[0] ?? action}`, 'relay circuits [reset]');
  }
  const filter: Filter = { service: options.value('service'), address: options.value('address') };
  const node = nodeClient(options.value('main'), context, 'RELAY_ADMIN_TOKEN');
  if (action === 'reset') {
    const { reset = 0 } = asObject(
      accepted(node, await node.post('/federation/circuits/reset', filter, TIMEOUT_MS)),
    );
    context.out(
      options.has('json') ? `${JSON.stringify({ reset })}\n` : `${counted(asNumber(reset) ?? 0)} closed\n`,
    );
    return 0;
  }
  const rows = (await entries(node, filter)).flatMap(rowsOf);
  if (options.has('json')) context.out(`${JSON.stringify(rows)}\n`);
  else if (rows.length === 0) context.out('every circuit is closed\n');
  else context.out(`${render(rows).join('\n')}\n`);
  return 0;
};

interface Row {
  readonly service: string;
  readonly address: string;
  /** `*` for the whole instance. */
  readonly method: string;
  readonly state: string;
  readonly retry_after_ms: number;
}

/** Every instance that matches, page by page. */
async function entries(node: NodeClient, { service, address }: Filter): Promise<JsonObject[]> {
  const found: JsonObject[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({
      ...(service === undefined ? {} : { service }),
      ...(address === undefined ? {} : { node: address }),
      ...(after === undefined ? {} : { after }),
    });
    const page = asObject(accepted(node, await node.get(`/federation/registry?${query}`)));
    found.push(...[...asArray(page['local']), ...asArray(page['federated'])].map(asObject));
    after = typeof page['next'] === 'string' ? page['next'] : undefined;
  } while (after !== undefined);
  return found;
}

function rowsOf(entry: JsonObject): Row[] {
  const place = { service: asText(entry['service_name']), address: asText(entry['address']) };
  const rows: Row[] = asArray(entry['circuits'])
    .map(asObject)
    .map((circuit) => ({
      ...place,
      method: asText(circuit['method']),
      state: asText(circuit['state']),
      retry_after_ms: asNumber(circuit['retry_after_ms']) ?? 0,
    }));
  const ejected = asNumber(entry['ejected_for_ms']);
  if (ejected !== undefined) rows.push({ ...place, method: '*', state: 'ejected', retry_after_ms: ejected });
  return rows;
}

function render(rows: readonly Row[]): string[] {
  const cells = rows.map(({ service, address, method, state, retry_after_ms: ms }) => [
    ...[service, address, method, state],
    ms === 0 ? 'now' : `${Math.ceil(ms / 1_000)} s`,
  ]);
  return table([['SERVICE', 'NODE', 'METHOD', 'CIRCUIT', 'NEXT TRIAL'], ...cells]);
}

function counted(count: number): string {
  return count === 1 ? '1 circuit' : `${count} circuits`;
}

function accepted(
  node: NodeClient,
  { status, body }: { readonly status: number; readonly body: unknown },
): unknown {
  if (status === 200) return body;
  const { message } = asObject(asObject(body)['error']);
  throw new CommandFailure(`${node.url}: ${asText(message, `answered ${status}; is this a Main Relay?`)}`);
}
