// relay invite: prints one join token for a Home or a peer of the Main Relay on this machine, which may be running. security.md §3.3.

import { ADMITTED_FILE, type OwnerRole, openInvites } from '@relay/federation';
import type { Command } from '../context.ts';
import { readNodeEnvironment } from '../environment.ts';
import { theMain } from '../node-folder.ts';
import { parseOptions } from '../options.ts';
import { UsageError, usageError } from '../usage.ts';

const OPTIONS = { role: 'value', ttl: 'value', 'node-id': 'value' } as const;

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 365 * 86_400_000;

export const invite: Command = async (argv, context) => {
  const options = parseOptions(argv, OPTIONS);
  if (options.words.length > 0) throw usageError(`unexpected argument: ${options.words[0]}`);
  const role = roleOf(options.value('role'));
  const ttlMs = ttlOf(options.value('ttl') ?? '1h');
  const { value: environment, problems } = readNodeEnvironment(context.env);
  if (problems.length > 0) throw new UsageError(problems);
  const nodeId = options.value('node-id') ?? (context.env['RELAY_NODE_ID']?.trim() || undefined);
  const main = theMain(ADMITTED_FILE, environment.dataDir, nodeId);
  const now = Date.now();
  using invites = openInvites(main.path);
  context.out(`${invites.create(role, now + ttlMs, now)}\n`);
  const until = new Date(now + ttlMs).toISOString();
  const whom = role === 'home' ? 'Home Relay' : 'peer';
  context.err(`Lets one ${whom} join ${main.nodeId} until ${until}; give it to that node as RELAY_TOKEN.\n`);
  return 0;
};

export function roleOf(text: string | undefined): OwnerRole {
  if (text === undefined || text === 'home') return 'home';
  if (text === 'main') return 'main';
  throw usageError(`invalid value "${text}" for flag -role: must be home or main`);
}

function ttlOf(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  throw usageError(`invalid value "${text}" for flag -ttl: use a time up to 365d, such as 30m, 1h or 7d`);
}
