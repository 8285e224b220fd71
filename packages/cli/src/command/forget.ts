// relay forget ID, on a Main's machine: the id may be claimed by another key, because the node has lost its own.
// relay forget-main URL, on a Home's machine: the Main at that address may show another key. security.md §3.

import path from 'node:path';
import {
  ADMITTED_FILE,
  forgetMainKey,
  MAIN_KEYS_FILE,
  openInvites,
  readAdmissionRecords,
  targetOf,
} from '@relay/federation';
import type { Command, CommandContext } from '../context.ts';
import { readNodeEnvironment } from '../environment.ts';
import { nodesWith, theMain } from '../node-folder.ts';
import { parseOptions } from '../options.ts';
import { normalizeUrl } from '../url.ts';
import { CommandFailure, UsageError, usageError } from '../usage.ts';
import { roleOf } from './invite.ts';

export const forget: Command = async (argv, context) => {
  const options = parseOptions(argv, { role: 'value', 'node-id': 'value' });
  const [id, ...more] = options.words;
  if (id === undefined || more.length > 0) throw usageError('relay forget takes one node id');
  const role = roleOf(options.value('role'));
  const nodeId = options.value('node-id') ?? (context.env['RELAY_NODE_ID']?.trim() || undefined);
  const main = theMain(ADMITTED_FILE, dataDirOf(context), nodeId);
  const known = readAdmissionRecords(path.join(main.path, ADMITTED_FILE));
  if (!known.has(`${role} ${id}`)) {
    const other = role === 'home' ? 'main' : 'home';
    const hint = known.has(`${other} ${id}`) ? ` (it does as --role ${other})` : '';
    throw new CommandFailure(`${main.nodeId} remembers no key of ${role} ${id}${hint}`);
  }
  using invites = openInvites(main.path);
  invites.requestForget(role, id);
  context.out(`${main.nodeId} forgets the key of ${id}: the next that may join under this id owns it\n`);
  return 0;
};

export const forgetMain: Command = async (argv, context) => {
  const options = parseOptions(argv, { 'node-id': 'value' });
  const [text, ...more] = options.words;
  if (text === undefined || more.length > 0) throw usageError('relay forget-main takes one URL');
  const url = normalizeUrl(text, 'main');
  if (!url.ok) throw usageError(`invalid URL "${text}": use ws://, wss://, http://, https:// or HOST:PORT`);
  const address = targetOf(url.url);
  const only = options.value('node-id');
  const homes = nodesWith(MAIN_KEYS_FILE, dataDirOf(context)).filter(
    (home) => only === undefined || home.nodeId === only,
  );
  const forgot = homes.filter((home) => forgetMainKey(path.join(home.path, MAIN_KEYS_FILE), address));
  if (forgot.length === 0) throw new CommandFailure(`no Home Relay here remembers a key of ${address}`);
  for (const { nodeId } of forgot) context.out(`${nodeId} accepts the next key it finds at ${address}\n`);
  return 0;
};

function dataDirOf(context: CommandContext): string {
  const { value, problems } = readNodeEnvironment(context.env);
  if (problems.length > 0) throw new UsageError(problems);
  return value.dataDir;
}
