// relay log: another log level for one service or peer of a running Main, for a time. http-api.md §10.7.

import type { Command } from '../context.ts';
import { asObject, asText } from '../json.ts';
import { nodeClient } from '../node-client.ts';
import { parseOptions } from '../options.ts';
import { CommandFailure, usageError } from '../usage.ts';

const OPTIONS = { main: 'value', service: 'value', peer: 'value', level: 'value', seconds: 'value' } as const;
const TIMEOUT_MS = 5_000;

export const log: Command = async (argv, context) => {
  const options = parseOptions(argv, OPTIONS);
  const [word] = options.words;
  if (word !== undefined)
    throw usageError(`unexpected argument: ${word}`, 'relay log --service NAME or --peer ID');
  const service = options.value('service');
  const peer = options.value('peer');
  if ((service === undefined) === (peer === undefined)) {
    throw usageError('relay log needs either --service NAME or --peer ID');
  }
  const level = options.value('level') ?? 'debug';
  const seconds = Number(options.value('seconds') ?? 600);
  if (!(seconds > 0)) throw usageError('invalid value for flag -seconds: must be a number above 0');
  const node = nodeClient(options.value('main'), context, 'RELAY_ADMIN_TOKEN');
  const request = { level, ...(service === undefined ? { peer } : { service }), seconds };
  const { status, body } = await node.post('/federation/log', request, TIMEOUT_MS);
  if (status !== 200) {
    const { message } = asObject(asObject(body)['error']);
    throw new CommandFailure(`${node.url}: ${asText(message, `answered ${status}; is this a Main Relay?`)}`);
  }
  context.out(`lines about ${service ?? peer} are logged at ${level} for ${seconds} s\n`);
  return 0;
};
