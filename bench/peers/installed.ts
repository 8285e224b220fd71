// What other people would pick instead. None of it is needed to run or test the project: a peer that is not installed is named in the
// output with the command that installs it, and its rows are left out.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { ROOT } from '../processes.ts';

export type Peer = 'nats-server' | '@nats-io/transport-node' | 'moleculer' | 'nats';

const INSTALL: Readonly<Record<Peer, string>> = {
  'nats-server': 'apt-get install nats-server',
  '@nats-io/transport-node': 'npm run bench -- routing --peers',
  moleculer: 'npm run bench -- routing --peers',
  nats: 'npm run bench -- routing --peers',
};
const require = createRequire(import.meta.url);
/** Debian puts servers where only root looks. */
const SERVER_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
export const NATS_SERVER_ENV = { ...process.env, PATH: SERVER_PATH };

/** Fetches the peers that are npm packages into a folder of the bench. */
export function installPeers(): void {
  const folder = path.join(ROOT, 'bench');
  const { status } = spawnSync('npm', ['ci'], { cwd: folder, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`npm ci in ${folder} ended with ${status}`);
}

export function isInstalled(peer: Peer): boolean {
  if (peer === 'nats-server') {
    return spawnSync(peer, ['--version'], { env: NATS_SERVER_ENV }).status === 0;
  }
  try {
    require.resolve(peer);
    return true;
  } catch {
    return false;
  }
}

/** How to get what is missing for `rows`; undefined if nothing is. */
export function whyNot(rows: string, peers: readonly Peer[]): string | undefined {
  const missing = peers.filter((peer) => !isInstalled(peer));
  if (missing.length === 0) return undefined;
  const commands = new Set(missing.map((peer) => `\`${INSTALL[peer]}\``));
  return `${rows}: not measured, ${missing.join(' and ')} missing; install with ${[...commands].join(' and ')}`;
}
